"""The scores: each becomes a column `score_<name>`. To add one: a file beside this and a line here."""

from collections.abc import Callable, Mapping, Sequence

from ...store.rows import Completion
from .agreement import agreement, draws

SCORES: Mapping[str, Callable[[Sequence[Completion]], list[float | None]]] = {
    "agreement": agreement,
    "draws": draws,
}
