"""What random `kill -9` costs: nothing that was handed over is asked again, nothing that was answered 50 ms before the kill is.

A child asks 1,000 prompts, 32 at once, and writes down the name of each as its answer is handed over. It is killed at a random
moment, and the next child goes on, until one ends by itself; then the stage `generate` writes its tables, and the same prompts
go through an unbroken run in another folder. The server outlives them all and knows when it received and answered what. No
two prompts are the same request and the server makes no faults, so whatever it receives twice is asked again because of a kill.

What a commit takes, the disk decides in the end: how long it took at most for one small write meanwhile, twenty times a second,
is in the table.
"""

import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

from .claims import Claim, Effort, none_of, print_table
from .server import Address, start_server
from .server_settings import ServerSettings
from .teacher_forks import fork, import_everything
from .teacher_job import scratch
from .teacher_prompts import write_prompts
from .teacher_stage import digest_of_tables, generate, hand_over, prepare

PROMPTS, AT_ONCE = 1_000, 32
LONGEST_LIFE_S = 0.5
UNBEGUN = 0.2
"""The share of kills at any moment since birth; the others come when the child has sent a request that is new."""
LOST_AT_MOST_S = 0.05
PAGE, WRITES_EVERY_S = 16_384, 0.05
"""The ledger's page, and how often one is written beside."""

Request = tuple[str, float, float]
"""The name of a prompt, when the server received it, when it answered or 0."""


@dataclass(frozen=True, slots=True)
class Kill:
    """When it was, and what had been handed over before."""

    at: float
    over: float
    """When the next child was born: what the server received until then had been sent by the dead one."""
    handed_over: frozenset[str]


@dataclass(slots=True)
class Found:
    """What all kills together did."""

    kills: int = 0
    met_work: int = 0
    """Kills at whose instant requests were open."""
    corpora: int = 0
    open_again: int = 0
    """Asked again after they were open at the instant of a kill."""
    ages: list[float] = field(default_factory=list)
    """Of those asked again although answered, the seconds from the answer to the kill."""
    handed_over_again: int = 0
    different: int = 0
    """Tables that are not those of an unbroken run."""

    @property
    def rebought(self) -> int:
        """Asked again without an excuse."""
        return sum(age >= LOST_AT_MOST_S for age in self.ages)


def measure(effort: Effort) -> list[Claim]:
    """All claims about kills."""
    import_everything()
    wanted, found, random_ = (10 if effort.quick else 200), Found(), random.Random(0)
    settings = ServerSettings(latency_s=0.03, sigma=0.5, log=True)
    with _disk_watched() as writes, start_server(settings) as server:
        while found.kills < wanted:
            with scratch() as home:
                _corpus(server, home, found, random_)
        slowest = max(map(float, writes.read_text().splitlines()[:-1]), default=0.0) * 1000
    oldest = max(found.ages, default=0.0) * 1000
    again = ("asked again: open", "answered", "oldest of them, ms", "handed over")
    seen = (found.open_again, len(found.ages), oldest, found.handed_over_again)
    head = ("kills", "with requests open", "corpora", *again, "tables that differ", "slowest write of the disk, ms")
    row = (found.kills, found.met_work, found.corpora, *seen, found.different, slowest)
    print_table("Killed at random:", head, [row])
    return [
        none_of("kill_rebought", found.rebought + found.handed_over_again, found.kills),
        none_of("kill_tables_differ", found.different, found.corpora),
    ]


@contextmanager
def _disk_watched() -> Iterator[Path]:
    """A file with the seconds, one to a line, that single writes to the disk take, made one after the other meanwhile."""
    with scratch() as folder:
        watch = fork(lambda: _write_until_killed(folder), folder / "said")
        try:
            yield folder / "seconds"
        finally:
            watch.live(0.0)


def _write_until_killed(folder: Path) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, page = os.getppid(), os.open(folder / "page", os.O_WRONLY | os.O_CREAT)
    with (folder / "seconds").open("w", buffering=1) as told:
        while os.getppid() == parent:
            began = time.monotonic()
            os.pwrite(page, bytes(PAGE), 0)
            os.fdatasync(page)
            print(time.monotonic() - began, file=told)
            time.sleep(WRITES_EVERY_S)
    return 0


def _corpus(server: Address, home: Path, found: Found, random_: random.Random) -> None:
    """One set of prompts, killed until it is through; what the server saw of it; and how it is without kills."""
    said, handed, before = home / "said", home / "handed", len(server.log())
    broken, whole = (_project(home / name, found.corpora) for name in ("broken", "whole"))
    kills: list[Kill] = []
    while True:
        received = server.stats()["received"]
        child = fork(lambda: hand_over(broken, server.base_url, AT_ONCE, handed), said)
        begun = partial(_more_than, received, server) if random_.random() >= UNBEGUN else lambda: True
        at = child.live(random_.uniform(0, LONGEST_LIFE_S), begun)
        if at is None:
            break
        # A name that the kill cut short is no name.
        names = handed.read_text().split("\n")[:-1] if handed.exists() else []
        kills.append(Kill(at, time.monotonic(), frozenset(names)))
    fork(lambda: generate(broken, server.base_url, AT_ONCE), said).end()
    _judge(server.log()[before:], kills, found)
    fork(lambda: generate(whole, server.base_url, AT_ONCE), said).end()
    found.kills += len(kills)
    found.corpora += 1
    found.different += digest_of_tables(broken, said) != digest_of_tables(whole, said)


def _more_than(received: int, server: Address) -> bool:
    return server.stats()["received"] > received


def _project(home: Path, corpus: int) -> Path:
    """A folder with prompts that no other corpus has, and the stage `prompts` done."""
    home.mkdir()
    write_prompts(home / "prompts.jsonl", PROMPTS, first=corpus * PROMPTS)
    fork(lambda: prepare(home), home / "said").end()
    return home


def _judge(log: Sequence[Request], kills: Sequence[Kill], found: Found) -> None:
    """Count what was asked again, and why."""
    for before, kill in pairwise([Kill(0.0, 0.0, frozenset()), *kills]):
        lived = [(received, answered) for _, received, answered in log if before.over < received <= kill.over]
        found.met_work += any(not 0 < answered <= kill.at for _, answered in lived)
    by_name: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, received, answered in log:
        by_name[name].append((received, answered))
    for name, times in by_name.items():
        for (received, answered), (again, _) in pairwise(times):
            kill = next((kill for kill in kills if received <= kill.over and kill.at < again), None)
            if kill is None:
                raise RuntimeError(f"{name} was asked again though nothing was killed in between")
            if answered and answered <= kill.at:
                found.ages.append(kill.at - answered)
            else:
                found.open_again += 1
            found.handed_over_again += any(name in kill.handed_over for kill in kills if kill.at < again)
