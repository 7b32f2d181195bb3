"""The practice teacher's addresses and its event loop."""

import asyncio
import sys
from collections.abc import Callable

from aiohttp import web

from .application import Practice
from .settings import PracticeSettings

LARGEST_BODY = 64 * 2**20


async def listen(settings: PracticeSettings, port: int = 0) -> tuple[web.AppRunner, int]:
    """Serve on 127.0.0.1 until the runner is cleaned up; returns it and the port (0 lets the kernel choose).

    Raises:
        BadRecipe: recorded answers that cannot be read.
        OSError: the port is taken.
    """
    practice = Practice(settings)
    application = web.Application(client_max_size=LARGEST_BODY)
    application.add_routes(
        [
            web.post("/v1/chat/completions", practice.complete),
            web.get("/v1/models", practice.models),
            web.get("/stats", practice.count),
            web.get("/", practice.about),
        ]
    )
    # Nothing is worth waiting for when it ends: hanging answers are part of the show.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    return runner, int(runner.addresses[0][1])


def serve(settings: PracticeSettings, port: int, ready: Callable[[int], None]) -> None:
    """Serve until the process ends or Ctrl-C raises KeyboardInterrupt; `ready` is told the port.

    Raises:
        BadRecipe: recorded answers that cannot be read.
        OSError: the port is taken.
    """

    async def forever() -> None:
        runner, bound = await listen(settings, port)
        ready(bound)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    if sys.platform == "win32":
        asyncio.run(forever())
    else:
        import uvloop

        uvloop.run(forever())
