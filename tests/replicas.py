"""Servers on loopback that are taken down and put up again while they are asked."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from potstill.teacher.endpoint import Endpoint
from potstill.teacher.transport import HttpTransport

Answer = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


class Server:
    """A real server on loopback, which can be taken down and put up again at the same port."""

    def __init__(self, answer: Answer) -> None:
        self.paths: list[str] = []
        self._answer, self._port = answer, 0
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def up(self) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.paths.append(request.path)
            return await self._answer(request)

        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def down(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


@asynccontextmanager
async def servers(*answers: Answer) -> AsyncIterator[tuple[list[Server], list[HttpTransport]]]:
    every = [Server(answer) for answer in answers]
    for server in every:
        await server.up()
    transports = [HttpTransport(Endpoint(server.base_url, {}, "sk-secret"), None) for server in every]
    try:
        yield every, transports
    finally:
        for transport in transports:
            await transport.__aexit__(None, None, None)
        for server in every:
            await server.down()
