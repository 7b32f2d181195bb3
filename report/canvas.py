"""What the report's pictures are drawn on: bare axes with room for labels, and the paint of each arm."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .svg import PAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NARROW = 500
"""Pixels below which labels stand above what they name."""
EDGE = 66
"""Pixels for the numbers at the right edge."""
_LETTER = 7.1
"""Pixels that a letter of the labels takes, about."""

_PAINTS: Mapping[str, str] = {
    "teacher": "teacher",
    "teacher_again": "teacher",
    "student": "student",
    "control_unfiltered": "control",
    "control_random": "random",
    "seeds_only": "own",
    "base": "base",
}


def paint_of(arm: str) -> str:
    """The colour of an arm; the students of all seeds share theirs."""
    return PAINT["student" if arm.startswith("student_") else _PAINTS.get(arm, "base")]


def canvas(width: int, height: int, left: float, right: float, below: float = 26.0) -> tuple["Figure", "Axes"]:
    """A figure with one bare pair of axes, margins in pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    above = 8.0
    axes = figure.add_axes(
        (left / width, below / height, (width - left - right) / width, (height - below - above) / height)
    )
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=9, labelcolor=PAINT["soft"])
    axes.spines[:].set_visible(False)
    return figure, axes


def room(labels: Sequence[str]) -> float:
    """Pixels that the longest of the labels takes beside the axes."""
    return 17 + _LETTER * max(len(label) for label in labels)


def shares(axes: "Axes") -> None:
    """An axis from 0 to 100%."""
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    axes.grid(axis="x", color=PAINT["line"], linewidth=1)


def name_rows(axes: "Axes", labels: Sequence[str]) -> None:
    """Name the rows, the first on top."""
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", labelcolor=PAINT["ink"])
    axes.set_ylim(len(labels) - 0.5, -0.5)


def right(axes: "Axes", row: float, text: str, paint: str = "ink") -> None:
    """A number at the right edge of a row."""
    axes.annotate(
        text,
        (1, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(EDGE - 2, 0),
        textcoords="offset points",
        ha="right",
        va="center_baseline",
        color=PAINT[paint],
        annotation_clip=False,
    )


def above(axes: "Axes", row: float, label: str, number: str) -> None:
    """A row's name and number over it, where there is no room beside it."""
    # A patch of paper keeps the grid off the letters.
    paper = {"facecolor": PAINT["paper"], "edgecolor": "none", "pad": 1}
    for place, side, text in ((0, "left", label), (1, "right", number)):
        axes.text(place, row, text, ha=side, va="center_baseline", color=PAINT["ink"], bbox=paper)
