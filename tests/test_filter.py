"""Filtering: rows are labelled, never lost; each reason is the right one; of equal answers one stays."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.errors import BadRecipe
from potstill.filter.answers import answers_of
from potstill.filter.in_memory import label_pairs
from potstill.filter.labelling import Labelled, label_all, with_columns
from potstill.filter.rules.table import PAID, rules_of
from potstill.filter.scored import Scored
from potstill.filter.scoring import score, scores_of
from potstill.pipeline import run_stage, stage_named
from potstill.recipe import Recipe
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table

PROMPT = Prompt("p", conversation(("user", "hello")), "f", "train", "file", (1,))
ROW = Completion(
    id="0", prompt_id="p", method="answer", template="t", series="main", draw=0, status="ok", text="", finish_reason="stop",
    error="", key="", provider="", model="", snapshot="", parameters="", terms="", input_tokens=1, output_tokens=1, usd=0.5,
)  # fmt: skip

Answer = str | tuple[str, str]


def drawn(*answers: Answer, prompt: Prompt = PROMPT) -> tuple[Prompt, list[Completion]]:
    """One prompt's draws: texts, or (status, text) pairs."""
    pairs = [("ok", answer) if isinstance(answer, str) else answer for answer in answers]
    rows = [
        replace(ROW, id=f"{prompt.id}{index}", prompt_id=prompt.id, draw=index, status=status, text=text)
        for index, (status, text) in enumerate(pairs)
    ]
    return prompt, rows


def run_with(home: Path = Path(), **section: Any) -> Run:
    recipe = {"teacher": {"base_url": "practice://skills", "model": "m"}, "prompts": {"path": "practice://skills"}}
    return Run(Recipe.model_validate({**recipe, "filter": section}), home, home / "runs", PlainScreen())


def label(*answers: Answer, **section: Any) -> Labelled:
    return label_pairs(run_with(**section), [drawn(*answers)])[0]


def labels(*answers: Answer, **section: Any) -> list[tuple[str, str]]:
    """The rule that dropped each, and why."""
    found = label(*answers, **section)
    names = ["", *found.names]
    return [(names[place], reason) for place, reason in zip(found.rule, found.reasons.to_pylist(), strict=True)]


def rules(*answers: Answer, **section: Any) -> list[str]:
    return [rule for rule, _ in labels(*answers, **section)]


def test_a_cut_off_answer_is_never_kept() -> None:
    answers = [("truncated", "half an ans"), ("refused", "Sorry"), ("error:http_500", ""), "whole"]
    assert labels(*answers, rules=["status"]) == [
        ("status", "truncated"),
        ("status", "refused"),
        ("status", "error:http_500"),
        ("", ""),
    ]


@pytest.mark.parametrize("rules", [[], ["length"], ["exact", "status"]])
def test_whatever_the_rules_an_answer_that_is_not_whole_is_dropped(tmp_path: Path, rules: list[str]) -> None:
    teacher = {"base_url": "practice://skills?refused=0.3&truncated=0.3", "model": "practice-1"}
    sections = {"prompts": {"path": "practice://skills?rows=40", "heldout": {"least": 5}}, "filter": {"rules": rules}}
    recipe = Recipe.model_validate({"teacher": teacher, "generate": {"failed_share": 1}, **sections})
    run = Run(recipe, tmp_path, tmp_path / "runs" / "r", PlainScreen())
    for name in ("prompts", "generate", "filter"):
        run_stage(run, stage_named(name))
    assert {row["status"] for row in read_table(run.folder / "samples", "train")} == {"ok"}
    assert {row["status"] for row in read_table(run.folder / "samples", "dropped")} >= {"refused", "truncated"}


def test_length_is_counted_without_white_space_at_the_ends() -> None:
    bounds = {"min_chars": 3, "max_chars": 5}
    assert labels("  ab  ", "abcdef", "abc", rules=["length"], length=bounds) == [
        ("length", "shorter than 3 characters: 2"),
        ("length", "longer than 5 characters: 6"),
        ("", ""),
    ]
    with pytest.raises(BadRecipe, match="min_chars"):
        labels("a", rules=["length"], length={"min_chars": 3, "max_chars": 2})


