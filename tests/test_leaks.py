"""Leaks: the kernel's laws, what is and what is no leak, and the way from files to reasons and the report."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.errors import BadPrompts, BadRecipe
from potstill.filter.answers import Answers, answers_of, read_answers
from potstill.filter.leaks import Leaks, common_run
from potstill.filter.rules import leak as rule
from potstill.filter.scored import Scored
from potstill.filter.scores import leak as score
from potstill.filter.targets import HELDOUT, leak_files, read_targets
from potstill.recipe import Recipe
from potstill.store.rows import Completion, Prompt, Side, conversation
from potstill.store.run import Run
from potstill.store.schemas import COMPLETIONS, PROMPTS, completion_columns, prompt_columns
from potstill.store.screen import PlainScreen
from potstill.store.tables import write_table
from potstill.texts.fuzzy import likeness, short_of
from potstill.texts.grams import counted, grams_of
from potstill.texts.numbers import numbers, other_numbers
from potstill.texts.overlap import Common, Index, Overlap, index_of, look
from potstill.texts.words import ngrams, words_of

SENTENCE = "A merchant walks from the harbour to the old market square and sells forty baskets of ripe figs before noon"
OTHER = (
    "Seven sleepy owls count the lanterns along the frozen canal while a distant bell rings over the snowy quiet town"
)
LONG = "In the year of the great flood the village moved its church stone by stone up the hill and rang the bell each evening"
ROW = Completion(
    id="0", prompt_id="p", method="answer", template="t", series="main", draw=0, status="ok", text="", finish_reason="stop",
    error="", key="", provider="", model="", snapshot="", parameters="", terms="", input_tokens=1, output_tokens=1, usd=0.0,
)  # fmt: skip


def strings(texts: Sequence[str | None]) -> pa.StringArray:
    return pa.array(texts, pa.string())


def index(*targets: str, corpus: Sequence[str] = (), most: int = 3) -> Index:
    """An index over targets, of which what more than `most` texts of a corpus say is a template's."""
    words = words_of(strings(targets))
    hashes, _ = ngrams(words, 3)
    triples = grams_of(3, np.unique(hashes))
    common = np.isin(hashes, triples.hashes[counted(triples, words_of(strings(corpus))) > most])
    return index_of(words, Common(common, common))


def overlap(index: Index, *texts: str) -> Overlap:
    return look(index, words_of(strings(texts)))


def pairs(found: Overlap) -> dict[tuple[int, int], tuple[int, float]]:
    """(text, target) → (longest run, coverage)."""
    return {
        (text, target): (run, round(coverage, 6))
        for text, target, run, coverage in zip(
            found.text.tolist(), found.target.tolist(), found.run.tolist(), found.coverage.tolist(), strict=True
        )
    }


def words(text: str, first: int, last: int) -> str:
    return " ".join(text.split()[first:last])


