"""How well Potstill keeps to a rate limit that the server tells of in headers, and to one that it has to find out.

The share is of what the limit permits between the first request and the last accepted one:

- token bucket: accepted / (what the bucket holds + its rate × elapsed);
- fixed window: accepted / (its average rate × elapsed, at least one window), 1 at most: who empties each window as it opens is
  ahead of the average;
- concurrency limit: accepted requests under way, averaged over that time / the limit.

Blind means that nothing is said of the limit before it is hit, and that a 429 does not say when to come again. The blind claims
are the worst of all schemes. The recipe allows 256 at once throughout. The latency under a concurrency limit is
long enough that the turn-around of a busy machine does not decide.
"""

from dataclasses import dataclass

from .server import start_server
from .server_settings import FixedWindow, InFlight, Scheme, ServerSettings, TokenBucket
from .teacher_claims import Claim, Effort, at_least, at_most, none_of, print_table
from .teacher_job import Job, run_job, scratch

BUCKET = TokenBucket(per_minute=3_000, holds=50)


@dataclass(frozen=True, slots=True)
class Case:
    """A limit and how much is asked under it."""

    name: str
    settings: ServerSettings
    requests: int


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
        at_least("limit_share_headers", min(one.share for one in told), 0.98),
        none_of("limit_429s_headers", sum(one.limited for one in told), sum(one.received for one in told)),
        at_least("limit_share_blind", min(one.share for one in blind), 0.90),
        at_most("limit_429s_blind", max(one.limited / one.received for one in blind), 0.05),
        none_of("limit_lost", sum(one.lost for one in found), sum(one.case.requests for one in found)),
    ]


def _cases() -> list[Case]:
    return [
        _case("3,000 a minute, bucket of 50, told in headers", 3_000, BUCKET, rate_headers=True, retry_after=True),
        _case("3,000 a minute, bucket of 50, blind", 3_000, BUCKET),
        _case("3,000 a minute, bucket of 50, Retry-After only", 3_000, BUCKET, retry_after=True),
        _case("500 in each 10 s, blind", 3_000, FixedWindow(count=500, seconds=10)),
        _case("50 in each 1 s, blind", 3_000, FixedWindow(count=50, seconds=1)),
        _case("32 at once, 0.2 s each, blind", 6_000, InFlight(count=32), latency_s=0.2),
        _case(
            "32 at once, lognormal of median 0.12 s, σ = 1, blind", 6_000, InFlight(count=32), latency_s=0.12, sigma=1.0
        ),
    ]


def _quick() -> list[Case]:
    return [
        _case("bucket, headers", 200, BUCKET, rate_headers=True, retry_after=True),
        _case("bucket, blind", 200, BUCKET),
        _case("window, blind", 200, FixedWindow(count=50, seconds=1)),
        _case("at once, blind", 500, InFlight(count=32)),
    ]


def _case(name: str, requests: int, scheme: Scheme, **settings: float) -> Case:
    return Case(name, ServerSettings.model_validate({"scheme": scheme.model_dump(), **settings}), requests)


def _ask_under(case: Case) -> Kept:
    with start_server(case.settings) as server, scratch() as home:
        used = run_job(Job("potstill", server.base_url, str(home), case.requests, teacher={"attempts": 20}))
        counts = server.stats()
    match case.settings.scheme:
        case InFlight(count=count):
            share = counts["mean_in_flight"] / count
        case _:
            share = min(1.0, counts["accepted"] / counts["permitted"])
    return Kept(case, share, counts["limited"], counts["received"], case.requests - used.rows, used.wall_s)
