"""How well Potstill keeps to a rate limit that the server tells of in headers, and to one that it has to find out.

The share is of what the limit permits between the first request and the last accepted one:

- token bucket: taken / (what the bucket holds + its rate × elapsed);
- fixed window: taken / (its average rate × elapsed, at least one window), 1 at most: who empties each window as it opens is
  ahead of the average;
- concurrency limit: accepted requests under way, averaged over that time / the limit.

What is taken are accepted requests, or their tokens where the limit counts tokens: those that a request will use, or its input
and its output cap, as OpenAI counts. Blind means that nothing is said of the limit before it is hit, and that a 429 does not
say when to come again. Each limit that is told in headers has a claim of its own, and the blind ones have their worst. The
recipe allows 256 at once throughout. The latency under a concurrency limit, half a second, is long enough that the turn-around
of a busy machine does not decide: at 0.2 s two virtual cores gave 0.95 in one hour and 0.83 in another. Real answers take longer.
"""

from dataclasses import dataclass, replace
from typing import Any

from .claims import Claim, Effort, at_least, at_most, none_of, print_table
from .server import start_server
from .server_answers import INPUT_TOKENS, OUTPUT_TOKENS
from .server_settings import FixedWindow, InFlight, Scheme, ServerSettings, TokenBucket
from .teacher_job import Job, run_job, scratch
from .teacher_runs import OUTPUT_CAP

BUCKET = TokenBucket(per_minute=3_000, holds=50)
USED, CAPPED = INPUT_TOKENS + OUTPUT_TOKENS, INPUT_TOKENS + OUTPUT_CAP
"""Tokens of a request; the second where output caps count."""
HEADERS = {"rate_headers": True, "retry_after": True}


@dataclass(frozen=True, slots=True)
class Case:
    """A limit and how much is asked under it."""

    name: str
    settings: ServerSettings
    requests: int
    claim: str | None = None
    """How the name of its own claim ends; None: it has none."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a limit was kept to."""

    case: Case
    share: float
    limited: int
    """429s."""
    received: int
    """Requests, those among them."""
    lost: int
    seconds: float


def measure(effort: Effort) -> list[Claim]:
    """All claims about limits."""
    cases = _quick() if effort.quick else _cases()
    found = [_ask_under(case) for case in cases]
    head = ("limit", "requests", "share", "429s", "rows lost", "s")
    rows = [
        (one.case.name, one.case.requests, one.share, f"{one.limited / one.received:.2%}", one.lost, one.seconds)
        for one in found
    ]
    print_table("Under a limit:", head, rows)
    told = [one for one in found if one.case.settings.rate_headers]
    blind = [one for one in found if not one.case.settings.rate_headers]
    return [
        *(at_least(f"limit_share_headers{one.case.claim}", one.share, 0.98) for one in told),
        none_of("limit_429s_headers", sum(one.limited for one in told), sum(one.received for one in told)),
        at_least("limit_share_blind", min(one.share for one in blind), 0.90),
        at_most("limit_429s_blind", max(one.limited / one.received for one in blind), 0.05),
        none_of("limit_lost", sum(one.lost for one in found), sum(one.case.requests for one in found)),
    ]


def _cases() -> list[Case]:
    minute, second = 60, 1
    return [
        *_told_of_requests(3_000, FixedWindow(count=500, seconds=10)),
        *_told_of_tokens(3_600, minute, second),
        _case("3,000 a minute, bucket of 50, blind", 3_000, BUCKET),
        _case("3,000 a minute, bucket of 50, Retry-After only", 3_000, BUCKET, retry_after=True),
        _case("500 in each 10 s, blind", 3_000, FixedWindow(count=500, seconds=10)),
        _case("50 in each 1 s, blind", 3_000, FixedWindow(count=50, seconds=1)),
        _case("32 at once, 0.5 s each, blind", 6_000, InFlight(count=32), latency_s=0.5),
        _case(
            "32 at once, lognormal of median 0.3 s, σ = 1, blind", 6_000, InFlight(count=32), latency_s=0.3, sigma=1.0
        ),
    ]


def _quick() -> list[Case]:
    return [
        *_told_of_requests(200, FixedWindow(count=50, seconds=1)),
        *_told_of_tokens(100, 1, 1),
        _case("bucket, blind", 200, BUCKET),
        _case("window, blind", 200, FixedWindow(count=50, seconds=1)),
        _case("at once, blind", 500, InFlight(count=32)),
    ]


def _told_of_requests(requests: int, window: FixedWindow) -> list[Case]:
    bucket = _case("3,000 a minute, bucket of 50, told", requests, BUCKET, **HEADERS)
    even = _case(f"{window.count} in each {window.seconds:g} s, told", requests, window, **HEADERS)
    return [replace(bucket, claim=""), replace(even, claim="_window")]


def _told_of_tokens(requests: int, window_s: float, bucket_s: float) -> list[Case]:
    """Tokens for 50 requests a second, counted either way, in a fixed window and in a bucket of so many seconds' worth."""
    cases = []
    for claim, counted, each in (("_tokens", "tokens", USED), ("_caps", "tokens with caps", CAPPED)):
        window = FixedWindow(count=round(50 * each * window_s), seconds=window_s)
        bucket = TokenBucket(per_minute=3_000 * each, holds=50 * each * bucket_s)
        asked = {"counted": counted, **HEADERS}
        named = f"3,000 requests' {counted} a minute"
        cases.append(
            replace(_case(f"{named}, windows of {window_s:g} s, told", requests, window, **asked), claim=claim)
        )
        even = _case(f"{named}, bucket of {bucket_s:g} s, told", requests, bucket, **asked)
        cases.append(replace(even, claim=claim + "_bucket"))
    return cases


def _case(name: str, requests: int, scheme: Scheme, **settings: Any) -> Case:
    return Case(name, ServerSettings.model_validate({"scheme": scheme.model_dump(), **settings}), requests)


def _ask_under(case: Case) -> Kept:
    with start_server(case.settings) as server, scratch() as home:
        used = run_job(Job("potstill", server.base_url, str(home), case.requests, teacher={"attempts": 20}))
        counts = server.stats()
    match case.settings.scheme:
        case InFlight(count=count):
            share = counts["mean_in_flight"] / count
        case _:
            share = min(1.0, counts["taken"] / counts["permitted"])
    return Kept(case, share, counts["limited"], counts["received"], case.requests - used.rows, used.wall_s)
