"""What the ledger says to a question, without anybody being asked."""

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
        self._last = b"", ChatReply((), None, "")
        """The reply that was read last: the draws of a question often share one."""

    def keys(self, question: Question) -> tuple[dict[str, Any], list[bytes]]:
        """The request body of a question and the key of each of its draws."""
        body = question.body(self._model)
        return body, request_keys(self._identity, question.operation, body, question.draws)

    def recall(self, question: Question) -> list[Reply] | None:
        """The replies to a question if every draw of it is known; None if one is not."""
        known: list[Reply] = []
        for key in self.keys(question)[1]:
            if (reply := self.find(key)) is None:
                return None
            known.append(reply)
        return known

    async def ask(self, question: Question) -> list[Reply]:
        """`recall`, where a way of asking is wanted.

        Raises:
            NotKnownError: a draw of the question is not known.
        """
        if (replies := self.recall(question)) is None:
            raise NotKnownError(question)
        return replies

    def find(self, key: bytes) -> Reply | None:
        """The reply of a draw, or that it was rejected for good; None where it is to be asked.

        Raises:
            BrokenWorld: the ledger is damaged there.
        """
        found = self._ledger.find(key)
        if found is None:
            return None
        if isinstance(found, Stored):
            try:
                read = self._read(found.body)
                return self._speaker.reply(key, read, found.choice, found.seconds, found.usd, reused=True)
            except (TornReplyError, IndexError) as error:  # it was whole when it was put down
                raise self._ledger.damaged(error) from None
        return None if self._retry_rejected else self._speaker.failed(key, found.status, found.error, reused=True)

    def _read(self, body: bytes) -> ChatReply:
        if body is not self._last[0]:
            self._last = body, read_reply(body)
        return self._last[1]
