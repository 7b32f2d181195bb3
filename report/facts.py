"""What the report knows of a run, as plain frozen data; `reading.py` fills it. None and empty mean: not known, left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..store.rows import SELECT


@dataclass(frozen=True, slots=True)
class Interval:
    """A share or a difference of shares, with its interval and, where tested, its p-value."""

    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One of those who answered the held-out prompts."""

    name: str
    label: str
    what: str
    score: float | None
    low: float | None
    high: float | None
    unparsable: int
    excluded: int
    """Prompts left out because some arm had no judgement or no answer."""
    mean_output_tokens: float | None
    """In the arm's own tokens: teacher and student count with other tokenizers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to: may the student replace the teacher?"""

    replace: bool | None
    sentence: str
    conditions: tuple[str, ...] = ()
    give: tuple[str, ...] = ()
    """What would make a verdict possible where there is none."""


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
class Spending:
    """What one stage asked of the teacher."""

    label: str
    sent: int
    """Requests over the wire, retries included."""
    reused: int
    """Answers that the ledger had."""
    failed: int
    """Answers that never came."""
    input_tokens: int
    output_tokens: int
    usd: float


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
class Efficiency:
    """What the student and the teacher take to answer; each number only where it was measured."""

    student: Mapping[str, Any] = field(default_factory=dict)
    teacher: Mapping[str, float] = field(default_factory=dict)
    student_usd_per_1000: float | None = None


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
    base_url: str
    """Where the teacher answered."""
    terms: str = ""
    """Where the teacher's terms of use are."""
    device: str = ""
    packages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evaluation found."""

    verdict: Verdict | None = None
    arms: tuple[Arm, ...] = ()
    graded: int = 0
    """Prompts that every arm was graded on."""
    confidence: float = 0.95
    grader: str = ""
    retained: Interval | None = None
    gap_recovered: Interval | None = None
    undefined: tuple[str, ...] = ()
    """Why a share above cannot be said, where it cannot."""
    differences: tuple[tuple[str, Interval], ...] = ()
    """Paired, on the same prompts; the label says what minus what."""
    filtering: Interval | None = None
    """The student minus the same student trained on as many rows drawn from all whole answers."""
    selection: Interval | None = None
    """The student minus the same student trained on as many rows drawn from those that the rule `select` chose among."""
    training_seeds: int = 1
    efficiency: Efficiency = field(default_factory=Efficiency)


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
class Bill:
    """What the teacher cost."""

    stages: tuple[Spending, ...] = ()
    answers_usd: float | None = None
    """What the answers cost, whenever they were paid."""
    kept_row_usd: float | None = None
    distillation_usd: float | None = None
    """What the answers that the run uses cost, held-out ones included, whoever paid them."""
    paid_by_this_run: float | None = None
    """What the ledger has charged to this run, failed attempts included."""


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
    outdated: tuple[tuple[str, str], ...]
    """(stage, what it read): it was made from an earlier version of that."""
    judgement: Judgement
    harvest: Harvest
    bill: Bill
    courses: tuple[Course, ...]
    origin: Origin
