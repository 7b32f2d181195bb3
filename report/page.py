"""The page and the cards: facts, pictures and rows into our templates, with `page.css` inside the page."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from . import words
from .facts import Facts
from .gallery import SEED, Gallery
from .labels import SCORED, VERDICTS, arm_label, verdict_label, whole_label
from .pictures import break_even_picture, curves_picture, funnel_picture
from .questions import four_questions, pays
from .score_pictures import arms_picture, slices_picture, tasks_picture
from .untested import untested

_FILTERS = (
    "percent", "span", "at_least", "at_most", "points", "points_span", "apart", "chance", "count", "decimal", "large",
    "dollars", "size", "duration", "day", "cut", "prose", "plain", "markdown",
)  # fmt: skip
"""Functions of `words.py` that the templates use."""


def render(facts: Facts, gallery: Gallery) -> str:
    """The page as HTML: everything from the run is escaped, the same input gives the same text."""
    judgement = facts.judgement
    template = templates().get_template("page.html")
    return template.render(
        **said(facts),
        gallery=gallery,
        seed=SEED,
        arms_picture=arms_picture(judgement.compared.arms if judgement else ()),
        slices_picture=slices_picture(judgement),
        tasks_picture=tasks_picture(judgement),
        funnel_picture=funnel_picture(facts.harvest),
        break_even_picture=break_even_picture(facts.bill),
        curves_picture=curves_picture(facts.courses),
        css=Markup(_own("page.css")),  # noqa: S704 - our own file
    )


def said(facts: Facts) -> Mapping[str, Any]:
    """What the page and the cards have in common, so that they cannot differ."""
    judgement = facts.judgement
    arms = judgement.compared.arms if judgement else ()
    return {
        "facts": facts,
        "questions": four_questions(facts),
        "pays": pays(facts.bill.break_even),
        "scored": SCORED.get(judgement.by or "", "Score") if judgement else "",
        "whole": whole_label(judgement.by if judgement else None),
        "said_of_arms": [verdict for verdict in VERDICTS if any(arm.verdicts.get(verdict) for arm in arms)],
        "untested": untested(facts),
    }


def templates() -> jinja2.Environment:
    """Our templates, for HTML or for Markdown; a name that is not there is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_own),
        autoescape=jinja2.select_autoescape(("html",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(words, name) for name in _FILTERS})
    environment.filters.update(arm_label=arm_label, verdict_label=verdict_label)
    return environment


def _own(name: str) -> str:
    """A file beside this one, also from inside a wheel."""
    return files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")
