"""What filtering and fit buy a student, `filtering_gain` and `fit_gain`, with simulated teachers that are bad in three ways.

    python -m potstill.bench.filter_gain [--quick]

For each teacher the same tiny student is trained on as many rows: one answer to each of some prompts, drawn from all answers
(the random control) or from those that a rule keeps; to the control's very prompts the answer of each that fits a warmed-up
student best; and the best fitting of all answers. Over the seeds change the draw of the rows, the first weights, their order, the
warm-up and the held-out prompts; arms are compared seed by seed. The figures are to be read whichever way they go: a claim holds
if it was measured with its n and its interval.
"""

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import repeat
from math import isfinite, sqrt
from multiprocessing import get_context
from statistics import fmean, stdev

import numpy as np
import orjson
from numpy.typing import NDArray

from potstill.recipe.fit import FitSection

from .claims import Claim, Effort, print_table
from .filter_gain_rows import (
    MIX,
    RULES,
    TEACHERS,
    Answered,
    Label,
    answers,
    best_of_each,
    label,
    mix,
    one_of_each,
    questions,
)

CONFIDENCE = 0.95
RANDOM, FIT_OF_PROMPT, FIT_OF_ALL = "random", "fit of prompt", "fit of all"
FIT_OF_ALL_WITH = "habit"
"""With this teacher alone the best of all answers are tried too: ranked beside each other, one skill's answers win."""
DROPS_NOTHING = 0.99
"""A rule that keeps this share of the rows is not tried: its student would be the control's twin."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained."""

    prompts: int
    """Asked of each teacher, three draws each."""
    rows: int
    """That each student is trained on, where the strictest rule leaves so many."""
    steps: int
    """Of 64 rows."""
    heldout: int
    """Prompts that each seed's students are examined with; other ones for each seed."""
    seeds: int
    fit: FitSection


FULL = Size(prompts=4_000, rows=2_500, steps=160, heldout=400, seeds=5, fit=FitSection(warm_rows=4_000, warm_steps=60))
QUICK = Size(prompts=500, rows=250, steps=12, heldout=40, seeds=2, fit=FitSection(warm_rows=300, warm_steps=6))


@dataclass(frozen=True, slots=True)
class Arm:
    """What one way to choose rows came to."""

    teacher: str
    name: str
    pool: int
    """Rows that it chose among."""
    rows: int
    """That it chose for each student."""
    mix: Sequence[float]
    """Of the rows trained on, mean over the seeds."""
    right: Sequence[NDArray[np.bool_]]
    """For each seed, which of its held-out prompts."""

    @property
    def scores(self) -> list[float]:
        """The share right, seed by seed."""
        return [float(one.mean()) for one in self.right]


@dataclass(frozen=True, slots=True)
class Gain:
    """One arm's score minus the control's, paired by seed."""

    value: float
    low: float
    high: float
    seeds: int


def measure(effort: Effort, keep: Label = label) -> list[Claim]:
    """The claims, one for each teacher and what was tried on it, after two tables.

    Args:
        effort: quick or not.
        keep: which rows rules keep.
    """
    size = QUICK if effort.quick else FULL
    asked, heldout = questions(size.prompts, size.heldout * size.seeds)
    examinations = [heldout[seed * size.heldout : (seed + 1) * size.heldout] for seed in range(size.seeds)]
    claims: list[Claim] = []
    arms: list[Arm] = []
    with one_thread_each() as pool:
        for teacher, settings in TEACHERS.items():
            rows = answers(settings, asked)
            control, *tried = arms_of(teacher, rows, examinations, size, keep, pool)
            arms += [control, *tried]
            claims += [_claim(arm, gain(arm.right, control.right)) for arm in tried]
    _tell(arms, size)
    return claims


@contextmanager
def one_thread_each() -> Iterator[Executor]:
    """A process for each core, with one thread in each: two trainings side by side are faster than two threads in one."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read when the processes import torch
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield pool


def arms_of(
    teacher: str,
    rows: Sequence[Answered],
    examinations: Sequence[Sequence[Mapping[str, str]]],
    size: Size,
    keep: Label,
    pool: Executor,
) -> Iterator[Arm]:
    """The random control first, then every rule that drops something of this teacher's answers, then the best fitting rows."""
    from .filter_gain_train import examined

    texts = [text for row in rows for text in (row.asked, row.said)]
    seeds = range(len(examinations))
    for name, (among, draws) in _choices(teacher, rows, size, len(examinations), keep, pool).items():
        same = (repeat(texts), examinations, repeat(size.steps), seeds)
        right = list(pool.map(examined, draws, *same))
        _note(teacher, name, right)
        mixes = zip(*map(mix, draws), strict=True)
        yield Arm(teacher, name, among, len(draws[0]), [fmean(column) for column in mixes], right)


