"""The training's side of the report: from `training.json` to curves, numbers and the mask proof."""

import re
from collections.abc import Mapping
from typing import Any

from .facts import Course, Span
from .judgement import arm_label
from .values import inner, number, numbers, tally, text

_NUMBERS = ("rows", "too_long", "steps", "epochs", "tokens", "trained_tokens", "seconds", "final_loss")
_PROVED = ("rows", "trained_tokens", "tokens", "prompts_changed")
_TRAINED = re.compile("⟦([^⟧]*)⟧")
"""How `training.json` marks what is trained in its example."""


def read_courses(training: Mapping[str, Any]) -> tuple[Course, ...]:
    """How each student was trained, the student first."""
    arms = inner(training, "arms")
    names = sorted(arms, key=lambda name: (name != "student", name))
    return tuple(_course(name, inner(arms, name)) for name in names)


def _course(name: str, values: Mapping[str, Any]) -> Course:
    proof = inner(values, "proof")
    changes = tally(inner(proof, "template_changed_in_answers"))
    return Course(
        name=name,
        label=arm_label(name),
        numbers=numbers(values, _NUMBERS),
        curve=_curve(values.get("curve")),
        proof=numbers(proof, _PROVED),
        end_of_turn=text(proof.get("end_of_turn")),
        changes=tuple((what, many) for what, many in changes if what != "nothing"),
        example=_example(text(proof.get("example"))),
    )


def _curve(found: Any) -> tuple[tuple[float, float], ...]:
    points = [(number(inner(one).get("step")), number(inner(one).get("loss"))) for one in found or ()]
    return tuple((step, loss) for step, loss in points if step is not None and loss is not None)


def _example(marked: str) -> tuple[Span, ...]:
    """The proved example in pieces, trained and not by turns."""
    pieces = _TRAINED.split(marked)
    return tuple(Span(piece, place % 2 == 1) for place, piece in enumerate(pieces) if piece)
