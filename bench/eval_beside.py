"""What stands beside the intervals that decide: the gap that was recovered, and the bootstrap of `retained`."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from potstill.eval.bootstrap import bootstrap_ratio
from potstill.eval.score_interval import Interval, critical, pearsons
from potstill.eval.statistics import gap_allowance

from .claims import Claim, Effort, at_least, print_table
from .eval_worlds import CONFIDENCE, RIGHT_OR_WRONG, Array, Held, World, cells_of, drawn, held

SCORES = (
    (0.01, 0.57, 0.6),
    (0.05, 0.855, 0.9),
    (0.3, 0.9405, 0.99),
    (0.01, 0.99, 0.61),
    (0.5, 0.665, 0.7),
    (0.5, 0.594, 0.6),
    (0.5, 0.66, 0.6),
)
"""Of base, student and teacher."""
OFTEN = 0.1
"""A number that exists less often than this is not held to its record: nearly always there is none to be misled by."""


def gap(effort: Effort) -> list[Claim]:
    """How often `gap_recovered` exists, and then holds the truth."""
    simulations = 500 if effort.quick else 20_000
    rows, worst = [], 1.0
    for items, scores, correlation in product((50,) if effort.quick else (50, 100, 200, 1000), SCORES, (0.0, 0.6)):
        (base, student, teacher), shares = cells_of(scores, correlation, RIGHT_OR_WRONG)
        tables, times = drawn(shares, items, simulations, np.random.default_rng(0))
        truth = float(shares @ (student - base) / (shares @ (teacher - base)))
        stands_out, of_truth = (
            pearsons(tables, np.broadcast_to(w, tables.shape))
            for w in (teacher - base, student - base - truth * (teacher - base))
        )
        ahead = tables @ (teacher - base) > 0
        wider = [
            gap_allowance(float(statistic), critical(CONFIDENCE)) if there else None
            for statistic, there in zip(stands_out, ahead, strict=True)
        ]
        exists = sum(int(count) for count, each in zip(times, wider, strict=True) if each)
        inside = sum(
            int(count)
            for count, statistic, each in zip(times, of_truth, wider, strict=True)
            if each and statistic <= each * critical(CONFIDENCE)
        )
        told = inside / exists if exists else float("nan")
        rows.append((items, ", ".join(map(str, scores)), correlation, told, 1 - exists / simulations))
        worst = min(worst, told) if exists >= OFTEN * simulations else worst
    head = ("items", "base, student, teacher", "correlation", "holds the truth where defined", "undefined")
    print_table(f"`gap_recovered`, {simulations:,} evaluations a world:", head, rows)
    return [at_least("gap_coverage_worst", worst, 0.90)]


def bootstrap(effort: Effort) -> list[Claim]:
    """The bootstrap of `retained` beside the score interval, on the same evaluations; a table, no claim."""
    simulations = 20 if effort.quick else 1_000
    rows = []
    for items, teacher, correlation in product((50, 200), (0.6, 0.9, 0.95, 0.99), (0.3, 0.9)):
        world = World(items, teacher, 0.95, correlation)
        grades, shares = cells_of(world.scores, correlation, RIGHT_OR_WRONG)
        tables, times = drawn(shares, items, simulations, np.random.default_rng(0))
        score = held(tables, times, grades[0], grades[1], world.kept)
        resampled, missing = _resampled(tables, times, grades, world)
        rows.append(
            (
                items,
                teacher,
                correlation,
                *(f"{of.coverage:.3f} / {of.passed:.3f}" for of in (score, resampled)),
                missing,
            )
        )
    head = (
        "items",
        "teacher",
        "correlation",
        "score interval: holds the truth / says more",
        "bootstrap: the same",
        "undefined",
    )
    print_table(f"`retained`, {simulations:,} evaluations a world:", head, rows)
    return []


def _resampled(tables: Array, times: NDArray[np.int64], grades: Array, world: World) -> tuple[Held, float]:
    exists, inside, above = 0, 0, 0
    for table, count in zip(tables, times, strict=True):
        student, teacher = np.repeat(grades, table.astype(int), axis=1)
        found = bootstrap_ratio(student, teacher, CONFIDENCE, resamples=2_000)
        if isinstance(found, Interval):
            exists += int(count)
            inside += int(count) * (found.low <= world.kept <= found.high)
            above += int(count) * (found.low >= world.kept)
    return Held(exists, inside, above), 1 - exists / int(times.sum())
