"""What an answer takes: the student's size and speed, the teacher's price and latency; only what was measured."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from ..recipe import Recipe
from ..teacher.reply import Reply
from .local_arms import LocalAnswers

FEWEST_FOR_P95 = 20
"""A 95th percentile of fewer values would be their maximum."""


def efficiency(recipe: Recipe, student: LocalAnswers | None, replies: Sequence[Reply]) -> dict[str, Any]:
    """The scorecard's `efficiency`."""
    found = {"student": _student(recipe, student) if student else {}, "teacher": _teacher(replies)}
    per_request = found["student"].get("seconds_per_request")
    if recipe.eval.machine_usd_per_hour is not None and per_request is not None:
        found["student_usd_per_1000"] = recipe.eval.machine_usd_per_hour / 3600 * per_request * 1000
    return found


def _student(recipe: Recipe, student: LocalAnswers) -> dict[str, Any]:
    """Throughput at the stated batch size: seconds per request is the whole time divided by the requests."""
    measured = {
        "parameters": student.parameters,
        "bytes": student.bytes,
        "batch_size": min(recipe.eval.batch_size, len(student.answers)),
        "device": student.device,
    }
    if student.answers and student.seconds > 0:
        measured["tokens_per_second"] = sum(one.output_tokens for one in student.answers) / student.seconds
        measured["seconds_per_request"] = student.seconds / len(student.answers)
    return measured


def _teacher(replies: Sequence[Reply]) -> dict[str, Any]:
    """Price and tokens of every answer whenever it was bought; latency of those that were sent just now."""
    answered = [reply for reply in replies if not reply.status.startswith("error:")]
    if not answered:
        return {}
    count = len(answered)
    measured: dict[str, Any] = {
        "usd_per_1000": 1000 * sum(reply.usd for reply in answered) / count,
        "mean_input_tokens": sum(reply.input_tokens for reply in answered) / count,
        "mean_output_tokens": sum(reply.output_tokens for reply in answered) / count,
    }
    sent = sorted(reply.seconds for reply in answered if not reply.reused)
    if sent:
        measured["p50_s"] = _quantile(sent, 0.5)
    if len(sent) >= FEWEST_FOR_P95:
        measured["p95_s"] = _quantile(sent, 0.95)
    return measured


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]
