"""`potstill explain ROW`: any row by any of its names, told from source to verdict, and nothing that the files do not say."""

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from potstill.cli.explain import explain
from potstill.errors import BadInput
from potstill.pipeline import run_stage, stage_named
from potstill.prompts.reading import prompt_id
from potstill.recipe import load_recipe
from potstill.store.lookup import find_row
from potstill.store.manifest import Manifest
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import PROMPTS, prompt_columns
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table, write_table

from .conftest import command

STORY = (
    "once upon a time a small grey mouse went out of the house to look for cheese and never came back to tell the tale"
)
MERGED, NEAR = 45, 46
"""The lines that repeat the first one: word for word, and nearly."""
MAX_CHARS, MAX_LENGTH = 60, 40
LONG = " ".join(f"word{number}" for number in range(200))
ESCAPE = "\x1b[31m"
SETTINGS: dict[str, Any] = {
    "name": "r",
    "teacher": {
        "base_url": "practice://replay?file=said.jsonl",
        "model": "practice-1",
        "price": {"input": 1, "output": 2},
    },
    "prompts": {"path": "asked.jsonl", "heldout": {"least": 6}},
    "generate": {"draws": 2, "max_tokens": 128, "second_max_tokens": 128},
    "eval": {"timed_prompts": 0},
    "filter": {"rules": ["length"], "length": {"min_chars": 5, "max_chars": MAX_CHARS}},
    "train": {
        "student": "scratch:tiny",
        "steps": 2,
        "batch_size": 4,
        "max_length": MAX_LENGTH,
        "controls": ["unfiltered"],
    },
}


def words(number: int, count: int) -> str:
    return " ".join(sha256(f"{number} {place}".encode()).hexdigest()[:9] for place in range(count))


def said(number: int) -> str:
    """Of four answers one is too long for the filter, one too long for the student, one too short for the filter."""
    return (words(number, 1) + ESCAPE, words(number, 8), words(number, 5), "no")[number % 4]


def alike() -> tuple[str, str]:
    """Two prompts whose ids begin with the same four digits."""
    seen: dict[str, str] = {}
    for number in range(10_000):
        text = f"say {number}"
        digits = prompt_id(conversation(("user", text)))[:4]
        if digits in seen:
            return seen[digits], text
        seen[digits] = text
    raise AssertionError("no two of 10,000 ids begin alike")


def write_project(folder: Path) -> None:
    asks = [*(f"ask {number}" for number in range(1, 41)), LONG, *alike()]
    texts = [STORY, *asks, STORY, STORY.replace("the tale", "the story")]
    rows = [{"prompt": text, "reference": said(number)} for number, text in enumerate(texts[:44])]
    rows += [{"prompt": text, "reference": said(0)} for text in texts[44:]]
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [{"prompt": row["prompt"], "answer": row["reference"]} for row in rows[:44]]
    (folder / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(SETTINGS))


