"""What a score is: from answers to columns that rules read. It decides nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from ..store.run import Run
from .answers import Answers


@dataclass(frozen=True, slots=True)
class Score:
    """A function over answers and the columns that it writes."""

    columns: Mapping[str, pa.DataType]
    """Their names and types. A name that begins with `_` is for rules alone and does not go into the tables."""
    write: Callable[[Answers], Sequence[pa.Array]]
    """The columns in that order, a value or null for each answer. Called from several threads; an answer's value may depend on
    the other answers to its prompt, on nothing else."""


MakeScore: TypeAlias = Callable[[Run], Score | None]
"""The run → the score, ready to be written; None where the recipe gives it nothing to do. Raises BadInput where the recipe's
settings do not hold."""
