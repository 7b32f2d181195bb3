"""Near duplicates: what is dropped repeats what is kept, by plain Python's count; what says another thing is kept."""

import random
import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.texts.candidates import pairs_of
from potstill.texts.contrast import TURNING
from potstill.texts.near import Duplicates, near_duplicates, similarities
from potstill.texts.survey import survey
from potstill.texts.templates import strip_templates
from potstill.texts.words import words_of

_CHINESE = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳"
VOCABULARY = [
    word
    for first in ("b", "d", "g", "k", "l", "m", "n", "p")
    for vowel in ("a", "e", "io", "u")
    for end in ("r", "sk", "ll", "n", "m")
    if (word := first + vowel + end) not in TURNING
]


def text_of(chance: random.Random, count: int = 50) -> str:
    """Sentences without names or numbers."""
    words = chance.choices(VOCABULARY, k=count)
    words[0] = words[0].capitalize()
    for place in range(9, count - 1, 10):
        words[place] += "."
        words[place + 1] = words[place + 1].capitalize()
    return " ".join(words) + "."


def with_word(text: str, place: int, word: str) -> str:
    words = text.split(" ")
    words[place] = word
    return " ".join(words)


def shingles(text: str, n: int = 5) -> set[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.casefold())
    return set(zip(*(words[at:] for at in range(n)), strict=False))


def jaccard(one: str, other: str) -> float:
    first, second = shingles(one), shingles(other)
    return len(first & second) / len(first | second) if first | second else 0.0


def normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def found(texts: Sequence[str | None], **how) -> Duplicates:
    array = pa.array(list(texts), pa.string())
    return near_duplicates(lambda: [array], **how)


def kept(texts: list[str], **how) -> list[str]:
    gone = set(found(texts, **how).row.tolist())
    return [text for row, text in enumerate(texts) if row not in gone]


EDITS = ("copy", "case", "stop", "word", "two", "digit", "name", "slot", "move", "head")


def edited(chance: random.Random, text: str) -> str:
    """The text again, a little different."""
    how, words = chance.choice(EDITS), text.split(" ")
    places = [at for at in range(1, len(words)) if words[at].islower() and words[at].isalpha()]
    if not places:
        return text
    place = chance.choice(places)
    if how == "case":
        return chance.choice((text.upper(), text.lower()))
    if how == "stop":
        return text.replace(".", "!")
    if how in ("word", "two"):
        text = with_word(text, place, chance.choice(VOCABULARY))
        return edited(chance, text) if how == "two" else text
    if how == "digit":
        return with_word(text, place, str(chance.randrange(3)))
    if how == "name":
        return with_word(text, place, chance.choice(("Anna", "Otto", "Zoe")))
    if how == "slot":
        return with_word(text, 7, chance.choice(VOCABULARY))
    if how == "move":
        first, _, rest = text.partition(". ")
        return f"{rest} {first}."
    if how == "head":
        return "Please read this with care and say what you think of it. " + text
    return text


@st.composite
def corpora(draw: st.DrawFn) -> list[str]:
    """A few texts, edits of them and edits of the edits, and short ones."""
    chance = random.Random(draw(st.integers(0, 10**9)))
    texts = [text_of(chance, chance.choice((12, 40, 80))) for _ in range(draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(0, 14))):
        texts.append(edited(chance, chance.choice(texts)))
    texts += chance.choices(("", "Yes.", "yes.", "No", "Yes!", " YES. ", "..."), k=draw(st.integers(0, 4)))
    chance.shuffle(texts)
    return texts


@settings(deadline=None)
@given(corpora())
def test_each_dropped_row_repeats_a_kept_one(texts: list[str]) -> None:
    dropped = found(texts)
    gone = set(dropped.row.tolist())
    assert len(gone) == len(dropped.row)
    for row, mate, similarity, exact in zip(
        dropped.row.tolist(), dropped.mate.tolist(), dropped.similarity.tolist(), dropped.exact.tolist(), strict=True
    ):
        assert mate not in gone
        assert exact == (normalised(texts[row]) == normalised(texts[mate]))
        if exact:
            assert similarity == 1
        else:
            assert similarity == jaccard(texts[row], texts[mate]) >= 0.8
            assert re.findall(r"\d+", texts[row]) == re.findall(r"\d+", texts[mate])


@settings(deadline=None)
@given(corpora())
def test_one_is_kept_of_exact_duplicates_unless_all_repeat_another(texts: list[str]) -> None:
    gone = set(found(texts).row.tolist())
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(normalised(text), []).append(row)
    for rows in groups.values():
        left = [row for row in rows if row not in gone]
        assert left in ([], [rows[0]])
        if len(shingles(texts[rows[0]])) == 0:
            assert left