def test_an_answer_needs_one_of_the_shapes() -> None:
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
        "additionalProperties": False,
    }
    shapes = [{"regex": r"\d{4}-\d\d-\d\d"}, {"json_schema": schema}]
    answers = ["2024-02-29", '{"name": "Ada"}', '{"name": 1}', "29 February 2024", "2024-02-29."]
    assert rules(*answers, rules=["format"], format=shapes) == ["", "", "format", "format", "format"]
    assert rules(*answers, rules=["format"]) == [""] * 5


def test_the_answer_that_most_draws_give_stays() -> None:
    assert rules("a", "b", " a ", rules=["agreement"], agreement={}) == ["", "agreement", ""]
    assert rules("a", "b", "c", rules=["agreement"], agreement={}) == ["agreement"] * 3
    assert rules("a", "b", "c") == [""] * 3  # free texts need not agree


def test_what_cannot_be_judged_is_kept_and_counted() -> None:
    found = label("alone", ("refused", "no"), rules=["status", "agreement"], agreement={})
    assert found.kept.tolist() == [True, False]
    [_, _, step] = found.steps
    assert (step.seen, step.dropped, step.unscored) == (1, 0, 1)


def test_of_equal_answers_the_first_draw_stays() -> None:
    assert labels("a b", "c", "a  b\n", "c", rules=["exact"]) == [
        ("", ""),
        ("", ""),
        ("exact", "repeats another draw of its prompt: draw 0"),
        ("exact", "repeats another draw of its prompt: draw 1"),
    ]


def test_equal_answers_to_different_prompts_all_stay() -> None:
    other = PROMPT._replace(id="q")
    found, kept = label_pairs(run_with(rules=["exact"]), [drawn("same"), drawn("same", prompt=other)])
    assert found.kept.all()
    assert kept == [1, 1]


LONG = (
    "the quick brown fox jumps over the lazy dog and runs away into the deep dark wood where nobody ever finds it again"
)


def test_of_answers_that_are_nearly_the_same_the_one_that_more_draws_give_stays() -> None:
    changed = LONG.replace("again", "anymore")
    found = labels(changed, LONG, f" {LONG}", "something else", rules=["near"])
    assert [rule for rule, _ in found] == ["near", "", "near", ""]
    assert found[0][1].startswith("nearly repeats another draw of its prompt: draw 1, 0.9")
    assert rules(LONG.replace("fox", "fox 4"), LONG.replace("fox", "fox 5"), rules=["near"]) == ["", ""]


def test_how_alike_short_answers_are_is_a_score_that_drops_nothing() -> None:
    prompt, rows = drawn("the red fox", "the red dog", "The  Red Fox", "fox", ("truncated", "the red fix"))
    batch = score(answers_of([(prompt, rows)]), scores_of(run_with()))
    words = batch.column("short_words").to_pylist()
    assert words == [pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3), 0, None]
    edit = batch.column("short_edit").to_pylist()
    assert edit[0] == edit[1] == pytest.approx(2 * 9 / 22)
    assert edit[4] is None
    assert label("the red fox", "the red dog").kept.all()


def test_a_rule_is_told_apart_from_the_others_by_what_only_it_drops() -> None:
    found = label("ok one", "x", "ok one", "x", ("refused", ""), rules=["length", "exact"], length={"min_chars": 3})
    status, _, length, exact = found.steps
    assert (status.dropped, status.only, status.usd) == (1, 0, 0.5)
    assert (length.seen, length.dropped, length.alone, length.shared["exact"], length.only) == (4, 2, 2, 1, 1)
    assert (exact.seen, exact.dropped, exact.alone, exact.shared["length"], exact.only) == (2, 1, 2, 1, 1)


def test_status_and_leak_look_first_and_the_judge_last_whatever_the_recipe_says() -> None:
    found = label("a", rules=["judge", "exact", "leak", "length"])
    assert list(found.names) == ["status", "leak", "exact", "length", "judge"]


