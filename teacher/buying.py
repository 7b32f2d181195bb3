"""Buying: one request at a time over the wire, reserved before it is sent, on the ledger before anyone sees its reply."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from ..errors import BrokenWorld, PotstillError
from ..ledger.entries import Answered, Charge, Elsewhere
from ..ledger.prices import Tariff, Usage
from ..ledger.purse import Purse, Receipt
from ..recipe import TeacherSection
from .failures import PassingError, Rejection, SlowDown, disguised_error, judge_failure
from .reading import ChatReply, TornReplyError, read_fresh
from .retries import retries
from .tally import Tally
from .traffic.headers import LONGEST_WAIT_S
from .traffic.stated import Permitted
from .traffic.traffic import Place, Traffic
from .transport import TransportError, Wire

ALIKE_AT_FIRST = 5
"""So many rejections of one kind before the first answer, and every further request would meet the same."""
UNREACHED = "unreached"
"""The outcome of a request whose connection was not taken."""
UNANSWERED_AT_FIRST = 3
"""So many requests that ended with a 5xx before the first answer, and it is not their own fault."""


class Order(NamedTuple):
    """One request, ready to be sent."""

    operation: str
    body: bytes
    keys: Sequence[bytes]
    """The draws that it is to fill."""
    cap: int
    """Output tokens at most, of each draw."""

    @property
    def likely_tokens(self) -> int:
        """What providers reckon with beforehand: four bytes a token, every answer as long as it may be."""
        return len(self.body) // 4 + self.cap * len(self.keys)


class Bought(NamedTuple):
    """A reply that is on the ledger."""

    reply: ChatReply
    choices: Mapping[bytes, int]
    """Key of a draw → the choice that fills it; fewer than were asked for where the server does not take `n`."""
    seconds: float
    usd: float


class Buyer:
    """Sends requests; the very first goes alone, after a greeting that costs nothing."""

    def __init__(
        self,
        section: TeacherSection,
        tariff: Tariff,
        purse: Purse,
        traffic: Traffic,
        greet: Callable[[], Awaitable[object]],
    ) -> None:
        self.tally = Tally()
        self._section, self._tariff, self._purse = section, tariff, purse
        self._traffic, self._greet = traffic, greet
        self._first = asyncio.Lock()
        self._greeted = self._met = self._answered = False
        self._alike: list[str] = []
        self._unanswered = 0
        self._halted: PotstillError | None = None
        self._halting = asyncio.Event()
        self._put_off_since: float | None = None
        """When the first 429 or 5xx came of those that no answer has followed."""

    @property
    def slowed_by(self) -> str:
        """What keeps requests from going out faster, in a few words; empty when it is the teacher's own speed."""
        return self._purse.slowed_by or self._traffic.slowed_by

    @property
    def in_flight(self) -> int:
        """Requests that are on their way."""
        return self._traffic.in_flight

    @property
    def permitted(self) -> Permitted:
        """What the teacher has said that it takes."""
        return self._traffic.permitted

    def halt(self, reason: PotstillError) -> None:
        """Send nothing more: whoever waits gets the reason, what is in flight comes home."""
        self._halted = self._halted or reason
        self._halting.set()
        self._traffic.halt(self._halted)

    async def buy(self, order: Order) -> Bought | Rejection | Elsewhere:
        """The reply to a request, or why there is none, or that another process has it or is getting it.

        Raises:
            BrokenWorld: no request can succeed any more.
            BudgetReached: it does not fit under the cap, and nothing is in flight that could make room.
            BadTeacher: the endpoint cannot be asked; found out before anything was sent.
        """
        try:
            if not self._met:
                async with self._first:
                    if not self._met:
                        return self._heed(await self._buy_first(order), order)
            result = await self._persist(order)
            return result if self._answered else self._heed(result, order)
        except PassingError as error:
            return Rejection(f"error:{error.outcome}", str(error))
        except PotstillError as error:
            self.halt(error)
            raise

    async def _buy_first(self, order: Order) -> Bought | Rejection | Elsewhere:
        """The first request of all, its tries included, goes alone: a wrong world costs one request.

        One that only meets 5xx may be to blame itself: then the next goes alone. What is left of a run that was answered before
        may be what cannot be answered: then all go.
        """
        self._go_on()
        if not self._greeted:
            await self._greet()
            self._greeted = True
        try:
            result = await self._persist(order)
        except PassingError as error:
            self._unanswered += 1
            if error.outcome != UNREACHED and self._purse.has_bought():
                self._met = True
                raise
            if error.is_5xx and self._unanswered < UNANSWERED_AT_FIRST:
                raise
            raise BrokenWorld(
                f"{self._section.base_url} has answered nothing yet; the last of {self.tally.sent} tries: {error}. "
                "Run again when it does"
            ) from None
        self._met = not isinstance(result, Elsewhere)
        return result

    async def _persist(self, order: Order) -> Bought | Rejection | Elsewhere:
        """Send until it is answered or its attempts are used up."""
        try:
            return await self._send(order)
        except PassingError as error:
            failures = [error]

        async def again() -> Bought | Rejection | Elsewhere:
            if failures:  # the first attempt has been made
                raise failures.pop()
            return await self._send(order)

        tries = retries(self._section.attempts, lambda: self._answered, self._sleep)
        return await tries(again)

    async def _send(self, order: Order) -> Bought | Rejection | Elsewhere:
        """One attempt; being told to slow down is none, nor is a connection that a teacher does not take which has answered.

        The pace sees to when, and to which replica, the next may go.
        """
        while True:
            place = await self._traffic.place(order.likely_tokens, order.cap)
            try:
                return await self._send_from(place, order)
            except SlowDown as error:
                self.tally.limited += 1
                self._bear(error)
            except PassingError as error:
                if error.is_5xx and self._answered:
                    self._bear(error)
                if error.outcome != UNREACHED or not self._traffic.has_answered:
                    raise
                if self._traffic.gone:  # how long that may last is the traffic's to say
                    self._put_off_since = None
            finally:
                place.leave()

    async def _send_from(self, place: Place, order: Order) -> Bought | Rejection | Elsewhere:
        self._go_on()
        receipt = await self._purse.reserve(order.keys, self._worst(order), self._go_on)
        if isinstance(receipt, Elsewhere):
            return receipt
        self.tally.sent += 1
        try:
            wire = await place.send(order.operation, order.body)
        except TransportError as error:
            outcome = "lost" if error.reached else UNREACHED
            await self._fail(receipt, outcome, charged=error.reached)
            raise PassingError(outcome, str(error)) from None
        except BaseException:  # cancelled: it may have been billed, and nobody waits for it any more
            self._purse.abandon(receipt)
            raise
        place.leave()  # the place is given back when the reply is here, not when it is on disk
        if wire.status // 100 == 2:
            return await self._keep(receipt, place, wire)
        return await self._explain(receipt, wire)

    async def _keep(self, receipt: Receipt, place: Place, wire: Wire) -> Bought | Rejection:
        """Make a 2xx reply durable; what it says may be strange, but it was paid."""
        keys = receipt.wanted.keys
        try:
            reply, split = read_fresh(wire.body)
        except TornReplyError as error:
            if (failure := disguised_error(wire)) is not None:
                return await self._explain(receipt, failure)
            await self._fail(receipt, "torn", charged=True)
            raise PassingError("torn", str(error)) from None
        self._met = self._answered = True
        self._put_off_since = None
        charge = receipt.wanted.worst if reply.usage is None else self._charge(reply.usage)
        place.used(charge.input_tokens + charge.output_tokens)
        choices = {key: index for index, key in enumerate(keys[: len(reply.choices)])}
        self.tally.count(charge)
        answer = Answered(split.body, choices, wire.seconds, split.logprobs)
        await self._purse.answered(receipt, charge, answer, settled=reply.usage is not None)
        self._watch_cap(charge, receipt.wanted.worst)
        return Bought(reply, choices, wire.seconds, charge.usd)

    async def _explain(self, receipt: Receipt, wire: Wire) -> Rejection:
        """What a reply that is not 2xx means; nothing was billed for it."""
        try:
            rejection = judge_failure(wire, self._section, met=self._met or self._purse.has_bought())
        except (PassingError, BrokenWorld) as error:
            if isinstance(error, BrokenWorld):
                self.halt(error)  # before anything is waited for: nobody sends another one meanwhile
            await self._fail(receipt, f"http_{wire.status}", charged=False)
            raise
        remembered = None if _is_about_n(rejection, receipt.wanted.keys) else rejection.remembered
        await self._purse.failed(receipt, rejection.status, charged=False, refusal=remembered)
        self._put_off_since = None
        return rejection

    async def _fail(self, receipt: Receipt, outcome: str, *, charged: bool) -> None:
        """Record an attempt that brought nothing; one that may have been billed is charged at its worst case."""
        if charged:
            self.tally.count(receipt.wanted.worst)
        await self._purse.failed(receipt, outcome, charged=charged)

    def _worst(self, order: Order) -> Charge:
        """The most a request can use: its bytes bound its input tokens, the cap its output."""
        asked, answered = len(order.body), order.cap * len(order.keys)
        return Charge(asked, answered, self._tariff.worst(asked, answered))

    def _watch_cap(self, charge: Charge, worst: Charge) -> None:
        """A budget holds only with an endpoint that keeps the output cap."""
        if self._purse.is_capped and charge.output_tokens > worst.output_tokens:
            self.halt(
                BrokenWorld(
                    f"{self._section.base_url} does not keep the output cap: {charge.output_tokens:,} output tokens where "
                    f"{worst.output_tokens:,} were asked for at most, so that the budget cannot be held. Set "
                    "teacher.output_cap to the name that it knows, or raise generate.max_tokens, or run without a budget"
                )
            )

    def _charge(self, usage: Usage) -> Charge:
        return Charge(usage.input_tokens, usage.output_tokens, self._tariff(usage))

    def _bear(self, error: PassingError) -> None:
        """Being put off is borne, unless nothing else is heard for too long."""
        now = asyncio.get_running_loop().time()
        self._put_off_since = self._put_off_since or now
        if now - self._put_off_since > LONGEST_WAIT_S:
            raise BrokenWorld(
                f"for {LONGEST_WAIT_S:,.0f} s the teacher has answered nothing; the last that it said: {error}. "
                "Run again when it is well and has capacity: what was answered is kept"
            ) from None

    def _heed(self, result: Bought | Rejection | Elsewhere, order: Order) -> Bought | Rejection | Elsewhere:
        """Before the first answer, rejections that are all alike are about the world, not about their rows."""
        if isinstance(result, Rejection) and not _is_about_n(result, order.keys):
            self._alike.append(result.status)
            if len(self._alike) >= ALIKE_AT_FIRST and len(set(self._alike)) == 1:
                raise BrokenWorld(
                    f"the first {len(self._alike)} requests were all rejected alike: {result.error}. Nothing was billed. "
                    "Mend the recipe, then run again with --retry rejected"
                )
        return result

    def _go_on(self) -> None:
        if self._halted:
            raise self._halted

    async def _sleep(self, seconds: float) -> None:
        """Wait before the next try, no longer than until everything is halted."""
        try:
            await asyncio.wait_for(self._halting.wait(), seconds)
        except TimeoutError:
            return


def _is_about_n(rejection: Rejection, keys: Sequence[bytes]) -> bool:
    return rejection.may_be_n and len(keys) > 1
