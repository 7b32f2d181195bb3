"""The practice teacher's HTTP server: an OpenAI-compatible API that says at every place that it is simulated."""

import asyncio
import hashlib
from collections.abc import Mapping

import orjson
from aiohttp import web

from .chat import Chat
from .faults import RateLimit, fault_of
from .settings import MODEL, PRACTICE_KEY, PracticeSettings
from .stats import Stats
from .wire import ApiError, read_asked

UNLIMITED = "1000000000"
"""What the rate-limit headers say where there is no limit."""


class Practice:
    """One practice teacher at work: settings, counts, and the handlers of its addresses."""

    def __init__(self, settings: PracticeSettings) -> None:
        self.settings = settings
        self.identity = settings.identity()
        digest = hashlib.blake2b(self.identity.encode(), digest_size=6).hexdigest()
        self.chat = Chat(settings, fingerprint=f"simulated-{digest}")
        self.stats = Stats()
        self.limit = RateLimit(settings.rpm) if settings.rpm else None

    async def about(self, request: web.Request) -> web.Response:
        """`GET /`: what this is."""
        said = "Simulated teacher of Potstill: its answers are made up by rule, no language model is behind them."
        told = {"simulated": True, "about": said, "model": MODEL, "identity": self.identity}
        return _json(orjson.dumps(told))

    async def models(self, request: web.Request) -> web.Response:
        """`GET /v1/models`."""
        if error := self._no_key(request):
            return self._refuse(error)
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "potstill (simulated)"}
        return _json(orjson.dumps({"object": "list", "data": [model]}))

    async def count(self, request: web.Request) -> web.Response:
        """`GET /stats`: what was asked, answered and refused so far."""
        return _json(orjson.dumps(self.stats.told()))

    async def complete(self, request: web.Request) -> web.Response:
        """`POST /v1/chat/completions`."""
        raw = await request.read()
        body_hash = hashlib.blake2b(raw, digest_size=16).digest()
        attempt = self.stats.asked[body_hash]
        self.stats.asked[body_hash] += 1
        if error := self._no_key(request):
            return self._refuse(error)
        if self.limit and (wait := self.limit.take()):
            return self._refuse(_too_many("The rate limit"), {"Retry-After": f"{wait:.3f}", **self._limits()})
        fault = fault_of(self.settings, body_hash, attempt, self.stats.failed[body_hash])
        if fault:
            self.stats.failed[body_hash] += 1
            self.stats.faults[fault] += 1
        if self.settings.latency_ms:
            await asyncio.sleep(self.settings.latency_ms / 1000)
        if fault == "fail_hang":
            await asyncio.sleep(self.settings.hang_s)
        elif fault in ("fail_429", "fail_500", "fail_reset"):
            return self._fail(fault, request)
        return self._answer(raw, body_hash, torn=fault == "fail_torn")

    def _answer(self, raw: bytes, body_hash: bytes, torn: bool) -> web.Response:
        asked = read_asked(self.settings, raw)
        reply = asked if isinstance(asked, ApiError) else self.chat.reply(asked)
        if isinstance(reply, ApiError):
            return self._refuse(reply)
        self.stats.prompt_tokens += reply["usage"]["prompt_tokens"]
        self.stats.completion_tokens += reply["usage"]["completion_tokens"]
        body = orjson.dumps(reply)
        if torn:
            return _json(body[: len(body) // 2], self._limits())
        self.stats.answered[body_hash] += 1
        return _json(body, self._limits())

    def _fail(self, fault: str, request: web.Request) -> web.Response:
        if fault == "fail_429":
            headers = {"Retry-After": f"{self.settings.retry_after_s:g}"}
            return _json(_too_many("A simulated limit").body(), headers, status=429)
        if fault == "fail_reset" and request.transport is not None:
            request.transport.abort()
        error = ApiError(500, "internal_error", "A simulated failure of the server.", kind="server_error")
        return _json(error.body(), status=500)

    def _refuse(self, error: ApiError, headers: Mapping[str, str] | None = None) -> web.Response:
        self.stats.errors[error.code] += 1
        return _json(error.body(), headers, status=error.status)

    def _no_key(self, request: web.Request) -> ApiError | None:
        if not self.settings.require_key or request.headers.get("Authorization") == f"Bearer {PRACTICE_KEY}":
            return None
        return ApiError(401, "invalid_api_key", f"This simulated teacher wants the key {PRACTICE_KEY!r}.")

    def _limits(self) -> dict[str, str]:
        limit = self.limit
        return {
            "x-ratelimit-limit-requests": str(self.settings.rpm) if limit else UNLIMITED,
            "x-ratelimit-remaining-requests": str(limit.remaining) if limit else UNLIMITED,
            "x-ratelimit-reset-requests": f"{limit.full_in:.3f}s" if limit else "0s",
            "x-ratelimit-limit-tokens": UNLIMITED,
            "x-ratelimit-remaining-tokens": UNLIMITED,
            "x-ratelimit-reset-tokens": "0s",
        }


def _too_many(what: str) -> ApiError:
    return ApiError(429, "rate_limit_exceeded", f"{what} of requests is reached; try again later.", kind="requests")


def _json(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
