"""Whether the scores that a recipe names are there, and are numbers where numbers are wanted."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from ..errors import BadRecipe
from ..recipe import FilterSection


def check_names(section: FilterSection, columns: Mapping[str, pa.DataType]) -> None:
    """Hold the recipe's names against the columns that its scores write.

    Raises:
        BadRecipe: a score that is not there, or is no number; a judge that nothing goes by; a name that is taken.
    """
    numbers = {name for name, kind in columns.items() if not pa.types.is_string(kind) and not name.startswith("_")}
    for where, name in _numbers(section):
        if name not in numbers:
            text = "is a text, not a number" if name in columns else "is no score"
            raise BadRecipe(f"'{where}': {name!r} {text}; there are {', '.join(sorted(numbers))}")
    quota = section.select.quota if section.select else None
    if quota is not None and quota.by not in columns and f"_kind_{quota.by}" not in columns:
        raise BadRecipe(
            f"'filter.select.quota.by': {quota.by!r} is neither a score nor prompt_id, family, source, model, …; there are "
            f"{', '.join(sorted(name for name in columns if not name.startswith('_')))}"
        )
    if section.judge is not None and "judge" not in {*section.rules, *(name for _, name in _numbers(section))}:
        raise BadRecipe(
            "'filter.judge' would be paid for nothing: the rule `judge` is not in filter.rules, no bound has it"
        )


def _numbers(section: FilterSection) -> Iterator[tuple[str, str]]:
    """Where in the recipe a number is named, and its name."""
    yield from ((f"filter.bounds.{name}", name) for name in section.bounds)
    if section.select is not None:
        yield "filter.select.by", section.select.by
