"""What a reply that is not 2xx means: for this row, for this moment, or for the whole run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import BrokenWorld
from ..ledger.entries import Refused
from ..recipe import TeacherSection
from .traffic.headers import LONGEST_WAIT_S, retry_after, too_long
from .transport import Wire

QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
REFUSED_PARAMETER_CODES = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})
TOO_LONG_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})
TOO_LONG = re.compile(
    r"maximum context length|context (length|window)|prompt is too long|too many (input )?tokens", re.I
)
"""How endpoints without codes of their own (vLLM) say it."""
PASSING_STATUSES = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
TOO_MANY = 429
DETERMINISTIC_STATUSES = frozenset({400, 413, 422})
"""What is said of the request itself: asked again, the same would be said."""
CURES = {
    "seed": "put `seeds: false` under `teacher:`, and take `seed` out of `generate:`",
    "max_tokens": "put `output_cap: max_completion_tokens` under `teacher:`",
    "max_completion_tokens": "put `output_cap: max_tokens` under `teacher:`",
    "temperature": "take `temperature` out of `generate:`; this model samples in its own way",
    "top_p": "take `top_p` out of `generate:`; this model samples in its own way",
    "response_format": "take `json_schema` out of `generate:`, or choose another `schema_mode`",
}
"""The lines of the recipe to change when a model does not take a parameter."""


class PassingError(Exception):
    """This attempt failed and the next may not: a rate limit, a 5xx, a reset, a torn reply."""

    def __init__(self, outcome: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.retry_after = retry_after

    @property
    def is_5xx(self) -> bool:
        """Whether the server says that it is its own fault."""
        return self.outcome.startswith("http_5")


class SlowDown(PassingError):
    """Too many requests at the moment; the pace knows, and sees to when the next may go."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """This request was not answered; its row says why."""

    status: str
    error: str
    deterministic: bool = False
    """Asked again, the same would be said: not to be asked again unless the user says so."""
    may_be_n: bool = False
    """It may be the number of choices that was refused: asked one by one, the server might answer."""

    @property
    def remembered(self) -> Refused | None:
        """What the ledger is to remember of it."""
        return Refused(self.status, self.error) if self.deterministic else None


def judge_failure(wire: Wire, section: TeacherSection, *, met: bool) -> Rejection:
    """What a non-2xx reply means for its row. `met`: the teacher has answered before, so that a 403 is this prompt's.

    Raises:
        PassingError: try again.
        BrokenWorld: every further request would meet the same.
    """
    problem = _error_of(wire.body)
    kinds = {str(problem.get(name)) for name in ("code", "type") if problem.get(name)}
    code, message = str(problem.get("code") or problem.get("type") or wire.status), str(problem.get("message") or "")
    told = f"{section.base_url} answered {wire.status} ({code}): {message}".rstrip(": ")
    if wire.status // 100 == 3:
        where = wire.headers.get("location", "elsewhere")
        raise BrokenWorld(f"{section.base_url} answered {wire.status}: it sends us to {where}. Check teacher.base_url")
    if wire.status == 402 or QUOTA_CODES & kinds:
        raise BrokenWorld(
            f"{_ended(told)} The quota is used up: top up the account, then run again; nothing is bought twice"
        )
    if wire.status == 401 or (wire.status == 403 and not met):
        key = f"The key in {section.api_key_env}" if section.api_key_env else "The key, if one was sent,"
        raise BrokenWorld(f"{_ended(told)} {key} is not accepted: check teacher.api_key_env and the account behind it")
    if wire.status == 404:
        raise BrokenWorld(f"{_ended(told)} Check teacher.base_url and teacher.model ({section.model!r})")
    if code in REFUSED_PARAMETER_CODES:
        parameter = str(problem.get("param") or _first_quoted(message) or "a parameter")
        if parameter == "n":
            return Rejection(f"error:{code}", told, may_be_n=True)
        cure = CURES.get(parameter, "change it under `extra:` in `generate:`")
        raise BrokenWorld(f"{_ended(told)} The model does not take {parameter!r}: {cure}")
    if wire.status == TOO_MANY:
        raise SlowDown(f"http_{wire.status}", told, _wait_asked_for(wire.headers))
    if wire.status in PASSING_STATUSES or wire.status >= 500:
        raise PassingError(f"http_{wire.status}", told, _wait_asked_for(wire.headers))
    if code == "content_filter":
        return Rejection("content_filter", told, deterministic=True)
    if code in TOO_LONG_CODES or (wire.status in DETERMINISTIC_STATUSES and TOO_LONG.search(message)):
        return Rejection("too_long", told, deterministic=True)
    deterministic = wire.status in DETERMINISTIC_STATUSES
    return Rejection(f"error:{code}", told, deterministic, may_be_n=deterministic)


def disguised_error(wire: Wire) -> Wire | None:
    """The failure in a 2xx reply that is an error by its body, as some gateways send it; None where it is none."""
    try:
        told = orjson.loads(wire.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict) or not told.get("error") or "choices" in told:
        return None
    code = told["error"].get("code") if isinstance(told["error"], dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else 502
    return wire._replace(status=status)


def _ended(told: str) -> str:
    """What an endpoint said, with one mark at its end."""
    return told if told.endswith(("!", "?")) else told.rstrip(". ") + "."


def _first_quoted(message: str) -> str:
    found = re.search(r"['\"`](\w+)['\"`]", message)
    return found[1] if found else ""


def _error_of(body: bytes) -> Mapping[str, Any]:
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"message": body[:200].decode("utf-8", "replace")}
    problem = reply.get("error", reply) if isinstance(reply, dict) else {}
    return problem if isinstance(problem, dict) else {"message": str(problem)}


def _wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server says, None when it does not."""
    seconds = retry_after(headers)
    if seconds is not None and seconds > LONGEST_WAIT_S:
        raise too_long(seconds)
    return seconds
