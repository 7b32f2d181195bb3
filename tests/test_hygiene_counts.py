"""Statistics, loops, Gopher's bounds: right by hand, on edge rows, and the same however answers are batched."""

from itertools import pairwise
from random import Random
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.filter.rules import gopher, length, loops
from potstill.filter.scores import (
    instructions,
    language,
    reasoning,
    refusal,
    repetitions,
    residue,
    scripts,
    statistics,
)
from potstill.filter.scores import loops as loops_score
from potstill.texts.circles import circles_of_bytes, circles_of_words
from potstill.texts.statistics import repetitions as repeated
from potstill.texts.statistics import statistics as counted

from .hygiene import Asked, answers, columns, reasons, run_of

ALL: tuple[ModuleType, ...] = (
    statistics, repetitions, loops_score, refusal, residue, instructions, scripts, reasoning, language,
)  # fmt: skip
GOPHER = {"rules": ["gopher"]}
EDGES = [
    "", " \n\t ", "word", "a b c d e f g h i j " * 5000, "x" * 100_000, "?!…—;;;", "...", "我爱你。" * 40,
    "مرحبا بالعالم، كيف الحال؟", "🙂🙃 🙂🙃", "\x00\x01", "<think>", "- a\n- b\n\n- a\n", "line…\nline...\n", "..", "end.",
    "\ufeffé\u0301 ½ ²", "Paris\n\nHuman: x",
]  # fmt: skip


def stat(text: str) -> dict[str, float]:
    found = counted(pa.array([text])) | repeated(pa.array([text]))
    return {name: float(values[0]) for name, values in found.items()}


def test_words_and_lines_are_counted_as_by_hand() -> None:
    found = stat("# To be or not\n- to be…\n\n* that is the 42\n-7 degrees ...")
    assert found["words"] == 16
    assert found["mean_word_length"] == pytest.approx(40 / 16)
    assert found["letter_words"] == pytest.approx(10 / 16)
    assert found["symbols"] == pytest.approx(2 / 16)
    assert found["bullet_lines"] == 0.5
    assert found["ellipsis_lines"] == 0.5
    assert found["stop_words"] == 4


def test_repetitions_are_counted_as_by_hand() -> None:
    found = stat("aa bb\ncc\n\naa bb\ncc\n\nAA BB\nd")
    assert found["same_lines"] == pytest.approx(3 / 6)
    assert found["same_line_chars"] == pytest.approx(10 / 17)
    assert found["same_paragraphs"] == pytest.approx(1 / 3)
    assert found["same_paragraph_chars"] == pytest.approx(6 / 17)
    assert found["top_2gram"] == pytest.approx(12 / 17)
    assert found["top_3gram"] == pytest.approx(12 / 17)
    assert found["top_4gram"] == pytest.approx(16 / 17)


def test_of_a_repeated_sequence_all_but_the_first_count() -> None:
    unit = "one two three four five six "
    found = stat(unit + "and then " + unit)
    assert found["same_5gram"] == found["same_6gram"] == pytest.approx(22 / 51)
    assert found["same_7gram"] == 0


def by_hand(words: list[str], n: int) -> float:
    """The share of characters in sequences of n words that stood in the text before."""
    seen: set[tuple[str, ...]] = set()
    inside = [False] * len(words)
    for place in range(len(words) - n + 1):
        gram = tuple(words[place : place + n])
        if gram in seen:
            inside[place : place + n] = [True] * n
        seen.add(gram)
    return sum(len(word) for word, hit in zip(words, inside, strict=True) if hit) / max(1, sum(map(len, words)))


few_words = st.lists(st.sampled_from(["a", "bb", "ccc", "a"]), max_size=40)


@given(st.lists(few_words, min_size=1, max_size=6))
def test_repeated_sequences_are_those_of_a_plain_loop(texts: list[list[str]]) -> None:
    found = repeated(pa.array([" ".join(words) for words in texts]))
    for n in range(5, 11):
        assert np.allclose(found[f"same_{n}gram"], [by_hand(words, n) for words in texts])


def test_a_long_or_short_answer_says_how_long() -> None:
    bounds = {"length": {"min_chars": 3, "max_chars": 5}}
    found = reasons(length, (statistics,), "  ab ", "abc", "abcdef", "我爱你们", **bounds)
    assert found == ["shorter than 3 characters", "", "longer than 5 characters", ""]


PROSE = (
    "The river runs to the sea, and the people of the town walk along it. They have seen it rise in spring. With every "
    "year that goes by, the banks look a little different, so that old maps are of no great use to anyone who wants to fish "
    "or swim there today."
)


def test_prose_passes_gopher_and_each_bound_has_its_reason() -> None:
    bad = {
        "fewer than 50 words": "Short.",
        "less than 80% of words have a letter": PROSE + " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
        "more than one # or … for ten words": PROSE + " #" * 10,
        "more than 90% of lines begin with a bullet": "\n".join("- " + part for part in PROSE.split(". ")),
        "more than 30% of lines end with an ellipsis": PROSE.replace(". ", "…\n"),
        "more than 30% of lines repeat": PROSE + "\nYes." * 3,
    }
    found = reasons(gopher, (statistics, repetitions), PROSE, *bad.values(), **GOPHER)
    assert found == ["", *bad]


