"""What an answer takes: the student's size, memory and speed, the teacher's price and latency; only what was measured."""

from collections.abc import Sequence
from dataclasses import asdict
from math import ceil
from typing import TYPE_CHECKING, Any

from ..recipe import Recipe
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.reply import Reply
from .break_even import Price, mean_price
from .earlier import earlier_speed
from .local_arms import longest_answer, student_folder
from .words import count

if TYPE_CHECKING:
    from ..student.speed import Speed

FEWEST_FOR_P95 = 20
"""A 95th percentile of fewer values would be their maximum."""


def time_kept_student(run: Run, prompts: Sequence[Prompt]) -> "Speed | None":
    """The student that is kept, timed on the first of these prompts by the engine that answered; None where nothing is to be
    timed. Transformers run in a process of their own, which holds nothing but the student.
    """
    from ..student.served import engine_of, serve
    from ..student.served_speed import time_served
    from ..student.speed import time_student

    section = run.recipe.eval
    asked = [prompt.messages for prompt in prompts[: section.timed_prompts]]
    if not asked:
        return None
    if (speed := earlier_speed(run)) is not None:
        return speed
    run.screen.line(f"timing the student on {count(len(asked), 'prompt')}, one at a time and in batches")
    cap, batch = longest_answer(run), section.batch_size
    if engine_of(section.engine) == "vllm":
        with serve(student_folder(run)) as server:
            return time_served(server, asked, max_new_tokens=cap, batch_size=batch)
    return time_student(student_folder(run), asked, home=run.home, max_new_tokens=cap, batch_size=batch)


def efficiency(recipe: Recipe, student: "Speed | None", replies: Sequence[Reply]) -> dict[str, Any]:
    """The scorecard's `efficiency`."""
    found: dict[str, Any] = {"student": _told(student), "teacher": _teacher(replies)}
    if (price := student_price(recipe, student)) is not None:
        found["student_usd_per_1000"] = 1000 * price.value
    return found


def teacher_price(recipe: Recipe, replies: Sequence[Reply]) -> Price | None:
    """What a request to the teacher costs, from the answers to held-out prompts."""
    return mean_price([reply.usd for reply in _answered(replies)], recipe.eval.confidence)


def student_price(recipe: Recipe, student: "Speed | None") -> Price | None:
    """What a request to the student costs on a machine that is always busy; None without a rent or a time."""
    rent = recipe.eval.machine_usd_per_hour
    if rent is None or student is None or student.seconds_per_request is None:
        return None
    low, high = student.seconds_per_request_low, student.seconds_per_request_high
    seconds = student.seconds_per_request
    second = rent / 3600
    return Price(
        second * seconds,
        second * (seconds if low is None else max(low, 0.0)),
        second * (seconds if high is None else high),
    )


def _told(student: "Speed | None") -> dict[str, Any]:
    return {name: value for name, value in asdict(student).items() if value is not None} if student else {}


def _answered(replies: Sequence[Reply]) -> list[Reply]:
    return [reply for reply in replies if not reply.status.startswith("error:")]


def _teacher(replies: Sequence[Reply]) -> dict[str, Any]:
    """Price and tokens of every answer whenever it was bought; latency of those that were sent just now."""
    answered = _answered(replies)
    if not answered:
        return {}
    many = len(answered)
    measured: dict[str, Any] = {
        "usd_per_1000": 1000 * sum(reply.usd for reply in answered) / many,
        "mean_input_tokens": sum(reply.input_tokens for reply in answered) / many,
        "mean_output_tokens": sum(reply.output_tokens for reply in answered) / many,
    }
    sent = sorted(reply.seconds for reply in answered if not reply.reused)
    if sent:
        measured["p50_s"] = quantile(sent, 0.5)
    if len(sent) >= FEWEST_FOR_P95:
        measured["p95_s"] = quantile(sent, 0.95)
    return measured


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    return ordered[ceil(share * len(ordered)) - 1]
