"""`potstill check` on what the evaluation will ask, and on the ledger."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Potstill = Callable[..., subprocess.CompletedProcess[str]]
OPENAI = {"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}
PRACTICE_JUDGE = {"base_url": "practice://judge", "model": "practice-1"}


def write(folder: Path, *, references: bool = True, **section: Any) -> None:
    rows = ({"prompt": f"which number is {n}?", **({"reference": str(n)} if references else {})} for n in range(40))
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = {
        "name": "r",
        "teacher": {"base_url": "practice://skills", "model": "practice-1"},
        "prompts": {"path": "p.jsonl", "heldout": {"least": 20}, "near": None},
        "train": {"student": "scratch:tiny"},
        "eval": section,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))


def check(potstill_in: Potstill) -> dict[str, dict[str, Any]]:
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    result = potstill_in("check", "--json", "--no-probe", env=environment)
    found = json.loads(result.stdout)
    assert (result.returncode == 0) is found["ok"]
    return {one["check"]: one for one in found["checks"]}


@pytest.mark.parametrize(
    ("references", "section", "note", "says"),
    [
        (True, {}, False, "the verdict will rest on references"),
        (True, {"judge": {"teacher": PRACTICE_JUDGE}}, False, "eval.judge is not asked"),
        (False, {"judge": {"teacher": PRACTICE_JUDGE}}, False, "a judge's choice"),
        (False, {"by": "agreement", "grader": {"kind": "exact"}}, False, "agrees with the teacher"),
        (False, {}, True, "there will be no verdict. Give references"),
        (False, {"by": "reference"}, True, "there will be no verdict. Give references"),
    ],
)
def test_the_prompts_say_what_the_verdict_will_rest_on_or_what_to_give(
    potstill_in: Potstill, tmp_path: Path, references: bool, section: dict[str, Any], note: bool, says: str
) -> None:
    write(tmp_path, references=references, **section)
    found = check(potstill_in)["prompts"]
    assert (found["ok"], found["note"]) == (True, note)
    assert says in found["says"]


def test_the_evaluations_judge_and_tasks_are_looked_at_by_name(potstill_in: Potstill, tmp_path: Path) -> None:
    (tmp_path / "sums.jsonl").write_text(
        '{"prompt": "1 + 1?", "reference": "2"}\n' * 3 + '{"prompt": "x", "reference": "y"}\n'
    )
    (tmp_path / "bare.jsonl").write_text('{"prompt": "1 + 1?"}\n')
    tasks = [{"name": name, "path": f"{name}.jsonl"} for name in ("sums", "bare", "gone")]
    write(tmp_path, judge={"teacher": PRACTICE_JUDGE}, tasks=tasks)
    found = check(potstill_in)
    assert found["eval.judge"]["ok"]
    assert "is there" in found["eval.judge"]["says"]
    assert found["task sums"]["ok"]
    assert found["task sums"]["says"].startswith("2 prompts, marked by exact")
    for name, why in (("bare", "no reference"), ("gone", "no such file")):
        assert not found[f"task {name}"]["ok"]
        assert why in found[f"task {name}"]["says"]
    write(tmp_path, judge={"teacher": OPENAI})
    keyless = check(potstill_in)["eval.judge"]
    assert not keyless["ok"]
    assert "below eval.judge" in keyless["says"]
    assert "OPENAI_API_KEY" in keyless["says"]


def test_a_ledger_is_looked_at_where_there_is_one(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path)
    assert "ledger" not in check(potstill_in)
    assert not (tmp_path / ".potstill").exists(), "none is made"
    for stage in ("prompts", "generate"):
        assert potstill_in(stage).returncode == 0
    path = tmp_path / ".potstill/ledger.db"
    beside = sorted(one.name for one in path.parent.iterdir())
    sound = check(potstill_in)["ledger"]
    assert sound["ok"]
    assert "20 draws of 20 replies" in sound["says"]
    assert sorted(one.name for one in path.parent.iterdir()) == beside
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 40_000)
    damaged = check(potstill_in)["ledger"]
    assert not damaged["ok"]
    assert str(path) in damaged["says"]
    path.write_text("a text")
    assert "no ledger" in check(potstill_in)["ledger"]["says"]
