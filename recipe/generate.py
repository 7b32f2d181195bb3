"""Generation: how the teacher is asked."""

import math
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .section import Section

LARGEST_INT = 2**53 - 1
"""The largest integer that every reader of JSON takes for the same one (RFC 8785)."""

NOT_EXTRA = frozenset(
    {"model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "n", "stream"}
    | {"stream_options", "user", "metadata", "store", "service_tier", "prompt_cache_key"}
)
"""What `extra` may not hold: fields that the recipe has of its own, and those that say how an answer travels."""


class GenerateSection(Section):
    """How each training prompt becomes completions."""

    method: Literal["answer"] = "answer"
    """The elicitation method: `answer` asks each prompt as it is."""

    template: str = "answer"
    """The prompt template around the last user message: from the library `answer`, the prompt as it is, or `step_by_step`, which
    has the teacher write down its steps; or the path of a .md file of yours, in Jinja, with `{{ prompt }}` where it belongs."""

    draws: int = Field(default=1, ge=1, le=256)
    """Answers per prompt; several let the filter see where the teacher disagrees with itself."""

    max_tokens: int = Field(default=1024, ge=1)
    """The cap on output tokens; always sent, an answer that reaches it is never trained on."""

    second_max_tokens: int | None = Field(default=None, ge=1)
    """The cap under which an answer that was cut off is asked once more; twice `max_tokens` if not given, and with the
    same number as `max_tokens` it is not asked again."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    """The sampling temperature; not sent if not given."""

    top_p: float | None = Field(default=None, gt=0, le=1)
    """Nucleus sampling; not sent if not given."""

    seed: int | None = Field(default=None, ge=-LARGEST_INT, le=LARGEST_INT)
    """A seed of your own for every request; if not given, each draw has one where the server takes seeds."""

    json_schema: dict[str, Any] | str | None = None
    """The form of every answer: a JSON schema, the path of a file with one, or `path/to/file.py:Model`, a pydantic model. An
    answer without it is sent back once with what is wrong, then it is `unparsable`."""

    schema_mode: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How the endpoint is told of `json_schema`: the whole schema; JSON mode, for servers that have no more; or not at
    all. Answers are held against the schema in any case."""

    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request body, sent as they are; none that the recipe sets, none that says how an answer travels."""

    failed_share: float = Field(default=0.05, ge=0, le=1)
    """Stop, with exit code 5, when a larger share of rows has no usable answer: refused, filtered, cut off and unparsable ones
    count with those that failed."""

    @field_validator("json_schema")
    @classmethod
    def _is_json(cls, schema: dict[str, Any] | str | None) -> dict[str, Any] | str | None:
        if wrong := next(_not_json(schema, ""), None):
            raise ValueError(f"{wrong.lstrip('.')} is not plain JSON")
        return schema

    @model_validator(mode="after")
    def _agrees(self) -> "GenerateSection":
        if self.second_max_tokens is not None and self.second_max_tokens < self.max_tokens:
            raise ValueError(
                f"second_max_tokens is {self.second_max_tokens}, below max_tokens ({self.max_tokens}): "
                "give a larger cap, or the same number and nothing is asked twice"
            )
        if self.json_schema is not None and "response_format" in self.extra:
            raise ValueError("extra.response_format and json_schema say the same: give one of them")
        return self

    @field_validator("extra")
    @classmethod
    def _leaves_ours_alone(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if ours := sorted(NOT_EXTRA & extra.keys()):
            raise ValueError(
                f"{', '.join(ours)} cannot be set here: the recipe has its own field for it, or Potstill sets it"
            )
        if wrong := next(_not_json(extra, ""), None):
            raise ValueError(
                f"{wrong.lstrip('.')} is not plain JSON: texts, true, false, null, numbers up to 2^53 - 1, lists, mappings"
            )
        return extra


def _not_json(value: Any, where: str) -> Iterator[str]:
    """The places of values that not every reader of JSON would take for the same."""
    match value:
        case None | bool():
            pass
        case str():
            if any("\ud800" <= letter <= "\udfff" for letter in value):
                yield where
        case int() | float():
            if not math.isfinite(value) or (isinstance(value, int) and abs(value) > LARGEST_INT):
                yield where
        case list():
            for index, inner in enumerate(value):
                yield from _not_json(inner, f"{where}[{index}]")
        case dict():
            for name, inner in value.items():
                yield from _not_json(inner if isinstance(name, str) else name, f"{where}.{name}")
        case _:
            yield where
