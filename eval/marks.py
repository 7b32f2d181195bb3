"""The marks that arms are compared by: a number from 0 to 1 for each arm on each prompt.

What the verdict rests on is marked for the students and for whom they are held against; a prompt on which one of those has no
mark is left out. A further arm without a mark there is left out of its own comparisons alone: what befalls a control or the
base must not choose the prompts that the student is judged on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .items import Item

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .statistics import Scores

STUDENT = "student"


@dataclass(frozen=True, slots=True)
class Marks:
    """All arms on the same prompts, in one order."""

    arms: Mapping[str, "Scores"]
    """Shape (prompts,) each; NaN where an arm that the verdict does not rest on has no mark."""
    families: tuple[str, ...]
    slices: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def seeds(self) -> tuple[str, ...]:
        """The arms that are students, trained alike with different seeds; the first is the one that is kept."""
        return tuple(name for name in self.arms if is_student(name))

    def __len__(self) -> int:
        return len(self.ids)

    def student(self) -> "Scores":
        """The student's marks, the mean over its seeds."""
        import numpy as np

        return np.mean([self.arms[name] for name in self.seeds], axis=0)

    def only(self, wanted: "ArrayLike") -> "Marks":
        """Those prompts alone."""
        import numpy as np

        places = np.flatnonzero(np.asarray(wanted, dtype=bool))
        return Marks(
            {name: marks[places] for name, marks in self.arms.items()},
            *(tuple(values[place] for place in places) for values in (self.families, self.slices, self.ids)),
        )

    def where(self, *arms: str) -> "Marks":
        """The prompts on which all of these arms have a mark."""
        import numpy as np

        missing = np.isnan([self.arms[name] for name in arms]).any(axis=0) if arms else np.zeros(len(self), dtype=bool)
        return self.only(~missing) if missing.any() else self


def is_student(arm: str) -> bool:
    """Whether an arm is the student, under the first seed or another."""
    return arm == STUDENT or (arm.startswith(f"{STUDENT}_") and arm.removeprefix(f"{STUDENT}_").isdigit())


def marks_of(items: Mapping[str, Sequence[Item]], against: str = "teacher") -> Marks:
    """The marks over the prompts on which the students, and the arm that they are held against, have one.

    Raises:
        ValueError: the arms did not answer the same prompts in the same order.
    """
    import numpy as np

    if len({tuple(item.prompt_id for item in arm) for arm in items.values()}) > 1:
        raise ValueError("the arms did not answer the same prompts in the same order")
    core = [place for place, name in enumerate(items) if name == against or is_student(name)]
    rows = [row for row in zip(*items.values(), strict=True) if all(row[place].value is not None for place in core)]
    return Marks(
        {name: np.array([_number(row[place].value) for row in rows]) for place, name in enumerate(items)},
        tuple(row[0].family for row in rows),
        tuple(row[0].slice for row in rows),
        tuple(row[0].prompt_id for row in rows),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
