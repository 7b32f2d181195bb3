"""Labelling answers in memory: the recipe's scores and rules over the answers of one prompt."""

from collections.abc import Sequence

from ..store.rows import Completion, Prompt, Sample
from ..store.run import Run
from .rule import Rule
from .rules.table import RULES
from .scores.table import SCORES


def rules_of(run: Run) -> dict[str, Rule]:
    """The recipe's rules; `status` before all others, for an answer that is not whole is never trained on.

    Raises:
        BadRecipe: the settings of a rule do not hold.
    """
    section = run.recipe.filter
    return {name: RULES[name](section, run.home) for name in ("status", *section.rules)}


def scored(prompt: Prompt, rows: Sequence[Completion]) -> list[Sample]:
    """The answers of one prompt with their scores, not yet ruled on."""
    columns = {name: score(rows) for name, score in SCORES.items()}
    return [
        Sample(prompt, row, {name: column[index] for name, column in columns.items()}) for index, row in enumerate(rows)
    ]