@settings(deadline=None)
@given(corpora(), st.randoms(use_true_random=False))
def test_other_orders_and_other_batches_keep_the_same_texts(texts: list[str], chance: random.Random) -> None:
    priority = np.array(chance.sample(range(1000), len(texts)), float)
    dropped = found(texts, priority=priority)
    order = chance.sample(range(len(texts)), len(texts))
    again = found([texts[row] for row in order], priority=priority[order])
    assert sorted(dropped.row.tolist()) == sorted(order[row] for row in again.row.tolist())
    array, cuts = pa.array(["before", *texts]), sorted(chance.choices(range(len(texts) + 1), k=3))
    parts = [array[1 + a : 1 + b] for a, b in zip([0, *cuts], [*cuts, len(texts)], strict=True)]
    batched = near_duplicates(lambda: parts, priority=priority, workers=1)
    for one, other in zip(
        (dropped.row, dropped.mate, dropped.similarity, dropped.exact),
        (batched.row, batched.mate, batched.similarity, batched.exact),
        strict=True,
    ):
        assert one.tolist() == other.tolist()


@settings(deadline=None)
@given(corpora())
def test_what_is_kept_has_nothing_to_drop(texts: list[str]) -> None:
    assert kept(kept(texts)) == kept(texts)


def test_an_edit_of_a_word_of_case_or_of_punctuation_is_a_duplicate() -> None:
    text = text_of(random.Random(1))
    for edit in (with_word(text, 25, "otherwise"), text.upper(), text.replace(".", ";"), "So, then: " + text):
        dropped = found([text, edit])
        assert (dropped.row.tolist(), dropped.mate.tolist()) == ([1], [0])
    assert found([text, " ".join(text.split(" ")[:30])]).row.tolist() == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 + 4", "3 - 4"),
        ("3 + 4", "3 + 5"),
        ("$9", "€9"),
        ("1.5", "1,5"),
        ("in Rome", "in Oslo"),
        ("two x² of", "two x2 of"),
    ],
)
def test_another_number_sign_or_name_is_another_text(one: str, other: str) -> None:
    text = text_of(random.Random(2), 100)
    texts = [with_word(text, 33, one), with_word(text, 33, other)]
    assert kept(texts) == texts
    words = words_of(pa.array(texts))
    assert similarities(words, np.array([0, 2]))[0].tolist() == []


@pytest.mark.parametrize(
    ("one", "other"), [("three", "four"), ("is", "is not"), ("more", "less"), ("(a or) b", "(a or b)"), ("all", "any")]
)
def test_a_word_that_turns_what_is_said_or_other_brackets_make_another_text(one: str, other: str) -> None:
    text = text_of(random.Random(10), 100)
    texts = [with_word(text, 33, one), with_word(text, 33, other)]
    assert kept(texts) == texts
    assert similarities(words_of(pa.array(texts)), np.array([0, 2]))[0].tolist() == []


def test_a_text_about_what_very_many_texts_begin_with_is_compared_by_what_is_left() -> None:
    chance = random.Random(11)
    table = text_of(chance, 100)
    questions = [text_of(chance, 30) for _ in range(80)]
    edit = with_word(questions[0], 15, "otherwise")
    assert jaccard(f"{table} {questions[0]}", f"{table} {questions[1]}") < 0.8
    assert jaccard(f"{table} {questions[0]}", f"{table} {edit}") > 0.9
    texts = [f"{table} {question}" for question in (*questions, edit)]
    assert kept(texts) == texts
    assert len(kept(texts[:3] + texts[-1:])) == 3
    assert len(kept([*texts, texts[3].upper()])) == len(texts)


def test_another_name_where_the_text_begins_is_another_text() -> None:
    rest = " was given some apples by her aunt and ate a few of them on her way home. How many did she have left then?"
    assert len(kept(["Amanda" + rest, "Josie" + rest])) == 2


def test_texts_with_another_word_in_the_same_place_are_a_template() -> None:
    text = text_of(random.Random(3), 60)
    texts = [with_word(text, 21, word) for word in ("apples", "red pears", "plums")]
    assert kept(texts) == texts
    assert len(kept(texts[:2])) == 1
    assert kept([*texts, texts[1].upper()]) == texts


def test_texts_of_a_template_are_kept_before_others() -> None:
    text = text_of(random.Random(3), 60)
    texts = [with_word(text, 21, word) for word in ("apples", "red pears", "plums")]
    edit = with_word(texts[0], 45, "otherwise")
    assert kept([*texts, edit], priority=np.array([0.0, 0.0, 0.0, 1.0])) == texts


def test_what_stays_is_kept_beside_its_like_and_before_a_template() -> None:
    text = text_of(random.Random(3), 60)
    texts = [with_word(text, 21, word) for word in ("apples", "red pears", "plums")]
    edit = with_word(texts[0], 45, "otherwise")
    dropped = found([*texts, edit], stays=np.array([False, False, False, True]))
    assert 0 in dropped.row
    assert 3 not in dropped.row
    far = with_word(edit, 55, "elsewhere")
    both = np.array([True, True, True, False])
    dropped = found([texts[0], texts[0].upper(), edit, far], stays=both)
    assert jaccard(far, texts[0]) < 0.8 <= jaccard(far, edit)
    assert (dropped.row.tolist(), dropped.mate.tolist(), dropped.stayed.tolist()) == ([3], [2], [1, 2])


