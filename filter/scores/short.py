"""The scores `short_edit` and `short_words`: how alike short answers to one prompt are, letter by letter and word by word.

Runs of five words say nothing of texts of a few words, and one changed letter can be all the difference: these are scores, for
`bounds` or `select` or for looking at, and no rule drops by them unless it is told to.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa

from ...store.run import Run
from ...texts.fuzzy import SHORT
from ..answers import Answers
from ..score import Score

COLUMNS = {"short_edit": pa.float64(), "short_words": pa.float64()}


def make(run: Run) -> Score:
    """For each whole answer of fewer than eight words, beside the other ones to its prompt that say something else: the highest
    edit ratio (`rapidfuzz.fuzz.ratio`, 0 to 1), and the highest Jaccard index of the sets of word pairs, of words where an answer
    has only one. Null where there is no other.
    """
    return Score(COLUMNS, _write)


def _write(answers: Answers) -> list[pa.Array]:
    found = np.full((2, len(answers)), np.nan)
    short = answers.whole & (np.diff(answers.words.ends) < SHORT)
    sizes = np.bincount(answers.of, weights=short, minlength=answers.prompts.num_rows)
    for group in np.flatnonzero(sizes > 1):
        first, last = answers.ends[group], answers.ends[group + 1]
        rows = first + np.flatnonzero(short[first:last])
        found[:, rows] = _most(
            [" ".join(text.casefold().split()) for text in answers.texts.take(pa.array(rows)).to_pylist()]
        )
    return [pa.array(row, mask=np.isnan(row)) for row in found]


def _most(texts: list[str]) -> np.ndarray:
    """The highest edit ratio and the highest share of common words of each text with another one; NaN where all are the same."""
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import cdist

    edit = cdist(texts, texts, scorer=ratio, dtype=np.float64) / 100
    pairs = [_pairs(text.split()) for text in texts]
    words = np.array([[len(one & other) / max(len(one | other), 1) for other in pairs] for one in pairs])
    same = np.array([[one == other for other in texts] for one in texts])
    most = np.where(same, -1.0, np.stack([edit, words])).max(axis=2)
    return np.where(most < 0, np.nan, most)


def _pairs(words: list[str]) -> set[tuple[str, ...]]:
    return set(pairwise(words)) if len(words) > 1 else {tuple(words)}
