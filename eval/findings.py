"""What the marks say: each arm's score, the arms against each other, the share of the teacher's that is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

from .bootstrap import bootstrap_ratio
from .marks import Marks
from .score_interval import Interval
from .seeds import over_seeds
from .significance import paired_p
from .statistics import (
    Undefined,
    difference,
    gap_recovered,
    items_needed,
    proportion,
    retained,
    smallest_difference,
)

if TYPE_CHECKING:
    from .statistics import Scores

Way: TypeAlias = Literal["reference", "agreement", "pairs", "grades"]
"""What a mark says: right by a reference; agreeing with the teacher's first answer; points against the teacher; a judge's
grade."""

CEILING: Mapping[Way, str] = {
    "reference": "teacher",
    "agreement": "teacher_again",
    "pairs": "teacher",
    "grades": "teacher",
}
"""The arm that the student is held against: for agreement the teacher's fresh answers, which tell how far it agrees with
itself."""

Number: TypeAlias = Interval | Undefined


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm's score minus another's, on the same items."""

    interval: Interval
    p: float
    """Of two arms that are equally good: McNemar's exact test for right and wrong, else a permutation test."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All numbers over `n` prompts that every arm was marked on."""

    n: int
    ceiling: str
    """The arm that the student is held against."""
    scores: Mapping[str, Interval]
    retained: Number
    gap_recovered: Number
    differences: Mapping[str, Compared]
    """`student - teacher` and so on."""
    filtering: Compared | None
    """The student minus the same student trained before filtering; None without that arm."""
    selection: Compared | None
    """The student minus the same student trained on as many of the rows that `select` chose among; None without that arm."""
    teaching: Compared | None
    """The student minus the same student trained on references alone; None without that arm."""
    needed: int | None
    """Items that would settle `retained` against its bar, if all went on like these."""
    smallest: float | None
    """The difference in score that these items would have found four times out of five."""
    bootstrap: Number
    """`retained` by a paired bootstrap over the items, to hold beside it; it decides nothing."""


def find(marks: Marks, way: Way, retain: float, confidence: float, ceiling: str | None = None) -> Findings | None:
    """The findings of the arms, among them `student` and the ceiling (that of the way, if not given); None when there is no
    item.
    """
    if not len(marks):
        return None
    return _Finding(marks, way, confidence, ceiling or CEILING[way]).findings(retain)


class _Finding:
    """One table of marks, and how its numbers are made."""

    def __init__(self, marks: Marks, way: Way, confidence: float, ceiling: str) -> None:
        self._marks, self._way, self._level = marks, way, confidence
        # A number of its own costs time, and one item per family changes none.
        self._families = marks.families if len(set(marks.families)) < len(marks) else None
        self._ceiling = ceiling

    def findings(self, retain: float) -> Findings:
        kept, student, teacher = self.retained(), self._marks.student(), self._against(self._marks.student())
        others = [name for name in dict.fromkeys((self._ceiling, "base")) if name in self._marks.arms]
        return Findings(
            n=len(self._marks),
            ceiling=self._ceiling,
            scores=self._scores(),
            retained=kept,
            gap_recovered=self._gap(),
            differences={f"student - {name}": self._compared(name) for name in others},
            filtering=self._known("control_unfiltered"),
            selection=self._known("control_random"),
            teaching=self._known("seeds_only"),
            needed=self._needed(kept, retain),
            smallest=smallest_difference(student, teacher, self._level, families=self._families),
            bootstrap=bootstrap_ratio(student, teacher, self._level, self._families),
        )

    def _needed(self, kept: Number, retain: float) -> int | None:
        """Only of one student: where several are trained, more items do not make their luck any smaller."""
        if isinstance(kept, Undefined) or len(self._marks.seeds) > 1:
            return None
        student = self._marks.student()
        return items_needed(student, self._against(student), retain, self._level, self._families)

    def retained(self) -> Number:
        """The student's score as a share of the teacher's."""
        return self._over_seeds(lambda one: retained(one, self._against(one), self._level, self._families), (0.0, inf))

    def _against(self, student: "Scores") -> "Scores":
        """The marks that a student's are held against; of a pair the points that it left to the teacher."""
        return 1 - student if self._way == "pairs" else self._marks.arms[self._ceiling]

    def _scores(self) -> dict[str, Interval]:
        scores = {name: proportion(marks, self._level, self._families) for name, marks in self._marks.arms.items()}
        if self._way == "pairs":
            scores["teacher"] = proportion(self._against(self._marks.student()), self._level, self._families)
        whole = self._over_seeds(lambda one: proportion(one, self._level, self._families), (0.0, 1.0))
        return scores if isinstance(whole, Undefined) else {**scores, "student": whole}

    def _gap(self) -> Number:
        base = self._marks.arms.get("base")
        if base is None:
            return Undefined("the base student was not asked")
        teacher = self._marks.arms[self._ceiling]
        return self._over_seeds(lambda one: gap_recovered(one, teacher, base, self._level, self._families))

    def _known(self, control: str) -> Compared | None:
        return self._compared(control) if control in self._marks.arms else None

    def _compared(self, name: str) -> Compared:
        def other(student: "Scores") -> "Scores":
            return self._against(student) if name == self._ceiling else self._marks.arms[name]

        found = self._over_seeds(lambda one: difference(one, other(one), self._level, self._families), (-1.0, 1.0))
        if isinstance(found, Undefined):
            raise TypeError("a difference of scores always exists")
        student = self._marks.student()
        return Compared(found, paired_p(student, other(student), self._families))

    def _over_seeds(self, compute: Callable[["Scores"], Number], bounds: tuple[float, float] = (-inf, inf)) -> Number:
        """A number of the mean student, its interval widened by how the students of different seeds differ."""
        whole, seeds = compute(self._marks.student()), self._marks.seeds
        if isinstance(whole, Undefined) or len(seeds) == 1:
            return whole
        estimates: list[float] = []
        for name in seeds:
            one = compute(self._marks.arms[name])
            if isinstance(one, Undefined):
                return Undefined(f"for {name} alone it does not exist: {one.why}")
            estimates.append(one.value)
        return over_seeds(whole, estimates, self._level, bounds)
