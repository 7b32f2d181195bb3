"""What is written when a request goes out and when it ends, inside one transaction each.

A reservation is the attempt itself, written before the request is sent: open, and charged at its worst. Settling it
puts in what came back. A process that dies in between leaves the worst case on the bill.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .entries import Answered, Cap, Charge, Elsewhere, NoRoom, Reservation, Reserved, Settlement
from .holders import Holder

COMPRESS_FROM_BYTES = 1024
NANO = 1_000_000_000
_CHARGED = "SELECT input_tokens, output_tokens, usd FROM attempts WHERE id = ?"


def nanousd(usd: float) -> int:
    """Billionths of a dollar."""
    return round(usd * NANO)


@dataclass(frozen=True, slots=True)
class Books:
    """The writing side of a ledger, for one process."""

    holder: Holder
    compress: Callable[[bytes], bytes]

    def reserve(self, wanted: Reservation, write: sqlite3.Connection) -> Reserved | NoRoom | Elsewhere:
        """Claim the keys and charge the worst case, or say why not; then nothing was written."""
        if elsewhere := self._elsewhere(write, wanted.keys):
            return elsewhere
        if full := _no_room(write, wanted):
            return full
        attempt = _open(write, wanted)
        rows = [(key, attempt, self.holder.name) for key in wanted.keys]
        write.executemany("INSERT INTO claims (key, attempt, holder) VALUES (?, ?, ?)", rows)
        return Reserved(attempt)

    def settle(self, ended: Settlement, wanted: Reservation, write: sqlite3.Connection) -> None:
        """Put down how an attempt ended, and give its claims back."""
        reply = self._keep(write, ended.answer, ended.charge.usd) if ended.answer else None
        charge = ended.charge
        charged = write.execute(_CHARGED, (ended.reserved.attempt,)).fetchone()
        write.execute(
            "UPDATE attempts SET outcome = ?, reply = ?, input_tokens = ?, output_tokens = ?, usd = ?, settled = ?"
            " WHERE id = ?",
            (
                *(ended.outcome, reply, charge.input_tokens, charge.output_tokens, charge.usd, ended.settled),
                ended.reserved.attempt,
            ),
        )
        _add_to_spent(write, wanted.payer.run, charge, Charge(*charged))
        claims = [(key, ended.reserved.attempt) for key in wanted.keys]
        write.executemany("DELETE FROM claims WHERE key = ? AND attempt = ?", claims)
        if ended.refusal:
            rows = [(key, time.time(), ended.refusal.status, ended.refusal.error) for key in wanted.keys]
            write.executemany("INSERT OR REPLACE INTO rejections VALUES (?, ?, ?, ?)", rows)

    def release(self, wanted: Reservation, write: sqlite3.Connection) -> None:
        """Undo a reservation whose request was never sent; nothing if it was not made."""
        found = write.execute(
            "SELECT attempt FROM claims WHERE key = ? AND holder = ?", (wanted.keys[0], self.holder.name)
        ).fetchone()
        if found:
            self.settle(Settlement(Reserved(found[0]), "unsent", Charge()), wanted, write)

    def bury_the_dead(self, write: sqlite3.Connection) -> int:
        """Free the claims of processes that ended without settling; their attempts stay charged. How many there were."""
        holders = [row[0] for row in write.execute("SELECT DISTINCT holder FROM claims")]
        return sum(self._bury(write, holder) for holder in holders if not self.holder.is_alive(holder))

    def _bury(self, write: sqlite3.Connection, holder: str) -> int:
        killed = write.execute(
            "UPDATE attempts SET outcome = 'killed' WHERE id IN (SELECT attempt FROM claims WHERE holder = ?)",
            (holder,),
        ).rowcount
        write.execute("DELETE FROM claims WHERE holder = ?", (holder,))
        self.holder.bury(holder)
        return killed

    def _elsewhere(self, write: sqlite3.Connection, keys: Sequence[bytes]) -> Elsewhere | None:
        bought = frozenset(key for key in keys if write.execute("SELECT 1 FROM draws WHERE key = ?", (key,)).fetchone())
        held = set[bytes]()
        for key in keys:
            found = write.execute("SELECT holder FROM claims WHERE key = ?", (key,)).fetchone()
            if found and self.holder.is_alive(found[0]):
                held.add(key)
            elif found:
                self._bury(write, found[0])
        return Elsewhere(bought, frozenset(held)) if bought or held else None

    def _keep(self, write: sqlite3.Connection, answer: Answered, usd: float) -> int | None:
        codec = int(len(answer.body) >= COMPRESS_FROM_BYTES)
        body = self.compress(answer.body) if codec else answer.body
        reply = write.execute(
            "INSERT INTO replies (created, seconds, usd, codec, body) VALUES (?, ?, ?, ?, ?)",
            (time.time(), answer.seconds, usd, codec, body),
        ).lastrowid
        if answer.logprobs:
            write.execute("INSERT INTO logprobs VALUES (?, ?)", (reply, self.compress(answer.logprobs)))
        # A key is satisfied once: the first answer stays, whoever bought it.
        rows = [(key, reply, choice) for key, choice in answer.choices.items()]
        write.executemany("INSERT OR IGNORE INTO draws (key, reply, choice) VALUES (?, ?, ?)", rows)
        return reply


def _no_room(write: sqlite3.Connection, wanted: Reservation) -> NoRoom | None:
    cap, worst = wanted.cap, wanted.worst
    if cap == Cap():
        return None
    found = write.execute("SELECT nanousd, tokens FROM spent WHERE run = ?", (wanted.payer.run,)).fetchone()
    spent, tokens = found or (0, 0)
    too_dear = cap.usd is not None and spent + nanousd(worst.usd) > nanousd(cap.usd)
    too_long = cap.tokens is not None and tokens + worst.input_tokens + worst.output_tokens > cap.tokens
    return NoRoom(spent / NANO, tokens) if too_dear or too_long else None


def _open(write: sqlite3.Connection, wanted: Reservation) -> int:
    payer, worst = wanted.payer, wanted.worst
    attempt = write.execute(
        "INSERT INTO attempts (created, run, stage, recipe, teacher, outcome,"
        " input_tokens, output_tokens, usd, settled) VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, 0)",
        (
            *(time.time(), payer.run, payer.stage, payer.recipe, payer.teacher),
            *(worst.input_tokens, worst.output_tokens, worst.usd),
        ),
    ).lastrowid
    _add_to_spent(write, payer.run, worst, Charge())
    return attempt or 0


def _add_to_spent(write: sqlite3.Connection, run: str, charge: Charge, instead_of: Charge) -> None:
    usd = nanousd(charge.usd) - nanousd(instead_of.usd)
    tokens = charge.input_tokens + charge.output_tokens - instead_of.input_tokens - instead_of.output_tokens
    write.execute(
        "INSERT INTO spent (run, nanousd, tokens) VALUES (?, ?, ?) ON CONFLICT (run) DO UPDATE"
        " SET nanousd = nanousd + excluded.nanousd, tokens = tokens + excluded.tokens",
        (run, usd, tokens),
    )
