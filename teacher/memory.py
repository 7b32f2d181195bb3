"""What the ledger says to a question, without anybody being asked."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from ..ledger.entries import Stored
from ..ledger.key import request_keys
from ..ledger.ledger import Ledger
from ..recipe import TeacherSection
from .identity import provider
from .reading import ChatReply, TornReplyError, read_reply
from .reply import NotKnownError, Question, Reply
from .speaker import Speaker


class Memory:
    """What was ever answered to a teacher's questions, and what was rejected for good."""

    def __init__(self, section: TeacherSection, identity: str, ledger: Ledger, *, retry_rejected: bool = False) -> None:
        self._model, self._identity = section.model, identity
        self._ledger, self._retry_rejected = ledger, retry_rejected
        self._speaker = Speaker(provider(section), section.model)
        self.failures: dict[bytes, Reply] = {}
        """Draws that got no answer in this process: whoever asks again is told the same."""
        self._last = b"", ChatReply((), None, "")
        """The reply that was read last: the draws of a question often share one."""

    def keys(self, question: Question) -> tuple[dict[str, Any], list[bytes]]:
        """The request body of a question and the key of each of its draws."""
        body = question.body(self._model)
        return body, request_keys(self._identity, question.operation, body, question.draws)

    def recall(self, questions: Sequence[Question]) -> list[list[Reply] | None]:
        """The replies to each question of which every draw is known; None for one that has to be asked."""
        keys = [self.keys(question)[1] for question in questions]
        known = self.find(chain.from_iterable(keys))
        return [[known[key] for key in some] if all(key in known for key in some) else None for some in keys]

    async def ask(self, question: Question) -> list[Reply]:
        """`recall`, where a way of asking is wanted.

        Raises:
            NotKnownError: a draw of the question is not known.
        """
        [replies] = self.recall([question])
        if replies is None:
            raise NotKnownError(question)
        return replies

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Reply]:
        """The reply of each draw that has one, or was rejected for good; those that are missing are to be asked.

        Raises:
            BrokenWorld: the ledger is damaged there.
        """
        replies: dict[bytes, Reply] = {}
        keys = list(keys)
        known = self._ledger.find(keys)
        for key in keys:  # in this order, for what is read once may be wanted by the next
            if (failed := self.failures.get(key)) is not None:
                replies[key] = failed
            elif (found := known.get(key)) is None:
                continue
            elif isinstance(found, Stored):
                replies[key] = self._reply(key, found)
            elif not self._retry_rejected:
                replies[key] = self._speaker.failed(key, found.status, found.error, reused=True)
        return replies

    def _reply(self, key: bytes, found: Stored) -> Reply:
        try:
            read = self._read(found.body)
            return self._speaker.reply(key, read, found.choice, found.seconds, found.usd, reused=True)
        except (TornReplyError, IndexError, TypeError) as error:  # it was whole when it was put down
            raise self._ledger.damaged(error) from None

    def _read(self, body: bytes) -> ChatReply:
        if body is not self._last[0]:
            self._last = body, read_reply(body)
        return self._last[1]
