"""What the report knows of an evaluation, as plain frozen data; `judgement.py` fills it. None and empty mean: not known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Interval:
    """A share or a difference of shares, with its interval and, where tested, its p-value."""

    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One of those who answered the same prompts."""

    name: str
    label: str
    what: str
    score: float | None
    low: float | None
    high: float | None
    verdicts: Mapping[str, int]
    """Answers by what was said of each."""
    cut_off: int
    """Answers that ended at the cap of their length."""
    unparsable: int
    excluded: int
    """Prompts that it is not scored on, its own without a verdict aside."""
    mean_output_tokens: float | None
    """In the arm's own tokens: teacher and student count with other tokenizers."""
    mean_characters: float | None
    constraints: tuple[int, int] | None = None
    """(kept, of how many), where a reference lists what an answer must keep to."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to: may the student replace the teacher?"""

    replace: bool | None
    sentence: str
    conditions: tuple[str, ...] = ()
    give: tuple[str, ...] = ()
    """What would make a verdict possible where there is none."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Arms held side by side on the same prompts: the held-out ones, or those of a further task."""

    graded: int
    """Prompts on which the students, and the arm that they are held against, have a mark."""
    ceiling: str
    """The arm that the student is held against; empty where nothing was marked."""
    arms: tuple[Arm, ...]
    retained: Interval | None
    kept_alone: Interval | None
    """`retained` of the student that is kept, alone; with one training seed the same."""
    gap_recovered: Interval | None
    undefined: tuple[str, ...]
    """Why a share above cannot be said, where it cannot."""
    differences: tuple[tuple[str, Interval], ...]
    """Paired, on the same prompts; the label says what minus what."""
    smallest_difference: float | None
    """The true difference in score that these prompts would have found four times out of five."""

    def arm(self, name: str) -> Arm | None:
        """The arm of that name, None where it was not asked."""
        return next((arm for arm in self.arms if arm.name == name), None)


@dataclass(frozen=True, slots=True)
class Slice:
    """The held-out prompts of one kind."""

    name: str
    graded: int
    scores: Mapping[str, Interval]
    """By arm."""
    retained: Interval | None
    difference: Interval
    """The student minus what it is held against; its p-value, where there is one, is corrected for the number of slices."""


@dataclass(frozen=True, slots=True)
class Task:
    """Further work beside the verdict."""

    name: str
    marked_by: str
    prompts: int
    compared: Compared


@dataclass(frozen=True, slots=True)
class Judge:
    """The model that judged, and how far it can be believed."""

    model: str
    label: str
    """The model, and whether it is simulated."""
    identity: str
    provider: str
    how: str
    """`pairs` or `grades`."""
    own_family: bool
    """It is the teacher itself, or of its family."""
    students_family: bool
    exam: Mapping[str, Any]
    """tasks, right, even, silent, low, needed, passed."""
    asked: int
    inconsistent: int
    silent: int
    lengths: Mapping[str, float] | None
    """Mean characters of student and teacher, and the share of prompts on which the student's answer is much longer."""
    length_doubt: str

    @property
    def consistent(self) -> float | None:
        """The share of pairs on which its two orders do not contradict each other; None where it was not asked about any."""
        told = self.how == "pairs" and self.asked and self.exam["passed"]
        return 1 - self.inconsistent / self.asked if told else None


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What the student and the teacher take to answer; each number only where it was measured."""

    student: Mapping[str, Any] = field(default_factory=dict)
    teacher: Mapping[str, float] = field(default_factory=dict)
    student_usd_per_1000: float | None = None


@dataclass(frozen=True, slots=True)
class Duel:
    """Held-out prompts by how the student's mark stands to that of the arm that it is held against."""

    worse: int
    better: int
    same: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evaluation found."""

    verdict: Verdict
    by: str | None
    """What a mark is: `reference`, `agreement`, `pairs`, `grades`; None where nothing could be marked by anything."""
    compared: Compared
    duel: Duel
    confidence: float
    grader: str
    seeds: int
    """Students trained alike."""
    filtering: Interval | None
    """The student minus the same student trained on as many rows drawn from all whole answers."""
    selection: Interval | None
    """The student minus the same student trained on as many rows drawn from those that the rule `select` chose among."""
    teaching: Interval | None
    """The student minus the same student trained on references alone."""
    slices: tuple[Slice, ...]
    slices_left: int
    """Smaller slices that are not told."""
    tasks: tuple[Task, ...]
    judge: Judge | None
    efficiency: Efficiency
