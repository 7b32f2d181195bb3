"""Near duplicates over a million planted rows: speed and memory beside others in one run, recall and precision by plain Python.

Others have the first rows of the same corpus, since they would take an hour; their figures do not fall with fewer rows. Each runs
in a process of its own, before and after ours, so that a busy machine meets all alike. What is to be found is every planted pair
of a kind that the rules mean to find (`filter_corpus.MEANT`), whose true Jaccard index is at least 0.8 and whose numbers are the
same in the same order; a pair is found if not both of its rows are kept. Precision is of the dropped rows: the true Jaccard
index with the kept mate is at least 0.8, and the row was not planted as another thing said alike.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from .claims import Claim, Effort, at_least, at_most, print_table
from .filter_corpus import MEANT, PART, read_corpus, write_corpus
from .filter_rivals import THRESHOLD, Cost, N, run, there, words
from .teacher_job import scratch

_SAMPLE = 60_000
"""Pairs that are looked at in plain Python, for recall and for precision each."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many of so many pairs are right."""

    right: int
    of: int

    @property
    def share(self) -> float | None:
        """None if there are none."""
        return self.right / self.of if self.of else None


def measure(effort: Effort) -> list[Claim]:
    """All claims about near and exact duplicates."""
    rows, part = (2 * PART, 1_000) if effort.quick else (1_000_000, 20_000)
    with scratch() as home:
        folder = home / "corpus"
        write_corpus(folder, rows)
        costs = _costs(folder, rows, part)
        _print_costs(costs)
        dropped = np.load(folder / "dropped.npz")
        recall, precision = recall_of(folder, dropped["row"]), precision_of(folder, dropped["row"], dropped["mate"])
    print(f"\nrecall {recall.right:,} of {recall.of:,} pairs, precision {precision.right:,} of {precision.of:,}")
    ours, threads = costs["potstill"][0], costs["potstill-threads"][0]
    return [
        at_least("near_vs_datasketch", _times(ours.speed, costs, "datasketch"), 6),
        above("near_vs_rensa", _times(ours.speed, costs, "rensa-pairs", "rensa-matrix"), 1),
        at_least("near_recall", recall.share, 0.995),
        at_least("near_precision", precision.share, 1),
        at_most("near_peak_gb", max(ours.peak_gb, threads.peak_gb), 1.3),
        above("exact_rows_per_cpu_s", costs["potstill-exact"][0].speed, _best(costs, "polars-exact", "plain-exact")),
    ]


def above(name: str, value: float | None, edge: float | None) -> Claim:
    """The value is to be larger."""
    if value is None or edge is None:
        return Claim(name, None, "could not be measured", None)
    return Claim(name, float(f"{value:.4g}"), f"> {edge:.6g}", value > edge)


def _best(costs: dict[str, list[Cost]], *jobs: str) -> float | None:
    """Rows per CPU second of the fastest of some jobs, None if none of them is there."""
    speeds = [
        sum(cost.rows for cost in costs[job]) / sum(cost.cpu_s for cost in costs[job]) for job in jobs if job in costs
    ]
    return max(speeds, default=None)


def _times(speed: float, costs: dict[str, list[Cost]], *jobs: str) -> float | None:
    best = _best(costs, *jobs)
    return None if best is None else speed / best


def _costs(folder: Path, rows: int, part: int) -> dict[str, list[Cost]]:
    """Every job: the others on a part of the rows, before and after ours."""
    costs: dict[str, list[Cost]] = {}
    others = ("datasketch", "rensa-pairs", "rensa-matrix")
    order = [*others, "potstill", *others, "potstill-threads"]
    order += ["plain-exact", "potstill-exact", "polars-exact", "plain-exact"]
    for job in filter(there, order):
        whole = job in ("potstill", "potstill-threads", "potstill-exact", "polars-exact")
        out = folder / "dropped.npz" if job == "potstill" else None
        costs.setdefault(job, []).append(run(job, folder, rows if whole else part, out))
    return costs


def _print_costs(costs: dict[str, list[Cost]]) -> None:
    rows = [
        (job, cost.rows, cost.cpu_s, cost.wall_s, cost.speed, cost.peak_gb)
        for job, each in costs.items()
        for cost in each
    ]
    print_table("Duplicates:", ("job", "rows", "CPU s", "wall s", "rows per CPU s", "peak GB"), rows)


def recall_of(folder: Path, dropped: np.ndarray) -> Found:
    """Of the planted pairs that are to be found, those of which one row was dropped; a sample of them."""
    truth = [pair for pair in pq.read_table(folder / "truth.parquet").to_pylist() if pair["kind"] in MEANT]
    truth = random.Random(0).sample(truth, min(_SAMPLE, len(truth)))
    texts = _chosen(folder, [place for pair in truth for place in (pair["row"], pair["original"])])
    gone = set(dropped.tolist())
    right = of = 0
    for pair in truth:
        row, original = pair["row"], pair["original"]
        one, other = texts[row], texts[original]
        if jaccard(one, other) >= THRESHOLD and numbers(one) == numbers(other):
            of += 1
            right += row in gone or original in gone
    return Found(right, of)


def precision_of(folder: Path, row: np.ndarray, mate: np.ndarray) -> Found:
    """Of the dropped rows, those that repeat their mate, which was kept; a sample of them."""
    kinds = pq.read_table(folder / "truth.parquet").to_pylist()
    other_things = {pair["row"] for pair in kinds if pair["kind"] not in MEANT}
    gone = set(row.tolist())
    pairs = list(zip(row.tolist(), mate.tolist(), strict=True))
    pairs = random.Random(1).sample(pairs, min(_SAMPLE, len(pairs)))
    texts = _chosen(folder, [place for pair in pairs for place in pair])
    right = 0
    for one, other in pairs:
        repeats = jaccard(texts[one], texts[other]) >= THRESHOLD and numbers(texts[one]) == numbers(texts[other])
        twin = words(texts[one]) == words(texts[other])
        right += other not in gone and (twin or (repeats and one not in other_things))
    return Found(right, len(pairs))


def jaccard(one: str, other: str) -> float:
    """The Jaccard index of the sets of five words that follow one another, as tuples of strings."""
    first, second = (_tuples(words(text)) for text in (one, other))
    return len(first & second) / len(first | second) if first or second else 0.0


def numbers(text: str) -> list[str]:
    """The words with a digit, in their order."""
    return [word for word in words(text) if any(character.isdigit() for character in word)]


def _tuples(found: list[str]) -> set[tuple[str, ...]]:
    return set(zip(*(found[at:] for at in range(N)), strict=False))


def _chosen(folder: Path, places: Iterable[int]) -> dict[int, str]:
    """The texts of some rows."""
    wanted = np.unique(np.fromiter(places, np.int64))
    texts: dict[int, str] = {}
    first = 0
    for batch in read_corpus(folder):
        begin, end = np.searchsorted(wanted, (first, first + len(batch)))
        for place in wanted[begin:end].tolist():
            texts[place] = batch[place - first].as_py()
        first += len(batch)
    return texts
