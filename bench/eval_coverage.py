"""How often the intervals of the scorecard hold the truth, over simulated evaluations (eval_grid.py has the worlds).

Whether an interval holds the truth is found by the test that it turns round; of four tables of every world the intervals are
computed as the scorecard does, and neither may one have no width nor differ from the test. The share of right answers takes
no simulation: its record is exact.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from potstill.eval.score_interval import Interval, critical, pearsons
from potstill.eval.statistics import difference, proportion, retained

from . import eval_beside
from .claims import Claim, Effort, at_least, none_of, print_table, within
from .eval_alike import Alike, of_families, of_seeds
from .eval_grid import TEACHERS, families, graded, independent, seeded
from .eval_worlds import CONFIDENCE, Held, World, cells_of, drawn, numbers_of, simulated

LEAST, MOST, WORST = 0.93, 0.97, 0.90


def measure(effort: Effort) -> list[Claim]:
    """The claims, after the tables they rest on."""
    return [
        *_of_independent(effort),
        *_of_graded(effort),
        *_of_families(effort),
        *_of_seeds(effort),
        *eval_beside.gap(effort),
        *eval_beside.bootstrap(effort),
    ]


def _of_independent(effort: Effort) -> list[Claim]:
    worlds, simulations = independent(effort)
    records = {world: simulated(world, simulations) for world in worlds}
    found = {(name, world): records[world][name].coverage for world in worlds for name in ("difference", "retained")}
    items = sorted({world.items for world in worlds})
    for teacher, number in ((score * kept, count) for score in TEACHERS for kept in (1.0, 0.95) for count in items):
        found["score", World(number, teacher, 1.0, 0.0)] = exact_coverage(number, teacher)
    rows = [
        (
            name,
            number,
            *_mean_and_worst(value for (of, world), value in found.items() if (of, world.items) == (name, number)),
        )
        for name in ("score", "difference", "retained")
        for number in items
    ]
    print_table(
        f"Right and wrong, items of their own, {simulations:,} evaluations a world:",
        ("number", "items", "holds the truth, mean", "worst world"),
        rows,
    )
    widths, narrow, other = 0, 0, 0
    for world in worlds:
        for has_width, agrees in intervals_of(world):
            widths, narrow, other = widths + 1, narrow + (not has_width), other + (not agrees)
    mean, worst = _mean_and_worst(found.values())
    return [
        within("interval_coverage", mean, LEAST, MOST),
        at_least("interval_coverage_worst", worst, WORST),
        none_of("interval_zero_width", narrow, widths),
        none_of("interval_other_than_its_test", other, widths),
    ]


def exact_coverage(items: int, score: float) -> float:
    """How often the interval of a share of right answers holds the true score: over every count there can be."""
    from scipy.stats import binom

    right = np.arange(items + 1.0)
    counts, w = np.stack([items - right, right], axis=1), np.array([0.0, 1.0]) - score
    inside = pearsons(counts, np.broadcast_to(w, counts.shape)) <= critical(CONFIDENCE)
    return float(binom.pmf(right, items, score)[inside].sum())


def intervals_of(world: World) -> Iterable[tuple[bool, bool]]:
    """Of four tables: whether the intervals have a width, and whether they hold the truth where the test says so.

    One is that of two perfect arms, two are the outermost of a hundred, one is the commonest.
    """
    grades, shares = cells_of(world.scores, world.correlation, world.thresholds)
    tables, times = drawn(shares, world.items, 100, np.random.default_rng(0))
    perfect = np.eye(len(shares))[-1] * world.items
    for table in (perfect, tables[0], tables[-1], tables[times.argmax()]):
        student, teacher = np.repeat(grades, table.astype(int), axis=1)
        found = {
            "score": proportion(teacher, CONFIDENCE),
            "difference": difference(student, teacher, CONFIDENCE),
            "retained": retained(student, teacher, CONFIDENCE),
        }
        for name, (u, v, truth) in numbers_of(world, grades).items():
            interval = found[name]
            if not isinstance(interval, Interval):
                continue
            inside = bool(pearsons(table, (u - truth * v)[None])[0] <= critical(CONFIDENCE))
            yield interval.low < interval.high, inside == (interval.low <= truth <= interval.high)


def _of_graded(effort: Effort) -> list[Claim]:
    worlds, simulations = graded(effort)
    records = [(world.items, simulated(world, simulations)) for world in worlds]
    return _told("graded", f"Five grades, items of their own, {simulations:,} evaluations a world:", "items", records)


def _of_families(effort: Effort) -> list[Claim]:
    worlds, simulations = families(effort)

    def described(alike: Alike) -> str:
        kind = "five grades" if len(alike.world.thresholds) > 1 else "right or wrong"
        return f"{alike.world.items} items, sizes {', '.join(map(str, alike.sizes))}, likeness {alike.likeness}, {kind}"

    records = [(described(alike), of_families(alike, simulations)) for alike in worlds]
    return _told("families", f"Items in families, {simulations:,} evaluations a world:", "families", records)


def _told(kind: str, title: str, head: str, records: Sequence[tuple[object, dict[str, Held]]]) -> list[Claim]:
    """A line for each sort of world; the claims are over all worlds and numbers."""
    rows = []
    for sort in dict.fromkeys(sort for sort, _ in records):
        of = [record for each, record in records if each == sort]
        by_number = [_mean_and_worst(record[name].coverage for record in of) for name in of[0]]
        rows.append((sort, *(f"{mean:.3f} / {worst:.3f}" for mean, worst in by_number)))
    print_table(title, (head, *(f"`{name}` holds the truth, mean / worst world" for name in records[0][1])), rows)
    mean, worst = _mean_and_worst(held.coverage for _, record in records for held in record.values())
    return [
        at_least(f"interval_coverage_{kind}", mean, LEAST),
        at_least(f"interval_coverage_{kind}_worst", worst, WORST),
    ]


def _of_seeds(effort: Effort) -> list[Claim]:
    worlds, simulations = seeded(effort)
    rows, found = [], []
    for each in worlds:
        held, wider = of_seeds(each, simulations)
        found.append(held.coverage)
        rows.append((each.seeds, each.spread, each.world.items, each.world.teacher, held.coverage, wider))
    head = ("seeds", "spread", "items", "teacher", "`retained` holds the truth", "median width / that over items alone")
    print_table(f"Several seeds, {simulations:,} evaluations a world:", head, rows)
    mean, worst = _mean_and_worst(found)
    return [at_least("interval_coverage_seeds", mean, LEAST), at_least("interval_coverage_seeds_worst", worst, WORST)]


def _mean_and_worst(values: Iterable[float]) -> tuple[float, float]:
    all_ = list(values)
    return float(np.mean(all_)), min(all_)