def spelled(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


class TestKernel:
    def test_equality_is_of_words_whatever_their_case_width_and_punctuation(self) -> None:
        found = overlap(
            index("Hello, World!", "42", OTHER), "ｈｅｌｌｏ world", "hello", "42.", "43", "", "!?", OTHER.upper()
        )
        assert found.equal.tolist() == [0, -1, 1, -1, -1, -1, 2]

    def test_equal_words_with_other_signs_are_not_equal(self) -> None:
        assert overlap(index("What is 3 + 4?"), "What is 3 + 4", "What is 3 - 4?").equal.tolist() == [0, -1]

    def test_a_run_is_as_long_as_what_stands_in_both(self) -> None:
        for size in (7, 8, 12, 13, 19):
            found = overlap(index(SENTENCE), f"zero one {words(SENTENCE, 1, 1 + size)} two three")
            assert found.run.tolist() == ([size] if size >= 8 else [])

    def test_coverage_is_the_share_of_one_target_and_never_of_their_union(self) -> None:
        halves = f"{words(SENTENCE, 0, 10)} {words(OTHER, 0, 9)}"
        found = overlap(index(SENTENCE, OTHER), halves)
        assert pairs(found) == {(0, 0): (10, 0.5), (0, 1): (9, round(9 / 20, 6))}

    def test_words_that_two_runs_share_count_once(self) -> None:
        twice = f"{words(SENTENCE, 0, 12)} and then {words(SENTENCE, 4, 14)}"
        found = overlap(index(SENTENCE), twice)
        assert found.common.tolist() == [14]
        assert pairs(found) == {(0, 0): (12, 14 / 20)}

    def test_an_order_of_words_is_needed(self) -> None:
        turned = " ".join(reversed(SENTENCE.split()))
        assert pairs(overlap(index(SENTENCE), turned)) == {}

    def test_what_many_texts_say_is_no_run_but_what_follows_it_is(self) -> None:
        corpus = [f"{LONG}: {word}" for word in ("apple", "brick", "cloud", "daisy")]
        target = f"{LONG}: {SENTENCE}"
        template = index(target, corpus=corpus)
        assert pairs(overlap(index(target), corpus[0]))[0, 0][0] == 24
        assert pairs(overlap(template, *corpus)) == {}
        found = pairs(overlap(template, f"{LONG}: {words(SENTENCE, 0, 14)}", f"Say: {SENTENCE}"))
        assert found[0, 0][0] >= 14
        assert found[1, 0] == (20, pytest.approx(1, abs=0.1))

    def test_a_target_of_a_template_alone_is_found_from_end_to_end(self) -> None:
        made = index(LONG, SENTENCE, corpus=[LONG] * 4)
        assert pairs(overlap(made, f"Please: {LONG}. Thanks!", words(LONG, 0, 20))) == {(0, 0): (24, 1.0)}

    def test_words_that_stand_in_many_targets_say_nothing_of_any(self) -> None:
        targets = [f"{LONG} {word}" for word in "abcdefghijk"]
        assert pairs(overlap(index(*targets), LONG)) == {}
        assert len(pairs(overlap(index(*targets[:10]), LONG))) == 10

    @pytest.mark.parametrize(
        "text",
        [
            "你好世界今天天气很好我们一起去公园散步吧",
            "كتب الولد رسالة طويلة إلى جدته التي تسكن في قرية بعيدة خلف الجبال",
            "🙂🚀🎉🐍🌧🍕🎲🔥💧🌍🌙⭐🎈🎁",
            "สวัสดีชาวโลกวันนี้อากาศดีมาก",
        ],
    )
    def test_every_script_is_found_in_whole_and_in_part(self, text: str) -> None:
        found = overlap(index(text), text, f"abc {text} def")
        assert found.equal.tolist() == [0, -1]
        assert pairs(found)[1, 0][1] == 1.0

    def test_no_run_goes_over_the_edge_of_a_text(self) -> None:
        found = overlap(index(OTHER, SENTENCE), words(SENTENCE, 0, 10), words(SENTENCE, 10, 20), words(OTHER, 0, 9))
        assert pairs(found) == {(0, 1): (10, 0.5), (1, 1): (10, 0.5), (2, 0): (9, 9 / 20)}

    def test_what_a_target_says_again_and_again_stands_in_the_index_a_few_times(self) -> None:
        assert len(index("very " * 500).at) == 4

    def test_nothing_is_found_where_nothing_is(self) -> None:
        nothing = strings([])
        assert pairs(look(index_of(words_of(nothing)), words_of(strings([SENTENCE, ""])))) == {}
        assert pairs(look(index(SENTENCE), words_of(nothing))) == {}
        empty = look(index(SENTENCE, "", "one"), words_of(strings(["", None, " ", "?!"])))
        assert pairs(empty) == {}
        assert empty.equal.tolist() == [-1] * 4

    def test_a_very_long_and_a_very_dull_text_are_looked_at_all_the_same(self) -> None:
        dull = "very " * 20_000
        found = overlap(index(SENTENCE, "very " * 500), f"{dull}{SENTENCE}", dull)
        assert pairs(found)[0, 0] == (20, 1.0)
        assert found.equal.tolist() == [-1, -1]

    word = st.sampled_from(["a", "b", "c", "d", "1", "2", ".", "好", "🙂"])
    texts = st.lists(st.lists(word, max_size=30).map(" ".join), max_size=6)

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.lists(word, max_size=20).map(" ".join), max_size=5), texts, st.randoms())
    def test_batches_and_their_order_change_nothing(self, targets: list[str], rows: list[str], random) -> None:
        made = index(*targets)
        together = overlap(made, *rows)
        order = list(range(len(rows)))
        random.shuffle(order)
        alone = [overlap(made, rows[row]) for row in order]
        assert [together.equal[row] for row in order] == [one.equal[0] for one in alone]
        found = {
            (order[place], target): value
            for place, one in enumerate(alone)
            for (_, target), value in pairs(one).items()
        }
        assert found == pairs(together)

    @settings(deadline=None, max_examples=50)
    @given(st.lists(word, min_size=8, max_size=20), st.lists(word, max_size=5), st.lists(word, max_size=5))
    def test_a_target_is_always_found_in_what_holds_it(
        self, target: list[str], before: list[str], after: list[str]
    ) -> None:
        made = index(" ".join(target))
        if len(words_of(strings([" ".join(target)])).hashes) >= 8:
            assert pairs(overlap(made, " ".join([*before, *target, *after])))[0, 0][1] == 1.0


