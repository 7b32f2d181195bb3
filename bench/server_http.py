"""HTTP/1.1 by hand for the light server: one request at a time on a connection, kept alive; nothing that clients do not send."""

import asyncio
import hashlib
import math
import time
from statistics import NormalDist
from typing import cast

import orjson

from .server_answers import MODELS, Answers, Asked
from .server_counts import Counts, Logged
from .server_limits import limit_of, told
from .server_settings import ServerSettings

REASONS = {200: b"OK", 404: b"Not Found", 429: b"Too Many Requests", 500: b"Internal Server Error"}
PROBLEM = b'{"error":{"message":"%s","type":"%s","param":null,"code":"%s"}}'
TOO_MANY = PROBLEM % (b"Rate limit reached; try again later.", b"requests", b"rate_limit_exceeded")
BROKEN = PROBLEM % (b"The server had an error.", b"server_error", b"internal")
MISSING = PROBLEM % (b"No such address.", b"invalid_request_error", b"not_found")


class Bench:
    """What all connections share."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings, self.answers, self.counts = settings, Answers(), Counts()
        self.limit = limit_of(settings.scheme)
        self._normal = NormalDist()

    def latency(self, asked: Asked, fault: str) -> float:
        """Seconds before this attempt is answered."""
        if fault == "hang":
            return self.settings.faults.hang_s
        if not self.settings.sigma:
            return self.settings.latency_s
        deviation = self._normal.inv_cdf(self._share(asked, b"latency"))
        return self.settings.latency_s * math.exp(self.settings.sigma * deviation)

    def fault(self, asked: Asked) -> str:
        """What goes wrong with this attempt: the name of a field of `Faults`, or nothing."""
        faults = self.settings.faults
        share = self._share(asked, b"fault")
        for name in ("error_500", "reset", "torn", "hang"):
            share -= getattr(faults, name)
            if share < 0:
                return name
        return ""

    def _share(self, asked: Asked, what: bytes) -> float:
        """A number in (0, 1) from the body, the attempt, and what it is for."""
        named = b"%d/%d/%s" % (asked.hash, self.counts.attempts[asked.hash], what)
        return (int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "big") + 1) / (2**64 + 2)


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._waiting = bench, b""
        self._under_way: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._under_way is not None:
            self._bench.counts.abandoned += 1

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].lower()
            _, found, length = head.partition(b"content-length:")
            size = int(length.split(b"\r\n", 1)[0]) if found else 0
            if len(self._waiting) < end + 4 + size:
                return
            body, self._waiting = self._waiting[end + 4 : end + 4 + size], self._waiting[end + 4 + size :]
            method, path, _ = head.split(b" ", 2)
            if method == b"post" and path.endswith(b"/chat/completions"):
                self._chat(body)
            else:
                self._tell(path)

    def _tell(self, path: bytes) -> None:
        counts = self._bench.counts
        if path.endswith(b"/models"):
            self._write(200, MODELS)
        elif path == b"/stats":
            self._write(200, orjson.dumps(counts.told(self._bench.limit)))
        elif path == b"/log":
            self._write(200, orjson.dumps([[one.name, one.received, one.answered] for one in counts.log]))
        else:
            self._write(404, MISSING)

    def _chat(self, body: bytes) -> None:
        bench, now = self._bench, time.monotonic()
        asked = Asked(body, int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big"))
        bench.counts.receive(asked, now)
        amount = asked.takes(bench.settings.counted)
        wait = bench.limit.enter(now, amount) if bench.limit else 0.0
        if wait:
            bench.counts.limited += 1
            later = b"Retry-After: %d\r\nretry-after-ms: %d\r\n" % (-(-wait // 1), wait * 1000 + 1)
            self._write(429, TOO_MANY, self._told(now) + (later if bench.settings.retry_after else b""))
            return
        fault, logged = bench.fault(asked), Logged(asked.name, now)
        delay = bench.latency(asked, fault)
        bench.counts.accept(asked, now, amount, fault)
        if bench.settings.log:
            bench.counts.log.append(logged)
        # What a limit has left is what it has left when it lets a request pass.
        answer = (asked, fault, logged, self._told(now))
        self._under_way = asyncio.get_running_loop().call_later(delay, self._answer, *answer)

    def _answer(self, asked: Asked, fault: str, logged: Logged, headers: bytes) -> None:
        """The end of a request, whether its client is still there or not."""
        bench, now = self._bench, time.monotonic()
        self._under_way = None
        bench.counts.end(now)
        if bench.limit:
            bench.limit.leave()
        if self._transport is None:
            return
        if fault == "reset":
            self._transport.abort()
        elif fault == "error_500":
            self._write(500, BROKEN, headers)
        else:
            body = bench.answers.body(asked, bench.counts.accepted)
            if fault == "torn":
                self._write(200, body[: len(body) // 2], headers)
                return
            bench.counts.answered += 1
            bench.counts.whole[asked.hash] += 1
            logged.answered = now
            self._write(200, body, headers)

    def _told(self, now: float) -> bytes:
        limit, settings = self._bench.limit, self._bench.settings
        return told(limit, settings.counted, now) if limit and settings.rate_headers else b""

    def _write(self, status: int, body: bytes, headers: bytes = b"") -> None:
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
                % (status, REASONS[status], len(body), headers, body)
            )
