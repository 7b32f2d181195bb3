"""The prompts: where they are, what their columns are called, and which are held out."""

from pydantic import Field

from .section import Section


class HeldoutSection(Section):
    """Prompts that are never trained on: the student is judged on them."""

    share: float = Field(default=0.2, gt=0, lt=1)
    """The share of prompts to hold out."""

    least: int = Field(default=100, ge=1)
    """Hold out at least so many, but never more than half of all prompts."""

    most: int = Field(default=1000, ge=1)
    """Hold out at most so many."""

    salt: str = "potstill"
    """A family is held out by the hash of its name and this; another salt is another split."""


class PromptsSection(Section):
    """What the teacher is asked."""

    path: str
    """A file (.jsonl, .csv, .parquet), a folder saved by `datasets`, a data set of the Hugging Face Hub (`owner/name`), or
    `practice://skills?rows=1000` (simulated)."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Your column for each of ours: messages, prompt, instruction, input, system, reference, family, slice (a kind of prompt
    that is scored apart)."""

    system: str | None = None
    """A system message for every prompt that has none of its own."""

    near: float | None = Field(default=0.8, gt=0, le=1)
    """Prompts so alike, by the Jaccard index of their five-word sequences, are asked once: the first stays, the others are
    listed in `prompts/near-*.parquet`. What differs in a number, a name, or the slot of a template is never alike; null asks
    all."""

    limit: int | None = Field(default=None, ge=1)
    """Take only the first so many rows."""

    heldout: HeldoutSection = Field(default_factory=HeldoutSection)
    """What is kept back to judge the student on."""
