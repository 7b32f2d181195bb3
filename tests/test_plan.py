"""`potstill plan` as a user types it: offline it asks nobody, a pilot asks first, and the run buys none of it again."""

import json
import os
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from potstill.planning.pilot import chosen
from potstill.store.rows import Prompt, conversation
from potstill.store.schemas import read_prompts
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings

Potstill = Callable[..., subprocess.CompletedProcess[str]]
PRICED = {"input": 1.0, "output": 4.0}


def write(folder: Path, **sections: dict[str, Any]) -> None:
    recipe: dict[str, Any] = {
        "name": "small",
        "teacher": {"base_url": "practice://skills", "model": "practice-1"},
        "prompts": {"path": "practice://skills?rows=160", "heldout": {"least": 40}},
        "generate": {"draws": 2, "max_tokens": 128},
    }
    for name, section in sections.items():
        recipe[name] = {**recipe.get(name, {}), **section}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))


def plan(potstill_in: Potstill, *arguments: str) -> dict[str, Any]:
    result = potstill_in("plan", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def server() -> Iterator[str]:
    with start_practice(practice_settings("practice://skills?truncated=0")) as base_url:
        yield base_url


def answered(base_url: str) -> int:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        return json.load(reply)["requests"]


def outcomes(folder: Path) -> dict[tuple[str, str], int]:
    with sqlite3.connect(folder / ".potstill/ledger.db") as ledger:
        rows = ledger.execute("SELECT stage, outcome, count(*) FROM attempts GROUP BY stage, outcome")
        return {(stage, outcome): number for stage, outcome, number in rows}


def test_offline_it_needs_no_key_and_leaves_nothing_but_itself(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"})
    before = sorted(path.name for path in tmp_path.iterdir())
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    result = potstill_in("plan", "--json", env=environment)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    generate, total = found["stages"]["generate"], found["total"]
    assert 0 < generate["usd"]["low"] < generate["usd"]["likely"] < generate["usd"]["high"] <= generate["most"]["usd"]
    assert generate["requests"] == {"low": 120, "likely": 120, "high": 240}
    assert found["stages"]["eval"]["requests"]["likely"] == 40
    assert total["usd"]["likely"] == pytest.approx(
        sum(found["stages"][stage]["usd"]["likely"] for stage in ("generate", "eval"))
    )
    assert {name for name, stage in found["stages"].items() if not stage["asks"]} == {
        "prompts",
        "filter",
        "train",
        "report",
    }
    assert total["seconds"] is None
    assert found["heldout_buys"]["prompts"] == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "runs"])
    assert [path.name for path in (tmp_path / "runs/small").iterdir()] == ["plan.json"]


def test_stated_limits_give_a_time_offline(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"requests_per_minute": 60})
    assert plan(potstill_in)["stages"]["generate"]["seconds"] == {"low": 120, "likely": 120, "high": 240}


def test_an_unknown_price_is_the_error_with_the_lines_to_paste(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"base_url": "https://api.example.com/v1", "model": "strange"})
    result = potstill_in("plan")
    assert result.returncode == 2
    assert "price:" in result.stderr


def test_people_can_read_it_at_100_columns(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"price": PRICED}, budget={"usd": 0.001, "tokens": 10**9})
    for arguments in ([], ["--pilot", "20", "--yes", "--set", "budget.usd=5"]):
        result = potstill_in("plan", *arguments)
        assert result.returncode == 0, result.stderr
        assert max(map(len, result.stdout.splitlines())) <= 100
        assert ("By the pilot" in result.stdout) == bool(arguments)
        assert "budget.usd" in result.stdout


