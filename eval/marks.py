"""The marks that arms are compared by: a number from 0 to 1 for each arm on each prompt that every arm was marked on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .items import Item

if TYPE_CHECKING:
    from .statistics import Scores

STUDENT = "student"


@dataclass(frozen=True, slots=True)
class Marks:
    """All arms on the same prompts, in one order."""

    arms: Mapping[str, "Scores"]
    """Shape (prompts,) each."""
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

    def only(self, wanted: Sequence[bool]) -> "Marks":
        """Those prompts alone."""
        import numpy as np

        places = np.flatnonzero(np.asarray(wanted, dtype=bool))
        return Marks(
            {name: marks[places] for name, marks in self.arms.items()},
            *(tuple(values[place] for place in places) for values in (self.families, self.slices, self.ids)),
        )


def is_student(arm: str) -> bool:
    """Whether an arm is the student, under the first seed or another."""
    return arm == STUDENT or (arm.startswith(f"{STUDENT}_") and arm.removeprefix(f"{STUDENT}_").isdigit())


def marks_of(items: Mapping[str, Sequence[Item]]) -> Marks:
    """The marks over the prompts that every arm was marked on.

    A prompt on which any arm has an error or no verdict is left out for all: no arm is judged on easier prompts.

    Raises:
        ValueError: the arms did not answer the same prompts in the same order.
    """
    import numpy as np

    if len({tuple(item.prompt_id for item in arm) for arm in items.values()}) > 1:
        raise ValueError("the arms did not answer the same prompts in the same order")
    rows = [row for row in zip(*items.values(), strict=True) if all(item.value is not None for item in row)]
    return Marks(
        {name: np.array([row[place].value for row in rows], dtype=float) for place, name in enumerate(items)},
        tuple(row[0].family for row in rows),
        tuple(row[0].slice for row in rows),
        tuple(row[0].prompt_id for row in rows),
    )
