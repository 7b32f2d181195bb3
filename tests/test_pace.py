"""The pace, in virtual time: what is permitted is used, 429s are few, and no limit stops it for good."""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from potstill.teacher.traffic.headers import duration, rate, retry_after
from potstill.teacher.traffic.pace import Limits, Pace
from potstill.teacher.traffic.tokens import Charges

Headers = Mapping[str, str]


class Server(Protocol):
    def take(self, now: float, inside: int, tokens: int) -> bool: ...

    def told(self, now: float) -> Headers: ...


@dataclass
class Bucket:
    """A token bucket that is full at first."""

    per_second: float
    holds: float
    kind: str = "requests"
    told_a_minute: float = 0
    counted: Callable[[int], int] = lambda tokens: tokens
    _at: float = 0.0
    _left: float = field(init=False)

    def __post_init__(self) -> None:
        self._left = self.holds

    def take(self, now: float, inside: int, tokens: int) -> bool:
        self._left = min(self.holds, self._left + (now - self._at) * self.per_second)
        self._at = now
        amount = self.counted(tokens) if self.kind == "tokens" else 1
        if self._left < amount - 1e-9:
            return False
        self._left -= amount
        return True

    def told(self, now: float) -> Headers:
        full_in = (self.holds - self._left) / self.per_second
        return limit_headers(self.kind, self.told_a_minute, self._left, full_in)


@dataclass
class Window:
    """So many in each stretch of time."""

    count: int
    seconds: float
    begins: float = 0.0
    told_a_minute: float = 0
    kind: str = "requests"
    _turn: int = -1
    _used: int = 0

    def take(self, now: float, inside: int, tokens: int) -> bool:
        turn = math.floor((now - self.begins) / self.seconds)
        if turn != self._turn:
            self._turn, self._used = turn, 0
        taken = self._used < self.count
        self._used += taken
        return taken

    def told(self, now: float) -> Headers:
        ends = (self._turn + 1) * self.seconds + self.begins
        return limit_headers(self.kind, self.told_a_minute, self.count - self._used, ends - now)


@dataclass
class AtOnce:
    """So many in flight."""

    count: int

    def take(self, now: float, inside: int, tokens: int) -> bool:
        return inside < self.count

    def told(self, now: float) -> Headers:
        return {}


@dataclass
class AtRandom:
    """429s that have nothing to do with the pace."""

    share: float
    chance: random.Random = field(default_factory=lambda: random.Random(3))

    def take(self, now: float, inside: int, tokens: int) -> bool:
        return self.chance.random() >= self.share

    def told(self, now: float) -> Headers:
        return {}


@dataclass
class Daily:
    """A bucket of a day that is told of, and a limit by the minute that is not."""

    day: Bucket
    minute: Bucket

    def take(self, now: float, inside: int, tokens: int) -> bool:
        return self.minute.take(now, inside, tokens) and self.day.take(now, inside, tokens)

    def told(self, now: float) -> Headers:
        return self.day.told(now)


def limit_headers(kind: str, limit: float, remaining: float, reset: float) -> Headers:
    if not limit:
        return {}
    said = {"limit": f"{limit:.0f}", "remaining": str(int(remaining)), "reset": f"{max(reset, 0):.3f}s"}
    return {f"x-ratelimit-{name}-{kind}": value for name, value in said.items()}


@dataclass
class Seen:
    """How a job went; its first request went alone, and time counts from the second."""

    seconds: float
    refused: int
    mean_inside: float
    sent_at: list[float]


