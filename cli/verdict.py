"""The last lines of a run: the arms side by side, what filtering bought, and the verdict."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..store.rounding import down, nearest, up


def verdict_lines(scorecard: Path) -> Iterator[str]:
    """The scorecard in words, the verdict last."""
    card: Mapping[str, Any] = orjson.loads(scorecard.read_bytes())
    arms: Mapping[str, Any] = card["arms"]
    width = max(len(name) for name in arms)
    yield f"{card['n']:,} held-out prompts graded, grader {card['grader']}, {card['confidence']:.0%} intervals"
    yield from (f"  {name.ljust(width)}  {_share(arm, 'score')}" for name, arm in arms.items())
    if _known(card["filtering"]):
        yield f"filtering bought {_points(card['filtering'])} over as many unfiltered rows"
    if _known(card["selection"]):
        yield f"choosing alone bought {_points(card['selection'])} over as many random rows"
    if _known(card["retained"]):
        yield f"the student keeps {_share(card['retained'], 'value').strip()} of the teacher's score"
    yield from (f"  · {condition}" for condition in card["verdict"]["conditions"])
    yield from (f"  → {wanted}" for wanted in card["verdict"]["give"])
    yield card["verdict"]["sentence"]


def _known(part: Mapping[str, Any] | None) -> bool:
    return bool(part) and part["value"] is not None


def _share(part: Mapping[str, Any], name: str) -> str:
    if part[name] is None:
        return "nothing graded"
    return f"{nearest(part[name]):5.1f}%  ({down(part['low']):.1f} to {up(part['high']):.1f}%)"


def _points(part: Mapping[str, Any]) -> str:
    return f"{nearest(part['value']):+.1f} points ({down(part['low']):+.1f} to {up(part['high']):+.1f})"
