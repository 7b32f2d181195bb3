"""Which family a model is of: a judge favours its own (arXiv 2502.01534), so a verdict names it."""

import re
from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "OpenAI's": r"gpt|chatgpt|o[1345](-|$)|davinci",
    "Anthropic's": r"claude",
    "Google's": r"gemini|gemma|palm",
    "Meta's": r"llama|codellama",
    "Alibaba's": r"qwen|qwq|qvq",
    "Mistral's": r"mistral|mixtral|ministral|codestral|magistral|devstral|pixtral",
    "DeepSeek's": r"deepseek",
    "Microsoft's": r"phi(-|\d|$)|mai-",
    "Cohere's": r"command|c4ai|aya",
    "xAI's": r"grok",
    "Zhipu's": r"glm|chatglm",
    "Moonshot's": r"kimi|moonshot",
    "IBM's": r"granite",
    "NVIDIA's": r"nemotron|nvidia",
    "Amazon's": r"nova|titan",
    "01.AI's": r"yi(-|\d|$)",
    "Hugging Face's": r"smollm|zephyr",
    "Ai2's": r"olmo|tulu",
    "the practice models": r"practice",
}
"""A family by the beginning of a word in a model's name. A distilled or merged model is of every family that it names."""


def families(model: str) -> frozenset[str]:
    """The families that a model's name tells of; of one that tells of none, the name's own first word."""
    words = [word for word in re.split(r"[/\s:_]|(?<=distill)-", model.lower()) if word]
    found = {
        family for family, pattern in FAMILIES.items() for word in words if re.search(rf"(^|[-.])({pattern})", word)
    }
    return frozenset(found) or frozenset({re.split(r"[-\d.]", words[-1])[0] if words else ""})


def related(one: str, other: str) -> bool:
    """Whether two models are of one family, as far as their names tell."""
    return bool(families(one) & families(other))
