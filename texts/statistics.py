"""What texts are made of, counted as Gopher's filters count (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1 and table A1).

Words are what stands between white space, without the case of a–z. Where a text has none of what is counted, a share is 0. Two
departures from the paper: a sequence of words that stands in the text once is no repetition; of one that is repeated all but the
first count, as in datatrove.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .hashing import CHARACTERS, TEXTS, Hashes, mixed, stretches
from .pieces import Piece, pieces
from .repeats import Places, alike, covered, longer, sums

COUNTS = ("words", "mean_word_length", "letter_words", "symbols", "bullet_lines", "ellipsis_lines", "stop_words")
LINES = ("same_lines", "same_line_chars", "same_paragraphs", "same_paragraph_chars")
TOP = ("top_2gram", "top_3gram", "top_4gram")
SAME = ("same_5gram", "same_6gram", "same_7gram", "same_8gram", "same_9gram", "same_10gram")

Columns = dict[str, NDArray[np.float64]]

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
_LEAST_TOP, _MOST_TOP, _LEAST_SAME, _MOST_SAME = 2, 4, 5, 10
_SOLID = np.array([code not in b" \t\n\v\f\r" for code in range(256)])
_LOWER = np.array([ord(chr(code).lower()) if code < 128 else code for code in range(256)], np.uint8)
# The first bytes of characters: those of U+2000–2FFF, full-width signs and emoji are not counted as letters.
_LETTER = np.array(
    [chr(code).isalpha() if code < 128 else 0xC3 <= code <= 0xED and code != 0xE2 for code in range(256)]
)
_BULLETS = "•‣▶◀◦■□▪▫"
_DASHES = "-*–"
"""Bullets where nothing but white space follows."""


@dataclass(frozen=True)
class _Read:
    """The words and lines of some texts."""

    piece: Piece
    begins: Places
    """(words,) the byte at which each begins."""
    finishes: Places
    """(words,) the byte behind it."""
    ends: Places
    """(texts + 1,) text i has the words ends[i]:ends[i + 1]."""
    hashes: Hashes
    """(words,)."""
    chars: Places
    """(words,) their characters."""


def statistics(texts: pa.Array) -> Columns:
    """How much of what each text has, by the names in COUNTS.

    Words; their mean length in characters; the share of them with a letter; how many # or how many … for each word, whichever
    is more; the shares of lines with a bullet before and an ellipsis behind; and how many of Gopher's eight stop words.
    """
    return _gathered((_counts(_read(piece)) for piece in pieces(texts)), COUNTS)


def repetitions(texts: pa.Array) -> Columns:
    """How much of each text repeats, by the names in LINES, TOP and SAME.

    The shares of lines and of paragraphs that stood in it before, and of the characters in these; the share of characters in its
    most frequent sequence of 2, 3 and 4 words; and in sequences of 5 to 10 words that stood in it before.
    """
    return _gathered((_repeated(_read(piece)) for piece in pieces(texts)), LINES + TOP + SAME)


def _gathered(parts: Iterator[Columns], names: tuple[str, ...]) -> Columns:
    held = list(parts)
    return {name: np.concatenate([np.empty(0), *(part[name] for part in held)]) for name in names}


def _read(piece: Piece) -> _Read:
    solid = np.zeros(len(piece.data) + 2, bool)
    np.take(_SOLID, piece.data, out=solid[1:-1], mode="clip")
    edge = solid[1:] != solid[:-1]
    first, last = edge & solid[1:], edge & solid[:-1]
    inner = piece.ends[(piece.ends > 0) & (piece.ends < len(piece.data))]
    first[inner] |= solid[inner + 1]
    last[inner] |= solid[inner]
    begins, finishes = np.flatnonzero(first), np.flatnonzero(last)
    hashes = mixed(stretches(_LOWER[piece.data], begins, finishes, CHARACTERS))
    ends = np.searchsorted(begins, piece.ends)
    return _Read(piece, begins, finishes, ends, hashes, piece.characters[finishes] - piece.characters[begins])


def _counts(read: _Read) -> Columns:
    words = np.diff(read.ends)
    letters = np.concatenate(([0], np.cumsum(_LETTER[read.piece.data])))
    with_letter = letters[read.finishes] > letters[read.begins]
    bullets, ellipses, lines = _edges_of_lines(read)
    values = (
        words,
        _share(sums(read.chars, read.ends), words),
        _share(sums(with_letter, read.ends), words),
        _share(_symbols(read.piece), words),
        _share(bullets, lines),
        _share(ellipses, lines),
        _stop_words(read),
    )
    return {name: value.astype(float) for name, value in zip(COUNTS, values, strict=True)}


def _share(part: Places, whole: Places) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)


def _symbols(piece: Piece) -> Places:
    """For each text how often it has # or … (or three full stops), whichever is more."""
    data = piece.data
    dots = np.flatnonzero(data == ord("."))
    text = np.searchsorted(piece.ends, dots, side="right")
    begins, ends = piece.ends[text - 1], piece.ends[text]
    goes_before = (dots > begins) & _stands(data, dots - 1, b".")  # a row of dots is one ellipsis
    dots = dots[~goes_before & (dots + 3 <= ends) & _stands(data, dots, b"...")]
    signs = np.flatnonzero(data == 0xE2)
    signs = signs[_stands(data, signs, "…".encode())]
    hashes = np.flatnonzero(data == ord("#"))
    return np.maximum(_spread(hashes, piece), _spread(np.concatenate((dots, signs)), piece))