class TestNumbers:
    def test_numbers_are_read_with_their_signs(self) -> None:
        assert numbers("4,000 is 4000; -5 + 3 = 1.5, a well-known 2-year") == {
            "4000": 2,
            "-5": 1,
            "+3": 1,
            "=1.5": 1,
            "2": 1,
        }

    def test_two_problems_each_have_a_number_of_their_own(self) -> None:
        assert other_numbers("Ann has 3 of 5 apples", "Ann has 4 of 5 apples")
        assert other_numbers("What is 7 + 2?", "What is 7 - 2?")
        assert not other_numbers("Ann has 3 of 5 apples", "Bob has 3 of 5 apples in 2026")
        assert not other_numbers("Bob has 3 of 5 apples in 2026", "Ann has 3 of 5 apples")
        assert not other_numbers("no number", "no number either")


class TestLikeness:
    def test_short_texts_are_compared_letter_by_letter_and_long_ones_not(self) -> None:
        targets = strings(["Capital of France?", "Largest lake", SENTENCE])
        short = short_of(targets, words_of(targets))
        rows = strings(["capital of france", "the capital of Frances", "green cheese", SENTENCE, ""])
        found = likeness(short, rows, words_of(rows))
        assert found[0] == 1.0
        assert 0.7 < found[1] < 1.0
        assert found[2] == 0.0
        assert np.isnan(found[3:]).all()

    def test_a_word_of_many_targets_brings_none_together(self) -> None:
        rows = strings(["report 7"])
        for count, least, most in ((32, 0.5, 1), (33, 0, 0)):
            targets = strings([f"report {chr(0x61 + number // 6)}{number}x" for number in range(10, 10 + count)])
            (found,) = likeness(short_of(targets, words_of(targets)), rows, words_of(rows))
            assert least <= found <= most

    def test_there_may_be_no_short_target(self) -> None:
        rows = strings(["one two"])
        assert likeness(short_of(strings([]), words_of(strings([]))), rows, words_of(rows)).tolist() == [0.0]


def prompt(number: int, text: str, side: Side = "train", reference: str | None = None) -> Prompt:
    messages = conversation(("system", "Answer."), ("user", text))
    return Prompt(f"p{number:04}", messages, str(number), side, "x.jsonl", (number,), reference)


def drawn(asked: Prompt, *texts: str) -> tuple[Prompt, list[Completion]]:
    row = replace(ROW, prompt_id=asked.id)
    return asked, [replace(row, id=f"{asked.id}-{draw}", draw=draw, text=text) for draw, text in enumerate(texts)]


