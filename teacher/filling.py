"""Filling the draws of one request body: in one request where the server takes `n`, else in one each."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ..errors import BrokenWorld
from ..ledger.entries import Elsewhere
from ..ledger.key import Draw
from ..recipe import TeacherSection
from .buying import Bought, Buyer, Order
from .failures import Rejection
from .options import output_cap
from .reply import Reply
from .speaker import Speaker

SECONDS_BETWEEN_LOOKS = 0.2
"""How often to look whether another process has got the answer that it is buying."""


class Wanted(NamedTuple):
    """A draw that has to be bought, and its key."""

    draw: Draw
    key: bytes


class Filler:
    """Buys draws, and learns on the way whether the server gives several choices in one reply."""

    def __init__(
        self,
        section: TeacherSection,
        buyer: Buyer,
        speaker: Speaker,
        recall: Callable[[Sequence[bytes]], dict[bytes, Reply]],
    ) -> None:
        self._section, self._buyer, self._speaker, self._recall = section, buyer, speaker, recall
        self._takes_n = True
        self._gave_n = False
        """One reply has brought all the choices that were asked for: a later one that does not is an accident."""
        self._elsewhere = 0

    @property
    def slowed_by(self) -> str:
        """A few words while answers are waited for that another process is buying."""
        return "waiting for another potstill that is buying the same" if self._elsewhere else ""

    async def fill(self, operation: str, body: dict[str, Any], wanted: Sequence[Wanted]) -> dict[bytes, Reply]:
        """A reply for every draw, by its key."""
        if len(wanted) == 1:
            return await self._fill_group(operation, body, wanted)
        filled: dict[bytes, Reply] = {}
        together = self._takes_n
        while left := [want for want in wanted if want.key not in filled]:
            groups = [left] if together else [[want] for want in left]
            # Every request comes home before an error is raised: each of them is paid.
            found = await asyncio.gather(
                *(self._fill_group(operation, body, group) for group in groups), return_exceptions=True
            )
            for replies in found:
                if isinstance(replies, BaseException):
                    raise replies
                filled |= replies
            if together and len(filled) < len(wanted):
                together = False
            elif not together and any(reply.status == "ok" for reply in filled.values()):
                self._takes_n = self._gave_n
            elif together and not any(reply.error for reply in filled.values()):
                self._gave_n = True
        return filled

    async def _fill_group(self, operation: str, body: dict[str, Any], group: Sequence[Wanted]) -> dict[bytes, Reply]:
        """One request for some draws; nothing if the server would not answer several at once."""
        order = self._order(operation, body, group)
        while isinstance(got := await self._buyer.buy(order), Elsewhere):
            if got.held:
                await self._wait_a_little()
            found = self._recall([want.key for want in group])
            if got.bought and not found:
                raise BrokenWorld(
                    f"the ledger says that draw {next(iter(got.bought)).hex()} was bought, and does not have its reply: "
                    "`potstill ledger verify` says what to do"
                )
            left = [want for want in group if want.key not in found]
            if found:
                return found | (await self._fill_group(operation, body, left) if left else {})
        return self._replies(got, group)

    async def _wait_a_little(self) -> None:
        self._elsewhere += 1
        try:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            self._elsewhere -= 1

    def _replies(self, got: Bought | Rejection, group: Sequence[Wanted]) -> dict[bytes, Reply]:
        if isinstance(got, Bought):
            return {
                key: self._speaker.reply(key, got.reply, index, got.seconds, got.usd, reused=False)
                for key, index in got.choices.items()
            }
        if len(group) > 1 and got.may_be_n:
            return {}
        self._buyer.tally.failed += len(group)
        return {want.key: self._speaker.failed(want.key, got.status, got.error, reused=False) for want in group}

    def _order(self, operation: str, body: dict[str, Any], group: Sequence[Wanted]) -> Order:
        wire_body = dict(body)
        if len(group) > 1:
            wire_body["n"] = len(group)
        if "seed" not in body and self._section.seeds:
            wire_body["seed"] = wire_seed(group[0].draw)
        # A copy, for what orjson gives (3.13) holds 4 KB at least, and hundreds of orders wait.
        sent = bytes(memoryview(orjson.dumps(wire_body)))
        return Order(operation, sent, [want.key for want in group], output_cap(body))


@lru_cache(maxsize=1024)
def wire_seed(draw: Draw) -> int:
    """The seed that goes over the wire for a draw: 31 bits from its series and index."""
    named = f"{draw.series}/{draw.index}".encode()
    return int.from_bytes(hashlib.blake2b(named, digest_size=4).digest(), "big") >> 1
