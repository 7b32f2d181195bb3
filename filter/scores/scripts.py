"""The score `foreign_script`: how many of an answer's letters are of a script that neither it nor its prompt is written in.

A teacher that has learnt in several languages now and then falls into another in the middle of a sentence. Names, quotations and
lessons do the same on purpose: the score only counts; `_slip` holds the words where it happens in running text, between small
letters or words of the main script, with no language spoken of.
"""

import re
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ...texts.scripts import SCRIPTS, letters
from ..answers import Answers
from ..score import Score

_ANYWHERE = [SCRIPTS.index("Latin"), SCRIPTS.index("Greek")]
"""Names and terms are Latin in every script, and mathematics is Greek."""
_CLASSES = {
    "Latin": "a-zà-öø-ÿ", "Cyrillic": "Ѐ-ӿ", "Armenian": "ա-և", "Hebrew": "א-ת", "Arabic": "ؠ-ي", "Devanagari": "ऄ-ॣ",
    "Bengali": "ঀ-ৣ", "Tamil": "஀-ௗ", "Telugu": "ఀ-ౣ", "Thai": "ก-๎", "Georgian": "Ⴀ-ჿ", "Hangul": "가-힣",
    "CJK": "ぁ-ヿ㐀-䶿一-鿿",
}  # fmt: skip
_LANGUAGES = (
    r"(?i)\b(?:chin(?:ese|a)|mandarin|cantonese|japan(?:ese)?|korean?|russia\w*|ukrain\w*|bulgaria\w*|serb\w*|soviet"
    r"|slav\w+|arab\w*|persia\w*|iran\w*|urdu|islam\w*|quran\w*"
    r"|hebrew|jewish|israel\w*|hindi|sanskrit|india\w*|bengali|tamil|telugu|thai\w*|georgia\w*|armenia\w*|languages?"
    r"|translat\w*|translit\w*|alphabets?|scripts?|letters?|characters?"
    r"|kanji|hanzi|kana|hiragana|katakana|pinyin|hangul|cyrillic|unicode|word|etymolog\w*|foreign|multilingual|asian?"
    r"|beijing|tokyo|moscow|taiwan\w*|hong kong|emoji|symbols?)\b"
)


def make(run: Run) -> Score:
    """The share of letters in foreign scripts; and the words where it falls into one in mid-sentence, empty for none."""
    return Score({"foreign_script": pa.float64(), "_slip": pa.string()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    share, slips = np.zeros(len(answers)), [""] * len(answers)
    places = np.flatnonzero(~np.asarray(pc.string_is_ascii(answers.texts)))
    if len(places):
        counts = letters(answers.texts.take(pa.array(places)))
        main = counts.argmax(1)
        foreign = _foreign(counts, answers, places)
        share[places] = (counts * foreign).sum(1) / np.maximum(counts.sum(1), 1)
        for row in np.flatnonzero((counts * foreign).any(1)).tolist():
            slips[places[row]] = _slip(answers, int(places[row]), SCRIPTS[main[row]], counts[row] * foreign[row])
    return [pa.array(share), pa.array(slips, pa.string())]


def _foreign(counts: NDArray[np.int64], answers: Answers, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which scripts are foreign to each answer: not its own, with no letter in its prompt; shape (answers, scripts)."""
    foreign = np.ones(counts.shape, bool)
    foreign[np.arange(len(counts)), counts.argmax(1)] = False
    foreign[:, _ANYWHERE] = False
    rows = np.flatnonzero((counts * foreign).any(1))
    if len(rows):
        foreign[rows] &= letters(answers.asked.take(pa.array(answers.of[places[rows]]))) == 0
    return foreign


def _slip(answers: Answers, place: int, main: str, foreign: NDArray[np.int64]) -> str:
    """The words around the first place where a sentence in the main script goes on in a foreign one and comes back."""
    text, prompt = answers.texts[place].as_py(), answers.asked[int(answers.of[place])].as_py()
    if main not in _CLASSES or re.search(_LANGUAGES, text) or re.search(_LANGUAGES, prompt):
        return ""
    for script in np.flatnonzero(foreign).tolist():
        # One ideograph in a Korean sentence is how newspapers write.
        if {main, SCRIPTS[script]} != {"Hangul", "CJK"} and (found := _mixed(main, SCRIPTS[script]).search(text)):
            return " ".join(found[0].split())
    return ""


@cache
def _mixed(main: str, script: str) -> re.Pattern[str]:
    """A word in small letters, foreign ones with nothing but blanks about them, and again a word in small letters."""
    own, other = _CLASSES[main], _CLASSES[script]
    return re.compile(rf"[{own}]+,? ?[{other}][{other} ]* ?[{own}]+")
