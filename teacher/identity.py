"""Who a teacher is in the ledger, whose machine it runs on, and what it therefore costs."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import BadRecipe
from ..ledger.entries import Cap
from ..ledger.price_file import listed, unpriced
from ..ledger.prices import Tariff, free, stated
from ..ledger.published import published
from ..recipe import Recipe, TeacherSection

PRACTICE = "practice://"


def is_practice(section: TeacherSection) -> bool:
    """Whether the teacher is the embedded, simulated one."""
    return section.base_url.startswith(PRACTICE)


def is_simulated(section: TeacherSection, snapshots: Iterable[str]) -> bool:
    """Whether no real model was asked: by the address, or by how the replies name what answered.

    A practice teacher that somebody else started is known by its fingerprint alone.
    """
    return is_practice(section) or any("(simulated-" in snapshot for snapshot in snapshots)


def is_own(section: TeacherSection) -> bool:
    """Whether the teacher runs on a machine of the user's: loopback, a private address, or a name without a dot."""
    host = _host(section)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return is_practice(section) or "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan"))
    return address.is_private or address.is_loopback or address.is_link_local


def identity(section: TeacherSection, home: Path) -> str:
    """The name under which answers are kept: the recipe's, else host and model.

    A server of one's own keeps its name when it moves to another port or address.
    """
    if section.name:
        return section.name
    if is_practice(section):
        from .practice.settings import practice_settings

        return f"{practice_settings(section.base_url, home).identity()}/{section.model}"
    if is_own(section):
        return f"own/{section.model}"
    parts = urlsplit(section.base_url)
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    return f"{_host(section)}{port}/{section.model}"


def recordings(section: TeacherSection, home: Path) -> list[Path]:
    """The file that a replaying practice teacher answers from; another file is another teacher."""
    if not is_practice(section):
        return []
    from .practice.settings import practice_settings

    file = practice_settings(section.base_url, home).file
    return [file] if file else []


def check_replicas(section: TeacherSection) -> None:
    """All addresses of a teacher must be one host's, or the user's own: they share one key and one price.

    Raises:
        BadRecipe: they are not.
    """
    for url in section.replicas:
        other = section.model_copy(update={"base_url": url, "replicas": ()})
        together = is_own(other) if is_own(section) else _host(other) == _host(section)
        if not together or is_practice(other) or is_practice(section):
            raise BadRecipe(
                f"'teacher.replicas' has {url!r} beside {section.base_url!r}: replicas are servers of your own, or further "
                "addresses of the same host, since they share one key and one price"
            )


def provider(section: TeacherSection) -> str:
    """Who answers: the host, or that it is simulated."""
    return "practice (simulated)" if is_practice(section) else _host(section)


def tariff(section: TeacherSection, home: Path) -> Tariff:
    """What the teacher charges: by the recipe, else the user's list of prices, else nothing on machines of the user's
    own, else what is published.

    Raises:
        BadRecipe: a foreign endpoint whose price nobody knows, or a price list that does not hold.
    """
    if section.price is not None:
        return stated(section.price, "stated in the recipe")
    address = urlsplit(section.base_url).netloc.lower()
    if found := listed(home, [f"{address}/{section.model}", f"{_host(section)}/{section.model}", section.model]):
        return found
    if is_own(section):
        return free("simulated" if is_practice(section) else "your own machine")
    if found := published(section.model, section.base_url):
        return found
    raise unpriced(section.model, address, home)


def cap_of(recipe: Recipe, home: Path, *others: TeacherSection) -> Cap:
    """The most that a run of this recipe may spend, on its teacher and on those that it asks beside it.

    Raises:
        BadRecipe: a cap in dollars on teachers that cost nothing as far as we know; it would hold back nothing.
    """
    asked = (recipe.teacher, *judging(recipe), *others)
    if recipe.budget.usd is not None and all(tariff(section, home).is_free for section in asked):
        raise BadRecipe(
            f"'budget.usd' is {recipe.budget.usd:g}, and the teacher at {recipe.teacher.base_url} is taken to cost nothing. "
            "If it stands before one that is paid for, state its price below `teacher:`\n"
            "  price: {input: …, output: …}\nor cap the tokens instead: budget.tokens"
        )
    return Cap(recipe.budget.usd, recipe.budget.tokens)


def judging(recipe: Recipe) -> tuple[TeacherSection, ...]:
    """The models that the recipe asks for judgements, where they are not its teacher."""
    judges = (recipe.filter.judge, recipe.eval.judge)
    return tuple(judge.teacher for judge in judges if judge is not None and judge.teacher is not None)


def _host(section: TeacherSection) -> str:
    parts = urlsplit(section.base_url)
    if not is_practice(section) and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise BadRecipe(
            f"'teacher.base_url' is {section.base_url!r}: write it as https://host/v1, http://host:port/v1 or practice://skills"
        )
    return (parts.hostname or "").lower()
