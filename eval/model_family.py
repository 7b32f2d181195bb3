"""Which family a model is of: a judge favours its own (arXiv 2502.01534), so a verdict names it."""

import re
from collections.abc import Mapping

FAMILIES: Mapping[str, tuple[str, str]] = {
    "OpenAI's": (r"gpt|davinci|openai", r"o[1345]"),
    "Anthropic's": (r"claude|anthropic", ""),
    "Google's": (r"gemini|gemma|palm|flan|google", ""),
    "Meta's": (r"llama|vicuna|alpaca", ""),
    "Alibaba's": (r"qwen|qwq|qvq", ""),
    "Mistral's": (r"mi[ns]tral|mixtral|[a-z]stral|pixtral", ""),
    "DeepSeek's": (r"deepseek", ""),
    "Microsoft's": (r"microsoft", r"phi|mai"),
    "Cohere's": (r"cohere|c4ai|aya-", r"command"),
    "xAI's": (r"grok", r"xai"),
    "Zhipu's": (r"chatglm", r"glm|zai"),
    "Moonshot's": (r"kimi|moonshot", ""),
    "IBM's": (r"granite", ""),
    "NVIDIA's": (r"nemotron|nvidia", ""),
    "Amazon's": (r"amazon", r"nova|titan"),
    "01.AI's": (r"01-ai", r"yi"),
    "Hugging Face's": (r"smollm|zephyr|huggingface", ""),
    "Ai2's": (r"olmo|tulu|allenai", ""),
    "the practice models": (r"practice", ""),
}
"""A family by what its models' names, and those of their makers, hold anywhere, and by whole words. A distilled or merged
model is of every family that it names.
"""


def families(model: str) -> frozenset[str]:
    """The families that a model's name tells of; empty where it tells of none."""
    name = model.lower()
    words = set(re.findall(r"[a-z]+\d*", name)) | set(re.findall(r"[a-z]+", name))
    return frozenset(
        family
        for family, (anywhere, alone) in FAMILIES.items()
        if re.search(anywhere, name) or (alone and any(re.fullmatch(alone, word) for word in words))
    )


def related(one: str, other: str) -> bool:
    """Whether two models are of one family, or are one model, as far as their names tell."""
    return bool(families(one) & families(other)) or _plain(one) == _plain(other)


def _plain(model: str) -> str:
    return model.lower().rpartition("/")[2]