@dataclass
class Job:
    """A client with as many requests as it may send, and a server."""

    server: Server
    requests: int = 3000
    latency: Callable[[random.Random], float] = lambda chance: 0.05
    refusal_s: float = 0.005
    reserving: Callable[[float, random.Random], float] = lambda now, chance: 0.0
    """Seconds from the place to the sending."""
    way: Callable[[random.Random], float] = lambda chance: 0.0
    """Seconds from the sending until the server sees it."""
    limits: Limits = field(default_factory=lambda: Limits(concurrency=256))
    retry_after: Callable[[float], Headers] = lambda now: {}
    tokens: int = 500
    cap: int = 400
    used: int = 500

    awake: Callable[[float], float] = lambda now: now
    """When the client does what was due at a time."""

    def run(self) -> Seen:
        pace, chance = Pace(self.limits), random.Random(7)
        coming: list = []  # what happens to which ticket when: it is sent, it arrives, or its reply is there
        now, left, answered, refused, inside = 0.0, self.requests, 0, 0, 0
        sent_at: list[float] = []
        order, began, held = itertools.count(), 0.0, 0.0
        while answered < self.requests:
            may = left and (answered or left == self.requests)
            ready = pace.ready_at(now) if may else math.inf
            if ready <= now:
                ticket, left = pace.place(now, self.tokens, self.cap), left - 1
                heapq.heappush(coming, (now + self.reserving(now, chance), next(order), ticket, "sent"))
                continue
            assert coming or ready < math.inf, "nothing in flight, and nothing may go"
            then = min(ready, coming[0][0] if coming else math.inf)
            then = self.awake(then)
            held += inside * (then - now)
            now = then
            if ready <= now:
                continue
            _, _, ticket, what = heapq.heappop(coming)
            if what == "sent":
                pace.set_off(ticket, now)
                began = now if len(sent_at) == 1 else began
                sent_at.append(now)
                heapq.heappush(coming, (now + self.way(chance), next(order), ticket, "arrives"))
                continue
            if what == "arrives":
                taken = self.server.take(now, inside, self.used)
                headers = {**self.server.told(now), **({} if taken else self.retry_after(now))}
                takes = self.latency(chance) if taken else self.refusal_s
                inside += taken
                heapq.heappush(coming, (now + takes, next(order), ticket, (200 if taken else 429, headers)))
                continue
            taken = what[0] == 200
            inside, answered, refused = inside - taken, answered + taken, refused + (not taken)
            left += not taken
            pace.answered(ticket, now, *what)
            if taken:
                pace.used(ticket, self.used)
        return Seen(sent_at[-1] - began, refused, held / now, sent_at)


def ask(pace: Pace, sent: float, answered: float, status: int, headers: Headers) -> None:
    """One request that was sent as soon as it had a place."""
    ticket = pace.place(sent, 100, 50)
    pace.set_off(ticket, sent)
    pace.answered(ticket, answered, status, headers)


def fixed(seconds: float) -> Callable[[random.Random], float]:
    return lambda chance: seconds


def lognormal(median: float, sigma: float) -> Callable[[random.Random], float]:
    return lambda chance: median * math.exp(sigma * chance.gauss(0, 1))


STATED = {
    "a bucket of one second": lambda told: Bucket(50, 50, told_a_minute=told),
    "a bucket of one request": lambda told: Bucket(50, 1, told_a_minute=told),
    "a bucket of a minute": lambda told: Bucket(50, 3000, told_a_minute=told),
    "a window of a minute": lambda told: Window(3000, 60, told_a_minute=told),
    "a window of a minute, half over": lambda told: Window(3000, 60, -30, told_a_minute=told),
}


@pytest.mark.parametrize("latency", [0.05, 1.0, 5.0])
@pytest.mark.parametrize("name", STATED)
def test_a_limit_told_in_headers_is_used_up_without_one_429(name: str, latency: float) -> None:
    seen = Job(STATED[name](3000), requests=6000, latency=fixed(latency)).run()
    assert seen.refused == 0
    assert 6000 / (50 * seen.seconds) >= 0.98


def slow_disk(now: float, chance: random.Random) -> float:
    """Mostly a few milliseconds, sometimes many, and now and then a stall."""
    dice = chance.random()
    return chance.uniform(0.002, 0.01) if dice < 0.8 else chance.uniform(0.01, 0.05) if dice < 0.99 else 0.3


ROOM_FOR_TWO = {name: make for name, make in STATED.items() if name != "a bucket of one request"}
"""What comes later than planned comes at the time of the next: a bucket of one refuses one of them."""
ROOM_FOR_TWO["a window of one second"] = lambda told: Window(50, 1, told_a_minute=told)


@pytest.mark.parametrize("name", ROOM_FOR_TWO)
def test_a_slow_disk_makes_no_429_of_a_limit_told_in_headers(name: str) -> None:
    seen = Job(ROOM_FOR_TWO[name](3000), requests=6000, reserving=slow_disk).run()
    assert seen.refused == 0
    assert 6000 / (50 * seen.seconds) >= 0.95


