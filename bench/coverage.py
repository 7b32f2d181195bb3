"""How often the intervals hold the truth: `python -m potstill.bench.coverage` prints the table of docs/evaluation.md."""

from itertools import product
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from potstill.eval.score_interval import critical, pearson

Array = NDArray[np.float64]
BASE, STUDENT, TEACHER = np.indices((2, 2, 2)).reshape(3, -1).astype(float)


def cells_of(scores: tuple[float, float, float], correlation: float, random: np.random.Generator) -> Array:
    """The shares of the eight cells when base, student and teacher share a normal factor, by a million draws."""
    shared, own = random.standard_normal((1_000_000, 1)), random.standard_normal((1_000_000, 3))
    edges = np.array([NormalDist().inv_cdf(score) for score in scores])
    right = shared * correlation**0.5 + own * (1 - correlation) ** 0.5 < edges
    return np.bincount(right @ np.array([4, 2, 1]), minlength=8) / len(right)


def shares_outside(tables: NDArray[np.int64], u: Array, v: Array, truth: float) -> tuple[float, float, float]:
    """How often the interval holds the truth, lies wholly above it, and does not exist, by the estimate's own test."""
    level, w = critical(0.95), u - truth * v
    defined = [table for table in tables.astype(float) if table @ v > 0 and pearson(table, v) > level]
    rejected = [table for table in defined if pearson(table, w) > level]
    above = sum(table @ w > 0 for table in rejected)
    count = max(1, len(defined))
    return 1 - len(rejected) / count, above / count, 1 - len(defined) / len(tables)


def ratio(cells: Array, u: Array, v: Array) -> float:
    """The true value of E[u] / E[v]."""
    return float(cells @ u) / float(cells @ v)


def print_table() -> None:
    """The table, a line as soon as it is known; it takes minutes."""
    columns = ["items", "base, student, teacher", "correlation"]
    columns += ["`retained`: holds the truth / says more", "`gap_recovered`: holds the truth / undefined"]
    print("|", " | ".join(columns), "|")
    print("|---|---|---|---|---|")
    random = np.random.default_rng(0)
    scores = [(0.01, 0.57, 0.6), (0.05, 0.855, 0.9), (0.3, 0.9405, 0.99), (0.01, 0.99, 0.61), (0.5, 0.594, 0.6)]
    for items, score, correlation in product((50, 200, 1000), scores, (0.0, 0.6)):
        cells = cells_of(score, correlation, random)
        tables = random.multinomial(items, cells, 2000)
        kept = shares_outside(tables, STUDENT, TEACHER, ratio(cells, STUDENT, TEACHER))
        gain, gap = STUDENT - BASE, TEACHER - BASE
        recovered = shares_outside(tables, gain, gap, ratio(cells, gain, gap))
        row = [f"{kept[0]:.3f} / {kept[1]:.3f}", f"{recovered[0]:.3f} / {recovered[2]:.2f}"]
        print("|", " | ".join([f"{items}", ", ".join(map(str, score)), f"{correlation}", *row]), "|", flush=True)


if __name__ == "__main__":
    print_table()
