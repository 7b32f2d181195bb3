"""What the marks say: each arm's score, the arms against each other, the share of the teacher's that is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal, TypeAlias

from .marks import STUDENT, Marks
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

CHANCE = "chance"
"""The arm of agreement by chance: the teacher's second answers to other prompts, held against its first ones to these."""

Number: TypeAlias = Interval | Undefined


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm's score minus another's, on the same items."""

    interval: Interval
    p: float | None
    """Of two arms that are equally good: McNemar's exact test for right and wrong, else a permutation test. None with several
    training seeds, of whose luck no such test knows.
    """
    n: int
    """Prompts on which both have a mark."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All numbers over the `n` prompts on which the students, and whom they are held against, have a mark."""

    n: int
    ceiling: str
    """The arm that the student is held against."""
    scores: Mapping[str, Interval]
    """Each over the prompts, of those, on which the arm has a mark; in pairs the teacher has none."""
    student: Interval
    """The mean of all students, trained alike, with the luck of training; of one student its score."""
    counted: Mapping[str, int]
    """How many these are."""
    retained: Number
    kept_alone: Number
    """`retained` of the student that is kept alone, where several were trained; the same where one was."""
    gap_recovered: Number
    differences: Mapping[str, Compared]
    """`student - teacher` and so on."""
    filtering: Compared | None
    """The student minus the same student trained before filtering; None without that arm."""
    selection: Compared | None
    """The student minus the same student trained on as many of the rows that `select` chose among; None without that arm."""
    teaching: Compared | None
    """The student minus the same student trained on references alone; None without that arm."""
    beyond_chance: Compared | None
    """For agreement: the teacher's with itself minus that of its answers to other prompts; None elsewhere."""
    needed: int | None
    """Items that would settle `retained` against its bar, if all went on like these."""
    smallest: float | None
    """The difference in score that these items would have found four times out of five."""


def find(marks: Marks, way: Way, retain: float, confidence: float, ceiling: str | None = None) -> Findings | None:
    """The findings of the arms, among them `student` and the ceiling (that of the way, if not given); None when there is no
    item, or no ceiling among the arms.
    """
    ceiling = ceiling or CEILING[way]
    if not len(marks) or ceiling not in marks.arms:
        return None
    return _Finding(marks, way, confidence, ceiling).findings(retain)


def retained_by_bootstrap(marks: Marks, way: Way, confidence: float) -> Number:
    """The share kept by a paired bootstrap over the items, to hold beside `Findings.retained`; it decides nothing."""
    from .bootstrap import bootstrap_ratio

    return bootstrap_ratio(marks.student(), marks.arms[CEILING[way]], confidence, marks.families)


class _Finding:
    """One table of marks, and how its numbers are made."""

    def __init__(self, marks: Marks, way: Way, confidence: float, ceiling: str) -> None:
        self._marks, self._way, self._level, self._ceiling = marks, way, confidence, ceiling

    def findings(self, retain: float) -> Findings:
        """All of them."""
        student, teacher = self._marks.student(), self._marks.arms[self._ceiling]
        kept = self._over_seeds(self._marks, self._retained, (0.0, inf))
        others = [name for name in dict.fromkeys((self._ceiling, "base")) if self._has(name)]
        counted = {name: len(self._marks.where(name)) for name in self._marks.arms}
        return Findings(
            n=len(self._marks),
            ceiling=self._ceiling,
            scores=self._scores(),
            student=self._student(),
            counted=counted,
            retained=kept,
            kept_alone=self._retained(self._marks, self._marks.arms[STUDENT]),
            gap_recovered=self._gap(),
            differences={f"student - {name}": self._compared(name) for name in others},
            filtering=self._known("control_unfiltered"),
            selection=self._known("control_random"),
            teaching=self._known("seeds_only"),
            beyond_chance=self._beyond_chance(),
            needed=self._needed(kept, retain),
            smallest=smallest_difference(student, teacher, self._level, families=_families(self._marks)),
        )

    def _has(self, name: str) -> bool:
        return name in self._marks.arms and len(self._marks.where(name)) > 0

    def _needed(self, kept: Number, retain: float) -> int | None:
        """Only of one student: where several are trained, more items do not make their luck any smaller."""
        if isinstance(kept, Undefined) or len(self._marks.seeds) > 1:
            return None
        student, teacher = self._marks.student(), self._marks.arms[self._ceiling]
        return items_needed(student, teacher, retain, self._level, _families(self._marks))

    def _retained(self, marks: Marks, student: "Scores") -> Number:
        """The student's score as a share of the teacher's; in pairs of the half of all points that an equal would have."""
        if self._way == "pairs":
            points = proportion(student, self._level, _families(marks))
            return Interval(2 * points.value, 2 * points.low, 2 * points.high)
        return retained(student, marks.arms[self._ceiling], self._level, _families(marks))

    def _scores(self) -> dict[str, Interval]:
        scores: dict[str, Interval] = {}
        for name in self._marks.arms:
            known = self._marks.where(name)
            if len(known) and not (self._way == "pairs" and name == self._ceiling):
                scores[name] = proportion(known.arms[name], self._level, _families(known))
        return scores

    def _student(self) -> Interval:
        found = self._over_seeds(
            self._marks, lambda marks, one: proportion(one, self._level, _families(marks)), (0.0, 1.0)
        )
        if isinstance(found, Undefined):
            raise TypeError("a score of marks always exists")
        return found

    def _gap(self) -> Number:
        if not self._has("base"):
            return Undefined("the base student was not asked")

        def gap(marks: Marks, student: "Scores") -> Number:
            teacher, base = marks.arms[self._ceiling], marks.arms["base"]
            return gap_recovered(student, teacher, base, self._level, _families(marks))

        return self._over_seeds(self._marks.where("base"), gap)

    def _known(self, control: str) -> Compared | None:
        return self._compared(control) if self._has(control) else None

    def _compared(self, name: str) -> Compared:
        known = self._marks.where(name)
        found = self._over_seeds(
            known,
            lambda marks, one: difference(one, marks.arms[name], self._level, _families(marks)),
            (-1.0, 1.0),
        )
        if isinstance(found, Undefined):
            raise TypeError("a difference of scores always exists")
        p = paired_p(known.student(), known.arms[name], _families(known)) if len(known.seeds) == 1 else None
        return Compared(found, p, len(known))

    def _beyond_chance(self) -> Compared | None:
        if self._way != "agreement" or not self._has(CHANCE):
            return None
        known = self._marks.where(CHANCE)
        itself, elsewhere, families = known.arms[self._ceiling], known.arms[CHANCE], _families(known)
        found = difference(itself, elsewhere, self._level, families)
        return Compared(found, paired_p(itself, elsewhere, families), len(known))

    def _over_seeds(
        self,
        marks: Marks,
        compute: Callable[[Marks, "Scores"], Number],
        bounds: tuple[float, float] = (-inf, inf),
    ) -> Number:
        """A number of the mean student, its interval widened by how the students of different seeds differ."""
        whole, seeds = compute(marks, marks.student()), marks.seeds
        if isinstance(whole, Undefined) or len(seeds) == 1:
            return whole
        estimates: list[float] = []
        for name in seeds:
            one = compute(marks, marks.arms[name])
            if isinstance(one, Undefined):
                return Undefined(f"for {name} alone it does not exist: {one.why}")
            estimates.append(one.value)
        return over_seeds(whole, estimates, self._level, bounds)


def _families(marks: Marks) -> tuple[str, ...] | None:
    """The families of the prompts; None where each has one of its own, which changes no number and is quicker."""
    return marks.families if len(set(marks.families)) < len(marks) else None