@pytest.mark.parametrize("name", ROOM_FOR_TWO)
def test_an_uneven_way_to_the_teacher_makes_no_429_of_a_limit_told_in_headers(name: str) -> None:
    seen = Job(ROOM_FOR_TWO[name](3000), requests=6000, way=lambda chance: chance.uniform(0.005, 0.015)).run()
    assert seen.refused == 0
    assert 6000 / (50 * seen.seconds) >= 0.95


def test_a_stall_of_the_disk_is_no_reason_for_a_burst_after_it() -> None:
    job = Job(Bucket(50, 50, told_a_minute=3000), requests=1000)
    job.reserving = lambda now, chance: 15 - now if 10 <= now < 15 else 0.0
    seen = job.run()
    assert seen.refused == 0
    assert 1000 / (50 * (seen.seconds - 5)) >= 0.95


@pytest.mark.parametrize("name", [name for name in ROOM_FOR_TWO if name != "a window of one second"])
def test_what_a_busy_machine_holds_up_is_made_good_while_there_is_plenty(name: str) -> None:
    job = Job(ROOM_FOR_TWO[name](3000), requests=6000)
    job.awake = lambda now: math.floor(now) + 0.15 if math.floor(now) % 2 and now % 1 < 0.15 else now
    seen = job.run()
    assert seen.refused == 0
    assert 6000 / (50 * seen.seconds) >= 0.97


@pytest.mark.parametrize("name", ["a window of a minute", "a bucket of a minute", "a bucket of one second"])
def test_many_small_delays_do_not_add_up(name: str) -> None:
    """Two a second, of 20 to 150 ms."""
    chance, ends = random.Random(5), [0.0]
    held_up = []
    while ends[-1] < 200:
        begins = ends[-1] + chance.expovariate(2)
        ends.append(begins + chance.uniform(0.02, 0.15))
        held_up.append((begins, ends[-1]))
    job = Job(ROOM_FOR_TWO[name](3000), requests=6000)
    job.awake = lambda now: next((ends for begins, ends in held_up if begins <= now < ends), now)
    seen = job.run()
    assert seen.refused == 0
    assert 6000 / (50 * seen.seconds) >= 0.985


def test_idle_time_after_being_late_is_not_made_good() -> None:
    pace = Pace(Limits(256, requests_per_minute=3000))
    pace.place(0.0, 100, 50)
    assert pace.ready_at(0.0) > 0.0
    pace.place(1.0, 100, 50)  # a second late, and so is whatever goes with it
    pace.place(1.001, 100, 50)
    assert pace.ready_at(1.002) <= 1.002
    pace.place(5.0, 100, 50)  # nobody had been waiting
    assert pace.ready_at(5.0) == pytest.approx(5.02, abs=0.001)


def test_a_probe_that_waits_for_the_disk_is_not_taken_for_an_accepted_one() -> None:
    pace = Pace(Limits(1))
    now = 0.0
    for _ in range(100):  # until it pauses: one in flight is refused
        now = max(now, pace.ready_at(now))
        ask(pace, now, now + 0.01, 429, {})
        now += 0.01
    now = max(now, pace.ready_at(now))
    probe = pace.place(now, 100, 50)
    assert pace.ready_at(now + 60) == math.inf
    pace.set_off(probe, now + 60)


@pytest.mark.parametrize("name", STATED)
def test_a_limit_stated_in_the_recipe_is_used_up_without_one_429(name: str) -> None:
    seen = Job(STATED[name](0), limits=Limits(256, requests_per_minute=3000)).run()
    assert seen.refused == 0
    assert 3000 / (50 * seen.seconds) >= 0.98


@pytest.mark.parametrize("begun", [0, 30])
def test_a_limit_by_the_day_is_not_taken_for_one_by_the_minute(begun: int) -> None:
    day = Bucket(14_400 / 86_400, 14_400, told_a_minute=14_400)
    for _ in range(begun):  # others had so many before
        day.take(0.0, 0, 0)
    server = Daily(day, Bucket(4, 4))
    seen = Job(server, requests=1000).run()
    assert seen.refused / (1000 + seen.refused) <= 0.1
    assert 1000 / (4 * seen.seconds) >= 0.95