def test_a_row_out_of_its_bounds_takes_no_twin_with_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def first(messages, answer, reference):\n    return float(answer.endswith('  '))\n"
    )
    run = run_with(tmp_path, scores={"first": "own.py:first"}, bounds={"first": {"at_most": 0}})
    found = label_pairs(run, [drawn("the same  ", "the same")])[0]
    assert found.kept.tolist() == [False, True]


def test_a_bound_on_a_late_score_lets_no_unscored_twin_in() -> None:
    run = run_with(judge={}, bounds={"judge": {"at_least": 4}})
    section, pair = run.recipe.filter, drawn("blue it is", "blue it is", "green it is")
    batch = Scored(score(answers_of([pair]), scores_of(run)))
    rules = rules_of(section)
    assert list(rules)[-2:] == ["late_bounds", "judge"]
    asked = label_all([batch], {name: rule for name, rule in rules.items() if name not in PAID}, section).kept
    assert asked.tolist() == [True, False, True]
    grades = pa.array([1.0, None, 5.0])
    found = label_all(with_columns([batch], {"judge": grades}), rules, section)
    assert found.kept.tolist() == [False, False, True]


def test_without_a_rule_another_twin_may_stay_instead() -> None:
    # Draw 0 is dropped for its length with its spaces inside; without that rule draw 1 is the repeat.
    found = label("a    b", "a b", rules=["length", "exact"], length={"max_chars": 5})
    length = found.steps[2]
    assert found.kept.tolist() == [False, True]
    assert (length.only, length.instead) == (1, 1)


answers = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "ok", "refused", "truncated"]),
        st.sampled_from(["a", "b", "  a", "", "🙂", "مرحبا", "\x00", LONG, LONG + " x", "漢字漢字漢字漢字漢字"]),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60, deadline=None)
@given(answers)
def test_every_row_gets_one_label_and_the_funnel_adds_up(given_answers: list[tuple[str, str]]) -> None:
    found = label(*given_answers)
    _, rows = drawn(*given_answers)
    kept = [row for row, stays in zip(rows, found.kept, strict=True) if stays]
    assert len({" ".join(row.text.split()) for row in kept}) == len(kept)
    assert all(row.status == "ok" for row in kept)
    steps = [step.counts() for step in found.steps]
    assert len(kept) == len(rows) - sum(step["dropped"] for step in steps)
    assert all(one["in"] - one["dropped"] == after["in"] for one, after in pairwise(steps))
    assert all(sum(step["reasons"].values()) == step["dropped"] for step in steps)
    names = ["", *found.names]
    assert Counter(names[place] for place in found.rule if place) == Counter(
        {step["rule"]: step["dropped"] for step in steps if step["dropped"]}
    )


@settings(max_examples=40, deadline=None)
@given(answers)
def test_labelling_what_was_kept_drops_nothing_more(given_answers: list[tuple[str, str]]) -> None:
    rules = ["length", "exact", "near"]
    _, rows = drawn(*given_answers)
    once = label_pairs(run_with(rules=rules), [(PROMPT, rows)])[0]
    kept = [row for row, stays in zip(rows, once.kept, strict=True) if stays]
    assert label_pairs(run_with(rules=rules), [(PROMPT, kept)])[0].kept.all()


@settings(max_examples=40, deadline=None)
@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(given_answers: list[tuple[str, str]], chance: Any) -> None:
    _, rows = drawn(*given_answers)
    turned = list(rows)
    chance.shuffle(turned)

    def kept(order: list[Completion]) -> set[str]:
        found = label_pairs(run_with(), [(PROMPT, order)])[0]
        return {row.id for row, stays in zip(order, found.kept, strict=True) if stays}

    assert kept(rows) == kept(turned)


@settings(max_examples=30, deadline=None)
@given(st.lists(answers, min_size=1, max_size=4))
def test_a_prompt_is_judged_alike_whatever_stands_beside_it(groups: list[list[tuple[str, str]]]) -> None:
    pairs = [drawn(*group, prompt=PROMPT._replace(id=f"p{place}")) for place, group in enumerate(groups)]
    together = label_pairs(run_with(), pairs)[0].rule
    apart = np.concatenate([label_pairs(run_with(), [pair])[0].rule for pair in pairs])
    assert together.tolist() == apart.tolist()
