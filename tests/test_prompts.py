"""Prompts: whatever the file, the same rows; duplicates merged; a placed prompt never moves."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from potstill.errors import BadPrompts, BadRecipe, MissingExtra
from potstill.prompts.split import sides
from potstill.prompts.stage import load
from potstill.prompts.templates import Template, load_template
from potstill.recipe import HeldoutSection, Recipe
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen

ROWS = [{"prompt": f"What is {n}?", "reference": str(n)} for n in range(6)]


def make_run(folder: Path, path: str, **prompts: object) -> Run:
    section = {"path": path, "heldout": {"least": 1}, **prompts}
    teacher = {"base_url": "practice://skills", "model": "practice-1"}
    recipe = Recipe.model_validate({"name": "r", "teacher": teacher, "prompts": section})
    return Run(recipe, folder, folder / "runs" / "r", PlainScreen())


def jsonl(folder: Path, rows: Sequence[object]) -> str:
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "p.jsonl"


def test_every_kind_of_file_gives_the_same_prompts(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    jsonl(tmp_path, ROWS)
    with (tmp_path / "p.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "p.parquet")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "saved"))
    read = {
        path: [
            (prompt.id, prompt.messages, prompt.reference, prompt.side)
            for prompt in load(make_run(tmp_path, path)).prompts
        ]
        for path in ("p.jsonl", "p.csv", "p.parquet", "saved")
    }
    assert len(read["p.jsonl"]) == 6
    assert read["p.csv"] == read["p.parquet"] == read["saved"] == read["p.jsonl"]


def test_columns_of_ones_own_and_every_way_to_ask(tmp_path: Path) -> None:
    rows = [
        {"q": "one", "a": "1"},
        {"instruction": "Add.", "input": "1 + 1"},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]},
        {"prompt": [{"role": "user", "content": "V"}]},
    ]
    run = make_run(tmp_path, jsonl(tmp_path, rows), columns={"prompt": "q", "reference": "a"}, system="Be brief.")
    with pytest.raises(BadPrompts, match=r"p\.jsonl, line 4: no column"):
        load(run)
    jsonl(tmp_path, rows[:3])
    prompts = load(run).prompts
    assert prompts[0].messages == conversation(("system", "Be brief."), ("user", "one"))
    assert prompts[0].reference == "1"
    assert prompts[1].messages[-1]["content"] == "Add.\n\n1 + 1"
    assert prompts[2].messages == conversation(("system", "S"), ("user", "U"))


def test_duplicates_are_merged_with_their_lines(tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "b"}, {"prompt": "a", "reference": "A"}]
    loaded = load(make_run(tmp_path, jsonl(tmp_path, rows)))
    assert loaded.rows == 3
    assert [(prompt.lines, prompt.reference) for prompt in loaded.prompts] == [((1, 3), "A"), ((2,), None)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"prompt": "a"}\n{"prompt": "b"\n', "line 2: not JSON"),
        ('{"prompt": "a"}\n[1]\n', "line 2: a list"),
        ('{"prompt": "a"}\n\n{"prompt": "  "}\n', "line 3: the prompt is empty"),
        ('{"prompt": "\\ud800"}\n', "line 1: not JSON"),
        ('{"messages": [{"role": "user"}]}\n', "line 1: a message has"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}\n', "line 1: the last message is from 'assistant'"),
        ("", "there is no prompt in it"),
        ('{"prompt": "a"}\n', "cannot be split"),
    ],
)
def test_a_row_that_cannot_be_asked_is_named_by_its_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "p.jsonl").write_text(text)
    with pytest.raises(BadPrompts, match=says):
        load(make_run(tmp_path, "p.jsonl"))


@pytest.mark.parametrize("path", ["absent.jsonl", "p.xlsx"])
def test_a_file_that_cannot_be_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadPrompts, match=path):
        load(make_run(tmp_path, path))


def test_a_name_on_the_hub_may_have_a_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed: the Hub is asked, but not here
    for name in ("teknium/OpenHermes-2.5", "owner/plain", "plain"):
        with pytest.raises(MissingExtra, match="datasets"):
            load(make_run(tmp_path, name))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.xlsx").write_text("x")
    for name in ("data/rows.xlsx", "./rows.xlsx", "a/b/rows.xlsx", "a/rows.jsonl"):
        with pytest.raises(BadPrompts, match="rows"):
            load(make_run(tmp_path, name))


def test_a_byte_order_mark_is_not_a_part_of_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8-sig")
    assert load(make_run(tmp_path, "p.jsonl")).prompts[0].reference == "0"


def test_a_long_field_of_a_csv_is_read(tmp_path: Path) -> None:
    long = "word " * 40_000
    (tmp_path / "p.csv").write_text(f"prompt\n{long}\nshort\n")
    assert load(make_run(tmp_path, "p.csv")).prompts[0].messages[0]["content"] == long


@pytest.mark.parametrize("before", [0, 5_000])
def test_a_csv_that_is_not_utf8_is_named_with_its_line(tmp_path: Path, before: int) -> None:
    rows = [f"row {number}" for number in range(before)]
    (tmp_path / "p.csv").write_bytes("\n".join(["prompt", *rows, "Grüße", "end"]).encode("latin-1"))
    with pytest.raises(BadPrompts, match=f"line {before + 2}: not UTF-8; save"):
        load(make_run(tmp_path, "p.csv"))


def prompt(name: str, family: str) -> Prompt:
    return Prompt(name, conversation(("user", name)), family, "train", "f", (1,))


families = st.lists(st.integers(0, 60), min_size=2, max_size=120)


@given(families, families)
def test_new_prompts_never_move_old_ones(old: list[int], new: list[int]) -> None:
    section = HeldoutSection(least=5, most=20)
    first = [prompt(f"old {index}", str(family)) for index, family in enumerate(old)]
    before = sides(first, {}, section)
    after = sides([*first, *(prompt(f"new {index}", str(family)) for index, family in enumerate(new))], before, section)
    assert {family: after[family] for family in before} == before


@given(families, st.randoms())
def test_a_family_is_on_one_side_whatever_the_order(drawn: list[int], random: object) -> None:
    section = HeldoutSection(least=5, most=20)
    prompts = [prompt(str(index), str(family)) for index, family in enumerate(drawn)]
    placed = sides(prompts, {}, section)
    shuffled = list(prompts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sides(shuffled, {}, section) == placed
    heldout = sum(placed[one.family] == "heldout" for one in prompts)
    assert heldout <= min(20, max(5, round(0.2 * len(prompts))), len(prompts) // 2)


def test_a_second_load_keeps_the_sides(tmp_path: Path) -> None:
    from potstill.pipeline import run_stage, stage_named

    rows = [{"prompt": f"number {n}"} for n in range(40)]
    run = make_run(tmp_path, jsonl(tmp_path, rows), heldout={"least": 10})
    run_stage(run, stage_named("prompts"))
    first = {one.id: one.side for one in load(run).prompts}
    jsonl(tmp_path, [{"prompt": f"another {n}"} for n in range(200)] + rows)
    second = {one.id: one.side for one in load(run).prompts}
    assert first.items() <= second.items()
    assert list(second.values()).count("heldout") == 48


def test_a_template_names_the_variables_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("{{ prompt }} in {{ language }}")
    with pytest.raises(BadRecipe, match="language"):
        load_template("mine.md", tmp_path)
    (tmp_path / "mine.md").write_text("Answer {{ prompt }} with one word.")
    template = load_template("mine.md", tmp_path)
    messages = conversation(("system", "S"), ("user", "why {{ x }}?"))
    assert template.apply(messages)[1]["content"] == "Answer why {{ x }}? with one word."
    assert load_template("answer", tmp_path).apply(messages) == messages
    with pytest.raises(BadRecipe, match="answer"):
        load_template("anwser", tmp_path)


@pytest.mark.parametrize("text", ["{{ prompt.foo.bar }}", "{{ prompt / 2 }}", "{{ prompt | nofilter }}", "{{ prompt"])
def test_a_template_that_cannot_be_filled_is_refused_when_it_is_loaded(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.md").write_text(text)
    with pytest.raises(BadRecipe, match=r"mine\.md"):
        load_template("mine.md", tmp_path)


PIECES = st.sampled_from(
    ["{{ prompt }}", "{{prompt}}", "{{- prompt -}}", "{# a note #}", " ", "\n", "\r\n", "Say: ", "é🙂", "{{ '{{' }}"]
)
OTHER = st.sampled_from(
    ["{{ prompt | upper }}", "{% if prompt %}!{% endif %}", "{% raw %}{{ prompt }}{% endraw %}", "{{ prompt + '.' }}"]
)


@given(st.lists(PIECES | OTHER, max_size=6), st.text(max_size=8))
def test_a_plain_template_is_filled_as_jinja_fills_it(pieces: list[str], prompt: str) -> None:
    source = "".join(pieces)
    [turn] = Template("any", source).apply(conversation(("user", prompt)))
    assert turn["content"] == SandboxedEnvironment().from_string(source).render(prompt=prompt)


def test_a_template_stands_around_the_last_turn_of_the_user() -> None:
    turns = conversation(("system", "s"), ("user", "1"), ("assistant", "a"), ("user", "2"), ("assistant", "b"))
    asked = Template("any", "<{{ prompt }}>").apply(turns)
    assert [turn["content"] for turn in asked] == ["s", "1", "a", "<2>", "b"]
