"""The scores `chars`, `words`, `mean_word_length`, …: how much an answer has of what can be counted (texts/statistics.py)."""

import pyarrow as pa

from ...store.run import Run
from ...texts.arrow import pc
from ...texts.statistics import COUNTS, statistics
from ..answers import Answers
from ..score import Score


def make(run: Run) -> Score:
    """Characters, white space at the ends left out, and what Gopher's filters count of words and lines."""
    return Score({"chars": pa.int64(), **dict.fromkeys(COUNTS, pa.float64())}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    chars = pc.utf8_length(pc.utf8_trim_whitespace(answers.texts)).cast(pa.int64())
    counted = statistics(answers.texts)
    return [chars, *(pa.array(counted[name]) for name in COUNTS)]
