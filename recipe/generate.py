"""Generation: how the teacher is asked."""

from typing import Any, Literal

from pydantic import Field

from .section import Section


class GenerateSection(Section):
    """How each training prompt becomes completions."""

    method: Literal["answer"] = "answer"
    """The elicitation method: `answer` asks each prompt as it is."""

    template: str = "answer"
    """The prompt template around the last user message: a name from the library or a path to a .md file."""

    draws: int = Field(default=1, ge=1, le=256)
    """Answers per prompt; several let the filter see where the teacher disagrees with itself."""

    max_tokens: int = Field(default=1024, ge=1)
    """The cap on output tokens; always sent, an answer that reaches it is never trained on."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """The sampling temperature; not sent if not given."""

    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus sampling; not sent if not given."""

    seed: int | None = None
    """A seed of your own for every request; if not given, each draw has one where the server takes seeds."""

    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request body, sent as they are."""

    failed_share: float = Field(default=0.05, ge=0, le=1)
    """Stop before training when a larger share of rows has no usable answer."""