def run_in(
    home: Path, prompts: Sequence[Prompt], against: Sequence[str] = (), answers: Sequence[Completion] = ()
) -> Run:
    recipe = Recipe.model_validate(
        {
            "name": "x",
            "teacher": {"base_url": "practice://skills", "model": "m"},
            "prompts": {"path": "x.jsonl"},
            "filter": {"leak": {"against": list(against)}},
        }
    )
    run = Run(recipe, home, home / "runs" / "x", PlainScreen())
    write_table(run.folder / "prompts", "prompts", PROMPTS, map(prompt_columns, prompts))
    write_table(run.folder / "completions", "completions", COMPLETIONS, map(completion_columns, answers))
    return run


def scored(run: Run, answers: Answers) -> Scored:
    made = score.make(run)
    assert made is not None
    return Scored(pa.RecordBatch.from_arrays(list(made.write(answers)), schema=pa.schema(list(made.columns.items()))))


def reasons(run: Run, answers: Answers) -> list[str]:
    """Why each answer is dropped; empty for a kept one."""
    found = scored(run, answers)
    ruling = rule.make(run.recipe.filter).look(found, np.ones(len(found), bool))
    return [": ".join(ruling.why(row)) if ruling.dropped[row] else "" for row in range(len(found))]


HELD = "A train leaves the northern station at 9 with 120 people and 35 of them leave at the first stop near the river"


