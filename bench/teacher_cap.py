"""Whether a cap of one dollar holds: 256 at once, 5% faults, random kills; the truth is what the server would bill.

The server bills every request that it accepts, whether anybody receives the answer or not, but those that end in a 500. Each
seed is a project of its own: children generate and are killed up to three times at random moments, the last one runs until
it stops by itself, with the exit status of a budget that is reached. What is charged then must leave no room for one more
worst case: a cap is not kept by sending little.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from potstill.errors import BudgetReached

from .server import Address, start_server
from .server_answers import INPUT_TOKENS, OUTPUT_TOKENS
from .server_settings import Faults, ServerSettings
from .teacher_claims import Claim, Effort, none_of, print_table
from .teacher_forks import fork, import_everything
from .teacher_job import scratch
from .teacher_prompts import write_prompts
from .teacher_runs import OUTPUT_CAP, PRICE
from .teacher_stage import generate, prepare, project

CAP_USD = 1.0
PROMPTS, AT_ONCE, MOST_KILLS, LONGEST_LIFE_S = 700, 256, 3, 0.5
FAULTY = ServerSettings(latency_s=0.03, sigma=0.5, faults=Faults(error_500=0.02, reset=0.015, torn=0.015))
ROUNDING_USD = 1e-9


@dataclass(frozen=True, slots=True)
class Stop:
    """How one seed ended, in US dollars."""

    kills: int
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
    """Both claims about the cap."""
    import_everything()
    with start_server(FAULTY) as server:
        stops = [_seed(server, seed) for seed in range(5 if effort.quick else 100)]
    billed, charged = sorted(stop.billed for stop in stops), sorted(stop.charged for stop in stops)
    head = ("seeds", "kills", "billed, least", "median", "most", "charged, least", "most", "one worst case")
    middle, kills = billed[len(billed) // 2], sum(stop.kills for stop in stops)
    rows = [(len(stops), kills, billed[0], middle, billed[-1], charged[0], charged[-1], stops[0].worst)]
    print_table("A cap of $1:", head, [tuple(f"{cell:.4f}" if isinstance(cell, float) else cell for cell in rows[0])])
    return [
        none_of("cap_overrun", sum(stop.overrun for stop in stops), len(stops)),
        none_of("cap_kept_by_sending_little", sum(stop.timid for stop in stops), len(stops)),
    ]


def _seed(server: Address, seed: int) -> Stop:
    random_, before, kills = random.Random(seed), _billed(server), 0
    with scratch() as home:
        write_prompts(home / "prompts.jsonl", PROMPTS, first=seed * PROMPTS)
        fork(lambda: prepare(home), home / "said").end()
        for _ in range(random_.randint(0, MOST_KILLS)):
            child = fork(lambda: _until_stopped(home, server), home / "said")
            kills += child.live(random_.uniform(0, LONGEST_LIFE_S)) is not None
        fork(lambda: _until_stopped(home, server), home / "said").end()
        told = home / "charged"
        fork(lambda: _charged(home, told), home / "said").end()
        charged = float(told.read_text())
    worst = _usd(server.stats()["largest_body"], OUTPUT_CAP)
    return Stop(kills, _billed(server) - before, charged, worst)


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


def _billed(server: Address) -> float:
    billed = server.stats()["billed"]
    return _usd(billed["input"], billed["output"])


def _usd(input_tokens: int, output_tokens: int) -> float:
    return (input_tokens * PRICE["input"] + output_tokens * PRICE["output"]) / 1e6


assert _usd(INPUT_TOKENS, OUTPUT_TOKENS) < CAP_USD / 200  # a dollar buys a few hundred answers