def test_a_reset_beyond_all_waiting_says_nothing_while_something_is_left() -> None:
    for reset in ("6h0m0s", "1900000000"):
        pace = Pace(Limits(8))
        said = {"limit": "600", "remaining": "599", "reset": reset}
        headers = {f"x-ratelimit-{name}-requests": value for name, value in said.items()}
        for number in range(50):
            ask(pace, float(number), number + 0.5, 200, headers)
            assert pace.ready_at(number + 0.5) <= number + 1
        assert pace.shut_until < 0


def test_with_nothing_left_nothing_goes_before_a_reset_that_can_be_waited_for() -> None:
    pace = Pace(Limits(256))
    ask(pace, 0.0, 0.05, 200, limit_headers("requests", 1000, 0, 300))
    assert pace.ready_at(0.1) == pytest.approx(300.0, abs=0.1)
    assert pace.shut_until < 0
    assert pace.slowed_by == "limited by the requests that the teacher says are left"
    assert pace.ready_at(301) <= 301


def test_of_all_replies_that_tell_of_a_reset_the_latest_counts() -> None:
    pace = Pace(Limits(256))
    ask(pace, 0.0, 0.05, 200, limit_headers("requests", 3000, 10, 1.0))
    ask(pace, 0.1, 0.2, 200, limit_headers("requests", 3000, 0, 0.85))
    assert pace.ready_at(0.2) == pytest.approx(1.01)
    ask(pace, 0.12, 0.99, 200, limit_headers("requests", 3000, 0, 0.86))
    assert pace.ready_at(0.99) == pytest.approx(1.01)
    ask(pace, 1.2, 1.25, 200, limit_headers("requests", 3000, 49, 0.8))
    assert pace.ready_at(1.25) <= 1.27


def test_the_recipe_wins_where_it_is_lower() -> None:
    seen = Job(Bucket(50, 50, told_a_minute=3000), requests=500, limits=Limits(256, requests_per_minute=600)).run()
    assert 0.98 <= 500 / (10 * seen.seconds) <= 1.01


def test_others_with_the_same_key_are_made_room_for() -> None:
    class Shared(Bucket):
        def take(self, now: float, inside: int, tokens: int) -> bool:
            self._left -= min(self._left, (now - self._at) * 25)
            return super().take(now, inside, tokens)

    seen = Job(Shared(50, 3000, told_a_minute=3000), requests=9000).run()
    assert seen.refused <= 90
    assert 9000 / (25 * seen.seconds + 3000) >= 0.85


BLIND = {
    "a bucket of one second": (Bucket(50, 50), fixed(0.05)),
    "a bucket, slow answers": (Bucket(50, 50), fixed(1.0)),
    "a bucket, uneven answers": (Bucket(50, 50), lognormal(0.05, 1.5)),
    "a bucket of a minute": (Bucket(50, 3000), fixed(0.05)),
    "50 in each second": (Window(50, 1), fixed(0.05)),
    "50 in each second, slow answers": (Window(50, 1), fixed(1.0)),
    "500 in each 10 s": (Window(500, 10), fixed(0.05)),
    "500 in each 10 s, uneven answers": (Window(500, 10), lognormal(0.05, 1.5)),
}


@pytest.mark.parametrize("name", BLIND)
def test_a_rate_that_nobody_tells_is_found_and_used(name: str) -> None:
    server, latency = BLIND[name]
    seen = Job(server, latency=latency).run()
    assert seen.refused / (3000 + seen.refused) <= 0.05
    assert 3000 / (50 * seen.seconds) >= 0.88


@pytest.mark.parametrize("latency", [fixed(0.05), fixed(1.0), lognormal(0.05, 1.0)])
def test_a_limit_of_what_is_in_flight_is_found_and_filled(latency: Callable[[random.Random], float]) -> None:
    seen = Job(AtOnce(32), requests=6000, latency=latency).run()
    assert seen.refused / (6000 + seen.refused) <= 0.02
    assert seen.mean_inside / 32 >= 0.9


def test_without_any_limit_all_slots_are_soon_in_use() -> None:
    seen = Job(AtRandom(0.0), requests=40_000).run()
    assert seen.refused == 0
    assert seen.mean_inside / 256 >= 0.8


