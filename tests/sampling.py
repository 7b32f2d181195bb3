"""Rows of `samples/`, made one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from potstill.store.rows import Completion, Prompt
from potstill.store.schemas import SCORE_PREFIX, completion_columns

OF_PROMPT = ("reference", "family", "source", "lines")


@dataclass(frozen=True, slots=True)
class Sample:
    """A completion with its prompt, its scores and what the rules said: one row of `samples/`."""

    prompt: Prompt
    completion: Completion
    scores: Mapping[str, float | None] = field(default_factory=dict)
    rule: str = ""
    """The rule that dropped it; empty for a kept row."""
    reason: str = ""
    """What that rule saw; empty for a kept row."""

    @property
    def kept(self) -> bool:
        """Whether every rule let it pass."""
        return not self.rule


def sample_columns(sample: Sample) -> dict[str, Any]:
    """One row of the samples table."""
    row = completion_columns(sample.completion)
    text = row.pop("text")
    row |= {name: getattr(sample.prompt, name) for name in OF_PROMPT}
    row |= {SCORE_PREFIX + name: value for name, value in sample.scores.items()}
    row |= {"rule": sample.rule, "reason": sample.reason}
    row["prompt"] = list(sample.prompt.messages)
    row["completion"] = [{"role": "assistant", "content": text}]
    return row
