"""What a rule says of answers in memory."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

from potstill.filter.answers import Answers, answers_of
from potstill.filter.score import Score
from potstill.filter.scored import Scored
from potstill.recipe import Recipe
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen


@dataclass(frozen=True)
class Asked:
    """An answer and what it answers."""

    answer: str
    prompt: str = "Tell me about Paris."
    system: str = ""


def answers(*given: Asked | str) -> Answers:
    return answers_of([_pair(place, one) for place, one in enumerate(given)])


def _pair(place: int, given: Asked | str) -> tuple[Prompt, list[Completion]]:
    one = Asked(given) if isinstance(given, str) else given
    turns = [("system", one.system)] * bool(one.system) + [("user", one.prompt)]
    name = f"{place:04}"
    row = Completion(
        id=name, prompt_id=name, method="answer", template="t", series="main", draw=0, status="ok", text=one.answer,
        finish_reason="stop", error="", key="", provider="", model="", snapshot="", parameters="", terms="", input_tokens=1,
        output_tokens=1, usd=0.0,
    )  # fmt: skip
    return Prompt(name, conversation(*turns), name, "train", "file", (place + 1,)), [row]


def run_of(**section: object) -> Run:
    teacher = {"base_url": "practice://skills", "model": "practice-1"}
    recipe = Recipe.model_validate(
        {"teacher": teacher, "prompts": {"path": "practice://skills?rows=40"}, "filter": section}
    )
    return Run(recipe, Path(), Path("runs") / "r", PlainScreen())


def columns(given: Answers, scores: tuple[ModuleType, ...], **section: object) -> pa.RecordBatch:
    """All columns that these scores write."""
    made: list[Score] = [module.make(run_of(**section)) for module in scores]
    written = [dict(zip(score.columns, score.write(given), strict=True)) for score in made]
    kinds = {name: kind for score in made for name, kind in score.columns.items()}
    return pa.RecordBatch.from_pydict(
        {name: column for each in written for name, column in each.items()}, pa.schema(kinds)
    )


def reasons(rule: ModuleType, scores: tuple[ModuleType, ...], *given: Asked | str, **section: object) -> list[str]:
    """Why the rule drops each answer, empty for those that it keeps."""
    scored = Scored(columns(answers(*given), scores, **section))
    ruling = rule.make(run_of(**section).recipe.filter).look(scored, np.ones(len(given), bool))
    return [ruling.why(row)[0] if ruling.dropped[row] else "" for row in range(len(given))]
