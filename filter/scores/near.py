"""The score `near`: how much an answer repeats another answer to its prompt, by the Jaccard index of their five-word sequences.

What counts as near is what `texts.near` says: answers that differ in numbers or names are never near, whatever they share.
"""

import numpy as np
import pyarrow as pa

from ...store.run import Run
from ...texts.near import similarities
from ..answers import Answers
from ..score import Score


def make(run: Run) -> Score:
    """The similarity to the most similar whole answer of the same prompt, null where none is near; for rules the places of
    all that are near among the answers to the prompt.
    """
    threshold = run.recipe.filter.near.similarity
    columns = {
        "near": pa.float64(),
        "_near_mates": pa.list_(pa.int32()),
        "_near_similarities": pa.list_(pa.float32()),
    }
    return Score(columns, lambda answers: _write(answers, threshold))


def _write(answers: Answers, threshold: float) -> list[pa.Array]:
    count = len(answers)
    if count == answers.prompts.num_rows:  # one answer to each: nothing to compare
        return [pa.nulls(count, pa.float64()), *_lists(count, np.empty(0, np.int64), np.empty(0), np.empty(0))]
    one, other, similarity = similarities(answers.words, answers.ends, threshold=threshold)
    both = answers.whole[one] & answers.whole[other]
    rows = np.concatenate((one[both], other[both]))
    mates = np.concatenate((other[both], one[both]))
    found = np.concatenate((similarity[both], similarity[both]))
    order = np.lexsort((mates, rows))
    rows, mates, found = rows[order], mates[order], found[order]
    most = np.zeros(count)
    np.maximum.at(most, rows, found)
    return [pa.array(most, mask=most == 0), *_lists(count, rows, mates - answers.ends[answers.of[rows]], found)]


def _lists(count: int, rows: np.ndarray, mates: np.ndarray, found: np.ndarray) -> list[pa.Array]:
    """Mates and similarities as lists, one for each answer."""
    ends = pa.array(np.searchsorted(rows, np.arange(count + 1)).astype(np.int32))
    values = (pa.array(mates.astype(np.int32)), pa.array(found.astype(np.float32)))
    return [pa.ListArray.from_arrays(ends, column) for column in values]