class TestRule:
    def test_prompts_leak_by_equality_by_a_run_and_by_coverage(self, tmp_path: Path) -> None:
        run = run_in(
            tmp_path, [prompt(1, HELD, "heldout"), prompt(2, "Say hi", "heldout"), prompt(3, SENTENCE, "heldout")]
        )
        cut = SENTENCE.split()
        cut[9] = "but"
        asked = ["SAY HI!", "say hi to me", words(HELD, 2, 15), words(HELD, 2, 14), " ".join(cut), OTHER]
        answers = answers_of([drawn(prompt(10 + place, text), "x", "y") for place, text in enumerate(asked)])
        kept = ["", ""]
        assert reasons(run, answers) == [
            *["in held-out prompts: the same prompt: held-out prompts, line 2"] * 2,
            *kept,
            *["in held-out prompts: 13 words in a row: held-out prompts, line 1"] * 2,
            *kept,
            *["in held-out prompts: 50% of its words: held-out prompts, line 3"] * 2,
            *kept,
        ]

    def test_another_problem_in_the_same_words_is_kept_and_scored(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, HELD, "heldout")])
        asked = [HELD.replace("120", "240"), HELD.replace("train", "coach"), HELD.replace("120", "many")]
        answers = answers_of([drawn(prompt(10 + place, text), "x") for place, text in enumerate(asked)])
        assert [bool(why) for why in reasons(run, answers)] == [False, True, True]
        assert (scored(run, answers).number("leak") > 0.8).all()

    def test_a_short_formula_with_other_brackets_is_another_problem(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, "not (True or False and not not True) is", "heldout")])
        asked = ["(not True) or False and not not True is", "Not ( true or false and not not true ) is:"]
        answers = answers_of([drawn(prompt(10 + place, text), "x") for place, text in enumerate(asked)])
        assert [bool(why) for why in reasons(run, answers)] == [False, True]

    @pytest.mark.parametrize("before", ["Question 3: ", "Question 3 - ", "3) - ", "Task 1/", "(7)-", "2+"])
    def test_a_sign_between_a_number_and_a_copied_question_is_not_the_questions(
        self, tmp_path: Path, before: str
    ) -> None:
        question = f"15 of them: {HELD}"
        run = run_in(tmp_path, [prompt(1, question, "heldout"), prompt(2, "-7 + 2 is", "heldout")])
        asked = [before + question, before + question.replace("120", "240"), "12 - 7 + 2 is", "12 - 7 - 2 is"]
        answers = answers_of([drawn(prompt(10 + place, text), "x") for place, text in enumerate(asked)])
        assert [bool(why) for why in reasons(run, answers)][:2] == [True, False]

    def test_emphasis_and_blanks_make_no_other_question(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, "Name the _largest_ planet", "heldout"), prompt(2, "It is ____.", "heldout")])
        answers = answers_of([drawn(prompt(3, "Name the largest planet"), "x"), drawn(prompt(4, "It is …"), "x")])
        assert all(reasons(run, answers))

    def test_fifty_words_in_a_row_are_a_copy_whatever_the_numbers(self, tmp_path: Path) -> None:
        story = f"{SENTENCE} {OTHER} {LONG}"
        run = run_in(tmp_path, [prompt(1, f"{story} in 1743. Who was 80?", "heldout")])
        asked = [f"{words(story, *part)} in 1803 and 12 rose." for part in ((0, 64), (14, 64), (16, 64))]
        answers = answers_of([drawn(prompt(10 + place, text), "x") for place, text in enumerate(asked)])
        assert [bool(why) for why in reasons(run, answers)] == [True, True, False]

    def test_a_prompt_that_leaks_is_the_reason_before_its_answer(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, HELD, "heldout"), prompt(2, SENTENCE, "heldout")])
        assert reasons(run, answers_of([drawn(prompt(3, HELD), SENTENCE)])) == [
            "in held-out prompts: the same prompt: held-out prompts, line 1"
        ]

    def test_what_is_not_asked_leaks_by_a_run_alone(self, tmp_path: Path) -> None:
        edited = SENTENCE.split()
        edited[9] = "but"
        asked = answers_of([drawn(prompt(5, " ".join(edited)), "x"), drawn(prompt(6, SENTENCE), "x")])
        for held, leaks in ((prompt(1, SENTENCE, "heldout"), True), (prompt(1, "Why?", "heldout", SENTENCE), False)):
            run = run_in(tmp_path / str(leaks), [held])
            assert [bool(why) for why in reasons(run, asked)] == [leaks, True]

    def test_answers_leak_by_a_run_alone(self, tmp_path: Path) -> None:
        reference = "First the carter counts the wheels of all seven wagons, then he halves what is left for the smith"
        run = run_in(tmp_path, [prompt(1, HELD, "heldout", reference), prompt(2, "yes", "heldout")])
        texts = ["yes", words(reference, 0, 12), f"Well: {words(reference, 0, 13)}", f"You ask: {HELD}"]
        answers = answers_of([drawn(prompt(9, OTHER), *texts)])
        line = "in held-out prompts: 13 words in a row in the answer: held-out prompts, line 1"
        assert reasons(run, answers) == ["", "", line, line]

    def test_a_question_of_less_than_thirteen_words_leaks_only_in_full(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, "What is the best way to cook a turkey?", "heldout")])
        asked = ["What is the best way to cook a chicken?", "Tell me: what is the best way to cook a turkey?"]
        answers = answers_of([drawn(prompt(10 + place, text), "x") for place, text in enumerate(asked)])
        assert [bool(why) for why in reasons(run, answers)] == [False, True]

    def test_a_template_of_the_training_prompts_is_no_leak(self, tmp_path: Path) -> None:
        asked = [prompt(number, f"{LONG}. {thing}") for number, thing in enumerate(["oak", "elm", "ash", "fir", "yew"])]
        held = prompt(9, f"{LONG}. willow", "heldout")
        answers = answers_of([drawn(one, "x") for one in asked])
        assert reasons(run_in(tmp_path / "many", [*asked, held]), answers) == [""] * 5
        assert all(reasons(run_in(tmp_path / "few", [*asked[:3], held]), answers))

    @pytest.mark.parametrize("total", [40, 1_000])
    @pytest.mark.parametrize("copies", [1, 3, 4, 5, 20])
    def test_a_benchmarks_question_is_found_however_often_it_was_copied(
        self, tmp_path: Path, copies: int, total: int
    ) -> None:
        questions = [f"{SENTENCE} {words(LONG, 0, 20)}", f"{OTHER} {words(LONG, 0, 4)}", HELD]
        (tmp_path / "bench.csv").write_text("question\n" + "".join(f"{text}\n" for text in questions))
        first, second, third = (words(text, 0, len(text.split()) * 9 // 10) for text in questions)
        others = [f"{spelled(place)} {spelled(place + 1)}" for place in range(total)]
        asked = [f"{other} {first} {other}" for other in others[:copies]]
        asked += [f"{second} {other} {third} {other}" for other in others[copies : 2 * copies]]  # few-shot prompts
        prompts = [prompt(place, text) for place, text in enumerate(asked + others[2 * copies :])]
        run = run_in(tmp_path, prompts, ["bench.csv"])
        leaks = [bool(why) for why in reasons(run, answers_of([drawn(one, "x") for one in prompts]))]
        assert leaks == [True] * (2 * copies) + [False] * (total - 2 * copies)

    def test_a_phrase_on_several_lines_of_a_benchmark_is_a_template_and_a_smaller_part_of_one_line_too(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "two.csv").write_text(f"question\n{LONG}: willow\n{LONG}: poplar\n")
        (tmp_path / "one.csv").write_text(f"question\n{LONG}: {OTHER} {SENTENCE} {HELD}\n")
        (tmp_path / "mostly.csv").write_text(f"question\n{LONG}: willow\n")
        asked = [prompt(number, f"{LONG}. {thing}") for number, thing in enumerate(["oak", "elm", "ash", "fir", "yew"])]
        answers = answers_of([drawn(one, "x") for one in asked])
        for name, leaks in (("two", False), ("one", False), ("mostly", True)):
            run = run_in(tmp_path, asked, [f"{name}.csv"])
            assert [bool(why) for why in reasons(run, answers)] == [leaks] * 5

    def test_of_a_long_text_fifty_words_in_a_row_are_found_however_often_they_were_copied(self, tmp_path: Path) -> None:
        story = f"{SENTENCE} {OTHER} {LONG}"
        (tmp_path / "a.csv").write_text(f"question\n{story} {' '.join(map(spelled, range(100, 200)))}\n")
        for size, leaks in ((49, False), (50, True)):
            asked = [prompt(number, f"{spelled(number)} {words(story, 0, size)}") for number in range(5)]
            answers = answers_of([drawn(one, "x") for one in asked])
            assert [bool(why) for why in reasons(run_in(tmp_path / str(size), asked, ["../a.csv"]), answers)] == [
                leaks
            ] * 5

    def test_words_that_any_question_may_say_make_no_template_nor_does_a_second_benchmark(self, tmp_path: Path) -> None:
        said = [words(SENTENCE, first, first + 4) for first in range(0, 20, 2)]
        (tmp_path / "a.csv").write_text("question\n" + "".join(f"{text}\n" for text in [SENTENCE, *said]))
        (tmp_path / "b.csv").write_text(f"question,hint\nWhy?,Who?\nSo: {SENTENCE},Well: {SENTENCE}\n")
        asked = [prompt(number, f"{spelled(number)} {words(SENTENCE, 1, 19)}") for number in range(5)]
        answers = answers_of([drawn(one, "x") for one in asked])
        for files in (["a.csv"], ["a.csv", "b.csv"], ["b.csv"]):
            assert all(reasons(run_in(tmp_path, asked, files), answers))

    def test_many_draws_of_one_prompt_make_no_stock_phrase(self, tmp_path: Path) -> None:
        held = prompt(9, "birch", "heldout", f"{LONG}. birch")
        asked, rows = drawn(prompt(1, "oak"), *[LONG] * 9_000)
        run = run_in(tmp_path, [asked, held], answers=rows)
        assert all(reasons(run, answers_of([(asked, rows[:5])])))

    def test_a_stock_phrase_of_the_answers_is_no_leak(self, tmp_path: Path) -> None:
        pairs = [
            drawn(prompt(number, thing), f"{LONG}. {thing}")
            for number, thing in enumerate(["oak", "elm", "ash", "fir"])
        ]
        rows = [row for _, drawn in pairs for row in drawn]
        prompts = [*(asked for asked, _ in pairs), prompt(9, "birch", "heldout", f"{LONG}. birch")]
        answers = answers_of(pairs)
        assert reasons(run_in(tmp_path / "many", prompts, answers=rows), answers) == [""] * 4
        assert all(reasons(run_in(tmp_path / "few", prompts, answers=rows[:3]), answers))
        of_one = [replace(row, prompt_id="p0000") for row in rows]
        assert all(reasons(run_in(tmp_path / "one", prompts, answers=of_one), answers))

    def test_without_prompts_there_is_no_score_and_the_rule_counts_that(self, tmp_path: Path) -> None:
        run = replace(run_in(tmp_path, []), folder=tmp_path / "nowhere")
        assert score.make(run) is None
        nothing = Scored(pa.RecordBatch.from_arrays([pa.nulls(2, pa.float64())], names=["agreement"]))
        ruling = rule.make(run.recipe.filter).look(nothing, np.ones(2, bool))
        assert not ruling.dropped.any()
        assert ruling.unscored.all()

    @settings(deadline=None, max_examples=50)
    @given(
        st.lists(st.sampled_from([HELD, SENTENCE, OTHER, "hi", "", "好", words(HELD, 0, 16)]), min_size=1, max_size=5)
    )
    def test_a_row_is_judged_by_itself(self, tmp_path_factory: pytest.TempPathFactory, asked: list[str]) -> None:
        run = run_in(tmp_path_factory.mktemp("run"), [prompt(1, HELD, "heldout"), prompt(2, "hi", "heldout")])
        pairs = [drawn(prompt(10 + place, text), text, SENTENCE) for place, text in enumerate(asked)]
        alone = [why for pair in pairs for why in reasons(run, answers_of([pair]))]
        assert reasons(run, answers_of(pairs)) == alone


class TestFiles:
    def test_every_text_of_every_kind_of_file_is_a_target(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text(
            f'{{"Question": "Why?", "label": "no", "kind": {{"answer": "{OTHER}"}}}}\n\n'
            f'{{"messages": [{{"role": "user", "content": "Who?"}}, {{"role": "assistant", "content": "Me."}}], "n": 3}}\n'
        )
        (tmp_path / "b.csv").write_text(f'prompt,id\n"How?",7\n{SENTENCE},8\n')
        pq.write_table(pa.table({"turns": [["When?", "Why?"]], "note": [LONG]}), tmp_path / "c.parquet")
        run = run_in(
            tmp_path, [prompt(4, HELD, "heldout"), prompt(5, "not held out")], ["a.jsonl", "b.csv", "c.parquet"]
        )
        targets = read_targets(run)
        assert [(target.text, target.name) for target in targets if target.question] == [
            (HELD, f"{HELDOUT}, line 4"), ("Why?", "a.jsonl, line 1"), ("Who?", "a.jsonl, line 3"),
            ("How?", "b.csv, line 2"), (SENTENCE, "b.csv, line 3"), ("When?", "c.parquet, line 1"),
        ]  # fmt: skip
        assert [target.text for target in targets[6:]] == [OTHER, LONG]

    def test_what_stands_in_a_record_in_a_column_that_asks_is_asked(self, tmp_path: Path) -> None:
        stem = {"stem": "Which gas?", "choices": [{"label": "A", "text": "carbon dioxide"}]}
        turns = [{"role": "user", "content": "Why so?"}, {"role": "assistant", "content": "No."}]
        (tmp_path / "arc.jsonl").write_bytes(orjson.dumps({"question": stem, "turns": turns, "key": "A"}))
        found = {target.text: target.question for target in read_targets(run_in(tmp_path, [], ["arc.jsonl"]))}
        assert found == dict.fromkeys(["Which gas?", "A", "carbon dioxide", "Why so?"], True)

    def test_a_file_that_is_missing_or_of_another_kind_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BadRecipe, match=r"leak.against.*gone\.jsonl: there is no such file"):
            score.make(replace(run_in(tmp_path, [], ["gone.jsonl"]), folder=tmp_path / "nowhere"))
        with pytest.raises(BadRecipe, match=r"leak.against.*notes\.txt: benchmarks come from \.jsonl"):
            leak_files(run_in(tmp_path, [], ["notes.txt"]))

    def test_a_line_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text('{"prompt": "Why?"}\n{"prompt": \n')
        with pytest.raises(BadPrompts, match=r"a\.jsonl, line 2"):
            read_targets(run_in(tmp_path, [], ["a.jsonl"]))


class TestReport:
    def test_it_counts_by_file_and_kind_shows_both_texts_and_says_what_it_cannot_see(self, tmp_path: Path) -> None:
        (tmp_path / "bench.csv").write_text(f"question\n{SENTENCE}\nWhy?\n")
        pairs = [
            drawn(prompt(1, HELD), "x", "y"),
            drawn(prompt(2, f"Please: {words(SENTENCE, 2, 18)}!"), "x"),
            drawn(prompt(3, HELD.replace("120", "240")), "x"),
            drawn(prompt(4, "Good day"), "x"),
        ]
        prompts = [*(asked for asked, _ in pairs), prompt(9, HELD, "heldout")]
        run = run_in(tmp_path, prompts, ["bench.csv"], [row for _, rows in pairs for row in rows])
        leaks = Leaks(run)
        for answers in read_answers(run.folder):
            found = scored(run, answers)
            dropped = rule.make(run.recipe.filter).look(found, np.ones(len(found), bool)).dropped
            leaks.see(answers, found, dropped, ~dropped)
        report = leaks.report()
        assert (report["targets"], report["rows"], report["dropped"]) == (3, 5, 3)
        assert report["files"][HELDOUT]["dropped"] == {"equal": 2}
        assert report["files"][HELDOUT]["kept_for_other_numbers"] == 1
        assert report["files"]["bench.csv"]["dropped"] == {"13-gram": 1}
        assert report["files"]["bench.csv"]["examples"] == [
            {
                "row": "p0002-0", "kind": "13-gram", "target": "bench.csv, line 2", "text": f"Please: {words(SENTENCE, 2, 18)}!",
                "target_text": SENTENCE, "in_common": words(SENTENCE, 2, 18),
            }
        ]  # fmt: skip
        assert {example["kind"] for example in report["files"][HELDOUT]["examples"]} == {"equal", "numbers"}
        spots = " ".join(report["blind_spots"])
        assert "1 of 3 targets have fewer than 8 words" in spots
        assert "1 of 5 rows" in spots
        assert "1 rows share words enough" in spots

    def test_an_answer_with_other_numbers_is_counted_and_shown(self, tmp_path: Path) -> None:
        run = run_in(tmp_path, [prompt(1, HELD, "heldout")])
        said = f"{words(HELD, 9, 40)}, 77 in all."
        answers = answers_of([drawn(prompt(2, OTHER), said)])
        assert reasons(run, answers) == [""]
        leaks = Leaks(run)
        leaks.see(answers, scored(run, answers), np.zeros(1, bool), np.ones(1, bool))
        told = leaks.report()["files"][HELDOUT]
        assert (told["kept_for_other_numbers"], told["trained_on"]) == (1, 0)
        assert [example["text"] for example in told["examples"]] == [said]

    def test_its_examples_are_a_few_and_the_same_in_any_order(self, tmp_path: Path) -> None:
        pairs = [drawn(prompt(number, f"{HELD} {number}"), "x") for number in range(10, 40)]
        run = run_in(tmp_path, [*(asked for asked, _ in pairs), prompt(9, HELD, "heldout")])
        seen = []
        for order in (pairs, pairs[::-1]):
            leaks = Leaks(run)
            for pair in order:
                answers = answers_of([pair])
                leaks.see(answers, scored(run, answers), np.ones(1, bool), np.zeros(1, bool))
            seen.append(leaks.report()["files"][HELDOUT]["examples"])
        assert len(seen[0]) == 20
        assert seen[0] == seen[1]

    def test_the_common_run_is_shown_as_the_row_writes_it(self) -> None:
        assert common_run("So: The OLD, grey mill turns.", "an old grey mill stood") == "OLD, grey mill"
        assert common_run("今天天气很好", "明天天气很坏") == "天天气很"
        assert common_run("one", "two") == ""

    @pytest.mark.parametrize("character", ["ー", "々", "ㇰ", "𠀀", "🙂", "ｱ"])
    def test_words_are_shown_as_they_are_compared(self, character: str) -> None:
        text = f"one{character}{character}two"
        assert len(words_of(strings([text])).hashes) == 4
        assert common_run(text, f"x{character}two") == f"{unicodedata.normalize('NFKC', character)}two"
