"""The scores `agreement` and `draws`: how many whole answers to the prompt say the same, and how many there are."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ..answers import Answers
from ..score import Score

_WHITE = r"[\s\p{Z}\x{0B}\x{1C}-\x{1F}\x{85}]+"
"""What Python's `str.split` takes for white space."""


def make(run: Run) -> Score:
    """For each draw that is `ok` the number of `ok` draws of its prompt with the same text but for white space, itself
    included; for each draw the number of its prompt's `ok` draws; and for rules a number that equal answers share.
    """
    return Score({"agreement": pa.float64(), "draws": pa.float64(), "_same": pa.int64()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    same = _same(answers)
    size = int(same.max(initial=-1)) + 1
    said = np.bincount(same, weights=answers.whole, minlength=size)
    drawn = np.bincount(answers.of, weights=answers.whole, minlength=answers.prompts.num_rows)
    agreement = pa.array(said[same], mask=~answers.whole)
    return [agreement, pa.array(drawn[answers.of]), pa.array(same)]


def _same(answers: Answers) -> NDArray[np.int64]:
    """A number for each answer that those to the same prompt with the same words share; shape (answers,)."""
    texts = pc.utf8_trim(pc.replace_substring_regex(answers.texts, _WHITE, " "), " ")
    codes = np.asarray(texts.dictionary_encode().indices, dtype=np.int64)
    pairs = answers.of * (int(codes.max(initial=-1)) + 1) + codes
    return np.unique(pairs, return_inverse=True)[1].astype(np.int64)