@pytest.mark.parametrize("latency", [0.05, 1.0])
def test_429s_at_random_do_not_stop_it(latency: float) -> None:
    seen = Job(AtRandom(0.15), latency=fixed(latency)).run()
    assert 3000 / seen.seconds >= 0.02 * 256 / latency


def test_retry_after_is_obeyed_to_the_millisecond() -> None:
    told: list[tuple[float, float]] = []

    def wait(now: float) -> Headers:
        told.append((now + 0.005, now + 0.005 + 1.234))
        return {"retry-after-ms": "1234"}

    seen = Job(Bucket(20, 20), requests=200, retry_after=wait).run()
    assert told
    assert not [at for at in seen.sent_at for heard, until in told if heard < at < until - 1e-9]


def test_sustained_429s_never_stop_the_probing() -> None:
    pace, now, gaps = Pace(Limits(64)), 0.0, []
    for _ in range(300):
        ready = pace.ready_at(now)
        gaps.append(max(0.0, ready - now))
        now = max(now, ready)
        ask(pace, now, now + 0.01, 429, {})
        now += 0.01
    assert max(gaps) <= 5.001
    assert max(gaps[-10:]) > 1.0


def test_when_the_429s_end_the_rate_comes_back() -> None:
    class Closed(Bucket):
        def take(self, now: float, inside: int, tokens: int) -> bool:
            return not 20 <= now < 80 and super().take(now, inside, tokens)

    seen = Job(Closed(50, 50)).run()
    assert seen.seconds <= 60 + 60 * 1.35


def test_a_request_that_was_never_sent_takes_nothing() -> None:
    pace = Pace(Limits(8, requests_per_minute=60))
    pace.returned(pace.place(0.0, 100, 50))
    assert pace.ready_at(0.1) <= 0.1
    assert pace.in_flight == 0


@pytest.mark.parametrize("counts_caps", [True, False])
def test_a_token_limit_is_used_up_whether_or_not_caps_count(counts_caps: bool) -> None:
    counted = (lambda used: 500) if counts_caps else (lambda used: used)
    server = Bucket(1500, 90_000, kind="tokens", told_a_minute=90_000, counted=counted)
    seen = Job(server, requests=900, used=200, latency=fixed(0.5)).run()
    per_second = 1500 / counted(200)
    assert seen.refused == 0
    assert 900 / (per_second * seen.seconds) >= 0.95


def test_a_token_limit_in_the_recipe_is_kept() -> None:
    limits = Limits(256, tokens_per_minute=60_000, counts_caps=False)
    seen = Job(AtRandom(0.0), requests=600, used=250, limits=limits, latency=fixed(0.5)).run()
    assert 0.9 <= 600 * 250 / (1000 * seen.seconds) <= 1.02


def test_whether_caps_count_is_read_off_a_lone_request() -> None:
    counted, uncounted = Charges(None), Charges(None)
    assert counted.learn(500, 400, 150, shown=480) == 500
    assert uncounted.learn(500, 400, 150, shown=110) == 150
    assert (counted.expected(500, 400), uncounted.expected(500, 400)) == (500, 150)


def test_headers_are_read_and_nonsense_is_not() -> None:
    durations = {"12ms": 0.012, "6m0s": 360, "1.5s": 1.5, "59.9": 59.9, "1h2m3s": 3723, "2d": 172_800}
    assert {told: duration(told) for told in durations} == pytest.approx(durations)
    assert [duration(told) for told in ("", "soon", "-1", "5 apples", "1s?", "nan", None)] == [None] * 7
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "2"}) == 2
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    azure = {"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "-1"}
    assert rate(azure, "requests") is None
    assert rate({}, "tokens") is None


def test_what_slows_the_pace_is_said() -> None:
    pace = Pace(Limits(8, requests_per_minute=60))
    assert pace.slowed_by == ""
    pace.place(0.0, 100, 50)
    pace.ready_at(0.1)
    assert pace.slowed_by == "limited to 60 requests a minute by the recipe"
    assert pace.ready_at(10.0) == math.inf
    assert pace.slowed_by == "waiting for the ledger's disk"
