"""Buying: one request at a time over the wire, tried again while it may help, on the ledger before anyone sees it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from ..errors import BrokenWorld, PotstillError
from ..ledger.entries import Attempt, Entry, Payer
from ..ledger.ledger import Ledger
from ..ledger.prices import Tariff, Usage
from ..recipe import TeacherSection
from .failures import PassingError, Rejection, judge_failure
from .reading import ChatReply, TornReplyError, read_chat
from .tally import Tally
from .transport import Transport, TransportError, Wire

_BACKOFF = wait_random_exponential(multiplier=0.25, max=20)


@dataclass(frozen=True, slots=True)
class Bought:
    """A reply that is on the ledger."""

    reply: ChatReply
    choices: Mapping[bytes, int]
    """Key of a draw → the choice that fills it; fewer than were asked for where the server does not take `n`."""
    seconds: float
    usd: float


class Buyer:
    """Sends requests, at most so many at once; the very first goes alone, after a greeting that costs nothing."""

    def __init__(
        self,
        section: TeacherSection,
        payer: Payer,
        tariff: Tariff,
        ledger: Ledger,
        transport: Transport,
        greet: Callable[[], Awaitable[object]],
    ) -> None:
        self.tally = Tally()
        self._section, self._payer, self._tariff = section, payer, tariff
        self._ledger, self._transport, self._greet = ledger, transport, greet
        self._slots = asyncio.Semaphore(section.concurrency)
        # In flight or on the way to the disk: what a kill can cost, however slow the disk and however many ask.
        self._at_risk = asyncio.Semaphore(2 * section.concurrency)
        self._first = asyncio.Lock()
        self._met = False
        self._halted: PotstillError | None = None
        self._halting = asyncio.Event()
        self._try = AsyncRetrying(
            stop=stop_after_attempt(section.attempts),
            wait=_wait,
            sleep=self._sleep,
            retry=retry_if_exception_type(PassingError),
            reraise=True,
        ).wraps(self._send)

    def halt(self, reason: PotstillError) -> None:
        """Send nothing more: whoever waits gets the reason, what is in flight comes home."""
        self._halted = self._halted or reason
        self._halting.set()

    async def buy(self, body: bytes, keys: Sequence[bytes]) -> Bought | Rejection:
        """The reply to a request body, for the draws that the keys stand for, or why there is none.

        Raises:
            BrokenWorld: no request can succeed any more.
            BadTeacher: the endpoint cannot be asked; found out before anything was sent.
        """
        try:
            if not self._met:
                async with self._first:
                    if not self._met:
                        return await self._buy_first(body, keys)
            return await self._try(body, keys)
        except PassingError as error:
            return Rejection(f"error:{error.outcome}", str(error))
        except PotstillError as error:
            self.halt(error)
            raise

    async def _buy_first(self, body: bytes, keys: Sequence[bytes]) -> Bought | Rejection:
        """The first request of all, its tries included, goes alone: a wrong world costs one request."""
        self._go_on()
        await self._greet()
        try:
            result = await self._try(body, keys)
        except PassingError as error:
            raise BrokenWorld(
                f"{self._section.base_url} has not answered one request in {self._section.attempts} tries; the last "
                f"said: {error}. Run again when it does"
            ) from None
        self._met = True
        return result

    async def _send(self, body: bytes, keys: Sequence[bytes]) -> Bought | Rejection:
        async with self._at_risk:
            return await self._send_now(body, keys)

    async def _send_now(self, body: bytes, keys: Sequence[bytes]) -> Bought | Rejection:
        async with self._slots:
            self._go_on()
            self.tally.sent += 1
            try:
                wire = await self._transport.send(body)
            except TransportError as error:
                outcome = "lost" if error.reached else "unreached"
                await self._note(outcome, self._worst(body, keys) if error.reached else None)
                raise PassingError(outcome, str(error)) from None
        # The place is given back when the reply is here, not when it is on disk.
        return await (self._keep if wire.status // 100 == 2 else self._explain)(wire, body, keys)

    async def _keep(self, wire: Wire, body: bytes, keys: Sequence[bytes]) -> Bought:
        """Make a 2xx reply durable; what it says may be strange, but it was paid."""
        try:
            reply = read_chat(wire.body)
        except TornReplyError as error:
            await self._note("torn", self._worst(body, keys))
            raise PassingError("torn", str(error)) from None
        usage = reply.usage or self._worst(body, keys)
        usd = self._tariff(usage)
        choices = {key: index for index, key in enumerate(keys[: len(reply.choices)])}
        settled = reply.usage is not None
        attempt = Attempt(self._payer, "ok", usage.input_tokens, usage.output_tokens, usd, settled=settled)
        self.tally.count(attempt)
        await self._ledger.keep(Entry(attempt, wire.body, wire.seconds, choices))
        return Bought(reply, choices, wire.seconds, usd)

    async def _explain(self, wire: Wire, body: bytes, keys: Sequence[bytes]) -> Rejection:
        """What a reply that is not 2xx means; nothing was billed for it."""
        try:
            rejection = judge_failure(wire, self._section, met=self._met)
        except (PassingError, BrokenWorld) as error:
            if isinstance(error, BrokenWorld):
                self.halt(error)  # before anything is waited for: nobody sends another one meanwhile
            await self._note(f"http_{wire.status}", None)
            raise
        await self._note(rejection.status, None)
        return rejection

    async def _note(self, outcome: str, charged: Usage | None) -> None:
        """Record an attempt that brought nothing; one that may have been billed is charged at its worst case."""
        usage = charged or Usage()
        usd = self._tariff(usage)
        attempt = Attempt(self._payer, outcome, usage.input_tokens, usage.output_tokens, usd, settled=charged is None)
        self.tally.count(attempt)
        await self._ledger.keep(Entry(attempt))

    def _worst(self, body: bytes, keys: Sequence[bytes]) -> Usage:
        """The most a request can use: its bytes bound its input tokens, the cap its output."""
        asked = orjson.loads(body)
        cap = asked.get("max_completion_tokens") or asked.get("max_tokens") or 0
        return Usage(input_tokens=len(body), output_tokens=cap * len(keys))

    def _go_on(self) -> None:
        if self._halted:
            raise self._halted

    async def _sleep(self, seconds: float) -> None:
        """Wait before the next try, no longer than until everything is halted."""
        try:
            await asyncio.wait_for(self._halting.wait(), seconds)
        except TimeoutError:
            return


def _wait(state: RetryCallState) -> float:
    """What the server asks for, else a random exponential delay."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, PassingError) else None
    return _BACKOFF(state) if asked is None else asked
