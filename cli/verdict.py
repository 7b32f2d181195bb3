"""The last lines of a run: the arms side by side, what filtering bought, and the verdict."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson


def verdict_lines(scorecard: Path) -> Iterator[str]:
    """The scorecard in words, the verdict last."""
    card: Mapping[str, Any] = orjson.loads(scorecard.read_bytes())
    level = f"{card.get('confidence', 0.95):.0%}"
    arms: Mapping[str, Any] = card.get("arms", {})
    width = max((len(name) for name in arms), default=0)
    yield f"{card.get('n', 0)} held-out prompts, graded {card.get('grader', '')}; {level} intervals"
    for name, arm in arms.items():
        yield f"  {name.ljust(width)}  {_with_interval(arm, 'score')}  n={arm['n']}"
    if filtering := card.get("filtering"):
        yield f"filtering bought {_points(filtering)} over as many unfiltered rows"
    if retained := card.get("retained"):
        yield f"the student keeps {_with_interval(retained, 'value')} of the teacher's score"
    verdict: Mapping[str, Any] = card.get("verdict", {})
    for condition in verdict.get("conditions", ()):
        yield f"  · {condition}"
    for wanted in verdict.get("give", ()):
        yield f"  → {wanted}"
    yield str(verdict.get("sentence", "no verdict"))


def _with_interval(part: Mapping[str, Any], name: str) -> str:
    if part.get(name) is None:
        return "no score"
    return f"{part[name]:6.1%}  ({part['low']:.1%} to {part['high']:.1%})"


def _points(part: Mapping[str, Any]) -> str:
    return f"{100 * part['value']:+.1f} points ({100 * part['low']:+.1f} to {100 * part['high']:+.1f})"
