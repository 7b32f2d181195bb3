"""`plan.json`: what was expected before the first request stays, so that the bill can be held against it."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from potstill.pipeline import run_stage, stage_named
from potstill.planning.keeping import FILE, keep_before, kept_plan
from potstill.recipe import Recipe, load_recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen

Potstill = Callable[..., subprocess.CompletedProcess[str]]
PRICED = {"input": 1.0, "output": 4.0}


def write(folder: Path, **sections: Any) -> Path:
    recipe: dict[str, Any] = {
        "name": "small",
        "teacher": {"base_url": "practice://skills", "model": "practice-1", "price": PRICED},
        "prompts": {"path": "practice://skills?rows=60", "heldout": {"least": 24}},
        "generate": {"max_tokens": 96},
        "train": {"student": "scratch:tiny", "steps": 1, "controls": []},
    }
    (folder / "recipe.yaml").write_text(json.dumps({**recipe, **sections}))
    return folder / "runs" / "small" / FILE


def done(potstill_in: Potstill, *arguments: str) -> str:
    result = potstill_in(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def attempts(folder: Path) -> tuple[int, float]:
    with sqlite3.connect(folder / ".potstill/ledger.db") as ledger:
        return ledger.execute("SELECT count(*), sum(usd) FROM attempts").fetchone()


def test_a_plan_is_kept_whole_with_its_recipe_and_its_hour(potstill_in: Potstill, tmp_path: Path) -> None:
    path = write(tmp_path)
    said = json.loads(done(potstill_in, "plan", "--json"))
    kept = json.loads(path.read_bytes())
    assert {name: value for name, value in kept.items() if name not in ("recipe", "made")} == said
    assert kept["recipe"] == load_recipe(tmp_path / "recipe.yaml").digest()
    assert datetime.fromisoformat(kept["made"]).tzinfo is not None
    assert [one.name for one in path.parent.iterdir()] == [FILE], "no half-written file beside it"


def test_a_plan_is_replaced_until_the_run_buys_by_it(potstill_in: Potstill, tmp_path: Path) -> None:
    path = write(tmp_path)
    done(potstill_in, "plan")
    first = json.loads(path.read_bytes())
    done(potstill_in, "plan", "--pilot", "10", "--yes")
    by_pilot = json.loads(path.read_bytes())
    assert (first["basis"], by_pilot["basis"]) == ("offline", "pilot"), "a pilot is no purchase of the run's"
    assert by_pilot["spent"]["usd"] == pytest.approx(attempts(tmp_path)[1]) != 0
    for stage in ("prompts", "generate"):
        done(potstill_in, stage)
    done(potstill_in, "plan")
    done(potstill_in, "plan", "--set", "generate.draws=3")
    assert json.loads(path.read_bytes()) == by_pilot


def test_a_run_keeps_what_was_expected_and_tells_all_that_it_asked(potstill_in: Potstill, tmp_path: Path) -> None:
    judge = {"base_url": "practice://judge?noise=0&unparsable=0", "model": "practice-1", "price": PRICED}
    section = {"judge": {"teacher": judge, "exam": 20}, "by": "judge", "timed_prompts": 0}
    path = write(tmp_path, eval=section, filter={"judge": {"teacher": judge}})
    told = json.loads(done(potstill_in, "run", "--json"))
    sent, usd = attempts(tmp_path)
    assert told["sent"] == sent
    assert told["usd"] == pytest.approx(usd)
    assert told["verdict"]["sentence"]
    kept = json.loads(path.read_bytes())
    assert kept["spent"] == {"usd": 0, "tokens": 0}
    assert kept["total"]["usd"]["low"] <= usd <= kept["total"]["most"]["usd"]
    assert told["stages"]["eval"]["counts"]["judge"]["sent"] > 0

    assert "requests: 0 sent" in done(potstill_in, "run")
    assert json.loads(path.read_bytes()) == kept


def make(folder: Path, *, learning_rate: float = 1e-3, **generate: Any) -> Run:
    """A run on prompts without references, so that only generating costs anything."""
    (folder / "p.jsonl").write_text("".join(json.dumps({"prompt": f"say {n}"}) + "\n" for n in range(20)))
    recipe = {
        "name": "r",
        "teacher": {"base_url": "practice://skills", "model": "practice-1", "price": PRICED},
        "prompts": {"path": "p.jsonl", "heldout": {"least": 6}, "near": None},
        "generate": {"max_tokens": 64, **generate},
        "train": {"student": "scratch:tiny", "learning_rate": learning_rate},
    }
    return Run(Recipe.model_validate(recipe), folder, folder / "runs" / "r", Heard())


class Heard(PlainScreen):
    """Remembers the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_what_a_run_expected_stays_once_it_has_bought_something(tmp_path: Path) -> None:
    run = make(tmp_path)
    keep_before(run)
    first = kept_plan(run)
    assert first is not None
    assert (first["recipe"], first["ledger"]) == (run.recipe.digest(), {"draws": 14, "bought": 0})
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    keep_before(run)
    assert kept_plan(run) == first, "it says what was expected before the first request"
    keep_before(make(tmp_path, learning_rate=2e-3))
    assert kept_plan(run) == first, "another recipe, and nothing is left to be bought"
    keep_before(make(tmp_path, draws=2))
    assert kept_plan(run) == first, "what it buys more was not expected before its first request"


def test_a_run_that_cannot_be_planned_goes_all_the_same_and_hears_why(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.ledger.parent.mkdir()
    run.ledger.write_text("no ledger at all, but a text that is long enough to be looked at " * 20)
    keep_before(run)
    assert kept_plan(run) is None
    assert isinstance(run.screen, Heard)
    [line] = run.screen.lines
    assert str(run.ledger) in line


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"made": 3}', '{"made": "soon"}'])
def test_a_plan_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    recipe = Recipe.model_validate(
        {"teacher": {"base_url": "practice://skills", "model": "m"}, "prompts": {"path": "p"}}
    )
    run = Run(recipe, tmp_path, tmp_path, PlainScreen())
    assert kept_plan(run) is None
    (tmp_path / FILE).write_text(text)
    assert kept_plan(run) is None
