"""Who answers, and from one reply of an endpoint to one for each draw that it fills."""

from dataclasses import dataclass

from ..ledger.prices import Usage
from .reading import ChatReply
from .reply import Reply

_UNKNOWN = Usage()


@dataclass(frozen=True, slots=True)
class Speaker:
    """The teacher as its replies name it."""

    provider: str
    model: str

    def reply(self, key: bytes, read: ChatReply, index: int, seconds: float, usd: float, *, reused: bool) -> Reply:
        """The reply of one choice, with its share of the tokens and of the dollars."""
        choice, count = read.choices[index], len(read.choices)
        asked, answered, _, _ = read.usage or _UNKNOWN
        if count > 1:
            asked, answered, usd = _share(asked, index, count), _share(answered, index, count), usd / count
        return Reply(
            choice.status,
            choice.text,
            choice.finish_reason,
            "",
            key.hex(),
            self.provider,
            self.model,
            read.snapshot,
            asked,
            answered,
            usd,
            reused,
            seconds,
        )

    def failed(self, key: bytes, status: str, error: str, *, reused: bool) -> Reply:
        """The reply of a draw that was not answered."""
        return Reply(status, "", "", error, key.hex(), self.provider, self.model, "", 0, 0, 0.0, reused, 0.0)


def _share(total: int, index: int, count: int) -> int:
    """The index-th of `count` whole shares that add up to `total`."""
    return total // count + (1 if index < total % count else 0)