def test_a_pilot_without_a_yes_sends_nothing(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    write(tmp_path, teacher={"base_url": server, "price": PRICED})
    result = potstill_in("plan", "--pilot", "20")
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert "at most $" in result.stderr
    assert answered(server) == 0


def test_a_pilot_without_a_key_ends_before_anybody_is_asked_for_a_yes(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"})
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    result = potstill_in("plan", "--pilot", "20", "--yes", env=environment)
    assert result.returncode == 2
    assert "OPENAI_API_KEY is not set" in result.stderr
    assert "at most" not in result.stderr


def test_a_free_pilot_needs_no_yes(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    write(tmp_path, teacher={"base_url": server})
    found = plan(potstill_in, "--pilot", "20")
    assert (found["free"], found["total"]["usd"]["high"]) == (True, 0.0)
    assert found["total"]["output_tokens"]["low"] > 0
    assert found["total"]["seconds"]["high"] > 0


def test_the_run_buys_nothing_of_the_pilot_again_and_costs_what_was_foretold(
    potstill_in: Potstill, tmp_path: Path, server: str
) -> None:
    write(tmp_path, teacher={"base_url": server, "price": PRICED})
    first = plan(potstill_in, "--pilot", "20", "--yes")
    assert (first["pilot"]["prompts"], first["pilot"]["sent"], answered(server)) == (20, 20, 20)
    assert first["ledger"] == {"draws": 280, "bought": 40}
    again = plan(potstill_in, "--pilot", "20")
    assert (again["pilot"]["sent"], again["pilot"]["usd"]) == (0, 0.0), "what is bought asks for no yes"
    assert again["total"]["usd"] == first["total"]["usd"]
    recalled = plan(potstill_in)
    assert (recalled["basis"], recalled["pilot"]["prompts"], recalled["pilot"]["sent"]) == ("pilot", 20, 0)
    assert recalled["total"] == first["total"], "what a pilot has told is not forgotten"
    larger = plan(potstill_in, "--pilot", "30", "--yes")
    assert (larger["pilot"]["sent"], answered(server)) == (10, 30), "a larger pilot holds the smaller one"

    for stage in ("prompts", "generate"):
        result = potstill_in(stage)
        assert result.returncode == 0, result.stderr
    assert answered(server) == 120
    assert outcomes(tmp_path) == {("plan", "ok"): 30, ("generate", "ok"): 90}
    counts = json.loads((tmp_path / "runs/small/completions/manifest.json").read_text())["counts"]
    foretold = larger["stages"]["generate"]
    assert foretold["usd"]["low"] <= counts["usd"] <= foretold["usd"]["high"]
    assert foretold["output_tokens"]["low"] <= counts["output_tokens"] <= foretold["output_tokens"]["high"]
    assert counts["usd"] <= foretold["most"]["usd"]

    assert potstill_in("filter").returncode == 0
    kept = json.loads((tmp_path / "runs/small/samples/manifest.json").read_text())["counts"]["kept"]
    assert larger["pilot"]["kept_rows"]["low"] <= kept <= larger["pilot"]["kept_rows"]["high"]
    a_row, spent = larger["pilot"]["usd_per_kept_row"], larger["pilot"]["usd"] + first["pilot"]["usd"] + counts["usd"]
    assert a_row["low"] <= spent / kept <= a_row["high"]
    done = plan(potstill_in)
    assert done["pilot"]["prompts"] == 120, "a finished run is a pilot too"
    assert done["ledger"]["bought"] == 240
    assert done["stages"]["generate"]["most"]["usd"] == 0


def test_what_a_run_has_reached_is_no_pilot(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    write(tmp_path)
    assert potstill_in("prompts").returncode == 0
    first = chosen(list(read_prompts(tmp_path / "runs/small/prompts")), 160)
    rows = [{"messages": prompt.messages, "reference": prompt.reference} for prompt in first]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    teacher = {"base_url": server, "price": PRICED, "concurrency": 1}
    write(tmp_path, teacher=teacher, prompts={"path": "p.jsonl"}, generate={"draws": 1})
    assert potstill_in("prompts").returncode == 0
    assert potstill_in("generate", "--set", "budget.tokens=6000").returncode == 3
    reached = plan(potstill_in)
    assert reached["ledger"]["bought"] > 30, "the very prompts that a pilot would have asked first"
    assert (reached["basis"], reached["pilot"]) == ("offline", None), (
        "they are the first of the file, not a sample of it"
    )
    asked = plan(potstill_in, "--pilot", "20", "--yes")["pilot"]
    assert (asked["prompts"], asked["sent"]) == (20, 0), "and yet nothing is bought twice"


def test_the_advice_names_what_was_typed(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"price": PRICED})
    (tmp_path / "recipe.yaml").rename(tmp_path / "my recipe.yaml")
    told = potstill_in("plan", "my recipe.yaml", "--set", "generate.draws=3").stdout
    assert "potstill plan 'my recipe.yaml' --set generate.draws=3 --pilot 30" in " ".join(told.split())


def test_a_pilot_stays_under_the_cap(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    write(tmp_path, teacher={"base_url": server, "price": PRICED}, budget={"usd": 0.003})
    result = potstill_in("plan", "--pilot", "40", "--yes")
    assert result.returncode == 3, result.stderr
    with sqlite3.connect(tmp_path / ".potstill/ledger.db") as ledger:
        assert ledger.execute("SELECT sum(usd) FROM attempts").fetchone()[0] <= 0.003


def test_the_budget_says_what_it_covers(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"price": PRICED})
    total = plan(potstill_in)["total"]["usd"]
    between = (total["likely"] + total["high"]) / 2
    covers = plan(potstill_in, "--set", f"budget.usd={between}")["budget"]["usd"]["covers"]
    assert covers == {"low": True, "likely": True, "high": False, "most": False}


def test_too_few_prompts_for_a_pilot_are_said_before_anything_is_sent(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, prompts={"path": "practice://skills?rows=12", "heldout": {"least": 6}})
    result = potstill_in("plan", "--pilot", "20")
    assert result.returncode == 2
    assert "too few" in result.stderr


def test_the_pilot_is_chosen_by_hash_whatever_the_order() -> None:
    prompts = [Prompt(f"{number:032x}", conversation(("user", "x")), "f", "train", "s", (1,)) for number in range(200)]
    few, many = chosen(prompts, 20), chosen(prompts[::-1], 50)
    assert many[:20] == few
    assert few != prompts[:20]


def test_a_budget_in_dollars_without_a_price_is_refused_offline_as_a_run_refuses_it(
    potstill_in: Potstill, tmp_path: Path
) -> None:
    write(tmp_path, teacher={"base_url": "http://127.0.0.1:9/v1"}, budget={"usd": 0.1})
    result = potstill_in("plan")
    assert (result.returncode, result.stdout) == (2, "")
    assert "'budget.usd' is 0.1, and the teacher at http://127.0.0.1:9/v1 is taken to cost nothing" in result.stderr


@pytest.mark.parametrize(("reference", "short"), [("yes", True), ("a sentence that is as long as an answer is", False)])
def test_references_that_say_little_of_an_answers_length_are_called_so(
    potstill_in: Potstill, tmp_path: Path, reference: str, short: bool
) -> None:
    rows = ({"prompt": f"is {number} odd?", "reference": reference} for number in range(40))
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write(tmp_path, prompts={"path": "p.jsonl", "heldout": {"least": 10}}, generate={"draws": 1})
    told = " ".join(potstill_in("plan").stdout.split())
    assert ("high may be far too low. Only a pilot can tell." in told) is short
    assert (plan(potstill_in)["median_reference_tokens"] < 10) is short
    assert " × 1 draw, " in told


def test_answers_of_a_recipe_that_asks_otherwise_are_no_pilot_and_that_is_said(
    potstill_in: Potstill, tmp_path: Path, server: str
) -> None:
    write(tmp_path, teacher={"base_url": server})
    plan(potstill_in, "--pilot", "20")
    assert "no pilot" not in potstill_in("plan").stdout
    assert "answers are no pilot of this" in potstill_in("plan", "--set", "generate.draws=3").stdout
