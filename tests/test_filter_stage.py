"""The stage `filter`, whole: selection, scores of the user's own, bounds; what is killed comes out the same."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.cli.funnel import funnel_lines
from potstill.errors import BadInput, BadRecipe, BrokenWorld, BudgetReached
from potstill.filter import late
from potstill.filter.selection import select
from potstill.filter.work import work
from potstill.ledger.ledger import Ledger
from potstill.pipeline import preflight, run_stage, stage_named
from potstill.recipe import BudgetSection, Recipe, SelectSection
from potstill.store.run import Run
from potstill.store.schemas import COMPLETIONS
from potstill.store.screen import PlainScreen
from potstill.store.tables import parts, read_table, write_table

JUDGE = {"base_url": "practice://judge", "model": "practice-1"}

OWN = """
def lengthy(messages, answer, reference):
    return len(answer) if messages[-1]["role"] == "user" else None


def broken(messages, answer, reference):
    raise KeyError("nothing here")
"""


def run_in(home: Path, rows: int = 60, draws: int = 2, **section: Any) -> Run:
    recipe = {
        "teacher": {"base_url": "practice://skills?truncated=0.05", "model": "practice-1"},
        "prompts": {"path": f"practice://skills?rows={rows}", "heldout": {"least": 5}},
        "generate": {"draws": draws, "failed_share": 1},
        "filter": section,
    }
    return Run(Recipe.model_validate(recipe), home, home / "runs" / "r", PlainScreen())


def filtered(home: Path, **section: Any) -> tuple[Run, dict[str, Any]]:
    run = run_in(home, **section)
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    preflight(run, [stage_named("filter")])
    return run, run_stage(run, stage_named("filter")).manifest.counts


def table(run: Run, name: str) -> list[dict[str, Any]]:
    return list(read_table(run.folder / "samples", name))


def test_every_answer_is_in_one_of_the_two_tables_with_its_prompt(tmp_path: Path) -> None:
    run, counts = filtered(tmp_path)
    completions = {row["id"]: row for row in read_table(run.folder / "completions", "completions")}
    prompts = {row["id"]: row for row in read_table(run.folder / "prompts", "prompts")}
    rows = table(run, "train") + table(run, "dropped")
    assert sorted(row["id"] for row in rows) == sorted(completions)
    for row in rows:
        assert row["prompt"] == prompts[row["prompt_id"]]["messages"]
        assert row["completion"] == [{"role": "assistant", "content": completions[row["id"]]["text"]}]
        assert bool(row["rule"]) == bool(row["reason"])
        assert row["family"] == prompts[row["prompt_id"]]["family"]
        assert row["score_draws"] >= 0
    assert counts["kept"] == len(table(run, "train"))
    assert not [name for name in rows[0] if name.startswith("score__")]


STRANGE = [
    "",
    " ",
    "one",
    "…!?",
    "漢字" * 30,
    "שלום עולם",
    "🙂👩‍👩‍👧",
    "a" * 100_000,
    "word " * 20_000,
    "\u0000",
    "x\n\n\ny",
]


def test_strange_answers_are_rows_like_others(tmp_path: Path) -> None:
    rows = [{"prompt": f"What is strange in case {name}?", "answer": text or " "} for name, text in enumerate(STRANGE)]
    rows += [{"prompt": f"What is plain in case {name}?", "answer": "Nothing at all."} for name in range(6)]
    (tmp_path / "r.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    recipe = {
        "teacher": {"base_url": "practice://replay?file=r.jsonl&prompt=prompt&answer=answer", "model": "practice-1"},
        "prompts": {"path": "r.jsonl", "heldout": {"least": 1, "share": 0.01}},
        "generate": {"failed_share": 1, "max_tokens": 300_000},
    }
    run = Run(Recipe.model_validate(recipe), tmp_path, tmp_path / "runs" / "r", PlainScreen())
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    counts = run_stage(run, stage_named("filter")).manifest.counts
    assert counts["rows"] == len(rows) - 1
    assert len(table(run, "train")) + len(table(run, "dropped")) == counts["rows"]


def test_without_any_answer_the_tables_are_empty(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    run_stage(run, stage_named("prompts"))
    write_table(run.folder / "completions", "completions", COMPLETIONS, [])
    (tmp_path / "samples").mkdir()
    counts = work(run, tmp_path / "samples")
    assert (counts["rows"], counts["kept"]) == (0, 0)
    assert list(read_table(tmp_path / "samples", "train")) == []


def test_the_best_are_selected_and_the_rest_say_why(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    run, counts = filtered(
        tmp_path, scores={"lengthy": "own.py:lengthy"}, select={"by": "lengthy", "order": "lowest", "top": 20}
    )
    kept, out = table(run, "train"), [row for row in table(run, "dropped") if row["rule"] == "select"]
    assert len(kept) == 20
    assert out
    assert max(row["score_lengthy"] for row in kept) <= min(row["score_lengthy"] for row in out)
    assert all(row["reason"].startswith("not among the lowest by lengthy: ") for row in out)
    step = counts["funnel"][-1]
    assert (step["rule"], step["in"], step["dropped"], step["only"]) == ("select", 20 + len(out), len(out), len(out))


def test_a_quota_goes_by_any_column(tmp_path: Path) -> None:
    run, _ = filtered(tmp_path, draws=3, select={"by": "draws", "quota": {"by": "family", "most": 1}})
    families = [row["family"] for row in table(run, "train")]
    assert len(families) == len(set(families))


def test_bounds_hold_any_score_and_unscored_rows_are_kept_and_counted(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    run, counts = filtered(tmp_path, scores={"lengthy": "own.py:lengthy"}, bounds={"lengthy": {"at_most": 20}})
    assert all(row["score_lengthy"] <= 20 for row in table(run, "train"))
    out = [row for row in table(run, "dropped") if row["rule"] == "bounds"]
    assert all(row["score_lengthy"] > 20 and row["reason"].startswith("lengthy is out of its bounds: ") for row in out)
    [step] = [step for step in counts["funnel"] if step["rule"] == "bounds"]
    assert step["dropped"] == len(out) > 0


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"bounds": {"lenghty": {"at_most": 2}}}, "filter.bounds.lenghty"),
        ({"select": {"by": "beauty", "top": 3}}, "filter.select.by"),
        ({"select": {"by": "draws", "quota": {"by": "colour", "most": 3}}}, "filter.select.quota.by"),
        ({"scores": {"lengthy": "own.py:nothing"}}, "a function that the file has"),
        ({"scores": {"lengthy": "nowhere.py:lengthy"}}, "there is no file"),
        ({"scores": {"draws": "own.py:lengthy"}}, "has a score of that name"),
        ({"scores": {"leak": "own.py:lengthy"}}, "has a score of that name"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_asked(tmp_path: Path, section: dict[str, Any], says: str) -> None:
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(BadRecipe, match=says):
        preflight(run_in(tmp_path, **section), [stage_named("filter")])


def test_texts_are_no_numbers_and_a_judge_that_nothing_goes_by_is_refused(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"bounds": {"language": {"at_least": 1}}}, "'language' is a text"),
        ({"select": {"by": "residue", "top": 1}}, "'residue' is a text"),
        ({"select": {"by": "family", "top": 1, "quota": {"by": "family", "most": 1}}}, "'family' is no score"),
        ({"judge": {"teacher": JUDGE}, "rules": ["length"]}, "would be paid for nothing"),
        (
            {"judge": {"teacher": JUDGE}, "rules": ["judge"], "bounds": {"judge": {"at_least": 4}}},
            "bounds' would do nothing",
        ),
        ({"grader": {}, "rules": ["length"]}, "'filter.grader' would do nothing"),
        ({"language": {"expect": ["de"]}, "rules": ["length"]}, "'filter.language.expect' would do nothing"),
        ({"bounds": {"judge": {"at_least": 4}}}, "filter.judge is what computes it"),
        ({"scores": {"grade": "own.py:lengthy"}}, "has a score of that name"),
        ({"scores": {"judge": "own.py:lengthy"}, "judge": {"teacher": JUDGE}}, "has a score of that name"),
        ({"fit": {"student": "scratch:huge"}, "select": {"by": "fit", "top": 1}}, "filter.fit.student"),
    ]
    for section, says in refused:
        (tmp_path / "own.py").write_text(OWN)
        with pytest.raises(BadInput, match=says):
            preflight(run_in(tmp_path, **section), [stage_named("filter")])


def test_what_could_not_be_computed_is_looked_at_again_and_nothing_is_selected_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "why_not", lambda run, section: "the hub is down")
    run, counts = filtered(tmp_path, fit={"student": "scratch:tiny", "warm_rows": 20, "warm_steps": 2})
    assert counts["fit"] == {"not_computed": "the hub is down"}
    assert not run_stage(run, stage_named("filter")).skipped
    with pytest.raises(BrokenWorld, match="computed for none of the"):
        filtered(tmp_path / "other", fit={"student": "scratch:tiny"}, select={"by": "fit", "top": 3})


def test_equal_answers_share_a_verdict_and_its_price(tmp_path: Path) -> None:
    judge = {"teacher": JUDGE | {"price": {"input": 10, "output": 10}}, "at_least": 2}
    run, counts = filtered(tmp_path, rows=30, draws=3, rules=["status", "judge"], judge=judge)
    told = counts["judge"]
    assert told["rows"] > told["sent"] > 0
    with Ledger(run.ledger) as ledger:
        judged = ledger.bill(run.recipe.name).usd
    assert told["cost_usd"] == pytest.approx(judged)
    assert counts["usd"] == pytest.approx(judged)


def test_a_judge_stops_at_the_cap_and_a_raised_cap_buys_only_what_is_missing(tmp_path: Path) -> None:
    judge = {"teacher": JUDGE | {"price": {"input": 10, "output": 10}}, "at_least": 2}

    def capped(usd: float) -> Run:
        run = run_in(tmp_path, rows=60, judge=judge)
        return replace(run, recipe=run.recipe.model_copy(update={"budget": BudgetSection(usd=usd)}))

    run = capped(0.2)
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    with Ledger(run.ledger) as ledger:
        teacher = ledger.bill(run.recipe.name)
    with pytest.raises(BudgetReached):
        run_stage(run, stage_named("filter"))
    assert not (run.folder / "samples").exists()
    with Ledger(run.ledger) as ledger:
        before = ledger.bill(run.recipe.name)
    assert 0 < before.usd <= 0.2
    counts = run_stage(capped(20), stage_named("filter")).manifest.counts
    assert counts["sent"] + counts["reused"] == counts["judge"]["rows"]
    assert counts["reused"] == before.sent - teacher.sent > 0
    with Ledger(run.ledger) as ledger:
        assert ledger.bill(run.recipe.name).usd == pytest.approx(before.usd + counts["usd"])


def test_a_changed_benchmark_makes_the_stage_run_again(tmp_path: Path) -> None:
    (tmp_path / "bench.jsonl").write_text('{"question": "What is the capital of Mars?"}\n')
    run, _ = filtered(tmp_path, leak={"against": ["bench.jsonl"]})
    assert run_stage(run, stage_named("filter")).skipped
    asked = table(run, "train")[0]["prompt"][-1]["content"]
    (tmp_path / "bench.jsonl").write_bytes(orjson.dumps({"question": asked}))
    assert not run_stage(run, stage_named("filter")).skipped
    leaked = [row for row in table(run, "dropped") if row["rule"] == "leak"]
    assert {row["prompt"][-1]["content"] for row in leaked} == {asked}


def test_leaks_are_dropped_whatever_rules_are_listed_unless_the_recipe_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "bench.jsonl").write_text('{"question": "What is the capital of Mars?"}\n')
    run, _ = filtered(tmp_path, rules=["length"], leak={"against": ["bench.jsonl"]})
    first = table(run, "train")[0]["prompt_id"]
    asked = next(row["prompt"][-1]["content"] for row in table(run, "train") if row["prompt_id"] == first)
    kept = sum(row["prompt_id"] == first for row in table(run, "train"))
    (tmp_path / "bench.jsonl").write_bytes(orjson.dumps({"question": asked}))
    again = run_stage(run, stage_named("filter")).manifest.counts
    assert first not in {row["prompt_id"] for row in table(run, "train")}
    assert again["leaks_kept"] == {}
    run, counts = filtered(tmp_path, rules=["length", "leak"], leak={"against": ["bench.jsonl"], "drop": False})
    assert [row["prompt_id"] for row in table(run, "train")].count(first) == kept > 0
    assert counts["leaks_kept"] == {"bench.jsonl": kept}
    told = orjson.loads((run.folder / "samples" / "leaks.json").read_bytes())
    assert told["files"]["bench.jsonl"]["trained_on"] == told["trained_on"] == kept
    assert len(told["files"]["bench.jsonl"]["examples"]) == kept
    assert [line for line in funnel_lines(run) if line.startswith(f"leaks: {kept} kept rows repeat bench.jsonl")]


def test_what_a_function_returns_must_be_a_number(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def manner(messages, answer, reference):\n    return 'polite'\n")
    with pytest.raises(BrokenWorld, match="must return a number or None, and gives 'polite'"):
        filtered(tmp_path, scores={"manner": "own.py:manner"})


def test_of_fits_the_lowest_is_best_unless_the_recipe_says_otherwise() -> None:
    assert SelectSection(by="fit", top=1).best == "lowest"
    assert SelectSection(by="fit", top=1, order="highest").best == "highest"
    assert SelectSection(by="chars", top=1).best == "highest"


def test_functions_are_asked_of_whole_answers_alone(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def first(messages, answer, reference):\n    return len(answer.split()[0])\n")
    run = run_in(tmp_path, rows=80, scores={"first": "own.py:first"})
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    rows = list(read_table(run.folder / "completions", "completions"))
    rows[3] |= {"text": "", "status": "error:500"}
    for part in parts(run.folder / "completions", "completions"):
        part.unlink()
    write_table(run.folder / "completions", "completions", COMPLETIONS, rows)
    run_stage(run, stage_named("filter"))
    found = {row["id"]: row["score_first"] for row in table(run, "train") + table(run, "dropped")}
    assert [found[row["id"]] is not None for row in rows] == [row["status"] == "ok" for row in rows]


def test_a_function_that_fails_is_named_with_the_answer(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    with pytest.raises(BrokenWorld, match=r"filter\.scores\.bad: the function fails with KeyError"):
        filtered(tmp_path, scores={"bad": "own.py:broken"})


def test_another_function_in_the_same_file_makes_the_stage_run_again(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    run, _ = filtered(tmp_path, scores={"lengthy": "own.py:lengthy"})
    assert run_stage(run, stage_named("filter")).skipped
    (tmp_path / "own.py").write_text(OWN.replace("len(answer)", "-len(answer)"))
    assert not run_stage(run, stage_named("filter")).skipped
    assert all(row["score_lengthy"] < 0 for row in table(run, "train"))


def test_a_judge_that_was_asked_before_the_kill_is_not_asked_again(tmp_path: Path) -> None:
    judge = {"teacher": {"base_url": "practice://judge", "model": "practice-1"}, "at_least": 3}
    run = run_in(tmp_path, rows=40, judge=judge)
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    code = KILLED.format(test=__file__, at="write_samples", before="pass", home=str(tmp_path))
    code = code.replace(
        f"run_in(Path({str(tmp_path)!r}))", f"run_in(Path({str(tmp_path)!r}), rows=40, judge={judge!r})"
    )
    killed = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    counts = run_stage(run, stage_named("filter")).manifest.counts["judge"]
    assert (counts["sent"], counts["reused"]) == (0, counts["rows"])
    assert counts["rows"] > 30
    assert counts["verdicts"] == counts["rows"]


KILLED = """
import os, sys, time
from pathlib import Path
import potstill.filter.work as stage
from potstill.pipeline import run_stage, stage_named
import importlib.util
spec = importlib.util.spec_from_file_location("here", {test!r})
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
real = stage.{at}
def dies(*given, **named):
    {before}
    os.kill(os.getpid(), 9)
