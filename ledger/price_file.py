"""The user's own list of prices: `prices.yaml` beside the recipe, else the file that POTSTILL_PRICES names."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from ..errors import BadRecipe
from ..recipe import Price
from ..recipe.explain import explain
from .prices import Tariff, stated

FILE = "prices.yaml"
HOW = (
    "Write each price as `host/model: {input: 1.00, output: 2.00}`, and cached_input or cache_write beside them where they "
    "differ, in US dollars per million tokens"
)

_VERSION = re.compile(r"v\d\w*")
"""What the path of a base URL ends in."""


def price_file(home: Path) -> Path:
    """Where the list is, or would be, for the recipes of a folder."""
    named = os.environ.get("POTSTILL_PRICES")
    beside = home / FILE
    return Path(named) if named and not beside.exists() else beside


def listed(home: Path, names: Sequence[str]) -> Tariff | None:
    """The tariff of the first of these names that is in the list: `host/model`, or `model` wherever it is served.

    Raises:
        BadRecipe: POTSTILL_PRICES names a file that is not there, or an entry of the list does not hold.
    """
    path = price_file(home)
    if path == home / FILE and not path.exists():
        return None
    prices = _read(path)
    found = next((prices[name] for name in names if name in prices), None)
    return stated(found, str(path)) if found else None


def unpriced(model: str, host: str, home: Path) -> BadRecipe:
    """Nobody knows the price: what to put where."""
    values = "{input: …, output: …}"
    name = yaml.safe_dump(f"{host}/{model}", width=10**6).removesuffix("\n").removesuffix("\n...")
    return BadRecipe(
        f"nobody knows what {model!r} at {host} costs, and unpriced requests are not sent. Put its price in US "
        "dollars per million tokens, 0 only if it is free, where the dots are. In the recipe, below `teacher:`\n"
        f"  price: {values}\n"
        f"or, for all recipes of the folder, in {price_file(home)}\n"
        f"{name}: {values}"
    )


def _read(path: Path) -> Mapping[str, Price]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRecipe(
            f"{path}: the price list cannot be read ({error.strerror}); POTSTILL_PRICES or {FILE}"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadRecipe(f"{path}: this is not YAML: {error}") from None
    if not isinstance(values, dict | None):
        raise BadRecipe(f"{path}: a price list is a mapping of models to their prices; this file is not. {HOW}")
    prices: dict[str, Price] = {}
    wrong: list[str] = []
    for name, price in (values or {}).items():
        if reason := _matches_nothing(name):
            wrong.append(f"{path}: {name}: {reason}")
            continue
        try:
            prices[name] = Price.model_validate(price)
        except ValidationError as error:
            wrong += [f"{path}: {name}: {line}" for line in explain(error, Price)]
    if wrong:
        raise BadRecipe("\n".join([*wrong, HOW]))
    return prices


def _matches_nothing(name: object) -> str | None:
    """Why no teacher can be meant by this name; None where one can."""
    if not isinstance(name, str):
        return "the name of a model is a text; put it in quotes"
    scheme, _, address = name.rpartition("://")
    host, *path = address.split("/")
    version = next((place for place, part in enumerate(path[:-1]) if _VERSION.fullmatch(part)), None)
    if not scheme and version != 0:
        return None
    model = "/".join(path[0 if version is None else version + 1 :])
    meant = f"{host.lower()}/{model}"
    return f"this matches no teacher: a host stands here without its scheme and path; did you mean {meant!r}?"
