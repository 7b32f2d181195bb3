"""The report's other pictures: the funnel, the learning curves, the break-even."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from markupsafe import Markup

from .canvas import EDGE, NARROW, canvas, name_rows, paint_of, right, room
from .facts import Course, Harvest
from .money import Bill, BreakEven
from .svg import PAINT, picture
from .words import count, decimal, dollars, large

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDEST = 4.0
"""The break-even's axis ends at most at so many times the crossing, however far its interval goes."""


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


def break_even_picture(bill: Bill) -> Markup | None:
    """What teacher and student cost together over the requests, and where they cross; None where they are not known to."""
    found, spent = bill.break_even, bill.distillation_usd
    if found is None or spent is None or not found.requests or found.teacher_usd is None or found.student_usd is None:
        return None
    said = f"After {count(found.requests)} requests teacher and student have cost the same."
    return picture("break-even", said, lambda width: _draw_break_even(found, spent, width))


def _draw_funnel(harvest: Harvest, width: int) -> "Figure":
    steps = harvest.funnel
    rows_in = steps[0].rows_in
    labels = ["answers", *(step.rule for step in steps), "kept"]
    figure, axes = canvas(width, 26 * len(labels) + 8, room(labels), EDGE)
    axes.barh([0], [rows_in], color=PAINT["soft"], height=0.62)
    right(axes, 0, count(rows_in))
    for row, step in enumerate(steps, start=1):
        left = step.rows_in - step.dropped
        axes.barh([row], [left], color=PAINT["line"], height=0.62)
        axes.barh([row], [step.dropped], left=left, color=PAINT["dropped"], height=0.62)
        right(axes, row, count(-step.dropped) if step.dropped else "0", "soft")
    kept = harvest.kept if harvest.kept is not None else steps[-1].rows_in - steps[-1].dropped
    axes.barh([len(steps) + 1], [kept], color=PAINT["student"], height=0.62)
    right(axes, len(steps) + 1, count(kept))
    name_rows(axes, labels)
    axes.set_xlim(0, max(rows_in, 1))
    axes.set_xticks([])
    return figure


_STYLES = {
    "student": "-",
    "control_unfiltered": (0, (4, 2)),
    "control_random": (0, (1.5, 1.5)),
    "seeds_only": (0, (6, 2, 1.5, 2)),
}


def _draw_curves(courses: Sequence[Course], width: int) -> "Figure":
    from matplotlib.ticker import LogLocator, MaxNLocator

    names = sum(not course.name.startswith("student_") or course.name == "student_2" for course in courses)
    columns = 2 if width < NARROW else 3
    legend = 21 * ceil(names / columns)
    figure, axes = canvas(width, 206 + legend, 50, 4, below=28.0 + legend)
    losses = [loss for course in courses for _, loss in course.curve]
    for course in reversed(courses):
        steps, values = zip(*course.curve, strict=True)
        another = course.name.startswith("student_")
        # One name for the students of all further seeds, which share a colour.
        label = "_" if another and course.name != "student_2" else "further seeds" if another else course.label
        axes.plot(
            steps,
            values,
            linestyle=_STYLES.get(course.name, "-"),
            color=paint_of(course.name),
            linewidth=0.9 if another else 1.8,
            label=label,
        )
    if min(losses) > 0 and max(losses) > 20 * min(losses):
        axes.set_yscale("log")
        axes.minorticks_off()
        # Threes too: a curve that ends between two powers of ten has a number near its end.
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.yaxis.set_major_formatter(lambda value, _: decimal(value))
    else:
        axes.set_ylim(bottom=min(0.0, *losses))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4 if width < NARROW else 8, integer=True))
    axes.grid(axis="y", color=PAINT["line"], linewidth=1)
    # The student is drawn last, on top, and named first.
    figure.legend(
        loc="lower left", ncols=columns, frameon=False, labelcolor=PAINT["ink"], handlelength=1.8, reverse=True
    )
    return figure


def _draw_break_even(found: BreakEven, spent: float, width: int) -> "Figure":
    from matplotlib.ticker import MaxNLocator

    crossing, narrow = found.requests or 0.0, width < NARROW
    far = found.high if found.high is not None else _WIDEST * crossing
    end = min(max(2 * crossing, 1.1 * far), _WIDEST * crossing)
    teacher, student = (found.teacher_usd or 0.0) * end, spent + (found.student_usd or 0.0) * end
    figure, axes = canvas(width, 240, 62, 34)
    if found.low is not None:
        axes.axvspan(found.low, min(far, end), color=PAINT["line"], linewidth=0)
    axes.plot([0, end], [0, teacher], color=PAINT["teacher"], linewidth=2, clip_on=False)
    axes.plot([0, end], [spent, student], color=PAINT["student"], linewidth=2, clip_on=False)
    height = spent + (found.student_usd or 0.0) * crossing
    axes.plot([crossing, crossing], [0, height], color=PAINT["ink"], linewidth=1, linestyle=(0, (2, 2)))
    axes.plot([crossing], [height], "o", markersize=7.5, color=PAINT["ink"])
    axes.annotate(count(crossing), (crossing, 0), xytext=(6, 10), textcoords="offset points", color=PAINT["ink"])
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.16 * max(teacher, student))
    _name_line(axes, end, teacher, "teacher", 6, "bottom")
    _name_line(axes, end, student, "student", -7, "top")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3 if narrow else 6, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: large(value))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(lambda value, _: dollars(value))
    axes.grid(axis="y", color=PAINT["line"], linewidth=1)
    return figure


def _name_line(axes: "Axes", end: float, height: float, name: str, away: float, side: str) -> None:
    """A line's name beside its end, in its colour."""
    axes.annotate(
        name,
        (end, height),
        xytext=(-4, away),
        textcoords="offset points",
        ha="right",
        va=side,
        color=PAINT[name],
    )
