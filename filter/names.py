"""Whether the scores that a recipe names are there, and are numbers where numbers are wanted."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from ..errors import BadRecipe
from ..recipe import FilterSection

ASKED_FOR = {
    "judge": "filter.judge",
    "grade": "filter.grader",
    "shape": "filter.format",
    "fit": "filter.fit",
    "fit_surprisal": "filter.fit",
    "fit_rank": "filter.fit",
}
"""Scores that are computed only where the recipe has the section."""


def check_names(section: FilterSection, columns: Mapping[str, pa.DataType]) -> None:
    """Hold the recipe's names against the columns that its scores write.

    Raises:
        BadRecipe: a score that is not there, or is no number; a judge that nothing goes by; a name that is taken.
    """
    numbers = {name for name, kind in columns.items() if not pa.types.is_string(kind) and not name.startswith("_")}
    for where, name in _numbers(section):
        if name not in numbers:
            text = "is a text, not a number" if name in columns else "is no score"
            hint = f"{ASKED_FOR[name]} is what computes it; " if name in ASKED_FOR else ""
            raise BadRecipe(f"'{where}': {name!r} {text}; {hint}there are {', '.join(sorted(numbers))}")
    quota = section.select.quota if section.select else None
    if quota is not None and quota.by not in columns and f"_kind_{quota.by}" not in columns:
        raise BadRecipe(
            f"'filter.select.quota.by': {quota.by!r} is neither a score nor prompt_id, family, source, model, …; there are "
            f"{', '.join(sorted(name for name in columns if not name.startswith('_')))}"
        )
    _check_rules(section)


def _check_rules(section: FilterSection) -> None:
    """Whether what the recipe gives a rule to go by is of any use: the rule is listed, or something else goes by the score."""
    if section.bounds and "bounds" not in section.rules:
        raise BadRecipe("'filter.bounds' would do nothing: the rule `bounds` is not in filter.rules")
    used = {*section.rules, *(name for _, name in _numbers(section))}
    if section.judge is not None and "judge" not in used:
        raise BadRecipe(
            "'filter.judge' would be paid for nothing: the rule `judge` is not in filter.rules, no bound has it"
        )
    given = {
        "language": ("language.expect", "language_sure", bool(section.language.expect)),
        "format": ("format", "shape", bool(section.format)),
        "grade": ("grader", "grade", section.grader is not None),
        "agreement": ("agreement", "agreement", section.agreement is not None),
    }
    for rule, (where, score, there) in given.items():
        if there and not {rule, score} & used:
            raise BadRecipe(
                f"'filter.{where}' would do nothing: the rule `{rule}` is not in filter.rules, and neither a bound nor select "
                f"goes by the score {score}"
            )


def _numbers(section: FilterSection) -> Iterator[tuple[str, str]]:
    """Where in the recipe a number is named, and its name."""
    yield from ((f"filter.bounds.{name}", name) for name in section.bounds)
    if section.select is not None:
        yield "filter.select.by", section.select.by
