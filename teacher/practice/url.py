"""What a `practice://…` address says, checked key by key: a slip of the pen is an error that names the nearest key."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from ...errors import BadRecipe
from ...recipe.section import Section

SCHEME = "practice"

SomeSection = TypeVar("SomeSection", bound=Section)


def host_of(url: str, hosts: Iterable[str]) -> str:
    """The word after `practice://`, which must be one of `hosts`.

    Raises:
        BadRecipe: another scheme, another word, or a path behind it.
    """
    parts = urlsplit(url)
    known = ", ".join(f"{SCHEME}://{host}" for host in hosts)
    if parts.scheme != SCHEME or parts.netloc not in set(hosts) or parts.path not in ("", "/"):
        raise BadRecipe(f"{url}: this is no practice address that is known here; known: {known}")
    return parts.netloc


def query_of(url: str, known: Iterable[str]) -> dict[str, str]:
    """The query of an address; every key must be known and given once.

    Raises:
        BadRecipe: an unknown key (the message names the nearest known one), a key without a value, a key twice.
    """
    names = list(known)
    query: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
            raise BadRecipe(f"{url}: unknown key {name!r}: {hint}")
        if name in query or not value:
            raise BadRecipe(f"{url}: {name!r} must be given once, with a value: {name}=…")
        query[name] = value
    return query


def checked(url: str, section: type[SomeSection], values: Mapping[str, object]) -> SomeSection:
    """The values as a section.

    Raises:
        BadRecipe: a value does not hold; the message names it.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        problems = [
            _explain(problem["loc"], problem["input"], problem["msg"].removeprefix("Value error, "))
            for problem in error.errors()
        ]
        raise BadRecipe("\n".join(f"{url}: {problem}" for problem in problems)) from None


def _explain(where: tuple[int | str, ...], given: object, message: str) -> str:
    return f"{where[0]!r} is {given!r}: {message}" if where else message
