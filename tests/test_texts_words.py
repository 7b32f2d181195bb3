"""Words and their hashes: the same text gives the same, whatever stands around it; another text gives something else."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.texts import pieces
from potstill.texts.words import Words, exact_hashes, ngrams, whole, words_of

EDGES = (
    "",
    " ",
    "one",
    "...?!",
    "word " * 20_000,
    "我们爱北京",
    "ひらがなとカタカナ",
    "한국어 문장입니다",
    "ภาษาไทย",
    "שלום עולם",
    "مرحبا بالعالم",
    "👩‍👩‍👧 family 👍🏽",
    "e\u0301té",
    "a\x00b",
)


def array(*texts: str | None) -> pa.Array:
    return pa.array(list(texts), pa.string())


def words(text: str) -> list[int]:
    return words_of(array(text)).hashes.tolist()


def signs(text: str) -> int:
    return int(words_of(array(text)).signs[0])


def counts(*texts: str | None) -> list[int]:
    return np.diff(words_of(array(*texts)).ends).tolist()


def exact(text: str) -> tuple[int, ...]:
    return tuple(exact_hashes(array(text))[0].tolist())


def rows(found: Words) -> list[tuple]:
    """Each text's words by themselves."""
    edges = zip(found.ends[:-1].tolist(), found.ends[1:].tolist(), strict=True)
    return [
        (found.hashes[begin:end].tolist(), found.capital[begin:end].tolist(), found.opening[begin:end].tolist())
        for begin, end in edges
    ]


def test_words_are_what_stands_between_other_characters() -> None:
    assert counts("Hello, world!", "well-known", "don't", "a_b", "", None, "...", " x ") == [2, 2, 2, 2, 0, 0, 0, 1]


def test_scripts_without_spaces_and_emoji_have_a_word_for_each_character() -> None:
    assert counts("我们爱", "あア", "ไทย", "👍👍", "한국어", "שלום עולם", "abc我def") == [3, 2, 3, 2, 1, 2, 3]


def test_case_width_and_form_make_no_difference() -> None:
    assert words("Été") == words("e\u0301te\u0301") == words("ÉTÉ")
    assert words("ＡＢＣ １２") == words("abc 12")
    assert words("Straße") == words("STRASSE")
    assert words("ﬁne") == words("fine")
    assert words("soft\u00adhyphen") == words("softhyphen")


def test_a_word_has_one_hash_in_every_batch() -> None:
    alone = words("alpha")
    assert words("alpha") == words("ALPHA") == [words("é alpha 我")[1]] == alone
    assert words_of(array("x y z", "alpha")).hashes[-1] == alone[0]


@given(st.lists(st.text(max_size=40) | st.sampled_from(EDGES) | st.none(), max_size=12), st.integers(1, 60))
def test_a_text_gives_the_same_in_every_batch(texts: list[str | None], piece: int) -> None:
    texts = [text if text is None else text.encode("utf-8", "ignore").decode() for text in texts]
    together = words_of(array(*texts))
    apart = [words_of(array(text)) for text in texts]
    assert rows(together) == [row for found in apart for row in rows(found)]
    assert together.signs.tolist() == [int(found.signs[0]) for found in apart]
    hashes = exact_hashes(array(*texts)).tolist()
    assert hashes == [exact_hashes(array(text))[0].tolist() for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", piece)
        assert rows(words_of(array(*texts))) == rows(together)
        assert exact_hashes(array(*texts)).tolist() == hashes


@given(st.lists(st.text("ab C.,\n1éß²", max_size=30), max_size=8))
def test_hashes_are_equal_just_where_the_words_are(texts: list[str]) -> None:
    def plain(text: str) -> tuple[str, ...]:
        for character, written in (("²", "^2"), ("ß", "ss")):
            text = text.replace(character, written)
        return tuple(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))

    found = words_of(array(*texts))
    for one, hash_one, row_one in zip(texts, whole(found).tolist(), rows(found), strict=True):
        assert len(row_one[0]) == len(plain(one))
        for other, hash_other in zip(texts, whole(found).tolist(), strict=True):
            assert (hash_one == hash_other) == (plain(one) == plain(other))


