"""Pictures of scores: the arms with their error bars, and the arms side by side on each slice or task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from .canvas import EDGE, NARROW, above, canvas, name_rows, paint_of, right, room, shares
from .labels import arm_label
from .scores import Arm, Interval, Judgement
from .svg import PAINT, picture
from .words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 26
"""Letters of a slice's or task's name that are drawn; the table beside the picture has all of them."""


@dataclass(frozen=True, slots=True)
class _Row:
    """Arms on the same prompts."""

    label: str
    scores: Mapping[str, Interval]


def arms_picture(arms: Sequence[Arm]) -> Markup | None:
    """Each arm's score as a dot on its interval; None where no arm has a score."""
    scored = [arm for arm in arms if arm.score is not None]
    if not scored:
        return None
    said = "Scores: " + "; ".join(f"{arm.label} {percent(arm.score)}" for arm in scored)
    return picture("arms", said, lambda width: _draw_arms(scored, width))


def slices_picture(judgement: Judgement | None) -> Markup | None:
    """Student and what it is held against, and the base, on each slice; None without slices."""
    if judgement is None or not judgement.slices:
        return None
    rows = [_Row(_short(one.name), _shown(one.scores, judgement.compared.ceiling)) for one in judgement.slices]
    return picture("slices", "Scores by slice: " + _said(rows), lambda width: _draw_rows(rows, width))


def tasks_picture(judgement: Judgement | None) -> Markup | None:
    """Student, teacher and base on each further task; None without one that was scored."""
    tasks = [task for task in judgement.tasks if task.compared.graded] if judgement else []
    if not tasks:
        return None
    rows = [_Row(_short(task.name), _shown(_scores(task.compared.arms), task.compared.ceiling)) for task in tasks]
    return picture("tasks", "Scores on further tasks: " + _said(rows), lambda width: _draw_rows(rows, width))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def _scores(arms: Sequence[Arm]) -> Mapping[str, Interval]:
    return {arm.name: Interval(arm.score, arm.low, arm.high) for arm in arms if arm.score is not None}


def _shown(scores: Mapping[str, Interval], ceiling: str) -> Mapping[str, Interval]:
    return {name: scores[name] for name in dict.fromkeys((ceiling, "student", "base")) if name in scores}


def _said(rows: Sequence[_Row]) -> str:
    return "; ".join(
        f"{row.label}: " + ", ".join(f"{arm_label(name)} {percent(one.value)}" for name, one in row.scores.items())
        for row in rows
    )


def _draw_arms(arms: Sequence[Arm], width: int) -> "Figure":
    narrow = width < NARROW
    labels = [arm.label for arm in arms]
    if narrow:
        figure, axes = canvas(width, 48 * len(arms) + 28, 8, 18)
    else:
        figure, axes = canvas(width, 30 * len(arms) + 28, room(labels), EDGE)
    for row, arm in enumerate(arms):
        _whisker(axes, row, arm.name, Interval(arm.score or 0.0, arm.low, arm.high))
        if narrow:
            above(axes, row - 0.36, arm.label, percent(arm.score))
        else:
            right(axes, row, percent(arm.score))
    name_rows(axes, [""] * len(arms) if narrow else labels)
    shares(axes)
    return figure


def _draw_rows(rows: Sequence[_Row], width: int) -> "Figure":
    narrow = width < NARROW
    labels = [row.label for row in rows]
    arms = max(len(row.scores) for row in rows)
    tall = 11 * arms + 17
    if narrow:
        figure, axes = canvas(width, (tall + 20) * len(rows) + 34, 8, 18)
    else:
        figure, axes = canvas(width, tall * len(rows) + 34, room(labels), EDGE)
    step = 11 / (tall + 20 if narrow else tall)
    for row, one in enumerate(rows):
        first = row + (0.18 if narrow else 0.0) - step * (len(one.scores) - 1) / 2
        for place, (name, score) in enumerate(one.scores.items()):
            _whisker(axes, first + step * place, name, score, step)
        student = percent(one.scores["student"].value) if "student" in one.scores else ""
        if narrow:
            above(axes, row - 0.36, one.label, student)
        else:
            right(axes, row, student)
    name_rows(axes, [""] * len(rows) if narrow else labels)
    shares(axes)
    return figure


def _whisker(axes: "Axes", row: float, arm: str, score: Interval, room_between: float = 1.0) -> None:
    """A mark on its interval: a dot, a diamond for the teacher, a square for the base, so that no colour is needed."""
    paint, small = paint_of(arm), room_between < 1
    if score.low is not None and score.high is not None:
        ends, tick = (score.low, score.high), min(0.16, 0.4 * room_between)
        axes.plot(ends, [row, row], color=paint, linewidth=2 if small else 3, clip_on=False, solid_capstyle="butt")
        for end in ends:
            axes.plot([end, end], [row - tick, row + tick], color=paint, linewidth=1.5, clip_on=False)
    shape = "D" if arm.startswith("teacher") else "s" if arm == "base" else "o"
    inside = PAINT["paper"] if shape != "o" else paint
    size = {"o": 7.5, "D": 6.0, "s": 6.0}[shape] - (1 if small else 0)
    axes.plot(
        [score.value],
        [row],
        shape,
        markersize=size,
        color=paint,
        markerfacecolor=inside,
        markeredgewidth=1.6,
        clip_on=False,
    )
