"""Labelling answers in memory: the recipe's free scores and rules over the answers to a few prompts."""

from collections.abc import Sequence

import numpy as np

from ..store.rows import Completion, Prompt
from ..store.run import Run
from .answers import answers_of
from .labelling import Labelled, label_all
from .rules.table import rules_of
from .scored import Scored
from .scoring import score, scores_of


def label_pairs(run: Run, pairs: Sequence[tuple[Prompt, Sequence[Completion]]]) -> tuple[Labelled, list[int]]:
    """What the recipe says of all answers to some prompts, and how many of each prompt's it keeps; nothing is selected.

    Raises:
        BadInput: settings that do not hold, or a file that cannot be read.
    """
    section = run.recipe.filter.model_copy(update={"select": None})
    answers = answers_of(pairs)
    labelled = label_all([Scored(score(answers, scores_of(run)))], rules_of(section), section)
    kept = np.bincount(answers.of, weights=labelled.kept, minlength=len(pairs))
    return labelled, [int(count) for count in kept]
