"""`ask`: the one way to a teacher. What was ever paid for comes out of the ledger, the rest is bought once and kept."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import PotstillError
from ..ledger.key import Draw, request_keys
from ..ledger.ledger import Ledger
from ..ledger.prices import Usage
from ..recipe import TeacherSection
from .buying import Buyer
from .failures import Rejection
from .identity import provider
from .reading import ChatReply, read_chat
from .reply import Question, Reply
from .tally import Tally


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draw that has to be bought, and its key."""

    draw: Draw
    key: bytes


class Teacher:
    """A teacher that can be asked, by many tasks at once. Made by `open_teacher`."""

    def __init__(self, section: TeacherSection, identity: str, ledger: Ledger, buyer: Buyer) -> None:
        self._section, self._identity, self._provider = section, identity, provider(section)
        self._ledger, self._buyer = ledger, buyer
        self._takes_n = True
        self._pending: dict[bytes, asyncio.Future[Reply]] = {}
        self._failures: dict[bytes, Reply] = {}

    @property
    def concurrency(self) -> int:
        """Requests in flight at most."""
        return self._section.concurrency

    @property
    def tally(self) -> Tally:
        """What was asked for so far."""
        return self._buyer.tally

    def halt(self, reason: PotstillError) -> None:
        """Send nothing more: whoever waits gets the reason, what is in flight comes home."""
        self._buyer.halt(reason)

    async def ask(self, question: Question) -> list[Reply]:
        """One reply per draw, in their order. A failed draw is a reply with its status, never an exception.

        Raises:
            BrokenWorld: no request can succeed any more (key, model, quota, disk).
            BadTeacher: the endpoint cannot be asked; found out before anything was sent.
        """
        body = {"model": self._section.model, "messages": list(question.messages), **question.options}
        keys = request_keys(self._identity, "chat", body, question.draws)
        known = {key: reply for key in keys if (reply := self._recall(key))}
        awaited = {key: self._pending[key] for key in keys if key not in known and key in self._pending}
        wanted = [
            Wanted(draw, key)
            for draw, key in zip(question.draws, keys, strict=True)
            if key not in known and key not in awaited
        ]
        if wanted:
            known |= await self._buy_once(body, wanted)
        for key, future in awaited.items():
            known[key] = await asyncio.shield(future)  # who stops waiting does not stop the buyer
        return [known[key] for key in keys]

    def _recall(self, key: bytes) -> Reply | None:
        if key in self._failures:
            return self._failures[key]
        stored = self._ledger.find(key)
        if stored is None:
            return None
        self.tally.reused += 1
        return self._reply(key, read_chat(stored.body), stored.choice, stored.seconds, stored.usd, reused=True)

    async def _buy_once(self, body: dict[str, Any], wanted: Sequence[Wanted]) -> dict[bytes, Reply]:
        """Buy, while whoever asks the same waits for us."""
        loop = asyncio.get_running_loop()
        futures = {want.key: loop.create_future() for want in wanted}
        self._pending |= futures
        try:
            bought = await self._buy_all(body, wanted)
            for key, future in futures.items():
                if not future.done():
                    future.set_result(bought[key])
            return bought
        except BaseException as error:
            for future in futures.values():
                _fail(future, error)
            raise
        finally:
            for key in futures:
                del self._pending[key]

    async def _buy_all(self, body: dict[str, Any], wanted: Sequence[Wanted]) -> dict[bytes, Reply]:
        """All draws of one body: in one request where the server takes `n`, else in one each."""
        bought: dict[bytes, Reply] = {}
        together = self._takes_n
        while left := [want for want in wanted if want.key not in bought]:
            groups = [left] if together else [[want] for want in left]
            # Every request comes home before an error is raised: each of them is paid.
            found = await asyncio.gather(*(self._buy_group(body, group) for group in groups), return_exceptions=True)
            for replies in found:
                if isinstance(replies, BaseException):
                    raise replies
                bought |= replies
            if together and len(left) > 1 and len(bought) < len(wanted):
                together = False
            elif not together and any(reply.status == "ok" for reply in bought.values()):
                self._takes_n = len(wanted) == 1 and self._takes_n
        return bought

    async def _buy_group(self, body: dict[str, Any], group: Sequence[Wanted]) -> dict[bytes, Reply]:
        """One request for some draws; nothing if the server would not answer several at once."""
        wire_body = dict(body)
        if len(group) > 1:
            wire_body["n"] = len(group)
        if "seed" not in body and self._section.seeds:
            wire_body["seed"] = wire_seed(group[0].draw)
        got = await self._buyer.buy(orjson.dumps(wire_body), [want.key for want in group])
        if not isinstance(got, Rejection):
            return {
                key: self._reply(key, got.reply, index, got.seconds, got.usd, reused=False)
                for key, index in got.choices.items()
            }
        if len(group) > 1 and got.may_be_n:
            return {}
        self.tally.failed += len(group)
        failed = {want.key: self._failed(want.key, got) for want in group}
        self._failures |= failed
        return failed

    def _reply(self, key: bytes, reply: ChatReply, index: int, seconds: float, usd: float, *, reused: bool) -> Reply:
        choice, count = reply.choices[index], len(reply.choices)
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
            input_tokens=_share(usage.input_tokens, index, count),
            output_tokens=_share(usage.output_tokens, index, count),
            usd=usd / count,
            reused=reused,
            seconds=seconds,
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


def _fail(future: "asyncio.Future[Reply]", error: BaseException) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    else:
        future.set_exception(error)
        future.exception()  # nobody may be waiting for it
