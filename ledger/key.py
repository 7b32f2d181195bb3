"""The key of a request: what makes two requests the same request, for every release to come.

`tests/test_key.py` holds golden vectors. A change that moves one of them makes every user buy their corpus again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

KEY_VERSION = 1

TRANSPORT_FIELDS = frozenset(
    {"stream", "stream_options", "user", "metadata", "store", "service_tier", "prompt_cache_key", "n"}
)
"""Fields of a request body that say how an answer travels, not which answer is wanted."""


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
    asked = {name: value for name, value in body.items() if name not in TRANSPORT_FIELDS}
    request = hashlib.blake2b(rfc8785.dumps([KEY_VERSION, identity, operation, asked]), digest_size=32)
    return [_with_draw(request, draw) for draw in draws]


def _with_draw(request: "hashlib.blake2b", draw: Draw) -> bytes:
    keyed = request.copy()
    keyed.update(rfc8785.dumps([draw.series, draw.index]))
    return keyed.digest()
