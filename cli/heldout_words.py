"""What the held-out prompts can tell, in words: for `potstill plan`."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..store.rounding import down, up

Facts = Mapping[str, Any]


def heldout_lines(bought: Facts | None, evaluation: Facts, heldout: int) -> Iterator[str]:
    """What the verdict will rest on and how sure it can be, or what to give that there be one.

    Args:
        bought: `heldout_buys` of the plan.
        evaluation: `evaluation` of the plan.
        heldout: held-out prompts.
    """
    from ..planning.telling import rests_on

    rests = rests_on(evaluation["by"], evaluation["asked"])
    if bought is None:
        yield f"none of the {heldout:,} held-out prompts has a reference: {rests}."
        return
    yield f"held out: {bought['prompts']:,} prompts are asked; {rests}."
    spans = [f"{score} ({down(span['low'])} to {up(span['high'])})" for score, span in bought["intervals"].items()]
    yield f"With {bought['confidence']:.0%} confidence {_score(bought)} would be known as {', '.join(spans)}."
    assumed, least = bought["assumed"], bought["smallest_difference"]
    found = "no difference is sure to be found" if least is None else f"one of {up(least)} points is found"
    yield f"If {_apart(bought)} {assumed['discordant']:.0%} of them, {found} ({assumed['power']:.0%} power);"
    yield f"an equal student ({_equal(bought)}) {_passes(bought)}."


def _score(bought: Facts) -> str:
    match bought["by"]:
        case "agreement":
            return "a share of agreement"
        case "pairs":
            return "the student's share of the points"
        case "grades":
            return "a mean grade (of the way from the lowest to the highest)"
        case _:
            return "a score"


def _apart(bought: Facts) -> str:
    match bought["by"]:
        case "agreement":
            return "only one of the two, the student or the teacher asked again, agrees on"
        case "pairs":
            return "the judge prefers one of the two on"
        case "grades":
            return "the grades of the two are as far apart as can be on"
        case _:
            return "teacher and student disagree on"


def _equal(bought: Facts) -> str:
    return "preferred as often as the teacher" if bought["by"] == "pairs" else "both at 80%"


def _passes(bought: Facts) -> str:
    needed, bar = bought["equal_student_needs"], f"retain: {bought['retain']:g}"
    if needed is None:
        return f"never passes {bar}: it would have to be better"
    enough = "enough" if needed <= bought["prompts"] else "too few"
    return f"passes {bar} from about {needed:,} prompts on: these are {enough}"
