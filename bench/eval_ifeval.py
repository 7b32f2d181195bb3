"""The grader `constraints` held against IFEval's published figures: GPT-4's answers of November 2023, graded here.

With `POTSTILL_BENCH_DATA` set, from its folder ifeval (prompts.jsonl and gpt4_responses.jsonl, as the paper's authors published
them); without it nothing can be measured.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from potstill.eval.statistics import proportion
from potstill.graders.constraints import Kept, constraint_list, kept

from .claims import Claim, Effort, at_most, print_table
from .filter_defaults import DATA

PUBLISHED = {
    "prompts, strict": 76.89,
    "constraints, strict": 83.57,
    "prompts, loose": 79.30,
    "constraints, loose": 85.37,
}
"""GPT-4's percentages of 541 prompts with 834 constraints (arXiv 2311.07911, Table 3)."""
CLOSE = 1.5
"""Percentage points. The paper told languages with langdetect, which takes English for another language where there are few
words or names alone (`etchings`, `YES`): five of these answers."""
CONFIDENCE = 0.95
"""Of the intervals. Those of constraints take the two or three of one prompt for independent."""


@dataclass(frozen=True, slots=True)
class Graded:
    """One prompt's answer: each of its constraints strictly and loosely."""

    strict: list[Kept]
    loose: list[Kept]


def measure(effort: Effort) -> list[Claim]:
    """`ifeval_vs_published`: the largest difference of the four figures from GPT-4's published ones, in percentage points."""
    if (given := os.environ.get(DATA)) is None:
        return [Claim("ifeval_vs_published", None, f"could not be measured: {DATA} is not set", None)]
    graded = list(_graded(Path(given) / "ifeval"))
    shares = {name: _percent(kept) for name, kept in _figures(graded).items()}
    rows = [
        (name, len(kept), *shares[name], PUBLISHED[name], shares[name][0] - PUBLISHED[name])
        for name, kept in _figures(graded).items()
    ]
    head = ("figure", "of", "here %", "low", "high", "published %", "difference")
    print_table("IFEval, GPT-4 of November 2023:", head, rows)
    head = ("group", "constraints", "strict %", "low", "high", "loose %", "low", "high")
    print_table("The same by group of constraints:", head, _by_group(graded))
    return [at_most("ifeval_vs_published", max(abs(shares[name][0] - PUBLISHED[name]) for name in PUBLISHED), CLOSE)]


def _graded(folder: Path) -> Iterator[Graded]:
    answers = {row["prompt"]: row["response"] for row in _rows(folder / "gpt4_responses.jsonl")}
    for row in _rows(folder / "prompts.jsonl"):
        answer, reference = answers[row["prompt"]], constraint_list(row["instruction_id_list"], row["kwargs"])
        yield Graded(kept(answer, reference), kept(answer, reference, loose=True))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        yield from map(orjson.loads, lines)


def _figures(graded: Sequence[Graded]) -> Mapping[str, list[bool]]:
    """What each published figure is the share of."""
    return {
        "prompts, strict": [all(one.kept for one in answer.strict) for answer in graded],
        "constraints, strict": [one.kept for answer in graded for one in answer.strict],
        "prompts, loose": [all(one.kept for one in answer.loose) for answer in graded],
        "constraints, loose": [one.kept for answer in graded for one in answer.loose],
    }


def _by_group(graded: Sequence[Graded]) -> Iterator[tuple[object, ...]]:
    groups = sorted({_group(one) for answer in graded for one in answer.strict})
    for group in groups:
        strict = [one.kept for answer in graded for one in answer.strict if _group(one) == group]
        loose = [one.kept for answer in graded for one in answer.loose if _group(one) == group]
        yield group, len(strict), *_percent(strict), *_percent(loose)


def _group(constraint: Kept) -> str:
    return constraint.id.partition(":")[0]


def _percent(kept: Iterable[bool]) -> tuple[float, float, float]:
    """The share with the ends of its interval, in percent."""
    share = proportion(np.array(list(kept), dtype=bool), CONFIDENCE)
    return 100 * share.value, 100 * share.low, 100 * share.high
