"""The scores `loop` and `repeated`: how much of an answer runs in a circle, and how much of it it has said before.

A decoder that has lost its way says the same words, or the same letters, again and again without a pause. What people write has
shorter circles: in 7,473 answers of GSM8K the longest is `2*2*2*2*2*2*2*2*2*2*2*2`, in 540 of GPT-4 to IFEval's prompts there is
none of three rounds and nine words. Between them lie the bounds below. What the prompt asks to be repeated is no circle.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ...texts.circles import Circles, circles_of_bytes, circles_of_words
from ...texts.pieces import Piece, pieces
from ...texts.repeats import alike, covered, sums
from ...texts.words import Words, ngrams, words_of
from ..answers import Answers
from ..score import Score

LONGEST_ROUND = 50
"""Words; a longer round seldom comes round five times in what a teacher may write."""
ROUNDS, WORDS, DIFFERENT = 5, 40, 4
"""A round with four different words, numbers aside, is a sentence: five rounds of it and forty words are a circle."""
SAME_WORDS = 200
"""Of one to three words so many in a row: label after label, `na na na`, or the zeros of a matrix are right in fewer."""
CODE = 4
"""Empty rows of a form or a table are alike on purpose: in code and markup all these bounds are so many times as high."""
LONGEST_UNIT, LETTERS = 16, 200
"""Bytes: the same letters or digits over and over (`0.3333…`, `hahaha…`) for so many bytes."""
DRAWN = 10
"""Rulers of `-`, `=`, `.` may be so many times as long."""
SAID_BEFORE = 8
"""Words in a row that count as said before."""

_DRAWING = frozenset(b"-=_*~#+.|")
_ASKED = (
    r"(?i)\brepeat|\btimes\b|again and again|over and over|\bcopies of\b|\bwiederhol|\bmal hinter|\brép[eé]t|\bfois\b"
    r"|\brepite|\brepet"
    r"|\bveces\b|\bvezes\b|\bripet|\bvolte\b|повтор|\bраз\b|重复|重複|遍|繰り返|반복"
)
_CODE = r"```|</|/>|[{};]\s*\n|\\begin\{|^\s*[\[{]"


def make(run: Run) -> Score:
    """The share of an answer's words or bytes in circles, and the share of its words in eight that it has said before."""
    return Score({"loop": pa.float64(), "repeated": pa.float64(), "_loop_seen": pa.string()}, _write)


@dataclass
class _Found:
    """What is found in each answer; shape (answers,)."""

    share: NDArray[np.float64]
    seen: list[str]


def _write(answers: Answers) -> list[pa.Array]:
    found = _Found(np.zeros(len(answers)), [""] * len(answers))
    words = answers.words
    circles = circles_of_words(words.hashes, words.ends, LONGEST_ROUND, 3, WORDS)
    texts = np.searchsorted(words.ends, circles.begins, side="right") - 1
    for text in np.unique(texts).tolist():
        _of_words(answers, text, words, circles, np.flatnonzero(texts == text), found)
    _of_bytes(answers, found)
    return [pa.array(found.share), pa.array(_repeated(words)), pa.array(found.seen, pa.string())]


def _of_words(
    answers: Answers, text: int, words: Words, circles: Circles, which: NDArray[np.int64], found: _Found
) -> None:
    """Write down the circles of one answer, if they count."""
    begin, end = words.ends[text], words.ends[text + 1]
    strict = CODE if _has(answers.texts, text, _CODE) else 1
    inside = np.zeros(end - begin, bool)
    seen, most = "", 0
    for circle in which.tolist():
        first, last, period = (int(each[circle]) for each in (circles.begins, circles.finishes, circles.periods))
        unit = words.hashes[first : first + period]
        if not _counts(unit, last - first, period, strict) or _asked(answers, text, unit):
            continue
        inside[first - begin : last - begin] = True
        if last - first > most:
            seen, most = f"{period} words {(last - first) / period:,.1f} times", last - first
    found.share[text], found.seen[text] = inside.mean(), seen


def _counts(unit: NDArray[np.uint64], size: int, period: int, strict: int) -> bool:
    """Whether a stretch is more of a circle than anyone writes."""
    if len(np.unique(unit[~np.isin(unit, _numbers())])) >= DIFFERENT:
        return size >= strict * max(ROUNDS * period, WORDS)
    return size >= strict * max(ROUNDS * period, SAME_WORDS)


@cache
def _numbers() -> NDArray[np.uint64]:
    """The hashes of the numbers to 9,999."""
    return np.sort(words_of(pa.array([str(number) for number in range(10_000)])).hashes)


def _asked(answers: Answers, text: int, unit: NDArray[np.uint64]) -> bool:
    """Whether the prompt asks for repetition, or has the words of the round in a row."""
    prompt = answers.asked.slice(answers.of[text], 1)
    if _has(prompt, 0, _ASKED):
        return True
    said = words_of(prompt).hashes
    if len(said) < len(unit):
        return False
    windows = np.lib.stride_tricks.sliding_window_view(said, len(unit))
    return any(bool((windows == np.roll(unit, turn)).all(1).any()) for turn in range(len(unit)))


def _has(texts: pa.StringArray, place: int, pattern: str) -> bool:
    return bool(pc.match_substring_regex(texts.slice(place, 1), pattern)[0].as_py())


def _of_bytes(answers: Answers, found: _Found) -> None:
    """Write down the circles of letters, too."""
    before = 0
    for piece in pieces(answers.texts):
        circles = circles_of_bytes(piece.data, piece.ends, LONGEST_UNIT, LETTERS)
        for circle in np.argsort(circles.sizes).tolist():
            first, last = int(circles.begins[circle]), int(circles.finishes[circle])
            text = int(np.searchsorted(piece.ends, first, side="right")) - 1
            share = (last - first) / (piece.ends[text + 1] - piece.ends[text])
            if share <= found.share[before + text] or not _of_letters(piece, first, last):
                continue
            enough = last - first >= CODE * LETTERS or not _has(answers.texts, before + text, _CODE)
            if enough and not _has(answers.asked, int(answers.of[before + text]), _ASKED):
                found.share[before + text] = share
                found.seen[before + text] = f"{last - first} bytes: {_shown(piece, first)}"
        before += len(piece)


def _of_letters(piece: Piece, first: int, last: int) -> bool:
    unit = set(piece.data[first : first + LONGEST_UNIT].tolist())
    return not unit & set(b" \t\r\n") and last - first >= (DRAWN * LETTERS if unit <= _DRAWING else LETTERS)


def _shown(piece: Piece, first: int) -> str:
    return piece.data[first : first + 2 * LONGEST_UNIT].tobytes().decode(errors="ignore")


def _repeated(words: Words) -> NDArray[np.float64]:
    """For each text the share of its words in sequences of eight that stood in it before."""
    grams, ends = ngrams(words, SAID_BEFORE)
    text = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    later = alike(grams, text).later
    places = later - ends[text[later]] + words.ends[text[later]]
    inside = covered(places, SAID_BEFORE, len(words.hashes))
    return sums(inside, words.ends) / np.maximum(np.diff(words.ends), 1)
