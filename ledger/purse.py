"""A run's purse: nothing goes out whose worst case does not fit under the cap beside what is spent and what is open."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import BudgetReached
from .entries import Answered, Cap, Charge, Elsewhere, NoRoom, Payer, Refused, Reservation, Reserved, Settlement
from .faults import NotSyncedError
from .ledger import Ledger


class Receipt(NamedTuple):
    """What was reserved, to be settled exactly once."""

    reserved: Reserved
    wanted: Reservation


class Purse:
    """Reserves for one stage of a run and settles what comes back; many tasks use it at once."""

    def __init__(self, ledger: Ledger, payer: Payer, cap: Cap) -> None:
        self._ledger, self._payer, self._cap = ledger, payer, cap
        self._open = 0
        """Reservations of this process that are being made or are not settled."""
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def is_capped(self) -> bool:
        """Whether there is a cap to hold."""
        return self._cap != Cap()

    @property
    def slowed_by(self) -> str:
        """A few words while requests wait for room under the cap, else nothing."""
        return "waiting for room under the budget" if self._turn.locked() else ""

    def has_bought(self) -> bool:
        """Whether this stage of the run was ever answered, in this process or before."""
        return self._ledger.has_bought(self._payer)

    async def reserve(self, keys: Sequence[bytes], worst: Charge, go_on: Callable[[], None]) -> Receipt | Elsewhere:
        """Return when the request may go out; `go_on` is called before each try and may raise.

        Raises:
            BudgetReached: it does not fit, and nothing is open whose settling could make room.
            BrokenWorld: it could not be written.
        """
        wanted = Reservation(self._payer, keys, worst, self._cap)
        if not self._turn.locked():
            got = await self._try(wanted)
            if not isinstance(got, NoRoom):
                return got
        async with self._turn:  # one after the other: whoever waits longest goes first
            while True:
                go_on()
                self._changed.clear()
                got = await self._try(wanted)
                if not isinstance(got, NoRoom):
                    return got
                if not self._open:
                    raise BudgetReached(_told(got, worst, self._cap))
                await self._changed.wait()

    async def _try(self, wanted: Reservation) -> Receipt | Elsewhere | NoRoom:
        self._open += 1
        try:
            got = await self._ledger.reserve(wanted)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError | NotSyncedError):
                _unheeded(self._ledger.release(wanted))  # what may have been written for nobody is given back
            self._closed()
            raise
        if isinstance(got, Reserved):
            return Receipt(got, wanted)
        self._open -= 1
        if not self._open:  # nothing is left that could make room: whoever waits for some has to know
            self._changed.set()
        return got

    async def answered(self, receipt: Receipt, charge: Charge, answer: Answered, *, settled: bool) -> None:
        """Return when the reply is on disk."""
        await self._settle(receipt, Settlement(receipt.reserved, "ok", charge, settled, answer))

    async def failed(self, receipt: Receipt, outcome: str, *, charged: bool, refusal: Refused | None = None) -> None:
        """Put down an attempt without an answer; one that may have been billed stays charged at its worst."""
        charge = receipt.wanted.worst if charged else Charge()
        await self._settle(receipt, Settlement(receipt.reserved, outcome, charge, not charged, refusal=refusal))

    def abandon(self, receipt: Receipt) -> None:
        """Put down, without waiting, an attempt that nobody waits for any more; it may have been billed."""
        ended = Settlement(receipt.reserved, "abandoned", receipt.wanted.worst, settled=False)
        _unheeded(self._ledger.settle(ended, receipt.wanted))
        self._closed()

    async def _settle(self, receipt: Receipt, ended: Settlement) -> None:
        try:
            await self._ledger.settle(ended, receipt.wanted)  # is written even if this task is cancelled
        finally:
            self._closed()

    def _closed(self) -> None:
        self._open -= 1
        self._changed.set()


def _unheeded(written: "asyncio.Future[None]") -> None:
    """Nobody waits for it; that it could not be written, others hear too."""
    written.add_done_callback(lambda done: done.cancelled() or done.exception())


def _told(full: NoRoom, worst: Charge, cap: Cap) -> str:
    caps = [f"budget.usd is {cap.usd:,.6g}"] if cap.usd is not None else []
    caps += [f"budget.tokens is {cap.tokens:,}"] if cap.tokens is not None else []
    return (
        f"the budget is reached: {' and '.join(caps)}; ${full.spent_usd:,.6f} and {full.spent_tokens:,} tokens are "
        f"charged to this run, and the next request may cost ${worst.usd:,.6f} and "
        f"{worst.input_tokens + worst.output_tokens:,} tokens. Raise the budget and run again: what was answered is kept. "
        "Where `potstill status` shows dollars at their worst case, `potstill ledger reconcile` puts them right"
    )
