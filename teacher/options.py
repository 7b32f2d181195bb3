"""The fields of a request body that a recipe asks for, as the endpoint at hand calls them."""

from typing import Any

from ..recipe import GenerateSection, TeacherSection


def chat_options(generate: GenerateSection, teacher: TeacherSection) -> dict[str, Any]:
    """Body fields beside model and messages. What the recipe leaves open is not sent, the output cap always is."""
    cap = "max_completion_tokens" if "api.openai.com" in teacher.base_url else "max_tokens"
    chosen = {"temperature": generate.temperature, "top_p": generate.top_p, "seed": generate.seed}
    return {
        cap: generate.max_tokens,
        **{name: value for name, value in chosen.items() if value is not None},
        **generate.extra,
    }
