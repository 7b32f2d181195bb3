"""Filtering: rows are labelled, never lost; each reason is the right one; of equal answers one stays."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import BadRecipe
from potstill.filter.funnel import Funnel
from potstill.filter.rules.table import RULES
from potstill.filter.scores.agreement import agreement, draws
from potstill.pipeline import run_stage, stage_named
from potstill.recipe import FilterSection, Recipe
from potstill.store.rows import Completion, Prompt, Sample, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table

PROMPT = Prompt("p", conversation(("user", "hello")), "f", "train", "file", (1,))
ROW = Completion(
    id="0", prompt_id="p", method="answer", template="t", series="main", draw=0, status="ok", text="", finish_reason="stop",
    error="", key="", provider="", model="", snapshot="", parameters="", terms="", input_tokens=1, output_tokens=1, usd=0.0,
)  # fmt: skip


def group(*answers: str | tuple[str, str]) -> list[Sample]:
    """One prompt's draws: texts, or (status, text) pairs, with their scores."""
    pairs = [("ok", answer) if isinstance(answer, str) else answer for answer in answers]
    rows = [
        replace(ROW, id=str(index), draw=index, status=status, text=text) for index, (status, text) in enumerate(pairs)
    ]
    scored = zip(rows, agreement(rows), draws(rows), strict=True)
    return [Sample(PROMPT, row, {"agreement": agreeing, "draws": whole}) for row, agreeing, whole in scored]


def label(samples: list[Sample], section: FilterSection, home: Path = Path()) -> tuple[list[Sample], Funnel]:
    funnel = Funnel({name: RULES[name](section, home) for name in section.rules})
    return funnel.label(samples), funnel


def labels(samples: list[Sample], **section: object) -> list[tuple[str, str]]:
    labelled, _ = label(samples, FilterSection.model_validate(section))
    return [(sample.rule, sample.reason) for sample in labelled]


def test_a_cut_off_answer_is_never_kept() -> None:
    found = labels(
        group(("truncated", "half an ans"), ("refused", "Sorry"), ("error:http_500", ""), "whole"), rules=["status"]
    )
    assert found == [("status", "truncated"), ("status", "refused"), ("status", "error:http_500"), ("", "")]


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
    found = labels(group("  ab  ", "abcdef", "abc"), rules=["length"], length={"min_chars": 3, "max_chars": 5})
    assert found == [
        ("length", "shorter than 3 characters: 2"),
        ("length", "longer than 5 characters: 6"),
        ("", ""),
    ]
    with pytest.raises(BadRecipe, match="min_chars"):
        labels(group("a"), rules=["length"], length={"min_chars": 3, "max_chars": 2})


def test_an_answer_needs_one_of_the_shapes() -> None:
    schema = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
        "additionalProperties": False,
    }
    shapes = [{"regex": r"\d{4}-\d\d-\d\d"}, {"json_schema": schema}]
    rows = group("2024-02-29", '{"name": "Ada"}', '{"name": 1}', "29 February 2024", "2024-02-29.")
    assert [rule for rule, _ in labels(rows, rules=["format"], format=shapes)] == ["", "", "format", "format", "format"]
    assert [rule for rule, _ in labels(rows, rules=["format"])] == [""] * 5


def test_the_answer_that_most_draws_give_stays() -> None:
    assert [rule for rule, _ in labels(group("a", "b", " a "), rules=["agreement"])] == ["", "agreement", ""]
    assert [rule for rule, _ in labels(group("a", "b", "c"), rules=["agreement"])] == ["agreement"] * 3


def test_what_cannot_be_judged_is_kept_and_counted() -> None:
    labelled, funnel = label(
        group("alone", ("refused", "no")), FilterSection.model_validate({"rules": ["status", "agreement"]})
    )
    assert [sample.kept for sample in labelled] == [True, False]
    assert funnel.steps["agreement"].counts() == {
        "rule": "agreement",
        "in": 1,
        "dropped": 0,
        "unscored": 1,
        "reasons": {},
    }


def test_of_equal_answers_the_first_draw_stays() -> None:
    assert [rule for rule, _ in labels(group("a b", "c", "a  b\n", "c"), rules=["exact"])] == ["", "", "exact", "exact"]


answers = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "ok", "refused", "truncated"]),
        st.sampled_from(["a", "b", "  a", "", "🙂", "مرحبا", "\x00"]),
    ),
    min_size=1,
    max_size=7,
)


@given(answers)
def test_every_row_gets_one_label_and_the_funnel_adds_up(drawn: list[tuple[str, str]]) -> None:
    samples = group(*drawn)
    labelled, funnel = label(samples, FilterSection())
    assert [sample.completion for sample in labelled] == [sample.completion for sample in samples]
    kept = [sample for sample in labelled if sample.kept]
    assert len({" ".join(sample.completion.text.split()) for sample in kept}) == len(kept)
    assert all(sample.completion.status == "ok" for sample in kept)
    steps = [step.counts() for step in funnel.steps.values()]
    assert len(kept) == len(samples) - sum(step["dropped"] for step in steps)
    assert all(step["in"] - step["dropped"] == after["in"] for step, after in pairwise(steps))
    assert all(sum(step["reasons"].values()) == step["dropped"] for step in steps)
    assert Counter(sample.rule for sample in labelled if sample.rule) == Counter(
        {step["rule"]: step["dropped"] for step in steps if step["dropped"]}
    )


@given(answers)
def test_labelling_twice_labels_the_same(drawn: list[tuple[str, str]]) -> None:
    once, _ = label(group(*drawn), FilterSection())
    kept = [replace(sample) for sample in once if sample.kept]
    again, _ = label(kept, FilterSection())
    assert again == kept
