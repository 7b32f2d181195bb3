"""The page itself: facts, pictures and rows into `page.html`, with `page.css` inside."""

from importlib.resources import files

import jinja2
from markupsafe import Markup

from . import words
from .facts import Facts
from .gallery import SEED, Gallery
from .pictures import arms_picture, curves_picture, funnel_picture
from .untested import untested

_FILTERS = (
    "percent", "span", "points", "points_span", "chance", "count", "decimal", "large", "dollars", "size", "duration",
    "day", "cut", "prose",
)  # fmt: skip
"""Functions of `words.py` that the templates use."""


def render(facts: Facts, gallery: Gallery) -> str:
    """The page as HTML: everything from the run is escaped, the same input gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_own),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(words, name) for name in _FILTERS})
    template = environment.get_template("page.html")
    return template.render(
        facts=facts,
        gallery=gallery,
        seed=SEED,
        untested=untested(facts),
        arms_picture=arms_picture(facts.judgement.arms),
        funnel_picture=funnel_picture(facts.harvest),
        curves_picture=curves_picture(facts.courses),
        css=Markup(_own("page.css")),  # noqa: S704 - our own file
    )


def _own(name: str) -> str:
    """A file beside this one, also from inside a wheel."""
    return files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")
