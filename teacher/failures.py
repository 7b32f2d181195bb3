"""What a reply that is not 2xx means: for this row, for this moment, or for the whole run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import BrokenWorld
from ..recipe import TeacherSection
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
LONGEST_WAIT_S = 600.0
"""A server that asks for more than this is gone for the day, not busy."""
PASSING_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class PassingError(Exception):
    """This attempt failed and the next may not: a rate limit, a 5xx, a reset, a torn reply."""

    def __init__(self, outcome: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Rejection:
    """This request will never be answered; its row says why."""

    status: str
    error: str
    may_be_n: bool = False
    """It may be the number of choices that was refused: asked one by one, the server might answer."""


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
    if wire.status == 402 or QUOTA_CODES & kinds:
        raise BrokenWorld(f"{told}. The quota is used up: top up the account, then run again; nothing is bought twice")
    if wire.status == 401 or (wire.status == 403 and not met):
        raise BrokenWorld(f"{told}. The key is not accepted: check teacher.api_key_env and the account behind it")
    if wire.status == 404:
        raise BrokenWorld(f"{told}. Check teacher.base_url and teacher.model ({section.model!r})")
    if code in REFUSED_PARAMETER_CODES:
        parameter = str(problem.get("param") or "a parameter")
        if parameter == "n":
            return Rejection(f"error:{code}", told, may_be_n=True)
        cure = "set teacher.seeds: false" if parameter == "seed" else "change it in the recipe's generate section"
        raise BrokenWorld(f"{told}. The model does not take {parameter!r}: {cure}")
    if wire.status in PASSING_STATUSES or wire.status >= 500:
        raise PassingError(f"http_{wire.status}", told, _retry_after(wire.headers))
    if code == "content_filter":
        return Rejection("content_filter", told)
    if code in TOO_LONG_CODES:
        return Rejection("too_long", told)
    return Rejection(f"error:{code}", told, may_be_n=wire.status in (400, 422))


def _error_of(body: bytes) -> Mapping[str, Any]:
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"message": body[:200].decode("utf-8", "replace")}
    problem = reply.get("error", reply) if isinstance(reply, dict) else {}
    return problem if isinstance(problem, dict) else {"message": str(problem)}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server says, None when it does not or says it as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if seconds > LONGEST_WAIT_S:
            raise BrokenWorld(
                f"the teacher asks to wait {seconds:,.0f} s before the next request, longer than {LONGEST_WAIT_S:,.0f} s; "
                "run again then: what was answered is kept"
            )
        return max(0.0, seconds)
    return None