def test_repetitions_are_only_computed_for_who_asks() -> None:
    assert repetitions.make(run_of()) is None
    assert repetitions.make(run_of(bounds={"top_2gram": {"at_most": 0.3}})) is not None
    assert repetitions.make(run_of(**GOPHER)) is not None


CIRCLE = "So we divide by two and get the same number again. "
LOOPS = [
    CIRCLE * 6,
    "Paris is a city. " + CIRCLE * 30 + "That is all.",
    "巴黎是法国的首都，位于塞纳河畔。" * 6,
    "It is 0." + "3" * 400,
    "!" * 300,
    "ha" * 300,
    "I am " + "very " * 250,
]


@pytest.mark.parametrize("answer", LOOPS)
def test_a_decoder_in_a_circle_goes(answer: str) -> None:
    assert reasons(loops, (loops_score,), answer) == ["runs in a circle"]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Write it 50 times.", "I will not talk. " * 50),
        ("Which of these are good?", "good\n" * 150),
        ("A song, please.", "Row, row, row your boat, gently down the stream. " * 3),
        ("The zeros of ten by ten.", "0 0 0 0 0 0 0 0 0 0\n" * 10),
        ("An HTML table without text.", "<table>" + "<tr><td></td><td></td><td></td></tr>\n" * 10 + "</table>"),
        ("A wide table.", f"| a | b |\n|{'-' * 150}|{'-' * 150}|\n| 1 | 2 |"),
        ("Five empty people.", "[" + ",\n".join(['{"name": "", "age": null, "town": "", "phone": ""}'] * 10) + "]"),
        ("Add up to 60.", "\n".join(f"Step {i}: {i} and {i} is {2 * i}, so we go on." for i in range(60))),
        (
            "A poem.",
            "\n\n".join(
                f"The {a} wind blows,\nso sing, my heart, so sing." for a in ("cold", "warm", "soft", "wild", "last")
            ),
        ),
        ("Squares.", "\n".join(f"assert square({i}) == {i * i}" for i in range(80))),
    ],
)
def test_what_was_asked_for_or_has_a_reason_to_repeat_stays(prompt: str, answer: str) -> None:
    assert reasons(loops, (loops_score,), Asked(answer, prompt)) == [""]


@given(st.lists(st.integers(0, 2), min_size=4, max_size=40), st.integers(1, 5))
def test_circles_are_those_of_a_plain_loop(values: list[int], period: int) -> None:
    found = circles_of_words(np.array(values, np.uint64), np.array([0, len(values)]), period, 2, 4)
    for first, last, each in zip(found.begins, found.finishes, found.periods, strict=True):
        assert all(values[i] == values[i - each] for i in range(first + each, last))
        assert last == len(values) or values[last] != values[last - each]
        assert last - first >= max(2 * each, 4)


@pytest.mark.parametrize("shift", range(9))
def test_a_circle_of_bytes_has_its_exact_size_wherever_it_stands(shift: int) -> None:
    for size in (199, 200):
        text = b"q" * shift + b"ab" * 200
        data = np.frombuffer(text[: shift + size] + b"." + b"z" * 300, np.uint8)
        found = circles_of_bytes(data, np.array([0, shift + size, len(data)]), 16, 200)
        inside = found.begins < shift + size
        assert bool(inside.any()) == (size == 200)
        assert set((found.finishes - found.begins)[inside].tolist()) <= {200}


def test_circles_of_neighbouring_answers_are_two() -> None:
    assert (
        reasons(loops, (loops_score,), "!" * 300, "!" * 300, "!" * 150, "!" * 150)
        == ["runs in a circle"] * 2 + [""] * 2
    )


def test_edge_rows_have_every_score_and_an_empty_batch_has_none() -> None:
    for texts in (EDGES, ["", "", ""], []):
        batch = columns(answers(*texts), ALL, **GOPHER)
        assert batch.num_rows == len(texts)
        for name in set(batch.schema.names) - {"language", "language_sure"}:
            assert batch.column(name).null_count == 0
    shares = columns(answers(*EDGES), (repetitions, loops_score), **GOPHER)
    for name in set(shares.schema.names) - {"_loop_seen"}:
        values = np.asarray(shares.column(name))
        assert ((values >= 0) & (values <= 1)).all()


SHORT = [text for text in (*EDGES, *LOOPS) if len(text) < 2000]
some = st.lists(
    st.sampled_from([*SHORT, PROSE, "As an AI, I can't tell.", "I'm sorry, but I can't help with that."]), max_size=8
)


@settings(max_examples=15, deadline=None)
@given(some, st.randoms())
def test_scores_are_the_same_in_any_batch_and_order(texts: list[str], random: Random) -> None:
    together = columns(answers(*texts), ALL, **GOPHER).to_pylist()
    cuts = sorted(random.sample(range(len(texts) + 1), min(2, len(texts) + 1)))
    parts = [texts[first:last] for first, last in pairwise([0, *cuts, len(texts)])]
    apart = [row for part in parts for row in columns(answers(*part), ALL, **GOPHER).to_pylist()]
    assert apart == together
    turned = columns(answers(*reversed(texts)), ALL, **GOPHER).to_pylist()
    assert turned[::-1] == together