def _spread(places: Places, piece: Piece) -> Places:
    """How many of some bytes each text has."""
    text = np.searchsorted(piece.ends, places, side="right") - 1
    return np.bincount(text, minlength=len(piece))


def _lines(read: _Read) -> tuple[Places, Places]:
    """The first word of each line that is not blank, and the one behind its last."""
    breaks = np.sort(np.concatenate((np.flatnonzero(read.piece.data == ord("\n")) + 1, read.piece.ends)))
    edges = np.searchsorted(read.begins, breaks)
    some = edges[1:] > edges[:-1]
    return edges[:-1][some], edges[1:][some]


def _edges_of_lines(read: _Read) -> tuple[Places, Places, Places]:
    """For each text: lines with a bullet before, lines with an ellipsis behind, lines."""
    first, behind = _lines(read)
    data, text = read.piece.data, np.searchsorted(read.ends, first, side="right") - 1
    begins, length = read.begins[first], read.finishes[first] - read.begins[first]
    bullet = np.zeros(len(first), bool)
    for sign in _BULLETS + _DASHES:
        alone = sign in _DASHES
        bullet |= _stands(data, begins, sign.encode()) & (not alone or length == len(sign.encode()))
    tail = read.finishes[behind - 1]
    ellipsis = _stands(data, tail - 3, b"...") | _stands(data, tail - 3, "…".encode())
    ellipsis &= tail - 3 >= begins
    return tuple(np.bincount(text[which], minlength=len(read.piece)) for which in (bullet, ellipsis, slice(None)))  # type: ignore[return-value]


def _stands(data: NDArray[np.uint8], places: Places, sign: bytes) -> NDArray[np.bool_]:
    """Whether these bytes stand at each place."""
    inside = (places >= 0) & (places + len(sign) <= len(data))
    found = inside.copy()
    for step, byte in enumerate(sign):
        found[inside] &= data[places[inside] + step] == byte
    return found


def _stop_words(read: _Read) -> Places:
    """How many different ones of the stop words each text has."""
    wanted = "".join(_STOP_WORDS).encode()
    edges = np.cumsum([0, *map(len, _STOP_WORDS)])
    hashes = mixed(stretches(np.frombuffer(wanted, np.uint8), edges[:-1], edges[1:], CHARACTERS))
    found = np.zeros(len(read.piece), np.int64)
    for value in hashes:
        text = np.searchsorted(read.ends, np.flatnonzero(read.hashes == value), side="right") - 1
        found[np.unique(text)] += 1
    return found


