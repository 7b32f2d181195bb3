"""What runs have spent, as the table `spent` keeps it: in whole billionths of a dollar, whose sums do not drift."""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from .entries import Charge, NoRoom, Reservation
from .rows import GIVEN, rows_with, write_rows

NANO = 1_000_000_000


def nanousd(usd: float) -> int:
    """Billionths of a dollar, of an amount that is not negative; halves go up, as in SQLite's own round()."""
    return int(usd * NANO + 0.5)


class Funds:
    """The sums of the runs that a transaction touches: read when they are needed, written at its end."""

    def __init__(self, write: sqlite3.Connection) -> None:
        self._write = write
        self._usd: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._before: dict[str, tuple[int, int]] = {}

    def charge(self, run: str, charge: Charge) -> None:
        """Add a charge."""
        self._usd[run] += nanousd(charge.usd)
        self._tokens[run] += charge.input_tokens + charge.output_tokens

    def take_back(self, attempts: Sequence[int]) -> None:
        """Take away what these attempts are charged now: somebody may have reconciled one meanwhile."""
        # Summed up by SQLite: for each row that is fetched sqlite3 lets go of the interpreter.
        sums = (
            "SELECT run, sum(CAST(round(usd * 1e9) AS INTEGER)), sum(input_tokens + output_tokens) FROM attempts"
            " WHERE id IN (VALUES ?) GROUP BY run"
        )
        for run, usd, tokens in rows_with(self._write, sums, attempts):
            self._usd[run] -= usd
            self._tokens[run] -= tokens

    def no_room(self, wanted: Reservation) -> NoRoom | None:
        """Why a reservation does not fit under its cap."""
        cap, worst, run = wanted.cap, wanted.worst, wanted.payer.run
        if cap.usd is None and cap.tokens is None:
            return None
        usd, tokens = self._spent(run)
        too_dear = cap.usd is not None and usd + nanousd(worst.usd) > nanousd(cap.usd)
        too_long = cap.tokens is not None and tokens + worst.input_tokens + worst.output_tokens > cap.tokens
        return NoRoom(usd / NANO, tokens) if too_dear or too_long else None

    def put_down(self) -> None:
        """Write the new sums."""
        rows = [(run, usd, self._tokens[run]) for run, usd in self._usd.items()]
        write_rows(
            self._write,
            f"INSERT INTO spent (run, nanousd, tokens) {GIVEN} ON CONFLICT (run) DO UPDATE"
            " SET nanousd = nanousd + excluded.nanousd, tokens = tokens + excluded.tokens",
            rows,
        )

    def _spent(self, run: str) -> tuple[int, int]:
        if run not in self._before:
            row = self._write.execute("SELECT nanousd, tokens FROM spent WHERE run = ?", (run,)).fetchone()
            self._before[run] = row or (0, 0)
        usd, tokens = self._before[run]
        return usd + self._usd[run], tokens + self._tokens[run]
