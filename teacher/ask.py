"""`ask`: the one way to a teacher. What was ever paid for comes out of the ledger, the rest is bought once and kept."""

import asyncio
from collections.abc import Sequence
from typing import Any

from ..errors import PotstillError
from ..ledger.ledger import Ledger
from ..recipe import TeacherSection
from .buying import Buyer
from .filling import Filler, Wanted
from .identity import provider
from .memory import Memory
from .reading import read_logprobs
from .reply import Question, Reply
from .speaker import Speaker
from .traffic.stated import Permitted

_Buying = asyncio.Task[dict[bytes, Reply]]


class Teacher:
    """A teacher that can be asked, by many tasks at once. Made by `open_teacher`."""

    def __init__(
        self, section: TeacherSection, identity: str, ledger: Ledger, buyer: Buyer, *, retry_rejected: bool = False
    ) -> None:
        self.tally = buyer.tally
        """What was asked for so far."""
        self._section, self._ledger, self._buyer = section, ledger, buyer
        self.memory = Memory(section, identity, ledger, retry_rejected=retry_rejected)
        """What is known without anybody being asked."""
        self._filler = Filler(section, buyer, Speaker(provider(section), section.model), self._recall)
        self._pending: dict[bytes, _Buying] = {}

    @property
    def concurrency(self) -> int:
        """Requests in flight at most."""
        return self._section.concurrency

    @property
    def slowed_by(self) -> str:
        """What keeps requests from going out faster, in a few words; empty when it is the teacher's own speed."""
        return self._buyer.slowed_by or self._filler.slowed_by

    @property
    def in_flight(self) -> int:
        """Requests that are on their way."""
        return self._buyer.in_flight

    @property
    def permitted(self) -> Permitted:
        """What the teacher has said that it takes."""
        return self._buyer.permitted

    async def come_home(self) -> None:
        """Return when everything that was sent is on the ledger, whether or not anybody still waits for it."""
        await asyncio.gather(*set(self._pending.values()), return_exceptions=True)

    def halt(self, reason: PotstillError) -> None:
        """Send nothing more: whoever waits gets the reason, what is in flight comes home."""
        self._buyer.halt(reason)

    async def ask(self, question: Question) -> list[Reply]:
        """One reply per draw, in their order. A failed draw is a reply with its status, never an exception.

        Raises:
            BrokenWorld: no request can succeed any more (key, model, quota, disk).
            BudgetReached: the next request does not fit under the cap.
            BadTeacher: the endpoint cannot be asked; found out before anything was sent.
            ValueError: the question's options hold no output cap.
        """
        body, keys = self.memory.keys(question)
        known = self._recall(keys)
        awaited = {key: self._pending[key] for key in keys if key not in known and key in self._pending}
        wanted = [
            Wanted(draw, key)
            for key, draw in dict(zip(keys, question.draws, strict=True)).items()
            if key not in known and key not in awaited
        ]
        if wanted:
            awaited |= dict.fromkeys((want.key for want in wanted), self._start_buying(question, body, wanted))
        for key, buying in awaited.items():
            # Whoever stops waiting does not stop the buyer: what is sent is paid.
            known[key] = (await asyncio.shield(buying))[key]
        return [known[key] for key in keys]

    def logprobs(self, reply: Reply) -> list[dict[str, Any]] | None:
        """The log-probabilities of an answer, token by token as chat completions name them; None where there are none."""
        found = self._ledger.find_logprobs(bytes.fromhex(reply.key))
        try:
            return read_logprobs(*found) if found else None
        except (ValueError, IndexError) as error:
            raise self._ledger.damaged(error) from None

    def _recall(self, keys: Sequence[bytes]) -> dict[bytes, Reply]:
        known = self.memory.find(keys)
        self.tally.reuse(known.values())
        return known

    def _start_buying(self, question: Question, body: dict[str, Any], wanted: Sequence[Wanted]) -> _Buying:
        """Buy, while whoever asks the same waits for the same."""
        buying = asyncio.create_task(self._filler.fill(question.operation, body, wanted))
        self._pending |= dict.fromkeys((want.key for want in wanted), buying)

        def ended(buying: _Buying) -> None:
            for want in wanted:
                del self._pending[want.key]
            if not buying.cancelled() and buying.exception() is None:
                self.memory.failures |= {key: reply for key, reply in buying.result().items() if reply.error}

        buying.add_done_callback(ended)
        return buying