def potstill(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def typed(folder: Path, *arguments: str) -> str:
    """What the command prints."""
    result = potstill(folder, "explain", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def told(folder: Path, row: str, *, full: bool = False, as_json: bool = False) -> str:
    """The same without a new process."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        explain(row, folder / "recipe.yaml", full=full, runs=folder / "runs", json=as_json)
    return printed.getvalue()


def facts(folder: Path, row: str) -> dict[str, Any]:
    return json.loads(told(folder, row, as_json=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run has come to its verdict."""
    folder = tmp_path_factory.mktemp("finished")
    write_project(folder)
    run = run_in(folder)
    for stage in ("prompts", "generate", "filter", "train", "eval"):
        run_stage(run, stage_named(stage))
    return folder


def run_in(folder: Path) -> Run:
    return Run(load_recipe(folder / "recipe.yaml", ()), folder, folder / "runs/r", PlainScreen())


def rows_of(folder: Path, place: str, name: str) -> list[dict[str, Any]]:
    return list(read_table(folder / "runs/r" / place, name))


def short_row(folder: Path) -> dict[str, Any]:
    """A kept row that fits the student, of a prompt that stands on one line."""
    rows = rows_of(folder, "samples", "train")
    return next(
        row
        for row in rows
        if row["score_words"] == 1 and len(row["lines"]) == 1 and row["prompt"][0]["content"] != LONG
    )


def flat(text: str) -> str:
    """The words of the output, however its lines are broken."""
    return " ".join(text.split())


def test_a_kept_answer_is_told_from_its_line_to_its_student(finished: Path) -> None:
    row = short_row(finished)
    found = typed(finished, row["id"])
    assert f"prompt {row['prompt_id']}\n  read from   asked.jsonl, line {row['lines'][0]}\n" in found
    assert f"answer {row['id']}, draw {row['draw']}\n  status      ok, finish reason stop\n" in found
    assert row["key"] in found
    assert "by run r, stage generate: $" in flat(found)
    assert f"${row['usd']:,.6f}" in found
    assert "  filter      kept\n" in found
    assert f"chars {row['score_chars']}," in found
    assert "student (scratch:tiny): yes, among its" in flat(found)
    assert "2 steps, 0." in found
    assert "so that not every row was seen" in flat(found)
    [other] = [
        one["id"]
        for one in rows_of(finished, "completions", "completions")
        if one["prompt_id"] == row["prompt_id"] and one["id"] != row["id"]
    ]
    assert f"other answers to the prompt\n  {other}\n" in found
    card = json.loads((finished / "runs/r/scorecard/scorecard.json").read_text())
    assert flat(found).endswith(f"verdict of the run {card['verdict']['sentence']}")


def test_a_dropped_answer_has_its_rule_and_its_reason(finished: Path) -> None:
    row = next(row for row in rows_of(finished, "samples", "dropped") if row["score_chars"] > MAX_CHARS)
    found = typed(finished, row["id"])
    assert f"filter dropped by {row['rule']}: {row['reason']}" in flat(found)
    assert f"student (scratch:tiny): no, dropped by {row['rule']}" in flat(found)
    assert f"    | {row['completion'][0]['content']}\n" in found


def test_a_long_text_is_cut_and_says_so(finished: Path) -> None:
    name = prompt_id(conversation(("user", LONG)))
    found = told(finished, name)
    assert LONG[:600] in found
    assert LONG[:601] not in found
    assert f"… cut: 600 of {len(LONG):,} characters are shown; --full shows all" in found
    assert LONG in told(finished, name, full=True)


def test_what_a_terminal_would_obey_is_spelled_out(finished: Path) -> None:
    row = next(row for row in rows_of(finished, "samples", "train") if ESCAPE in row["completion"][0]["content"])
    found = told(finished, row["id"])
    assert "\x1b" not in found
    assert "\\x1b[31m" in found


def test_a_row_that_did_not_fit_the_student_says_how_long_it_was(finished: Path) -> None:
    left = [json.loads(line) for line in (finished / "runs/r/student/left_out.jsonl").read_text().splitlines()]
    one = next(one for one in left if one["arm"] == "student")
    assert f"student (scratch:tiny): no, left out: too_long ({one['tokens']:,} tokens)" in flat(
        told(finished, one["id"])
    )


def test_the_arms_that_had_a_row_are_those_that_encoding_gives_again(finished: Path) -> None:
    from potstill.student.load import load_tokenizer
    from potstill.train.membership import memberships
    from potstill.train.rows import dropped_answers, encode_rows, kept_rows, unfiltered_order

    run = run_in(finished)
    samples, tokenizer = run.folder / "samples", load_tokenizer(run.folder / "student/model")
    kept, dropped = kept_rows(samples), dropped_answers(samples)
    own = encode_rows(tokenizer, kept, MAX_LENGTH)
    mixed = encode_rows(tokenizer, unfiltered_order(kept, dropped), MAX_LENGTH, len(own.rows))
    found = memberships(run, {row.id for row in [*kept, *dropped]})
    for arm, rows in (("student", own), ("control_unfiltered", mixed)):
        assert {id_ for id_, arms in found.items() if arms[arm].among} == {one.row.id for one in rows.rows}
    assert len(found) == len(kept) + len(dropped)
    assert {one.row.id for one in own.rows} != {one.row.id for one in mixed.rows}


def test_a_heldout_prompt_has_every_arm_s_judgement_and_no_training(finished: Path) -> None:
    prompt = next(row for row in rows_of(finished, "prompts", "prompts") if row["side"] == "heldout")
    items = [row for row in rows_of(finished, "scorecard", "items") if row["prompt_id"] == prompt["id"]]
    found = typed(finished, prompt["id"])
    assert "side        heldout, by the hash of its family and the salt 'potstill'" in found
    assert "a held-out prompt is not asked for training" in found
    assert "training    " not in found
    judged = flat(found.split("how it was judged")[1])
    assert {"teacher", "student", "base"} < {item["arm"] for item in items}
    assert all(f"{item['arm']} {item['verdict']}" in judged for item in items)
    assert len(facts(finished, prompt["id"])["items"]) == len(items)


def test_every_name_of_a_row_finds_it(finished: Path) -> None:
    answer = rows_of(finished, "completions", "completions")[3]
    prompt = next(row for row in rows_of(finished, "prompts", "prompts") if row["id"] == answer["prompt_id"])
    line = prompt["lines"][0]
    for name in (prompt["id"][:12], f"asked.jsonl:{line}"):
        assert json.loads(typed(finished, name, "--json"))["row"]["id"] == prompt["id"]
    for name in (prompt["id"], prompt["id"][:12].upper(), f":{line}", f"asked.jsonl:{line}", f"./asked.jsonl:{line}"):
        assert facts(finished, name)["row"] == {"kind": "prompt", "id": prompt["id"], "prompt_id": prompt["id"]}
    for name in (answer["id"], answer["id"][:12], answer["key"]):
        assert facts(finished, name)["row"] == {"kind": "answer", "id": answer["id"], "prompt_id": prompt["id"]}


def test_merged_lines_are_one_prompt_and_a_near_duplicate_names_its_mate(finished: Path) -> None:
    first = facts(finished, ":1")
    assert facts(finished, f":{MERGED}")["prompt"]["id"] == first["prompt"]["id"]
    assert first["prompt"]["lines"] == [1, MERGED]
    words = told(finished, ":1")
    assert f"asked.jsonl, lines 1 and {MERGED}, merged: they ask the same" in words
    near = facts(finished, f":{NEAR}")
    assert near["row"]["kind"] == "near"
    assert near["prompt"]["mate"] == first["prompt"]["id"]
    assert [twin["id"] for twin in first["near_duplicates"]] == [near["row"]["id"]]
    assert near["row"]["id"] in words
    said = told(finished, f":{NEAR}")
    assert f"`potstill explain {first['prompt']['id']}`" in flat(said)
    assert f"{near['prompt']['similarity']:.0%} alike" in said
    assert "side  " not in said, "it was never placed on one"


def test_json_holds_everything_whole(finished: Path) -> None:
    row = rows_of(finished, "samples", "dropped")[0]
    found = facts(finished, row["prompt_id"])
    assert len(found["answers"]) == 2
    answer = next(one for one in found["answers"] if one["id"] == row["id"])
    assert answer["text"] == row["completion"][0]["content"]
    scores = {name.removeprefix("score_"): value for name, value in row.items() if name.startswith("score_")}
    assert answer["filter"]["scores"] == scores
    assert answer["filter"]["rule"] == row["rule"]
    assert answer["ledger"]["usd"] / answer["ledger"]["draws"] == pytest.approx(row["usd"])
    assert answer["training"]["student"]["among"] is False
    assert found["student"] == "scratch:tiny"
    assert set(found["stages"].values()) == {"done"}
    assert found["verdict"]


def test_what_has_not_run_is_said_and_no_error(tmp_path: Path) -> None:
    write_project(tmp_path)
    with pytest.raises(BadInput, match="run `potstill prompts` first"):
        told(tmp_path, ":1")
    for stage in ("prompts", "generate"):
        run_stage(run_in(tmp_path), stage_named(stage))
    row = rows_of(tmp_path, "completions", "completions")[0]
    found = typed(tmp_path, row["prompt_id"])
    assert f"answer {row['id']}" in found
    for stage in ("filter", "train", "eval"):
        assert f"  {stage:<12}not run yet; `potstill {stage}` makes runs/r/" in found
    assert "generate    not run yet" not in found
    assert "verdict of the run" not in found
    (tmp_path / "runs/r/.samples.partial").mkdir()
    assert "filter      begun and not finished" in told(tmp_path, row["prompt_id"])


def test_after_a_change_nothing_is_said_of_a_training_on_other_samples(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    row = rows_of(folder, "samples", "train")[0]
    path = folder / "runs/r/samples"
    manifest = Manifest.read(path)
    assert manifest
    manifest.model_copy(update={"outputs": {"train-00000.parquet": "another"}}).write(path)
    found = flat(told(folder, row["id"]))
    assert "student (scratch:tiny): cannot be said: it was trained on other samples than there are now" in found
    assert f"train out of date: {folder}/runs/r/student was made from other samples than there are now" in found


def test_other_seeds_have_the_student_s_rows_and_what_is_not_known_is_not_said(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    row = short_row(folder)
    path = folder / "runs/r/student/training.json"
    training = json.loads(path.read_text())
    student = training["arms"]["student"]
    training["arms"] |= {"student_2": student, "seeds_only": student, "newcomer": student}
    path.write_text(json.dumps(training))
    left_out = folder / "runs/r/student/left_out.jsonl"
    lines = [line for line in left_out.read_text().splitlines(keepends=True) if '"arm": "student"' in line]
    with left_out.open("a") as file:
        file.writelines(line.replace('"student"', '"student_2"') for line in lines)
    arms = facts(folder, row["id"])["answers"][0]["training"]
    among = {arm: one["among"] for arm, one in arms.items() if arm != "control_unfiltered"}
    assert among == {"student": True, "student_2": True, "seeds_only": False, "newcomer": None}
    arms = facts(folder, json.loads(lines[0])["id"])["answers"][0]["training"]
    assert arms["student_2"]["among"] is False
    assert arms["student_2"]["why"] == arms["student"]["why"]


def write_prompts(folder: Path, ids: Sequence[str]) -> None:
    prompts = [
        Prompt(name, conversation(("user", name)), name, "train", "asked.jsonl", (number,))
        for number, name in enumerate(ids, start=1)
    ]
    write_table(folder / "prompts", "prompts", PROMPTS, map(prompt_columns, prompts))


def test_what_may_be_several_rows_is_refused_with_ten_of_them(tmp_path: Path) -> None:
    ids = [f"abcd{number:028x}" for number in range(12)]
    write_prompts(tmp_path, [*ids, "f" * 32])
    assert find_row(tmp_path, ids[3]).id == ids[3]
    with pytest.raises(BadInput, match="may be any of 12 rows") as refused:
        find_row(tmp_path, "abcd")
    assert [one for one in ids if one in str(refused.value)] == ids[:10]
    assert "and 2 more" in str(refused.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("abc", "at least 4 digits"),
        ("0123456", "looked through 2 prompts"),
        ("asked.jsonl:3", "looked through 2 prompts"),
        ("other.jsonl:1", "as asked.jsonl:1 or :1"),
        ("hello", "is no name of a row"),
        ("", "is no name of a row"),
        ("a" * 33, "is no name of a row"),
        ("0" * 64, "0 answers with their keys"),
    ],
)
def test_a_row_that_is_not_there_ends_in_what_was_looked_through_and_how_rows_are_named(
    tmp_path: Path, row: str, says: str
) -> None:
    write_prompts(tmp_path, ["a" * 32, "b" * 32])
    with pytest.raises(BadInput) as refused:
        find_row(tmp_path, row)
    assert says in str(refused.value)
    if "digits" not in says:
        assert "as " + "a" * 32 in str(refused.value)


def test_ids_that_begin_alike_are_told_apart_by_more_of_them(finished: Path) -> None:
    ids = [prompt_id(conversation(("user", text))) for text in alike()]
    result = potstill(finished, "explain", ids[0][:4])
    assert result.returncode == 2
    assert all(f"prompt {one}" in result.stderr for one in ids)
    assert facts(finished, ids[1][:10])["row"]["id"] == ids[1]


def test_an_unknown_row_ends_the_command_with_2(finished: Path) -> None:
    result = potstill(finished, "explain", "0123456789abcdef", "--json")
    assert result.returncode == 2
    assert result.stdout == ""
    first = rows_of(finished, "prompts", "prompts")[0]["id"]
    assert first in result.stderr
    assert "Traceback" not in result.stderr
