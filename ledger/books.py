"""What is written when requests go out and when they end, for all that share a commit together.

A reservation is the attempt itself, written before the request is sent: open, and charged at its worst. Settling it
puts in what came back. A process that dies in between leaves the worst case on the bill.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import zstandard

from ..errors import BrokenWorld
from .entries import Charge, Elsewhere, NoRoom, Reservation, Reserved, Settlement
from .holders import Holder
from .reserving import reserve
from .settling import Ended, settle


@dataclass(frozen=True, slots=True)
class Release:
    """A reservation is to be undone, if it was made: its request was never sent."""

    wanted: Reservation


Order = Reservation | Ended | Release
Result = Reserved | NoRoom | Elsewhere | BrokenWorld | None


GATHERING_S, GATHERING_MOST_S = 0.002, 0.005
"""How long a commit waits for others to share it, at least and at most."""
MANY_OPEN = 32
"""So many open requests, and it waits longest."""


@dataclass(frozen=True, slots=True)
class Books:
    """The writing side of a ledger, for one process."""

    holder: Holder
    compressor: zstandard.ZstdCompressor
    _open: set[int] = field(default_factory=set, init=False)
    """The attempts of this process that have not ended."""

    def gathering_s(self) -> float:
        """How long a commit waits for others to share it: the more requests are open, the more come in meanwhile.

        What is answered meanwhile a kill would lose, and a slot waits for it: with few open there is little to gain for that.
        """
        return max(GATHERING_S, GATHERING_MOST_S * min(1.0, len(self._open) / MANY_OPEN))

    def post(self, write: sqlite3.Connection, orders: Sequence[Order], full: BrokenWorld | None = None) -> list[Result]:
        """Do what is ordered, inside one transaction; for each order its result, which only a reservation has.

        What ended is put down before what is wanted, so that it makes room; a release waits for what came before it.
        After the disk was `full` nothing is reserved any more.
        """
        if not full:
            self.holder.stay()
        results: list[Result] = []
        for releasing, group in groupby(orders, key=lambda order: isinstance(order, Release)):
            some = list(group)
            results += self._release(write, some) if releasing else self._post(write, some, full)
        return results

    def dead(self, read: sqlite3.Connection) -> set[str]:
        """The processes that ended without leaving, or without settling what they had claimed."""
        claimed = {holder for (holder,) in read.execute("SELECT DISTINCT holder FROM claims")}
        return {name for name in claimed.union(self.holder.known()) if not self.holder.is_alive(name)}

    def _post(self, write: sqlite3.Connection, orders: Sequence[Order], full: BrokenWorld | None) -> list[Result]:
        self._settle(write, [order for order in orders if isinstance(order, Ended)])
        if full:
            return [full if isinstance(order, Reservation) else None for order in orders]
        reserved = reserve(write, [order for order in orders if isinstance(order, Reservation)], self.holder, bury)
        self._open.update(one.attempt for one in reserved if isinstance(one, Reserved))
        found = iter(reserved)
        return [next(found) if isinstance(order, Reservation) else None for order in orders]

    def _settle(self, write: sqlite3.Connection, ended: Sequence[Ended]) -> None:
        settle(write, ended, self.compressor)
        self._open.difference_update(one.how.reserved.attempt for one in ended)

    def _release(self, write: sqlite3.Connection, orders: Sequence[Order]) -> list[None]:
        for order in orders:
            assert isinstance(order, Release)
            found = write.execute(
                "SELECT attempt FROM claims WHERE key = ? AND holder = ?", (order.wanted.keys[0], self.holder.name)
            ).fetchone()
            if found:
                unsent = Settlement(Reserved(found[0]), "unsent", Charge())
                self._settle(write, [Ended(unsent, order.wanted)])
        return [None] * len(orders)


def bury(write: sqlite3.Connection, holder: Holder, dead: str) -> None:
    """Free what a dead process has claimed; its attempts stay charged at their worst."""
    write.execute(
        "UPDATE attempts SET outcome = 'killed' WHERE id IN (SELECT attempt FROM claims WHERE holder = ?)", (dead,)
    )
    write.execute("DELETE FROM claims WHERE holder = ?", (dead,))
    holder.bury(dead)
