"""The rule `exact`: of equal answers to one prompt, one stays.

Equal but for white space. The one with the lowest draw stays; the others name it. Different prompts may well
have the same answer, so that nothing is compared across prompts.
"""

from collections.abc import Sequence
from pathlib import Path

from ...recipe import FilterSection
from ...store.rows import Sample
from ..rule import KEEP, Rule, Ruling


def make(section: FilterSection, home: Path) -> Rule:
    """Drop every answer that repeats an earlier draw's."""
    return _rule


def _rule(group: Sequence[Sample]) -> list[Ruling]:
    seen: set[str] = set()
    rulings: dict[str, Ruling] = {}
    for sample in sorted(group, key=lambda sample: (sample.completion.series, sample.completion.draw)):
        text = " ".join(sample.completion.text.split())
        rulings[sample.completion.id] = Ruling("repeats an earlier draw of its prompt") if text in seen else KEEP
        seen.add(text)
    return [rulings[sample.completion.id] for sample in group]