def _repeated(read: _Read) -> Columns:
    total = sums(read.chars, read.ends)
    lines, chars = _same_lines(read)
    return {
        **lines,
        **{name: np.minimum(_share(value, total), 1.0) for name, value in (chars | _sequences(read)).items()},
    }


def _same_lines(read: _Read) -> tuple[Columns, dict[str, Places]]:
    """The shares of lines and paragraphs that stood in each text before, and the characters in them."""
    first, behind = _lines(read)
    hashes = stretches(_LOWER[read.piece.data], read.begins[first], read.finishes[behind - 1], TEXTS)
    starts = _paragraphs(read, first, behind)
    stops = np.concatenate((starts[1:], [len(first)])).astype(np.int64)[: len(starts)]
    lines = _again(read, hashes, first, behind)
    paragraphs = _again(read, stretches(mixed(hashes), starts, stops, TEXTS), first[starts], behind[stops - 1])
    shares = {"same_lines": lines[0], "same_paragraphs": paragraphs[0]}
    return shares, {"same_line_chars": lines[1], "same_paragraph_chars": paragraphs[1]}


def _paragraphs(read: _Read, first: Places, behind: Places) -> Places:
    """Which lines begin a paragraph: the first of a text, and one before which there is a blank line."""
    breaks = np.concatenate(([0], np.cumsum(read.piece.data == ord("\n"))))
    starts = np.ones(len(first), bool)
    starts[1:] = breaks[read.begins[first[1:]]] - breaks[read.finishes[behind[:-1] - 1]] > 1
    starts[np.isin(first, read.ends[:-1])] = True
    return np.flatnonzero(starts)


def _again(read: _Read, hashes: Hashes, first: Places, behind: Places) -> tuple[NDArray[np.float64], Places]:
    """Of lines or paragraphs for each text the share that stood in it before, and the characters of these."""
    text, size = np.searchsorted(read.ends, first, side="right") - 1, len(read.piece)
    later = alike(hashes, text).later
    chars = np.concatenate(([0], np.cumsum(read.chars)))
    chars = chars[behind[later]] - chars[first[later]]
    share = _share(np.bincount(text[later], minlength=size), np.bincount(text, minlength=size))
    return share, np.bincount(text[later], chars, size).astype(np.int64)


def _sequences(read: _Read) -> dict[str, Places]:
    """For each text the characters in its most frequent sequence of 2, 3, 4 words and in repeated ones of 5 to 10.

    A repeated sequence begins with a repeated shorter one, so that each step looks only at what is left of the one before.
    """
    size, words = len(read.piece), len(read.hashes)
    columns = {name: np.zeros(size, np.int64) for name in TOP + SAME}
    text = np.repeat(np.arange(size), np.diff(read.ends))
    chars = np.concatenate(([0], np.cumsum(read.chars)))
    grams, places = read.hashes, np.arange(words)
    for n in range(_LEAST_TOP, _MOST_SAME + 1):
        grams, places = longer(read.hashes, grams, places, read.ends[text[places] + 1], n)
        groups = alike(grams, text[places])
        if not len(groups.members):
            break
        if n <= _MOST_TOP:
            _most_frequent(columns[TOP[n - _LEAST_TOP]], groups.starts, text, chars, places[groups.members], n)
        elif n >= _LEAST_SAME:
            columns[SAME[n - _LEAST_SAME]] = sums(covered(places[groups.later], n, words) * read.chars, read.ends)
        kept = np.sort(groups.members)
        grams, places = grams[kept], places[kept]
    return columns


def _most_frequent(found: Places, starts: Places, text: Places, chars: Places, places: Places, n: int) -> None:
    """Write the characters of the most frequent of some repeated sequences of words into `found`, of equal ones the longest."""
    times = np.diff(np.concatenate((starts, [len(places)])))
    length = chars[places[starts] + n] - chars[places[starts]]
    order = np.lexsort((length, times))  # of values written to one place the last stays
    found[text[places[starts]][order]] = (times * length)[order]
