"""The training's side of the report: from `training.json` to curves, numbers and the mask proof."""

import re
from collections.abc import Mapping
from typing import Any

from .facts import Course, Span
from .labels import arm_label, in_order
from .values import tally

_NUMBERS = (
    "rows", "distinct_prompts", "too_long", "control_token", "steps", "epochs", "tokens", "trained_tokens", "seconds",
    "final_loss",
)  # fmt: skip
_PROVED = ("rows", "trained_tokens", "tokens", "prompts_changed", "tokenised_apart")
_TRAINED = re.compile("⟦([^⟧]*)⟧")
"""How `training.json` marks what is trained in its example."""


def read_courses(training: Mapping[str, Any]) -> tuple[Course, ...]:
    """How each student was trained, the student first."""
    arms: Mapping[str, Any] = training["arms"]
    return tuple(_course(name, arms[name]) for name in in_order(arms))


def _course(name: str, values: Mapping[str, Any]) -> Course:
    proof = values["proof"]
    return Course(
        name=name,
        label=arm_label(name),
        numbers={key: values[key] for key in _NUMBERS},
        curve=tuple((point["step"], point["loss"]) for point in values["curve"]),
        proof={key: proof[key] for key in _PROVED},
        end_of_turn=proof["end_of_turn"],
        changes=tally(proof["answers_changed"]),
        example=_example(proof["example"]),
    )


def _example(marked: str) -> tuple[Span, ...]:
    """The proved example in pieces, trained and not by turns."""
    pieces = _TRAINED.split(marked)
    return tuple(Span(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece)
