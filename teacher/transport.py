"""How a request travels. The seam is `Transport`: a request in, a status and a body out; HTTP is the first of its kind."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import aiohttp
from yarl import URL

from .endpoint import Endpoint

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
"""Where each operation is, below the base URL."""

CONNECT_S = 20.0
"""A host that takes no connection within this many seconds is not there."""

IDLE_S = 4.0
"""Idle connections are closed before vLLM's server does it after 5 s, which could cut off a request that is just leaving."""


class TransportError(Exception):
    """No whole reply came back. `reached` is False when the request never left: nothing can have been billed."""

    def __init__(self, detail: str, *, reached: bool = True) -> None:
        super().__init__(detail)
        self.reached = reached


class Wire(NamedTuple):
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Transport(Protocol):
    """Carries one request body to the teacher and brings the whole reply; cancelled when nobody waits any more.

    Raises TransportError when none comes.
    """

    where: str
    """Who it reaches, in messages."""

    async def send(self, operation: str, body: bytes) -> Wire:
        """Send to an operation, "chat" or "completions", and wait for the last byte, however long it takes."""
        ...


class HttpTransport:
    """Completions over HTTP: bytes in, bytes out, no parsing on the way. Slots and deadlines are those of `Traffic`."""

    def __init__(self, endpoint: Endpoint, proxy: str | None) -> None:
        self.where = URL(endpoint.base_url).host_port_subcomponent or endpoint.base_url
        self._urls = {operation: URL(endpoint.base_url + path) for operation, path in PATHS.items()}
        self._secret = endpoint.secret.encode()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S),
            headers={**endpoint.headers, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=proxy,
        )

    async def send(self, operation: str, body: bytes) -> Wire:
        """POST the body."""
        started = time.perf_counter()
        try:
            async with self._session.post(self._urls[operation], data=body, allow_redirects=False) as reply:
                content = await reply.read()
                return Wire(reply.status, reply.headers, self._struck(content), time.perf_counter() - started)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TransportError(f"{type(error).__name__}: {error}", reached=False) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{type(error).__name__}: {error}".rstrip(": ")) from None

    def _struck(self, content: bytes) -> bytes:
        """The reply without the key, which some endpoints repeat when they complain of it."""
        return content.replace(self._secret, b"(key)") if self._secret else content

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
