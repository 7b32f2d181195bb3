"""The fields of a request body that a recipe asks for, as the endpoint at hand calls them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..recipe import GenerateSection, TeacherSection

CAPS = ("max_completion_tokens", "max_tokens")
"""What endpoints call the cap on output tokens."""


def chat_options(generate: GenerateSection, teacher: TeacherSection) -> dict[str, Any]:
    """Body fields beside model and messages. What the recipe leaves open is not sent, the output cap always is."""
    chosen = {"temperature": generate.temperature, "top_p": generate.top_p, "seed": generate.seed}
    return {
        cap_field(teacher): generate.max_tokens,
        **{name: value for name, value in chosen.items() if value is not None},
        **generate.extra,
    }


def cap_field(teacher: TeacherSection) -> str:
    """What this teacher calls the cap on output tokens.

    OpenAI's reasoning models refuse `max_tokens`, and all its chat models take the newer name; other servers know the
    older one for sure.
    """
    return teacher.output_cap or ("max_completion_tokens" if counts_caps(teacher) else "max_tokens")


def counts_caps(teacher: TeacherSection) -> bool | None:
    """Whether a request counts with its output cap against the limit of tokens a minute; None where nobody has said."""
    host = urlsplit(teacher.base_url).hostname or ""
    return True if host == "api.openai.com" or host.endswith((".openai.azure.com", ".services.ai.azure.com")) else None


def output_cap(options: Mapping[str, Any]) -> int:
    """The cap that a request's options hold.

    Raises:
        ValueError: they hold none; without one nobody can say what the request may cost.
    """
    for name in CAPS:
        if isinstance(cap := options.get(name), int):
            return cap
    raise ValueError(f"a question needs an output cap: one of {', '.join(CAPS)} in its options")
