"""What the report knows of a run, as plain frozen data; `reading.py` fills it. None and empty mean: not known, left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..store.rows import SELECT
from .money import Bill
from .scores import Judgement


@dataclass(frozen=True, slots=True)
class Example:
    """A dropped row."""

    reason: str
    asked: str
    answer: str


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of the filter."""

    rule: str
    rows_in: int
    dropped: int
    unscored: int
    reasons: tuple[tuple[str, int], ...] = ()
    """Most frequent first."""
    usd: float = 0.0
    """What the dropped rows cost."""
    only: int = 0
    """Rows that would be kept without it."""
    shared: tuple[tuple[str, int], ...] = ()
    """(rule, rows): what others would drop by themselves of all that this one would by itself."""
    examples: tuple[Example, ...] = ()
    """Some of the dropped rows, drawn at random."""


@dataclass(frozen=True, slots=True)
class LeakedFile:
    """What training rows were held against."""

    name: str
    texts: int
    dropped: int
    """Rows that repeated one of them."""
    kept: int
    """Rows that share words with one of them and have other numbers."""
    trained_on: int
    """Rows that repeat one of them and were kept, because the recipe says so."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leak report in short."""

    files: tuple[LeakedFile, ...] = ()
    blind_spots: tuple[str, ...] = ()
    """What such a search cannot see."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the mask proof's example."""

    text: str
    trained: bool


@dataclass(frozen=True, slots=True)
class Course:
    """How one student was trained."""

    name: str
    label: str
    numbers: Mapping[str, float | None]
    """rows, distinct_prompts, too_long, control_token, steps, epochs, tokens, trained_tokens, seconds, final_loss."""
    curve: tuple[tuple[float, float], ...]
    """(step, loss)."""
    proof: Mapping[str, float]
    """rows, trained_tokens, tokens, prompts_changed, tokenised_apart."""
    end_of_turn: str = ""
    changes: tuple[tuple[str, int], ...] = ()
    """What the student's template changes in answers, and in how many."""
    example: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the numbers come from."""

    digest: str
    recipe_yaml: str
    snapshots: tuple[tuple[str, int], ...]
    """Models as the replies named them, with their rows."""
    versions: tuple[str, ...]
    """Versions of Potstill that made the stages."""
    stages: tuple[tuple[str, datetime, float], ...]
    """(stage, when it was finished, seconds)."""
    prompts: str
    """Where the prompts were read."""
    base_url: str
    """Where the teacher answered."""
    terms: str = ""
    """Where the teacher's terms of use are."""
    device: str = ""
    packages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Harvest:
    """From the prompts to the rows that were kept."""

    prompts: Mapping[str, int] = field(default_factory=dict)
    """rows, merged, near, train, heldout; empty before there are any."""
    answers: int | None = None
    statuses: tuple[tuple[str, int], ...] = ()
    """What became of the answers, most frequent first."""
    filtered: bool = False
    funnel: tuple[Step, ...] = ()
    """The rules that dropped something or could not judge something."""
    let_all_pass: tuple[str, ...] = ()
    """The rules that looked and dropped nothing."""
    kept: int | None = None
    late: bool = False
    """Whether a judge or a fit looked at what the other rules kept."""
    leaks: Leaks = field(default_factory=Leaks)

    @property
    def leaked(self) -> int:
        """Training rows that repeat a held-out prompt or a benchmark."""
        return sum(file.trained_on for file in self.leaks.files)

    @property
    def selected(self) -> bool:
        """Whether the rule `select` chose among good rows, so that a random control says what that was worth."""
        return any(step.rule == SELECT and step.dropped for step in self.funnel)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on the page but the pictures and the rows shown."""

    name: str
    teacher: str
    student: str
    simulated: bool
    """The teacher is the embedded practice teacher: no real model was asked."""
    replays: bool
    """It is simulated and plays back answers that were recorded."""
    retain: float
    """The share of the teacher's score that the student has to keep."""
    done: frozenset[str]
    """Stages that are finished."""
    missing: tuple[str, ...]
    """The optional parts of Potstill that are not installed here."""
    outdated: tuple[tuple[str, str], ...]
    """(stage, what it read): it was made from an earlier version of that."""
    judgement: Judgement | None
    """None before an evaluation."""
    harvest: Harvest
    bill: Bill
    courses: tuple[Course, ...]
    references: int
    """Training rows whose prompt has a reference of its own, so that a student might have been trained on those alone."""
    origin: Origin

    @property
    def trained(self) -> bool:
        """Whether there is a student."""
        return "student" in self.done
