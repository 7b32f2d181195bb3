"""How a request travels. The seam is `Transport`: a body in, a status and a body out; HTTP is the first of its kind."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from .endpoint import Endpoint


class TransportError(Exception):
    """No whole reply came back. `reached` is False when the request never left: nothing can have been billed."""

    def __init__(self, detail: str, *, reached: bool = True) -> None:
        super().__init__(detail)
        self.reached = reached


@dataclass(frozen=True, slots=True)
class Wire:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Transport(Protocol):
    """Carries one request body to the teacher and brings the whole reply.

    Raises TransportError when none comes.
    """

    async def send(self, body: bytes) -> Wire:
        """Send and wait for the last byte."""
        ...


class HttpTransport:
    """Chat completions over HTTP: bytes in, bytes out, no parsing on the way."""

    def __init__(self, endpoint: Endpoint, connections: int, deadline_s: float, proxy: str | None) -> None:
        self._url = endpoint.base_url + "/chat/completions"
        self._secret = endpoint.secret.encode()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            headers={**endpoint.headers, "Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=deadline_s),
            proxy=proxy,
        )

    async def send(self, body: bytes) -> Wire:
        """POST the body."""
        started = time.perf_counter()
        try:
            async with self._session.post(self._url, data=body) as reply:
                content = await reply.read()
                return Wire(reply.status, reply.headers, self._struck(content), time.perf_counter() - started)
        except aiohttp.ClientConnectorError as error:
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
