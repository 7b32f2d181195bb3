"""The scores `agreement` and `draws`: how many whole answers to the prompt say the same, and how many there are."""

from collections import Counter
from collections.abc import Sequence

from ...store.rows import Completion


def agreement(group: Sequence[Completion]) -> list[float | None]:
    """For each draw of a prompt the number of `ok` draws with the same text but for white space, itself included.

    None for a draw that is not `ok`.
    """
    said = Counter(_text(row) for row in group if row.status == "ok")
    return [float(said[_text(row)]) if row.status == "ok" else None for row in group]


def draws(group: Sequence[Completion]) -> list[float | None]:
    """For each draw of a prompt the number of its `ok` draws."""
    whole = float(sum(row.status == "ok" for row in group))
    return [whole for _ in group]


def _text(row: Completion) -> str:
    return " ".join(row.text.split())
