"""The bodies that a ledger keeps, unpacked and read."""

import json
from typing import Any

import orjson
import zstandard

PLAIN, ZSTD = 0, 1
"""How a body is stored: as it came, or compressed."""


class UnreadableBodyError(ValueError):
    """What is stored cannot be unpacked, or is not what a ledger keeps."""


class Bodies:
    """Unpacks and reads what is stored, for one thread."""

    def __init__(self) -> None:
        self._decompress = zstandard.ZstdDecompressor().decompress

    def unpacked(self, codec: object, body: object) -> bytes:
        """A stored body as it came.

        Raises:
            UnreadableBodyError: it is damaged.
        """
        if codec not in (PLAIN, ZSTD):
            raise UnreadableBodyError(f"stored in an unknown way ({codec})")
        if not isinstance(body, bytes):
            raise UnreadableBodyError(f"stored as {type(body).__name__}, not as bytes")
        if codec == PLAIN:
            return body
        try:
            return self._decompress(body)
        except (zstandard.ZstdError, MemoryError) as error:  # a destroyed header may ask for any amount
            raise UnreadableBodyError(f"cannot be unpacked: {error}") from None

    def reply(self, codec: object, body: object) -> dict[str, Any]:
        """The completion in a stored body.

        What strict JSON does not know, such as a lone surrogate, is replaced as it is when a reply arrives.

        Raises:
            UnreadableBodyError: it is damaged.
        """
        found = _parse(self.unpacked(codec, body))
        if not isinstance(found, dict) or not isinstance(found.get("choices"), list):
            raise UnreadableBodyError("not a completion: it has no choices")
        return found

    def logprobs(self, body: object) -> list[Any]:
        """The stored log-probabilities of a reply, one entry per choice.

        Raises:
            UnreadableBodyError: they are damaged.
        """
        told = _parse(self.unpacked(ZSTD, body))
        if not isinstance(told, list):
            raise UnreadableBodyError("not a list of log-probabilities")
        return told


def answers_in(reply: dict[str, Any]) -> int:
    """How many draws a completion can fill: one without any choice was paid for, and fills one."""
    return max(1, len(reply["choices"]))


def _parse(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            reply = json.loads(text.decode("utf-8", "replace"), parse_constant=lambda name: None)
            return orjson.loads(json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            raise UnreadableBodyError(f"not JSON: {error}") from None
