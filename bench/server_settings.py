"""What the light server does: how long it takes, what it forbids, what goes wrong. One JSON object on its command line."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenBucket(_Frozen):
    """Refills steadily at `per_minute`, holds at most `holds`; full at first."""

    kind: Literal["bucket"] = "bucket"
    per_minute: float
    holds: float


class FixedWindow(_Frozen):
    """`count` in each window of `seconds`; the first request begins the first window."""

    kind: Literal["window"] = "window"
    count: int
    seconds: float


class InFlight(_Frozen):
    """At most `count` requests under way at once."""

    kind: Literal["concurrency"] = "concurrency"
    count: int


Counted = Literal["requests", "tokens", "tokens with caps"]
"""What a limit counts: requests; the tokens that a request will use; or its input tokens and its output cap, as OpenAI does."""
Scheme = Annotated[TokenBucket | FixedWindow | InFlight, Field(discriminator="kind")]


class Faults(_Frozen):
    """Shares of attempts that go wrong, each decided by the hash of the body and the number of the attempt."""

    error_500: float = 0.0
    reset: float = 0.0
    """The connection is cut when the answer is due."""
    torn: float = 0.0
    """Status 200 and half of the JSON."""
    hang: float = 0.0
    """Answered only after `hang_s`."""
    hang_s: float = 65.0


class ServerSettings(_Frozen):
    """Everything that can be set."""

    latency_s: float = 0.05
    """Seconds before each answer; the median where `sigma` is not 0."""
    sigma: float = 0.0
    """Latency is lognormal with this standard deviation of its logarithm."""
    scheme: Scheme | None = None
    """The rate limit."""
    counted: Counted = "requests"
    """What it counts, all of it when the request comes; a limit of what is in flight counts requests always."""
    rate_headers: bool = False
    """Whether `x-ratelimit-*-requests`, or `-tokens`, headers tell of it."""
    retry_after: bool = False
    """Whether a 429 says when to come again."""
    faults: Faults = Faults()
    log: bool = False
    """Whether `GET /log` can tell of every request; it takes memory."""
