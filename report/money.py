"""What the run was planned to cost, what it was charged, and when the student has paid for itself, as plain frozen data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spending:
    """What one stage asked of a model."""

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
class Planned:
    """What was expected of a stage, or of all of them, before the first request; and what the ledger has charged for it."""

    label: str
    low: float
    likely: float
    high: float
    most: float | None
    """What the requests could have come to at worst."""
    charged: float | None


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Requests after which what was spent is earned back."""

    requests: float | None
    low: float | None
    high: float | None
    """None where it may never pay."""
    requests_per_hour: float | None
    """Below this load a rented machine costs more than the teacher's answers would."""
    why: str
    """Why there is no number, where there is none."""
    teacher_usd: float | None
    """For a request."""
    student_usd: float | None
    floor: float | None
    """Requests that the teacher would answer for what the distillation cost: no student pays sooner."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What teacher, judges and training cost."""

    stages: tuple[Spending, ...]
    answers_usd: float | None
    """What the training answers cost, whenever they were paid."""
    kept_row_usd: float | None
    parts: tuple[tuple[str, float | None], ...]
    """What the distillation cost, part by part; None for a part without a price."""
    distillation_usd: float | None
    """All parts together, whoever paid them."""
    charged_usd: float | None
    """What the ledger has charged to this run, failed attempts included."""
    planned: tuple[Planned, ...]
    """By stage, and all together last; empty where nothing was planned."""
    basis: str
    """What the plan rests on: `offline` or `pilot`."""
    bought_before: int
    """Answers that the ledger had already when the run was planned: the plan is of the rest."""
    break_even: BreakEven | None

    @property
    def reused(self) -> int:
        """Answers that were not bought again."""
        return sum(stage.reused for stage in self.stages)
