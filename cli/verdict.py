"""The last lines of a run: the arms side by side, what filtering bought, what it cost and when it pays, and the verdict."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..store.rounding import down, nearest, up

MARKED: Mapping[str | None, str] = {
    "reference": "right answers, grader {grader}",
    "agreement": "answers that agree with the teacher's first ones, grader {grader}",
    "pairs": "points against the teacher, by the judge {judge}",
    "grades": "grades, by the judge {judge}",
    None: "nothing to mark by",
}
"""What a score is, by what the verdict rests on."""


def verdict_lines(scorecard: Path) -> Iterator[str]:
    """The scorecard in words, the verdict last."""
    card: Mapping[str, Any] = orjson.loads(scorecard.read_bytes())
    judge = (card["judge"] or {}).get("model", "")
    marked = MARKED[card["by"]].format(grader=card["grader"], judge=judge)
    yield f"{card['n']:,} held-out prompts marked: {marked}; {card['confidence']:.0%} intervals"
    yield from _arms(card["arms"])
    for name, what in (
        ("filtering", "filtering bought {} over as many unfiltered rows"),
        ("selection", "choosing alone bought {} over as many random rows"),
        ("teaching", "the teacher's answers bought {} over the prompts' own references"),
    ):
        if _known(card[name]):
            yield what.format(_points(card[name]))
    if _known(card["retained"]):
        yield f"the student keeps {_share(card['retained'], 'value').strip()} of the teacher's score"
    for task in card["tasks"]:
        seen = f", {task['trained_on']:,} of them trained on" if task["trained_on"] else ""
        yield f"beside the verdict, {task['name']} ({task['marked_by']}), {task['n']:,} prompts{seen}:"
        yield from _arms(task["arms"])
    yield from _money(card)
    yield from (f"  · {condition}" for condition in card["verdict"]["conditions"])
    yield from (f"  → {wanted}" for wanted in card["verdict"]["give"])
    yield card["verdict"]["sentence"]


def _arms(arms: Mapping[str, Any]) -> Iterator[str]:
    width = max((len(name) for name in arms), default=0)
    yield from (f"  {name.ljust(width)}  {_share(arm, 'score')}" for name, arm in arms.items())


def _money(card: Mapping[str, Any]) -> Iterator[str]:
    costs, pays = card["costs"], card["break_even"]
    yield f"the distillation cost ${costs['distillation_usd']:,.4f}, ${costs['paid_by_this_run']:,.4f} paid by this run"
    if pays["requests"] is not None:
        high = "any number" if pays["high"] is None else f"{pays['high']:,.0f}"
        yield (
            f"it pays after {pays['requests']:,.0f} requests ({pays['low']:,.0f} to {high}), "
            f"from {pays['requests_per_hour']:,.0f} requests an hour on"
        )
    else:
        yield f"after how many requests it pays is not known: {pays['why']}"


def _known(part: Mapping[str, Any] | None) -> bool:
    return bool(part) and part["value"] is not None


def _share(part: Mapping[str, Any], name: str) -> str:
    if part[name] is None:
        return "no score"
    return f"{nearest(part[name]):5.1f}%  ({down(part['low']):.1f} to {up(part['high']):.1f}%)"


def _points(part: Mapping[str, Any]) -> str:
    return f"{nearest(part['value']):+.1f} points ({down(part['low']):+.1f} to {up(part['high']):+.1f})"