def _choices(
    teacher: str, rows: Sequence[Answered], size: Size, seeds: int, keep: Label, pool: Executor
) -> dict[str, tuple[int, list[list[Answered]]]]:
    """For each arm how many rows it chose among, and what it chose for each seed."""
    from .filter_gain_train import fits

    pools = _pools(rows, keep)
    # Equal rows, also where a rule keeps answers to fewer prompts than were meant.
    count = min(size.rows, *(len({row.asked for row in pool}) for pool in pools.values()))
    found = {
        name: (len(pool), [one_of_each(pool, count, seed) for seed in range(seeds)]) for name, pool in pools.items()
    }
    drawn = found[RANDOM][1]
    among = [_answering(rows, {row.asked for row in one}) for one in drawn]
    ratios = pool.map(fits, among, [size.fit.model_copy(update={"seed": seed}) for seed in range(seeds)])
    for mine, candidates, ratio in zip(drawn, among, ratios, strict=True):
        order = sorted(candidates, key=lambda row: (ratio[row.id], row.id))
        found.setdefault(FIT_OF_PROMPT, (len(order), []))[1].append(best_of_each(order, mine))
        if teacher == FIT_OF_ALL_WITH:
            found.setdefault(FIT_OF_ALL, (len(order), []))[1].append(order[:count])
    return found


def _answering(rows: Sequence[Answered], asked: Collection[str]) -> list[Answered]:
    return [row for row in rows if row.asked in asked]


def _pools(rows: Sequence[Answered], keep: Label) -> dict[str, list[Answered]]:
    """What the control and the rules choose among; rules that keep the same as those before them are not tried again."""
    pools = {RANDOM: list(rows)}
    for name, rules in RULES.items():
        kept = keep(rows, rules)
        pool = [row for row in rows if row.id in kept]
        if len(pool) < DROPS_NOTHING * len(rows) and pool not in pools.values():
            pools[name] = pool
    return pools


def gain(right: Sequence[NDArray[np.bool_]], control: Sequence[NDArray[np.bool_]]) -> Gain:
    """The mean difference over seeds with the wider of two 95% intervals.

    Student's t over the seeds knows the luck of training, and has no width where all seeds say the same; Tango's over all
    held-out prompts knows the luck of the prompts alone, and always has one.
    """
    from scipy.stats import t

    from potstill.eval.statistics import difference

    each = [float(one.mean() - other.mean()) for one, other in zip(right, control, strict=True)]
    value = fmean(each)
    half = float(t.ppf((1 + CONFIDENCE) / 2, len(each) - 1)) * stdev(each) / sqrt(len(each))
    prompts = difference(np.concatenate(right), np.concatenate(control), CONFIDENCE)
    return Gain(value, min(value - half, prompts.low), max(value + half, prompts.high), len(each))


def _claim(arm: Arm, found: Gain) -> Claim:
    what = {FIT_OF_PROMPT: "fit_gain_of_prompt", FIT_OF_ALL: "fit_gain_of_all"}.get(
        arm.name, f"filtering_gain_{arm.name.replace(', ', '_')}"
    )
    told = f"measured: {found.low:+.3f} to {found.high:+.3f}, n = {found.seeds} seeds"
    measured = found.seeds >= FULL.seeds and isfinite(found.low) and found.low < found.high
    return Claim(f"{what}_{arm.teacher}", float(f"{found.value:.4g}"), told, measured)


def _tell(arms: Sequence[Arm], size: Size) -> None:
    rows = [
        (arm.teacher, arm.name, arm.pool, arm.rows, fmean(arm.scores), min(arm.scores), max(arm.scores), *arm.mix)
        for arm in arms
    ]
    print_table(
        f"Students trained for {size.steps} steps, {size.seeds} seeds, each examined with "
        f"{size.heldout} held-out prompts; of what kinds the rows were:",
        ("teacher's errors", "trained on", "chosen among", "rows", "score", "least", "most", *MIX),
        rows,
    )


def _note(teacher: str, name: str, right: Sequence[NDArray[np.bool_]]) -> None:
    scores = ", ".join(f"{one.mean():.3f}" for one in right)
    print(f"{teacher}: {name}: {scores}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and tell."""
    claims = measure(Effort(quick="--quick" in sys.argv[1:]))
    rows = [(claim.name, claim.value, claim.target, "yes" if claim.holds else "NO") for claim in claims]
    print_table("Gains:", ("claim", "value", "target", "holds"), rows)
    print(orjson.dumps({"claims": [asdict(claim) for claim in claims]}).decode())


if __name__ == "__main__":
    main()
