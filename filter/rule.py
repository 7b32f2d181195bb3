"""What a rule is: it reads columns of scores and says of each answer that is still in whether it stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..recipe import FilterSection
from .scored import Scored

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule says of a batch of answers."""

    dropped: Mask
    """Whom it drops; shape (answers,)."""
    unscored: Mask
    """Where the score that it reads is not there: the answer is kept and counted; shape (answers,)."""
    why: Callable[[int], tuple[str, str]]
    """Of a dropped answer the reason, short and the same for like answers, for the funnel counts by it; and the detail, what
    was seen in this very answer. The reason is never empty."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its settings."""

    look: Callable[[Scored, Mask], Ruling]
    """Scores and who is still in → what it says of every answer; what it says of those that are out does not count."""
    among: bool = False
    """Whether an answer's ruling depends on which other answers to its prompt are still in."""


MakeRule: TypeAlias = Callable[[FilterSection], Rule]
"""The recipe's section → the rule. Raises BadRecipe when its settings do not hold."""


def keep_all(scored: Scored, still_in: Mask) -> Ruling:
    """What a rule says that the recipe gives nothing to do."""
    none = np.zeros(len(scored), bool)
    return Ruling(none, none, lambda row: ("", ""))
