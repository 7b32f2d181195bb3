"""The key of a request: what makes two requests the same request, for every release to come.

`tests/test_key.py` holds golden vectors. A change that moves one of them makes every user buy their corpus again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import rfc8785

KEY_VERSION = 1

TRANSPORT_FIELDS = frozenset(
    {"stream", "stream_options", "user", "metadata", "store", "service_tier", "prompt_cache_key", "n"}
)
"""Fields of a request body that say how an answer travels, not which answer is wanted."""

_SCALARS = frozenset({int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Draw:
    """Which of the possible answers: the index-th of a series. Another series is a fresh sample."""

    series: str = "main"
    index: int = 0


def request_keys(identity: str, operation: str, body: Mapping[str, Any], draws: Sequence[Draw]) -> list[bytes]:
    """One key of 32 bytes per draw: BLAKE2b over version, identity, operation and body, then the draw (RFC 8785).

    Args:
        identity: the teacher's name in the ledger; never a port of one's own server.
        operation: what is asked of the endpoint, such as `chat`.
        body: the request body before anything is derived from the draw (a wire seed, `n`).
        draws: which answers.
    """
    asked = _asked(tuple(body))
    request = _beginning(identity, operation) + _canonical(body, asked) + b"]"
    if len(draws) == 1:
        return [hashlib.blake2b(request + _told(draws[0].series, draws[0].index), digest_size=32).digest()]
    hashed = hashlib.blake2b(request, digest_size=32)
    return [_with_draw(hashed, draw) for draw in draws]


def canonical(fields: Mapping[str, Any]) -> bytes:
    """A JSON object in the canonical form of RFC 8785, byte for byte what `rfc8785.dumps` gives, in less time.

    Plain conversations go through orjson, whose form of texts under ASCII names is the canonical one; whatever
    is not as plain goes through rfc8785.
    """
    return _canonical(fields, _ordered(tuple(fields)))


def _canonical(fields: Mapping[str, Any], names: Sequence[tuple[str, bytes]]) -> bytes:
    return b"{" + b",".join([quoted + _value(fields[name]) for name, quoted in names]) + b"}"


@lru_cache(maxsize=64)
def _asked(names: tuple[str, ...]) -> Sequence[tuple[str, bytes]]:
    return _ordered(tuple(name for name in names if name not in TRANSPORT_FIELDS))


@lru_cache(maxsize=64)
def _ordered(names: tuple[str, ...]) -> Sequence[tuple[str, bytes]]:
    """The names in the order of RFC 8785 (by UTF-16 code units), each with its JSON and the colon."""
    ordered = sorted(names, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return [(name, rfc8785.dumps(name) + b":") for name in ordered]


def _value(value: object) -> bytes:
    if type(value) in _SCALARS:
        return _scalar(value)  # type: ignore[arg-type] - it is one of them
    if _is_plain(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(value)  # type: ignore[arg-type] - it says itself what it does not take


def _is_plain(value: object) -> bool:
    """A text, or a list of objects whose names are ASCII and whose values are texts."""
    if isinstance(value, str):
        return True
    if not isinstance(value, list):
        return False
    for item in value:
        if not isinstance(item, dict):
            return False
        for name, text in item.items():
            if not (isinstance(text, str) and isinstance(name, str) and name.isascii()):
                return False
    return True


@lru_cache(maxsize=256, typed=True)
def _scalar(value: float | None) -> bytes:
    return rfc8785.dumps(value)


@lru_cache(maxsize=16)
def _beginning(identity: str, operation: str) -> bytes:
    return rfc8785.dumps([KEY_VERSION, identity, operation]).removesuffix(b"]") + b","


@lru_cache(maxsize=1024)
def _told(series: str, index: int) -> bytes:
    return rfc8785.dumps([series, index])


def _with_draw(request: "hashlib.blake2b", draw: Draw) -> bytes:
    keyed = request.copy()
    keyed.update(_told(draw.series, draw.index))
    return keyed.digest()