def test_the_mate_is_the_kept_text_that_is_most_alike() -> None:
    text = text_of(random.Random(12), 160)
    far, near = text, text
    for place, word in ((12, "otherwise"), (32, "elsewhere"), (52, "meanwhile")):
        far = with_word(far, place, word)
    for place, word in ((72, "otherwise"), (92, "elsewhere")):
        near = with_word(near, place, word)
    assert jaccard(far, near) < 0.8 <= jaccard(far, text) < jaccard(near, text)
    dropped = found([far, near, text])
    assert (dropped.row.tolist(), dropped.mate.tolist()) == ([2], [1])
    twins = found([text, with_word(text, 12, "otherwise"), text.replace(".", "!")])
    assert (twins.mate.tolist(), twins.exact.tolist()) == ([0, 0], [False, False])


def test_a_template_of_very_many_texts_is_kept_and_compared_with_few() -> None:
    chance = random.Random(4)
    template = text_of(chance, 200)
    texts = [with_word(template, 80, f"{one} {other}") for one in VOCABULARY for other in VOCABULARY[:12]]
    texts.append(with_word(text_of(chance), 5, "alone"))
    assert kept([*texts, texts[-1].lower()]) == texts
    array = pa.array(texts)
    noted = survey(lambda: [array], None, 5, 5, 1)
    strip_templates(lambda: [array], noted, 5)
    assert len(pairs_of(noted.bind())) < 10 * len(texts)


def test_duplicates_are_found_under_a_boilerplate_that_very_many_texts_have() -> None:
    chance = random.Random(5)
    texts = [text_of(chance, 90) for _ in range(150)]
    edits = [with_word(text, 44, "otherwise") for text in texts]
    head = "You are asked to read the following with care, and to write down what comes to your mind about it. "
    dropped = found([head + text for text in texts + edits])
    assert dropped.row.tolist() == list(range(150, 300))
    assert (dropped.mate == dropped.row - 150).all()


def test_nearly_all_pairs_at_the_threshold_are_found() -> None:
    chance = random.Random(6)
    texts = [text_of(chance, 50) for _ in range(400)]
    edits = [with_word(text, 1 + chance.randrange(48), "otherwise") for text in texts]
    true = sum(jaccard(*pair) >= 0.8 for pair in zip(texts, edits, strict=True))
    # An edit beside a sentence's beginning may take its capital away, which is no edit of a name.
    assert len(found(texts + edits).row) >= 0.99 * true > 300


def test_there_are_no_chains() -> None:
    text = text_of(random.Random(7), 100)
    near = with_word(text, 20, "otherwise")
    far = with_word(with_word(near, 45, "elsewhere"), 75, "meanwhile")
    assert jaccard(text, near) >= 0.8 <= jaccard(near, far)
    assert jaccard(text, far) < 0.8
    assert kept([text, near, far]) == [text, far]
    assert kept([near, text, far]) == [near]
    assert kept([text, near, far], priority=np.array([0.0, 1.0, 0.0])) == [near]


def test_other_marks_are_never_compared() -> None:
    text = text_of(random.Random(8))
    texts = [text, text, text.upper(), "yes", "yes"]
    dropped = found(texts, marks=np.array([1, 2, 2, 3, 4], np.uint64))
    assert (dropped.row.tolist(), dropped.mate.tolist(), dropped.exact.tolist()) == ([2], [1], [True])


def test_odd_texts_are_read() -> None:
    odd = [
        "",
        None,
        "one",
        "...",
        "?!",
        _CHINESE,
        _CHINESE + "云",
        "שלום עולם " * 9,
        "👩‍👩‍👧" * 30,
        "e\u0301 " * 20,
        "é " * 20,
    ]
    dropped = found([*odd, "word " * 20_000, "Word " * 20_000])
    assert dropped.row.tolist() == [1, 6, 10, 12]
    assert dropped.mate.tolist() == [0, 5, 9, 11]
    assert dropped.exact.tolist() == [True, False, True, True]
    for empty in ([], ["", None, ""], ["", "", ""]):
        assert found(empty).row.tolist() == list(range(1, len(empty)))


def test_a_million_copies_would_be_one_comparison() -> None:
    text = text_of(random.Random(9))
    dropped = found([text] * 3000 + [with_word(text, 20, "otherwise")] * 2000)
    assert dropped.row.tolist() == list(range(1, 5000))
    assert set(dropped.mate.tolist()) == {0}


@settings(deadline=None)
@given(st.lists(corpora(), min_size=1, max_size=3))
def test_within_groups_all_pairs_are_compared(groups: list[list[str]]) -> None:
    texts = [text.lower() for group in groups for text in group]  # names apart: nothing is one then
    ends = np.cumsum([0, *map(len, groups)])
    one, other, similarity = similarities(words_of(pa.array(texts)), ends)
    plain = {
        pair: jaccard(*(texts[row] for row in pair))
        for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        for pair in combinations(range(begin, end), 2)
        if re.findall(r"\d+", texts[pair[0]]) == re.findall(r"\d+", texts[pair[1]])
    }
    alike = dict(zip(zip(one.tolist(), other.tolist(), strict=True), similarity.tolist(), strict=True))
    assert alike == {pair: near for pair, near in plain.items() if near >= 0.8}
