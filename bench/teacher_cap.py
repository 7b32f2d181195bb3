"""Whether a cap of one dollar holds: 256 at once, 5% faults, random kills; the truth is what the server would bill.

The server bills every request that it accepts, whether anybody receives the answer or not, but those that end in a 500. Each
seed is a project of its own: children generate and are killed up to three times, the last one runs until it stops by itself,
with the exit status of a budget that is reached. What is charged then must leave no room for one more worst case: a cap is
not kept by sending little.

A kill comes after a random one of the requests that the cap still leaves room for, and after up to 30 ms more. What a killed
child had sent and never settled is the hard part, so at least 80% of the kills must meet open requests: connections that the
server sees closed before their answer.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import BudgetReached

from .claims import Claim, Effort, at_least, none_of, print_table
from .server import Address, start_server
from .server_answers import INPUT_TOKENS, OUTPUT_TOKENS
from .server_settings import Faults, ServerSettings
from .teacher_forks import fork, import_everything
from .teacher_job import scratch
from .teacher_prompts import write_prompts
from .teacher_runs import OUTPUT_CAP, PRICE
from .teacher_stage import generate, prepare, project

CAP_USD = 1.0
PROMPTS, AT_ONCE, MOST_KILLS, LONGEST_WAIT_S = 700, 256, 3, 0.03
FAULTY = ServerSettings(latency_s=0.2, sigma=0.5, faults=Faults(error_500=0.02, reset=0.015, torn=0.015))
LARGEST_BODY = 1_000
"""Bytes, before there was any."""
ROUNDING_USD = 1e-9


@dataclass(frozen=True, slots=True)
class Stop:
    """How one seed ended, in US dollars."""

    met: tuple[int, ...]
    """Open requests at each kill."""
    billed: float
    """The truth."""
    charged: float
    """What the ledger says, what is unsettled at its worst."""
    worst: float
    """One request at its worst."""

    @property
    def overrun(self) -> bool:
        return self.billed > CAP_USD + ROUNDING_USD

    @property
    def timid(self) -> bool:
        return self.charged + self.worst <= CAP_USD


def measure(effort: Effort) -> list[Claim]:
    """All claims about the cap."""
    import_everything()
    with start_server(FAULTY) as server:
        stops = [_seed(server, seed) for seed in range(5 if effort.quick else 100)]
    billed, charged = sorted(stop.billed for stop in stops), sorted(stop.charged for stop in stops)
    met = [requests for stop in stops for requests in stop.met]
    with_open = sum(requests > 0 for requests in met)
    kills = (len(met), with_open, sum(met))
    usd = (billed[0], billed[len(billed) // 2], billed[-1], charged[0], charged[-1], stops[0].worst)
    head = ("seeds", "kills", "of them with requests open", "requests open")
    head += ("billed, least", "median", "most", "charged, least", "most", "one worst case")
    print_table("A cap of $1:", head, [(len(stops), *kills, *(f"{cell:.4f}" for cell in usd))])
    return [
        at_least("cap_kills_with_open_requests", with_open / len(met) if met else 0.0, 0.8),
        none_of("cap_overrun", sum(stop.overrun for stop in stops), len(stops)),
        none_of("cap_kept_by_sending_little", sum(stop.timid for stop in stops), len(stops)),
    ]


def _seed(server: Address, seed: int) -> Stop:
    random_, before = random.Random(seed), _billed(server)
    met: list[int] = []
    with scratch() as home:
        write_prompts(home / "prompts.jsonl", PROMPTS, first=seed * PROMPTS)
        fork(lambda: prepare(home), home / "said").end()
        for _ in range(random_.randint(0, MOST_KILLS)):
            room = (CAP_USD - _billed(server) + before) / _worst(server)
            open_ = _kill(server, home, random_.uniform(0, room), random_.uniform(0, LONGEST_WAIT_S))
            met += [] if open_ is None else [open_]
        fork(lambda: _until_stopped(home, server), home / "said").end()
        told = home / "charged"
        fork(lambda: _charged(home, told), home / "said").end()
        charged = float(told.read_text())
    return Stop(tuple(met), _billed(server) - before, charged, _worst(server))


def _kill(server: Address, home: Path, requests: float, wait: float) -> int | None:
    """Kill a child some seconds after it has sent more than so many requests; how many were open, None if it ended before."""
    before = server.stats()
    child = fork(lambda: _until_stopped(home, server), home / "said")
    if child.live(wait, lambda: server.stats()["received"] - before["received"] > requests) is None:
        return None
    # What the dead child's connections still carry comes to the server before our question does.
    return server.stats()["abandoned"] - before["abandoned"]


def _until_stopped(home: Path, server: Address) -> int:
    """0 if the budget is what ended it."""
    status = generate(home, server.base_url, AT_ONCE, budget={"usd": CAP_USD})
    return 0 if status == BudgetReached.exit_code else 98


def _charged(home: Path, told: Path) -> int:
    from potstill.ledger.ledger import Ledger

    run = project(home)
    with Ledger(run.ledger) as ledger:
        told.write_text(repr(ledger.spent(run.recipe.name)[0]))
    return 0


def _worst(server: Address) -> float:
    """One request at its worst; the largest that the server has seen is as large as any."""
    return _usd(server.stats()["largest_body"] or LARGEST_BODY, OUTPUT_CAP)


def _billed(server: Address) -> float:
    billed = server.stats()["billed"]
    return _usd(billed["input"], billed["output"])


def _usd(input_tokens: int, output_tokens: int) -> float:
    return (input_tokens * PRICE["input"] + output_tokens * PRICE["output"]) / 1e6


assert _usd(INPUT_TOKENS, OUTPUT_TOKENS) < CAP_USD / 200  # a dollar buys a few hundred answers
