"""Near duplicates among the prompts, found before anybody is paid for an answer to them.

Both would be asked, and both answers would teach the same; on two sides of the split they would be a leak. What an earlier
load asked stays: new prompts never move old ones.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..store.columns import column
from ..store.rows import Prompt
from ..store.schemas import MESSAGES, PROMPTS
from ..texts.near import near_duplicates
from ..texts.turns import asked, under
from ..texts.words import exact_hashes

NEAR = pa.schema([*PROMPTS, ("mate", pa.string()), ("similarity", pa.float64())])
"""Columns of the prompts that are not asked: each with the id of the one that is asked instead, and how alike they are."""

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Twin:
    """A prompt that is not asked."""

    prompt: Prompt
    mate: Prompt
    """The prompt that is asked instead."""
    similarity: float
    """Jaccard index of the sets of five-word sequences; 1 for the same text but for case and white space."""


def near(prompts: Sequence[Prompt], stay: Collection[str], similarity: float) -> tuple[list[Twin], int]:
    """The prompts that repeat another nearly enough, and how many more do and stay.

    `texts.near` says what never counts as a repeat.

    Prompts under different system messages or with different references are never compared.

    Args:
        prompts: distinct prompts.
        stay: ids of prompts that are asked whatever they repeat.
        similarity: the least Jaccard index.
    """
    messages = [column([prompt.messages for prompt in some], MESSAGES) for some in _some(prompts)]
    marks = np.concatenate([np.empty(0, np.uint64), *map(_marks, _some(prompts), messages)])
    found = near_duplicates(
        lambda: map(asked, messages),
        marks,
        threshold=similarity,
        stays=np.array([prompt.id in stay for prompt in prompts], bool),
    )
    rows = zip(found.row.tolist(), found.mate.tolist(), found.similarity.tolist(), strict=True)
    return [Twin(prompts[row], prompts[mate], alike) for row, mate, alike in rows], len(found.stayed)


def _some(prompts: Sequence[Prompt]) -> Iterator[Sequence[Prompt]]:
    return (prompts[at : at + ROWS_AT_ONCE] for at in range(0, len(prompts), ROWS_AT_ONCE))


def _marks(prompts: Sequence[Prompt], messages: pa.ListArray) -> NDArray[np.uint64]:
    """A hash over all that two prompts must have in common beside their texts."""
    references = column([f"{prompt.reference is None} {prompt.reference}" for prompt in prompts], pa.string())
    system, reference = (exact_hashes(texts)[:, 0] for texts in (under(messages), references))
    return system * np.uint64(0x9E3779B97F4A7C15) ^ reference