def test_large_strings_slices_and_empty_batches_are_read() -> None:
    texts = ["first text", None, "sécond", "", "third one here"]
    sliced = pa.array(texts, pa.large_string())[1:4]
    assert rows(words_of(sliced)) == rows(words_of(array(*texts[1:4])))
    for empty in (array(), array("", "", None)):
        found = words_of(empty)
        assert len(found.hashes) == 0
        assert found.ends.tolist() == [0] * (len(empty) + 1)
        assert ngrams(found, 5)[1].tolist() == [0] * (len(empty) + 1)
        assert exact_hashes(empty).shape == (len(empty), 2)
    with pytest.raises(TypeError, match="strings"):
        words_of(pa.array([1]))


def test_capitals_within_a_sentence_are_told_from_those_at_its_beginning() -> None:
    found = words_of(array("Yesterday Tom met Mr. Smith. Then he\nWent to Paris! Once", "and I"))
    written = ["yesterday", "tom", "met", "mr", "smith", "then", "he", "went", "to", "paris", "once", "and", "i"]
    assert [word for word, flag in zip(written, found.capital, strict=True) if flag] == [
        "tom",
        "mr",
        "smith",
        "paris",
        "i",
    ]
    assert [word for word, flag in zip(written, found.opening, strict=True) if flag] == [
        "yesterday",
        "then",
        "went",
        "once",
    ]


def test_numbers_and_signs_are_told_apart() -> None:
    assert signs("What is 3 + 4?") != signs("What is 3 - 4?")
    assert signs("What is 3 + 4?") != signs("What is 4 + 3?")
    assert signs("It costs 1.500") != signs("It costs 1,500")
    assert signs("It costs $5") != signs("It costs €5")
    assert signs("2² is it") != signs("22 is it")
    assert signs("½ of it") != signs("1 2 of it")
    assert signs("a ≤ b") != signs("a ≥ b")
    assert signs("route b2") != signs("route b3")
    assert signs("no number, no sign") == signs("") == 0
    assert signs("In 2019, all.") == signs("in 2019 ALL")


def test_exact_hashes_see_punctuation_but_neither_case_nor_white_space() -> None:
    assert exact(" Hello\n\n World\t") == exact("hello world") == exact("ＨＥＬＬＯ\u00a0world")
    assert exact("hello world") != exact("hello, world")
    assert exact("hello world") != exact("helloworld")
    assert exact("2²") != exact("22")
    assert exact("") == exact("  \n")
    assert exact("a") != exact("")


@given(st.lists(st.text("aB. \n\té", max_size=8), max_size=12))
def test_exact_hashes_are_equal_just_where_the_normalised_texts_are(texts: list[str]) -> None:
    def plain(text: str) -> str:
        return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

    found = [tuple(row) for row in exact_hashes(array(*texts)).tolist()]
    for one, hash_one in zip(texts, found, strict=True):
        for other, hash_other in zip(texts, found, strict=True):
            assert (hash_one == hash_other) == (plain(one) == plain(other))


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=14), max_size=6), st.integers(1, 13))
def test_ngrams_are_equal_just_where_their_words_are(texts: list[list[str]], n: int) -> None:
    hashes, ends = ngrams(words_of(array(*(" ".join(text) for text in texts))), n)
    plain = [[tuple(text[at : at + n]) for at in range(len(text) - n + 1)] for text in texts]
    assert np.diff(ends).tolist() == [len(text) for text in plain]
    of = {}
    for gram, value in zip((gram for text in plain for gram in text), hashes.tolist(), strict=True):
        assert of.setdefault(gram, value) == value
    assert len(set(of.values())) == len(of)
