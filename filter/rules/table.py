"""The rules, by the names that a recipe lists. To add one: a file beside this, a line here, its name in recipe/filter.py."""

from collections.abc import Mapping

from ..rule import MakeRule
from . import agreement, exact, format, length, status  # noqa: A004 - named as the recipe names them

RULES: Mapping[str, MakeRule] = {
    "status": status.make,
    "length": length.make,
    "format": format.make,
    "agreement": agreement.make,
    "exact": exact.make,
}
