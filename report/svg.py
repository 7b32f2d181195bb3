"""From a matplotlib figure to SVG that may stand inside a page: no address, no fixed size, no id twice, colours by name.

matplotlib knows no CSS variables, so each paint is drawn as a colour that nothing else has and is named afterwards; the page
says what the names look like in light, in dark and on paper.
"""

import io
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAINT: Mapping[str, str] = {
    "paper": "#010109",
    "ink": "#01010a",
    "soft": "#01010b",
    "line": "#01010c",
    "teacher": "#02010a",
    "student": "#02010b",
    "control": "#02010c",
    "base": "#02010d",
    "dropped": "#02010e",
    "random": "#02010f",
    "own": "#020110",
}
"""The paints: each is the CSS variable of its name on the page."""

WIDTHS: Mapping[str, int] = {"wide": 680, "narrow": 340}
"""Each picture is drawn twice, so that its letters are as large on a phone as on a desk; the page shows one of them."""

_SETTINGS: Any = {"svg.fonttype": "none", "text.parse_math": False, "font.size": 13, "axes.unicode_minus": True}
_FONT = re.compile(r"font-family: [^;\"]*;? ?")
_GROUP_ID = re.compile(r"<g id=\"[^\"]*\"")
_HEAD = re.compile(r"^.*?<svg [^>]*>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)


def picture(name: str, said: str, draw: Callable[[int], "Figure"]) -> Markup:
    """One picture in both widths.

    Args:
        name: of the picture, unique on the page.
        said: what it shows, for those who do not see it.
        draw: the figure for a width in pixels; 72 of them are matplotlib's inch.
    """
    import matplotlib

    drawn = []
    for size, width in WIDTHS.items():
        with matplotlib.rc_context(_SETTINGS):
            matplotlib.rcParams["svg.hashsalt"] = f"{name} {size}"
            drawn.append(_inline(draw(width), size, said))
    return Markup("").join(drawn)


def _inline(figure: "Figure", size: str, said: str) -> Markup:
    target = io.StringIO()
    figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    body = _STYLE.sub("", _METADATA.sub("", _HEAD.sub("", target.getvalue(), count=1)))
    body = _GROUP_ID.sub("<g", _FONT.sub("", body)).replace("xlink:href", "href")
    for name, colour in PAINT.items():
        body = body.replace(colour, f"var(--{name})")
    head = f'<svg class="{size}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(said)}">'
    # The figure's texts are escaped by matplotlib's XML writer.
    return Markup(head + re.sub(r"\s*\n\s*", "\n", body).strip() + "\n")  # noqa: S704 - escaped above
