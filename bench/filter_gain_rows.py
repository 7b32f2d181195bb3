"""Answers of three simulated teachers, each bad in another way; what rules keep of them; and of what kinds the kept ones are.

What the practice teacher answers is a function of its settings, the prompt and the draw, so that no server is asked.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

from potstill.filter.in_memory import label_pairs
from potstill.recipe import Recipe
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.practice.draws import skills_draw
from potstill.teacher.practice.settings import PracticeSettings
from potstill.teacher.practice.skills import task_in
from potstill.teacher.practice.source import practice_prompts

DRAWS = 3

HELDOUT = 0.2
"""The share of families that no teacher is asked about."""

TEACHERS: Mapping[str, PracticeSettings] = {
    "random": PracticeSettings(wrong=0.4, habit=0, refused=0, truncated=0),
    "agreeing": PracticeSettings(wrong=0.05, misread=1, habit=0, refused=0, truncated=0),
    "habit": PracticeSettings(wrong=0.12, habit=0.6, refused=0, truncated=0),
}
"""Errors that differ from draw to draw; errors that all draws share; one phrasing of each skill answered in another shape."""

RULES: Mapping[str, tuple[str, ...]] = {
    "agreement": ("agreement",),
    "format": ("format",),
    "format, agreement": ("format", "agreement"),
}
"""What is tried, by the name of its arm."""

_FIELDS = ("name", "phone", "email")
SHAPES: tuple[dict[str, Any], ...] = (
    {"regex": r"\d{4}-\d\d-\d\d"},
    {
        "json_schema": {
            "type": "object",
            "required": list(_FIELDS),
            "properties": {name: {"type": "string"} for name in _FIELDS},
            "additionalProperties": False,
        }
    },
)
"""What an answer may look like, as in the recipe of the demo."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One draw of one prompt."""

    id: str
    asked: str
    said: str
    right: bool
    skill: str
    phrasing: int
    """How it was asked; with phrasing 0 the teacher has its habit."""


Label = Callable[[Sequence[Answered], Collection[str]], set[str]]
"""Rows, all draws of a prompt together, and the rules that look at them → the ids of the rows that are kept."""


def questions(count: int, heldout: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """So many prompts to ask the teacher, and so many of other families to examine students with."""
    asked: list[dict[str, str]] = []
    examined: list[dict[str, str]] = []
    for row in practice_prompts("practice://skills?rows=50000&seed=3"):
        (examined if Random(row["family"]).random() < HELDOUT else asked).append(row)
    return asked[:count], examined[:heldout]


def answers(teacher: PracticeSettings, asked: Sequence[Mapping[str, str]]) -> list[Answered]:
    """What a teacher says to each prompt, three times."""
    return [_answered(teacher, place, row, draw) for place, row in enumerate(asked) for draw in range(DRAWS)]


def _answered(teacher: PracticeSettings, place: int, row: Mapping[str, str], draw: int) -> Answered:
    task = task_in(row["prompt"])
    if task is None:
        raise ValueError(f"the practice teacher does not understand its own prompt {row['prompt']!r}")
    said = skills_draw(teacher, row["prompt"], str(draw)).text
    right = said == row["reference"]
    return Answered(f"{place}-{draw}", row["prompt"], said, right, task.skill.name, task.phrasing)


def label(rows: Sequence[Answered], rules: Collection[str]) -> set[str]:
    """What rules of the filter keep, with two of three draws to agree."""
    section = {"rules": list(rules), "format": SHAPES, "agreement": {"at_least": 2}}
    recipe = {"teacher": {"base_url": "practice://skills", "model": "m"}, "prompts": {"path": "practice://skills"}}
    run = Run(Recipe.model_validate({**recipe, "filter": section}), Path(), Path(), PlainScreen())
    pairs = [(_prompt(asked), [_completion(row) for row in group]) for asked, group in groupby(rows, _asked)]
    kept = label_pairs(run, pairs)[0].kept
    return {row.id for row, stays in zip(rows, kept, strict=True) if stays}


def _asked(row: Answered) -> str:
    return row.asked


def _prompt(asked: str) -> Prompt:
    return Prompt(asked, conversation(("user", asked)), asked, "train", "bench", (1,))


def _completion(row: Answered) -> Completion:
    draw = int(row.id.rpartition("-")[2])
    return Completion(
        id=row.id, prompt_id=row.asked, method="answer", template="", series="", draw=draw, status="ok", text=row.said,
        finish_reason="stop", error="", key="", provider="", model="", snapshot="", parameters="", terms="",
        input_tokens=0, output_tokens=0, usd=0.0,
    )  # fmt: skip


def one_of_each(rows: Sequence[Answered], count: int, seed: int) -> list[Answered]:
    """So many rows by chance, no two of one prompt; fewer where there are not so many prompts."""
    random = Random(f"rows {seed}")
    shuffled = random.sample(rows, len(rows))
    return list({row.asked: row for row in shuffled}.values())[:count]


def best_of_each(order: Sequence[Answered], of: Sequence[Answered]) -> list[Answered]:
    """For each of the rows the first row of an order that answers the same prompt."""
    best: dict[str, Answered] = {}
    for row in order:
        best.setdefault(row.asked, row)
    return [best[row.asked] for row in of]


def mix(rows: Sequence[Answered]) -> list[float]:
    """Of what kinds rows are: the share that is right, of contacts, and of each phrasing."""
    count = max(1, len(rows))
    phrasings = Counter(row.phrasing for row in rows)
    return [
        sum(row.right for row in rows) / count,
        sum(row.skill == "contacts" for row in rows) / count,
        *(phrasings[place] / count for place in range(5)),
    ]


MIX = ("right", "contacts", *(f"phrasing {place}" for place in range(5)))
"""What `mix` tells, as heads of columns."""