stage.{at} = dies
run_stage(here.run_in(Path({home!r})), stage_named("filter"))
"""


@pytest.mark.parametrize(
    ("at", "before"), [("label_all", "pass"), ("score_late", "pass"), ("write_samples", "real(*given)")]
)
def test_killed_anywhere_and_run_again_the_tables_are_the_same(tmp_path: Path, at: str, before: str) -> None:
    run = run_in(tmp_path)
    for name in ("prompts", "generate"):
        run_stage(run, stage_named(name))
    code = KILLED.format(test=__file__, at=at, before=before, home=str(tmp_path))
    killed = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (run.folder / "samples").exists()
    run_stage(run, stage_named("filter"))
    after = {path.name: path.read_bytes() for path in sorted((run.folder / "samples").glob("*.parquet"))}
    other, _ = filtered(tmp_path / "other")
    for name in ("train", "dropped", "heldout"):
        whole = [path.read_bytes() for path in parts(other.folder / "samples", name)]
        assert [after[path.name] for path in parts(run.folder / "samples", name)] == whole


values = st.lists(st.one_of(st.none(), st.integers(0, 5).map(float)), min_size=1, max_size=30)


@given(values, st.integers(1, 8), st.integers(1, 3), st.booleans(), st.data())
def test_selection_takes_no_worse_row_while_a_better_one_is_left(
    scores: list[float | None], top: int, most: int, lowest: bool, data: st.DataObject
) -> None:
    count = len(scores)
    pool = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    kinds = np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    worth = np.array([np.nan if score is None else score for score in scores])
    section = SelectSection.model_validate(
        {"by": "x", "order": "lowest" if lowest else "highest", "top": top, "quota": {"by": "kind", "most": most}}
    )
    taken = select(pool, worth, kinds, section)
    assert not (taken & ~pool).any()
    assert taken.sum() <= top
    assert all((taken & (kinds == kind)).sum() <= most for kind in range(3))
    rank = np.where(np.isnan(worth), np.inf, worth if lowest else -worth)
    for left in np.flatnonzero(pool & ~taken):
        full = taken.sum() == top or (taken & (kinds == kinds[left])).sum() == most
        assert full
        if taken.sum() == top and (taken & (kinds == kinds[left])).sum() < most:
            assert all(rank[row] <= rank[left] for row in np.flatnonzero(taken))
