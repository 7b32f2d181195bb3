"""What the graded items say: each arm's score, the arms against each other, the share of the teacher's that is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from .score_interval import Interval
from .statistics import Outcomes, Undefined, difference, gap_recovered, items_needed, mcnemar, proportion, retained


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm's score minus another's, on the same items."""

    interval: Interval
    p: float
    """McNemar's exact two-sided p-value."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All numbers that rest on right and wrong, over `n` items that every arm was graded on."""

    n: int
    scores: Mapping[str, Interval]
    retained: Interval | Undefined
    gap_recovered: Interval | Undefined
    differences: Mapping[str, Compared]
    """`student - teacher` and so on."""
    filtering: Compared | None
    """The student minus the same student trained before filtering; None without that arm."""
    selection: Compared | None
    """The student minus the same student trained on as many of the rows that `select` chose among; None without that arm."""
    needed: int | None
    """Items that would settle `retained` against its bar, if all went on like these."""


def find(outcomes: Mapping[str, Outcomes], retain: float, confidence: float) -> Findings | None:
    """The findings of the arms, among them `student` and `teacher`; None when there is no item."""
    student, teacher = outcomes["student"], outcomes["teacher"]
    base = outcomes.get("base")
    if not len(student):
        return None
    kept = retained(student, teacher, confidence)
    no_base = Undefined("the base student was not asked")
    others = {name: outcomes[name] for name in ("teacher", "base") if name in outcomes}
    return Findings(
        n=len(student),
        scores={name: proportion(right, confidence) for name, right in outcomes.items()},
        retained=kept,
        gap_recovered=no_base if base is None else gap_recovered(student, teacher, base, confidence),
        differences={f"student - {name}": _compare(student, other, confidence) for name, other in others.items()},
        filtering=_against(outcomes, "control_unfiltered", confidence),
        selection=_against(outcomes, "control_random", confidence),
        needed=None if isinstance(kept, Undefined) else items_needed(student, teacher, retain, confidence),
    )


def _against(outcomes: Mapping[str, Outcomes], control: str, confidence: float) -> Compared | None:
    return _compare(outcomes["student"], outcomes[control], confidence) if control in outcomes else None


def _compare(one: Outcomes, other: Outcomes, confidence: float) -> Compared:
    return Compared(difference(one, other, confidence), mcnemar(one, other))
