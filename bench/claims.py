"""A claim: a measured value beside its target; how much was put into it, and the tables that stand before the claims."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure and whether it is good enough; a value of None could not be measured, and then nothing holds."""

    name: str
    value: float | None
    target: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is put into a measurement."""

    quick: bool = False
    """Small sizes: does it run, nothing more."""
    rounds: int = 5
    """Rounds whose median counts, where clients are compared."""


def at_most(name: str, value: float | None, most: float) -> Claim:
    """The value is to be no larger."""
    return Claim(name, _short(value), f"<= {most:g}", None if value is None else value <= most)


def at_least(name: str, value: float | None, least: float) -> Claim:
    """The value is to be no smaller."""
    return Claim(name, _short(value), f">= {least:g}", None if value is None else value >= least)


def below(name: str, value: float | None, edge: float) -> Claim:
    """The value is to be smaller."""
    return Claim(name, _short(value), f"< {edge:g}", None if value is None else value < edge)


def within(name: str, value: float | None, least: float, most: float) -> Claim:
    """The value is to be neither smaller nor larger than so much."""
    return Claim(name, _short(value), f"{least:g}–{most:g}", None if value is None else least <= value <= most)


def none_of(name: str, count: int, cases: int) -> Claim:
    """It is to happen in none of so many cases."""
    return Claim(name, count, f"= 0 of {cases:,}", count == 0)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A Markdown table."""
    print(f"\n{title}\n")
    print("|", " | ".join(head), "|")
    print("|" + "---|" * len(head))
    for row in rows:
        print("|", " | ".join(_cell(cell) for cell in row), "|", flush=True)


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.3f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
