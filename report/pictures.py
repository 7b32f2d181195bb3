"""The report's pictures: the arms with their error bars, the funnel, the learning curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from .facts import Arm, Course, Harvest
from .svg import PAINT, picture
from .words import count, decimal, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NARROW = 500
"""Pixels below which labels stand above what they name."""
_EDGE = 66
"""Pixels for the numbers at the right edge."""
_LETTER = 7.1
"""Pixels that a letter of the labels takes, about."""

_PAINTS = {
    "teacher": "teacher",
    "student": "student",
    "control_unfiltered": "control",
    "control_random": "random",
    "base": "base",
}


def arms_picture(arms: Sequence[Arm]) -> Markup | None:
    """Each arm's score as a dot on its interval; None where no arm has a score."""
    scored = [arm for arm in arms if arm.score is not None]
    if not scored:
        return None
    said = "Scores: " + "; ".join(f"{arm.label} {percent(arm.score)}" for arm in scored)
    return picture("arms", said, lambda width: _draw_arms(scored, width))


def funnel_picture(harvest: Harvest) -> Markup | None:
    """What each rule dropped and what was left; None where nothing was filtered."""
    if not harvest.funnel:
        return None
    said = "Rows left after each rule: " + "; ".join(
        f"{step.rule} {count(step.rows_in - step.dropped)}" for step in harvest.funnel
    )
    return picture("funnel", said, lambda width: _draw_funnel(harvest, width))


def curves_picture(courses: Sequence[Course]) -> Markup | None:
    """The training loss of each student by step; None where no curve was kept."""
    drawn = [course for course in courses if len(course.curve) > 1]
    if not drawn:
        return None
    said = "Training loss: " + "; ".join(f"{course.label} ends at {course.curve[-1][1]:.3g}" for course in drawn)
    return picture("curves", said, lambda width: _draw_curves(drawn, width))


def _draw_arms(arms: Sequence[Arm], width: int) -> "Figure":
    narrow = width < _NARROW
    labels = [arm.label for arm in arms]
    if narrow:
        figure, axes = _canvas(width, 48 * len(arms) + 28, 8, 18)
    else:
        figure, axes = _canvas(width, 30 * len(arms) + 28, _room(labels), _EDGE)
    for row, arm in enumerate(arms):
        _whisker(axes, row, arm)
        if narrow:
            _above(axes, row, arm)
        else:
            _right(axes, row, percent(arm.score))
    _rows(axes, [""] * len(arms) if narrow else labels)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    axes.grid(axis="x", color=PAINT["line"], linewidth=1)
    return figure


def _whisker(axes: "Axes", row: int, arm: Arm) -> None:
    """A dot on its interval."""
    score, paint = arm.score or 0.0, PAINT[_PAINTS.get(arm.name, "base")]
    if arm.low is not None and arm.high is not None:
        axes.plot([arm.low, arm.high], [row, row], color=paint, linewidth=3, clip_on=False, solid_capstyle="butt")
        for end in (arm.low, arm.high):
            axes.plot([end, end], [row - 0.16, row + 0.16], color=paint, linewidth=1.5, clip_on=False)
    axes.plot([score], [row], "o", markersize=7.5, color=paint, clip_on=False)


def _above(axes: "Axes", row: int, arm: Arm) -> None:
    """Label and score over the whisker, where there is no room beside it."""
    # A patch of paper keeps the grid off the letters.
    paper = {"facecolor": PAINT["paper"], "edgecolor": "none", "pad": 1}
    for place, side, text in ((0, "left", arm.label), (1, "right", percent(arm.score))):
        axes.text(place, row - 0.36, text, ha=side, va="center_baseline", color=PAINT["ink"], bbox=paper)


def _draw_funnel(harvest: Harvest, width: int) -> "Figure":
    steps = harvest.funnel
    rows_in = steps[0].rows_in
    labels = ["answers", *(step.rule for step in steps), "kept"]
    figure, axes = _canvas(width, 26 * len(labels) + 8, _room(labels), _EDGE)
    axes.barh([0], [rows_in], color=PAINT["soft"], height=0.62)
    _right(axes, 0, count(rows_in))
    for row, step in enumerate(steps, start=1):
        left = step.rows_in - step.dropped
        axes.barh([row], [left], color=PAINT["line"], height=0.62)
        axes.barh([row], [step.dropped], left=left, color=PAINT["dropped"], height=0.62)
        _right(axes, row, count(-step.dropped) if step.dropped else "0", "soft")
    kept = harvest.kept if harvest.kept is not None else steps[-1].rows_in - steps[-1].dropped
    axes.barh([len(steps) + 1], [kept], color=PAINT["student"], height=0.62)
    _right(axes, len(steps) + 1, count(kept))
    _rows(axes, labels)
    axes.set_xlim(0, max(rows_in, 1))
    axes.set_xticks([])
    return figure


def _draw_curves(courses: Sequence[Course], width: int) -> "Figure":
    from matplotlib.ticker import LogLocator, MaxNLocator

    figure, axes = _canvas(width, 220, 50, 4)
    losses = [loss for course in courses for _, loss in course.curve]
    for course in reversed(courses):
        steps, values = zip(*course.curve, strict=True)
        style = "-" if course.name == "student" else (0, (4, 2))
        paint = PAINT[_PAINTS.get(course.name, "base")]
        axes.plot(steps, values, linestyle=style, color=paint, linewidth=1.8, label=course.label)
    if min(losses) > 0 and max(losses) > 20 * min(losses):
        axes.set_yscale("log")
        axes.minorticks_off()
        # Threes too: a curve that ends between two powers of ten has a number near its end.
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.yaxis.set_major_formatter(lambda value, _: decimal(value))
    else:
        axes.set_ylim(bottom=min(0.0, *losses))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if width < _NARROW else 8, integer=True))
    axes.grid(axis="y", color=PAINT["line"], linewidth=1)
    # The student is drawn last, on top, and named first.
    axes.legend(loc="upper right", frameon=False, labelcolor=PAINT["ink"], handlelength=1.8, reverse=True)
    return figure


def _canvas(width: int, height: int, left: float, right: float) -> tuple["Figure", "Axes"]:
    """A figure with one bare pair of axes, margins in pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    below, above = 26.0, 8.0
    axes = figure.add_axes(
        (left / width, below / height, (width - left - right) / width, (height - below - above) / height)
    )
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=9, labelcolor=PAINT["soft"])
    axes.spines[:].set_visible(False)
    return figure, axes


def _room(labels: Sequence[str]) -> float:
    return 17 + _LETTER * max(len(label) for label in labels)


def _rows(axes: "Axes", labels: Sequence[str]) -> None:
    """Name the rows, the first on top."""
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", labelcolor=PAINT["ink"])
    axes.set_ylim(len(labels) - 0.5, -0.5)


def _right(axes: "Axes", row: int, text: str, paint: str = "ink") -> None:
    """A number at the right edge of a row."""
    axes.annotate(
        text,
        (1, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(_EDGE - 2, 0),
        textcoords="offset points",
        ha="right",
        va="center_baseline",
        color=PAINT[paint],
        annotation_clip=False,
    )
