"""A request body as the practice teacher takes it, or the error that the API gives for it."""

from dataclasses import dataclass
from typing import Any

import orjson

from .settings import MODEL, PracticeSettings

_NUMBERS = {
    "n": (int, 1, 128),
    "seed": (int, -(2**63), 2**63 - 1),
    "max_tokens": (int, 1, 1_000_000),
    "max_completion_tokens": (int, 1, 1_000_000),
    "temperature": ((int, float), 0, 2),
    "top_p": ((int, float), 0, 1),
    "top_logprobs": (int, 0, 20),
}
"""For each number that a body may hold: its type and bounds."""

_WORDS = {"model", "messages", "logprobs", "stream", "response_format"}
_IGNORED = {"user", "metadata", "store", "service_tier", "prompt_cache_key"}
TAKEN = _WORDS.union(_IGNORED, _NUMBERS)
"""Fields of a body that it takes."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as an OpenAI-compatible API tells it."""

    status: int
    code: str
    message: str
    param: str | None = None
    kind: str = "invalid_request_error"

    def body(self) -> bytes:
        """Its JSON."""
        told = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": told})


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a chat completion."""

    prompt: str
    """The last user message."""
    texts: tuple[str, ...]
    """The text of every message."""
    n: int
    seed: int | None
    greedy: bool
    """The temperature is 0."""
    max_tokens: int | None
    top_logprobs: int | None
    """Alternatives to tell for each token; None when no log-probabilities are wanted."""


def read_asked(settings: PracticeSettings, raw: bytes) -> Asked | ApiError:
    """The request in a body."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return ApiError(400, "invalid_json", f"The body is not JSON: {error}")
    if not isinstance(body, dict):
        return ApiError(400, "invalid_json", "The body is not a JSON object.")
    # A field that is null counts as not sent.
    body = {name: value for name, value in body.items() if value is not None}
    problem = _unknown_model(body) or _unknown_field(settings, body) or _bad_number(body) or _not_simulated(body)
    texts = problem or _texts(body.get("messages"))
    if isinstance(texts, ApiError):
        return texts
    return Asked(
        prompt=next((text for role, text in reversed(texts) if role == "user"), ""),
        texts=tuple(text for _, text in texts),
        n=body.get("n", 1),
        seed=body.get("seed"),
        greedy=body.get("temperature") == 0,
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        top_logprobs=body.get("top_logprobs", 0) if body.get("logprobs") else None,
    )


def _unknown_model(body: dict[str, Any]) -> ApiError | None:
    if body.get("model") == MODEL:
        return None
    said = f"There is no model {body.get('model')!r} here; this simulated teacher has only {MODEL!r}."
    return ApiError(404, "model_not_found", said, "model")


def _unknown_field(settings: PracticeSettings, body: dict[str, Any]) -> ApiError | None:
    refused = {name.strip() for name in settings.unsupported.split(",")}
    for name in body:
        if name in refused:
            return ApiError(400, "unsupported_parameter", f"This model does not take the parameter {name!r}.", name)
        if name not in TAKEN:
            return ApiError(
                400, "unknown_parameter", f"The simulated teacher does not know the parameter {name!r}.", name
            )
    return None


def _bad_number(body: dict[str, Any]) -> ApiError | None:
    for name, (kind, low, high) in _NUMBERS.items():
        value = body.get(name, low)
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
            return ApiError(
                400, "invalid_value", f"{name} is {value!r}: a number from {low} to {high} is needed.", name
            )
    return None


def _not_simulated(body: dict[str, Any]) -> ApiError | None:
    if body.get("stream"):
        return ApiError(400, "unsupported_value", "The simulated teacher does not stream.", "stream")
    if body.get("response_format", {"type": "text"}) != {"type": "text"}:
        return ApiError(
            400, "unsupported_value", "The simulated teacher keeps to no response format.", "response_format"
        )
    if "top_logprobs" in body and not body.get("logprobs"):
        return ApiError(400, "invalid_value", "top_logprobs goes with logprobs: true.", "top_logprobs")
    return None


def _texts(messages: Any) -> list[tuple[str, str]] | ApiError:
    """Role and text of every message; parts of type `text` are joined."""
    wrong = ApiError(400, "invalid_value", "messages is a list, not empty, of {role, content}, text only.", "messages")
    if not isinstance(messages, list) or not messages:
        return wrong
    texts: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, dict):
            return wrong
        role, content = message.get("role"), message.get("content")
        if isinstance(content, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            content = "".join(str(part.get("text", "")) for part in content)
        if not isinstance(role, str) or not isinstance(content, str):
            return wrong
        texts.append((role, content))
    return texts
