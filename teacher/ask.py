"""`ask`: the one way to a teacher. What was ever paid for comes out of the ledger, the rest is bought once and kept."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from ..errors import BrokenWorld, PotstillError
from ..ledger.entries import Attempt, Entry, Payer, Stored
from ..ledger.key import Draw, request_keys
from ..ledger.ledger import Ledger
from ..ledger.prices import Tariff, Usage
from ..recipe import TeacherSection
from .failures import PassingError, Rejection, judge_failure
from .identity import provider
from .reading import ChatReply, TornReplyError, read_chat
from .reply import Question, Reply
from .tally import Tally
from .transport import Transport, TransportError, Wire

_BACKOFF = wait_random_exponential(multiplier=0.25, max=20)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draw that has to be bought, and its key."""

    draw: Draw
    key: bytes


class Teacher:
    """A teacher that can be asked, by many tasks at once. Made by `open_teacher`."""

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
        self._section, self._provider, self._payer = section, provider(section), payer
        self._tariff, self._ledger, self._transport, self._greet = tariff, ledger, transport, greet
        self._slots = asyncio.Semaphore(section.concurrency)
        self._first = asyncio.Lock()
        self._met = False
        self._halted: PotstillError | None = None
        self._takes_n = True
        self._pending: dict[bytes, asyncio.Future[Reply]] = {}
        self._failures: dict[bytes, Reply] = {}
        self._buy = AsyncRetrying(
            stop=stop_after_attempt(section.attempts),
            wait=_wait,
            retry=retry_if_exception_type(PassingError),
            reraise=True,
        ).wraps(self._attempt)

    @property
    def concurrency(self) -> int:
        """Requests in flight at most."""
        return self._section.concurrency

    async def ask(self, question: Question) -> list[Reply]:
        """One reply per draw, in their order. A failed draw is a reply with its status, never an exception.

        Raises:
            BrokenWorld: no request can succeed any more (key, model, quota, disk).
        """
        body = {"model": self._section.model, "messages": list(question.messages), **question.options}
        keys = request_keys(self._payer.teacher, "chat", body, question.draws)
        known = {key: reply for key in keys if (reply := self._recall(key))}
        awaited = {key: self._pending[key] for key in keys if key not in known and key in self._pending}
        wanted = [
            Wanted(draw, key)
            for draw, key in zip(question.draws, keys, strict=True)
            if key not in known and key not in awaited
        ]
        if wanted:
            known |= await self._buy_all(body, wanted)
        for key, future in awaited.items():
            known[key] = await future
        return [known[key] for key in keys]

    def halt(self, reason: PotstillError) -> None:
        """Send nothing more: whoever waits for a place gets the reason, what is in flight comes home."""
        self._halted = self._halted or reason

    def _recall(self, key: bytes) -> Reply | None:
        if key in self._failures:
            return self._failures[key]
        stored = self._ledger.find(key)
        if stored is None:
            return None
        self.tally.reused += 1
        return self._reply(key, read_chat(stored.body), stored, reused=True)

    async def _buy_all(self, body: dict[str, Any], wanted: Sequence[Wanted]) -> dict[bytes, Reply]:
        """Buy until every draw is filled; identical requests of other tasks wait for ours."""
        loop = asyncio.get_running_loop()
        futures = {want.key: loop.create_future() for want in wanted}
        self._pending |= futures
        bought: dict[bytes, Reply] = {}
        try:
            while left := [want for want in wanted if want.key not in bought]:
                groups = [left] if self._takes_n else [[want] for want in left]
                for replies in await asyncio.gather(*(self._buy_group(body, group) for group in groups)):
                    bought |= replies
        except BaseException as error:
            for future in futures.values():
                future.cancel() if isinstance(error, asyncio.CancelledError) else _fail(future, error)
            raise
        finally:
            for key in futures:
                del self._pending[key]
        for key, future in futures.items():
            future.set_result(bought[key])
        return bought

    async def _buy_group(self, body: dict[str, Any], group: Sequence[Wanted]) -> dict[bytes, Reply]:
        """One request for some draws of one body. Fewer choices than asked for: the server does not take `n`."""
        wire_body = dict(body)
        if len(group) > 1:
            wire_body["n"] = len(group)
        if "seed" not in body and self._section.seeds:
            wire_body["seed"] = wire_seed(group[0].draw)
        try:
            outcome = await self._buy(orjson.dumps(wire_body), group)
        except PassingError as error:
            rejection = Rejection(f"error:{error.outcome}", str(error))
        else:
            if not isinstance(outcome, Rejection):
                self._takes_n = self._takes_n and len(outcome) == len(group)
                return outcome
            rejection = outcome
        self.tally.failed += len(group)
        failed = {want.key: self._failed(want.key, rejection) for want in group}
        self._failures |= failed
        return failed

    async def _attempt(self, body: bytes, group: Sequence[Wanted]) -> dict[bytes, Reply] | Rejection:
        """One try; the very first request goes alone, after a greeting that costs nothing, and the rest wait for it."""
        if not self._met:
            async with self._first:
                if not self._met:
                    await self._say_hello()
                    result = await self._attempt_now(body, group)
                    self._met = True
                    return result
        return await self._attempt_now(body, group)

    async def _say_hello(self) -> None:
        """Find out for nothing whether the endpoint is there, takes the key and knows the model."""
        if self._halted:
            raise self._halted
        try:
            await self._greet()
        except PotstillError as error:
            self.halt(error)
            raise

    async def _attempt_now(self, body: bytes, group: Sequence[Wanted]) -> dict[bytes, Reply] | Rejection:
        async with self._slots:
            if self._halted:
                raise self._halted
            self.tally.sent += 1
            try:
                wire = await self._transport.send(body)
            except TransportError as error:
                await self._note(body, group, "lost")
                raise PassingError("lost", str(error)) from None
        # The place is given back when the reply is here, not when it is on disk.
        if wire.status // 100 == 2:
            return await self._keep(body, group, wire)
        try:
            rejection = judge_failure(wire, self._section)
        except PassingError as error:
            await self._note(body, group, error.outcome, charged=False)
            raise
        except BrokenWorld as error:
            self.halt(error)
            raise
        await self._note(body, group, rejection.status, charged=False)
        return rejection

    async def _keep(self, body: bytes, group: Sequence[Wanted], wire: Wire) -> dict[bytes, Reply]:
        """Make a 2xx reply durable, then hand it on."""
        try:
            reply = read_chat(wire.body)
        except TornReplyError as error:
            await self._note(body, group, "torn")
            raise PassingError("torn", str(error)) from None
        usage = reply.usage or self._worst(body, group)
        usd = self._tariff(usage)
        filled = {want.key: index for index, want in enumerate(group[: len(reply.choices)])}
        attempt = Attempt(
            self._payer, "ok", usage.input_tokens, usage.output_tokens, usd, settled=reply.usage is not None
        )
        self._count(attempt)
        self.tally.bought += len(filled)
        try:
            await self._ledger.keep(Entry(attempt, wire.body, wire.seconds, filled))
        except BrokenWorld as error:
            self.halt(error)
            raise
        return {
            key: self._reply(key, reply, Stored(wire.body, index, wire.seconds, usd), reused=False)
            for key, index in filled.items()
        }

    async def _note(self, body: bytes, group: Sequence[Wanted], outcome: str, *, charged: bool = True) -> None:
        """Record an attempt that brought nothing; one that may have been billed is charged at its worst case."""
        usage = self._worst(body, group) if charged else Usage()
        attempt = Attempt(
            self._payer, outcome, usage.input_tokens, usage.output_tokens, self._tariff(usage), settled=not charged
        )
        self._count(attempt)
        await self._ledger.keep(Entry(attempt))

    def _worst(self, body: bytes, group: Sequence[Wanted]) -> Usage:
        """The most a request can use: its bytes bound its input tokens, the cap its output."""
        asked = orjson.loads(body)
        cap = int(asked.get("max_completion_tokens") or asked.get("max_tokens") or 0)
        return Usage(input_tokens=len(body), output_tokens=cap * len(group))

    def _count(self, attempt: Attempt) -> None:
        self.tally.usd += attempt.usd
        self.tally.input_tokens += attempt.input_tokens
        self.tally.output_tokens += attempt.output_tokens

    def _reply(self, key: bytes, reply: ChatReply, stored: Stored, *, reused: bool) -> Reply:
        choice, count = reply.choices[stored.choice], len(reply.choices)
        usage = reply.usage or Usage()
        return Reply(
            status=choice.status,
            text=choice.text,
            finish_reason=choice.finish_reason,
            error="",
            key=key.hex(),
            provider=self._provider,
            model=self._section.model,
            snapshot=reply.snapshot,
            input_tokens=_share(usage.input_tokens, stored.choice, count),
            output_tokens=_share(usage.output_tokens, stored.choice, count),
            usd=stored.usd / count,
            reused=reused,
            seconds=stored.seconds,
        )

    def _failed(self, key: bytes, rejection: Rejection) -> Reply:
        who = {"provider": self._provider, "model": self._section.model, "snapshot": ""}
        nothing = {"input_tokens": 0, "output_tokens": 0, "usd": 0.0, "reused": False, "seconds": 0.0}
        what = {"status": rejection.status, "error": rejection.error, "text": "", "finish_reason": ""}
        return Reply(key=key.hex(), **what, **who, **nothing)


def wire_seed(draw: Draw) -> int:
    """The seed that goes over the wire for a draw: 31 bits from its series and index."""
    named = f"{draw.series}/{draw.index}".encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=4).digest(), "big") >> 1


def _share(total: int, index: int, count: int) -> int:
    """The index-th of `count` whole shares that add up to `total`."""
    return total // count + (1 if index < total % count else 0)


def _wait(state: RetryCallState) -> float:
    """What the server asks for, else a random exponential delay."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, PassingError) else None
    return _BACKOFF(state) if asked is None else asked


def _fail(future: "asyncio.Future[Reply]", error: BaseException) -> None:
    future.set_exception(error)
    future.exception()  # nobody may be waiting for it
