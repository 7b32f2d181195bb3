"""Chat completions of a served student: greedy, whole or streamed; a request that fails says so in the server's words."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from ..errors import BadStudent
from ..store.rows import Message
from .served_process import last_lines

if TYPE_CHECKING:
    import aiohttp

    from .served import Server

GREEDY: Mapping[str, Any] = {
    "temperature": 0.0,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "skip_special_tokens": True,
}
"""Plain greedy decoding: what the model's own generation config would bend is said."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the server answered."""

    text: str
    output_tokens: int
    """Its end of turn included."""
    finish_reason: Literal["stop", "length"]


def client() -> aiohttp.ClientSession:
    """Connections to a server on this machine: as many as are wanted, and no deadline, since nothing is paid for twice."""
    import aiohttp

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None, sock_connect=10)
    )


async def completed(
    session: aiohttp.ClientSession, server: Server, messages: Sequence[Message], due: int, salt: str = ""
) -> Completion:
    """A greedy answer of at most so many tokens.

    What the server keeps of earlier prompts it uses only for prompts of the same salt.

    Raises:
        BadStudent: the server refused, broke off or is gone.
    """
    async with _posted(session, server, _body(server, messages, due, salt)) as reply:
        told = await reply.json()
    [choice] = told["choices"]
    ended = choice["finish_reason"]
    if ended not in ("stop", "length"):
        raise BadStudent(
            f"the served student's answer ended with {ended!r}; the server's last words:\n{last_lines(server.log)}"
        )
    return Completion(choice["message"]["content"] or "", int(told["usage"]["completion_tokens"]), ended)


async def streamed(
    session: aiohttp.ClientSession, server: Server, messages: Sequence[Message], due: int, salt: str = ""
) -> tuple[float, int]:
    """The seconds until the first text of a greedy answer came (its end, if it has none), and its tokens."""
    body = _body(server, messages, due, salt) | {"stream": True, "stream_options": {"include_usage": True}}
    first, tokens, began = None, 0, time.perf_counter()
    async with _posted(session, server, body) as reply:
        async for line in reply.content:
            if not line.startswith(b"data: {"):
                continue
            piece = orjson.loads(line[len(b"data: ") :])
            if first is None and any(choice["delta"].get("content") for choice in piece.get("choices", ())):
                first = time.perf_counter() - began
            tokens = (piece.get("usage") or {}).get("completion_tokens", tokens)
    return time.perf_counter() - began if first is None else first, tokens


def _body(server: Server, messages: Sequence[Message], due: int, salt: str) -> dict[str, Any]:
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
    kept_apart = {"cache_salt": salt} if salt else {}
    return {"model": server.model, "messages": turns, "max_tokens": due, **GREEDY, **kept_apart}


@asynccontextmanager
async def _posted(
    session: aiohttp.ClientSession, server: Server, body: Mapping[str, Any]
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The server's reply, which was not a refusal."""
    import aiohttp

    try:
        async with session.post(f"{server.base_url}/chat/completions", json=body) as reply:
            if reply.status != 200:
                raise BadStudent(f"the served student refused a prompt with {reply.status}: {await reply.text()}")
            yield reply
    except (aiohttp.ClientError, OSError) as error:
        raise BadStudent(
            f"the server of {server.folder} stopped answering ({error}); its last words:\n{last_lines(server.log)}"
        ) from None
