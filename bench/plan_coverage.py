"""How often the method of `potstill plan --pilot` holds what a run then costs: `python -m potstill.bench.plan_coverage`.

Lengths alone are simulated, no server and no command: `planning.extrapolate` is measured (`plan_pilots` asks real pilots).
Each corpus is another draw from the grid below; its pilot is a simple random sample, and the truth is what the prompts that were
not in the pilot then cost.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import median

import numpy as np
from numpy.typing import NDArray

from potstill.planning.extrapolate import Sample, Target, total
from potstill.planning.range import Range

from .claims import Claim, at_least, at_most

Array = NDArray[np.float64]

CORPORA, QUICK = 200, 60
COVERAGE, HIGH_OVER_LOW = 0.92, 2.0

PROMPTS = (200, 1_000, 5_000, 20_000)
PILOTS = (20, 30, 50)
DRAWS = (1, 2, 4)
SHAPES = ("lognormal 0.3", "lognormal 0.6", "lognormal 0.8", "lognormal 1.0", "mixture 0.3 6", "mixture 0.15 8")
"""Of answers: a lognormal with its σ; or a share that is so many times as long as the others, each part lognormal (σ 0.4)."""
UNSEEN = "mixture 0.03 20"
"""Answers so rare and long that a pilot often meets none: in the table, no part of the claims."""
SIZES = ((0.3, 0.0), (0.8, 0.0), (0.8, 0.5), (0.8, 1.0))
"""σ of the prompts' lengths, and the power of a prompt's length that its answers' lengths go with."""
SPOILT = (0.0, 0.05, 0.1)
"""The share of draws that are a refusal of some 15 tokens."""
CAPS = (512, 2048)
"""Output tokens at most; the longest answers are cut off."""
OUTPUT_TIMES = 4.0
"""The price of an output token in input tokens."""
WITHIN = 0.4
"""The part of the variance of log length that lies between draws of one prompt."""


@dataclass(frozen=True, slots=True)
class World:
    """One cell of the grid."""

    prompts: int
    pilot: int
    draws: int
    shape: str
    size: tuple[float, float]
    spoilt: float
    cap: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One corpus: what the pilot foretold and what it then was."""

    world: World
    foretold: Range
    truth: float

    @property
    def holds(self) -> bool:
        """Whether the range holds the truth."""
        return self.foretold.low <= self.truth <= self.foretold.high


def worlds(count: int, shapes: Sequence[str], random: np.random.Generator) -> Iterator[World]:
    """So many different cells of the grid, drawn at random without repeats."""
    cells = list(product(PROMPTS, PILOTS, DRAWS, shapes, SIZES, SPOILT, CAPS))
    yield from (World(*cells[place]) for place in random.permutation(len(cells))[:count])


def trial(world: World, random: np.random.Generator) -> Trial:
    """Draw a corpus, ask a pilot, and hold its range against what the rest costs."""
    bodies: Array = np.exp(world.size[0] * random.standard_normal(world.prompts)) * 600 + 500
    tokens = bodies / np.clip(random.normal(4.0, 0.4, world.prompts), 2.0, 6.0)
    answers = _answers(world, bodies, random)
    seen, rest = slice(0, world.pilot), slice(world.pilot, None)
    sample = Sample(bodies[seen], tokens[seen], OUTPUT_TIMES * answers[seen])
    left = len(bodies[rest])
    target = Target(bodies[rest], np.ones(left), np.full(left, float(world.draws)))
    truth = float(tokens[rest].sum() + OUTPUT_TIMES * answers[rest].sum())
    return Trial(world, total(sample, target), truth)


def _answers(world: World, bodies: Array, random: np.random.Generator) -> Array:
    """Output tokens, shape (prompts, draws)."""
    kind, *numbers = world.shape.split()
    if kind == "lognormal":
        lengths = 200 * _spread(float(numbers[0]), world, random)
    else:
        share, times = map(float, numbers)
        long = random.random((world.prompts, 1)) < share
        lengths = 60 * np.where(long, times, 1.0) * _spread(0.4, world, random)
    lengths *= (bodies / bodies.mean())[:, None] ** world.size[1]
    lengths = np.where(random.random(lengths.shape) < world.spoilt, 15, lengths)
    return np.clip(lengths, 1, world.cap).astype(np.float64)


def _spread(sigma: float, world: World, random: np.random.Generator) -> Array:
    within = WITHIN if world.draws > 1 else 0.0
    prompt = random.standard_normal((world.prompts, 1)) * (1 - within) ** 0.5
    draw = random.standard_normal((world.prompts, world.draws)) * within**0.5
    return np.exp(sigma * (prompt + draw))


def trials(count: int, shapes: Sequence[str] = SHAPES, seed: int = 0) -> list[Trial]:
    """Simulated corpora, each from another cell."""
    random = np.random.default_rng(seed)
    return [trial(world, random) for world in worlds(count, shapes, random)]


@dataclass(frozen=True, slots=True)
class Figures:
    """What some trials come to."""

    held: float
    high_over_low: float


def figures(done: Sequence[Trial]) -> Figures:
    """The share of ranges that hold the truth, and the median of high / low."""
    held = sum(one.holds for one in done) / len(done)
    return Figures(held, median(one.foretold.high / one.foretold.low for one in done))


def claims(quick: bool) -> list[Claim]:
    """The two figures of the plan against their targets; `quick` simulates fewer corpora."""
    found = figures(trials(QUICK if quick else CORPORA))
    return [
        at_least("plan_coverage", found.held, COVERAGE),
        at_most("plan_high_over_low", found.high_over_low, HIGH_OVER_LOW),
    ]


def print_table(count: int) -> None:
    """Coverage and median high / low by each side of the grid, over corpora of another seed than the claims'."""
    done = trials(count, seed=1)
    print("| corpora | of them | holds the truth | median high / low |\n|---|---|---|---|")
    for name in ("prompts", "pilot", "draws", "shape", "size", "spoilt", "cap"):
        for value in sorted({getattr(one.world, name) for one in done}):
            _print_row(f"{name} {value}", [one for one in done if getattr(one.world, name) == value])
    _print_row("all", done)
    _print_row(f"none of these: {UNSEEN}", trials(count // 10, (UNSEEN,), seed=2))


def _print_row(name: str, done: Sequence[Trial]) -> None:
    found = figures(done)
    print(f"| {name} | {len(done):,} | {found.held:.3f} | {found.high_over_low:.2f} |")


def main() -> None:
    """Print the claims as one line of JSON; with --table N, first a table over N corpora."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} corpora instead of {CORPORA}")
    parser.add_argument("--table", type=int, metavar="N", help="first print a table over N corpora (of another seed)")
    asked = parser.parse_args()
    if asked.table:
        print_table(asked.table)
    print(json.dumps({"claims": [asdict(claim) for claim in claims(asked.quick)]}))


if __name__ == "__main__":
    main()
