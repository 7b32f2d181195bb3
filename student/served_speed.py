"""How fast a served student answers, as its clients see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle, islice
from math import ceil, prod

from ..store.rows import Message
from .measure import bytes_on_disk
from .served import Server, dues_of
from .served_requests import client, completed, streamed
from .speed import FEWEST_PASSES, Facts, Pass, Speed, Timing, speed_of, until_late


def time_served(
    server: Server,
    conversations: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int,
    batch_size: int,
    repeats: int = 5,
) -> Speed:
    """Measure a served student: each conversation alone, streamed, then all with so many in flight, `repeats` times.

    A pass uses nothing that the server kept of an earlier one, but what its own prompts have in common. The server's memory
    is not measured: it takes as much as it is given.

    Raises:
        BadStudent: the server refused a request or stopped answering.
    """
    dues = dues_of(server, conversations, max_new_tokens)
    asked = [(messages, due) for messages, due in zip(conversations, dues, strict=True) if due]
    alone, passes = asyncio.run(_timed(server, asked, batch_size, repeats))
    return speed_of(_facts(server, batch_size), alone, passes)


_Asked = Sequence[tuple[Sequence[Message], int]]


async def _timed(server: Server, asked: _Asked, batch_size: int, repeats: int) -> tuple[list[Timing], list[Pass]]:
    full = list(islice(cycle(asked), ceil(len(asked) / batch_size) * batch_size))
    async with client() as session:

        async def alone(messages: Sequence[Message], due: int, salt: str) -> Timing:
            began = time.perf_counter()
            first, tokens = await streamed(session, server, messages, due, salt)
            return Timing(first, time.perf_counter() - began, tokens)

        async def together(salt: str) -> Pass:
            gate = asyncio.Semaphore(batch_size)

            async def one(messages: Sequence[Message], due: int) -> int:
                async with gate:
                    return (await completed(session, server, messages, due, salt)).output_tokens

            began = time.perf_counter()
            tokens = await asyncio.gather(*(one(*pair) for pair in full))
            return Pass(time.perf_counter() - began, len(full), sum(tokens))

        for messages, due in asked[:1]:
            await alone(messages, due, "warm up")
        timings = [await alone(messages, due, "alone") for messages, due in until_late(asked)]
        await together("warm up")
        numbers = range(repeats if asked else 0)
        return timings, [await together(f"pass {number}") for number in until_late(numbers, FEWEST_PASSES)]


def _facts(server: Server, batch_size: int) -> Facts:
    from safetensors import safe_open

    weights = 0
    for path in server.folder.glob("*.safetensors"):
        with safe_open(path, "pt") as stored:
            weights += sum(prod(stored.get_slice(name).get_shape()) for name in stored.keys())  # noqa: SIM118 - no mapping
    return Facts(
        engine=server.engine,
        device=server.device.name,
        dtype=server.dtype,
        parameters=weights,
        bytes=bytes_on_disk(server.folder),
        peak_bytes=None,
        peak_of="gpu" if server.device.gpu else "process",
        batch_size=batch_size,
    )
