"""Setting right what ended without a usage, once the provider has said what it billed.

Such attempts (killed, torn, lost, a reply without counts) stay charged at their worst. The bill of all attempts that are
selected, less what the settled ones among them came to, is what these cost; it is spread over them in proportion to
their worst cases. Sums are of billionths of a dollar and come out exactly.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from ..errors import BadInput
from .funds import NANO, nanousd

_BATCH = 10_000
# An attempt that a living process waits for has a claim; those of the dead were freed when the ledger was opened.
_OWED = (
    "SELECT run, sum(loose), sum(loose * nano), sum(loose * used), sum(settled * nano), sum(NOT settled AND NOT loose)"
    " FROM (SELECT run, settled, CAST(round(usd * 1e9) AS INTEGER) AS nano, input_tokens + output_tokens AS used,"
    " (NOT settled AND id NOT IN (SELECT attempt FROM claims)) AS loose FROM attempts"
    " WHERE (:run IS NULL OR run = :run) AND (:teacher IS NULL OR teacher = :teacher)) GROUP BY run ORDER BY run"
)
_UNSETTLED = (
    "SELECT id, reply, CAST(round(usd * 1e9) AS INTEGER), input_tokens, output_tokens FROM attempts"
    " WHERE run = :run AND (:teacher IS NULL OR teacher = :teacher) AND NOT settled"
    " AND id NOT IN (SELECT attempt FROM claims) AND id > :last ORDER BY id LIMIT :batch"
)


@dataclass(frozen=True, slots=True)
class Which:
    """The attempts that a bill is for; None is all."""

    run: str | None = None
    teacher: str | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """One run's attempts among those that are selected."""

    run: str
    attempts: int
    """Unsettled, and waited for by nobody."""
    nanousd: int
    """What they are charged: their worst."""
    tokens: int
    settled_nanousd: int
    """What the settled ones came to."""
    open: int
    """In flight, of a living process: never touched."""


def owed(read: sqlite3.Connection, which: Which) -> tuple[Owed, ...]:
    """What there is to reconcile, run by run; runs that have nothing of it are there too."""
    rows = read.execute(_OWED, {"run": which.run, "teacher": which.teacher})
    return tuple(Owed(*row) for row in rows)


def part_billed(found: Sequence[Owed], billed_usd: float) -> Fraction:
    """The share of their worst cases that the unsettled attempts were billed at, by the bill of all that are selected.

    Raises:
        BadInput: no share between nothing and all gives that bill, or requests are in flight whose cost is not known.
    """
    billed, worst = nanousd(billed_usd), sum(one.nanousd for one in found)
    settled = sum(one.settled_nanousd for one in found)
    if open_ := sum(one.open for one in found):
        raise BadInput(f"requests in flight: {open_:,}. Wait until they have ended, then look up the bill again")
    if billed < settled:
        raise BadInput(
            f"the settled requests alone come to ${settled / NANO:,.6f} by the provider's own token counts, and "
            f"--billed says ${billed_usd:,.6f}. If it was rounded, then nothing else was billed: --as-nothing. "
            "Otherwise the price is too high, or the bill is not for all these requests; nothing was changed"
        )
    if billed > settled + worst:
        raise BadInput(
            f"--billed says ${billed_usd:,.6f}, and all these requests come to ${(settled + worst) / NANO:,.6f} at most. "
            "The price is too low, or the bill has requests that did not go through this ledger; nothing was changed"
        )
    return Fraction(billed - settled, worst) if worst else Fraction(1)


def shares(found: Sequence[Owed], part: Fraction) -> tuple[int, ...]:
    """What each run's unsettled attempts come to, in billionths of a dollar."""
    return _spread([one.nanousd for one in found], part)


def reconcile(write: sqlite3.Connection, which: Which, found: Sequence[Owed], part: Fraction) -> None:
    """Settle what was found at a part of its worst case. Within a transaction that nobody else writes beside.

    Raises:
        BadInput: the ledger has changed since it was looked at.
    """
    if owed(write, which) != tuple(found):
        raise BadInput("the ledger has changed meanwhile: nothing was changed; give the command again")
    for one, share in zip(found, shares(found, part), strict=True):
        tokens = _settle(write, one.run, which.teacher, Fraction(share, one.nanousd or 1), part)
        write.execute(
            "UPDATE spent SET nanousd = nanousd - ?, tokens = tokens - ? WHERE run = ?",
            (one.nanousd - share, one.tokens - tokens, one.run),
        )


def _settle(write: sqlite3.Connection, run: str, teacher: str | None, part_usd: Fraction, part_tokens: Fraction) -> int:
    """Settle the attempts of one run; the tokens that they come to."""
    last, worst, charged, used = -1, 0, 0, 0
    while True:
        asked_for = {"run": run, "teacher": teacher, "last": last, "batch": _BATCH}
        batch = write.execute(_UNSETTLED, asked_for).fetchall()
        for attempt, reply, nano, asked, answered in batch:
            worst += nano
            before, charged = charged, floor(worst * part_usd)
            usd = (charged - before) / NANO
            tokens = ceil(asked * part_tokens), ceil(answered * part_tokens)
            used += sum(tokens)
            write.execute(
                "UPDATE attempts SET usd = ?, input_tokens = ?, output_tokens = ?, settled = 1,"
                " outcome = CASE outcome WHEN 'open' THEN 'killed' ELSE outcome END WHERE id = ?",
                (usd, *tokens, attempt),
            )
            if reply is not None:
                write.execute("UPDATE replies SET usd = ? WHERE id = ?", (usd, reply))
        if len(batch) < _BATCH:
            return used
        last = batch[-1][0]


def _spread(worst: Sequence[int], part: Fraction) -> tuple[int, ...]:
    """Whole parts of whole numbers that add up to the part of their sum, none above its number."""
    ends = [floor(sum(worst[: index + 1]) * part) for index in range(len(worst))]
    return tuple(end - before for end, before in zip(ends, [0, *ends], strict=False))
