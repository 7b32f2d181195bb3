"""Fits of the last run are taken where they would be the same, and only there."""

from pathlib import Path
from typing import Any

import pytest

from potstill.filter import late
from potstill.pipeline import run_stage, stage_named
from potstill.recipe import Recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table
from potstill.student.load import Scratch, load_student, save_student

FITS = ("score_fit", "score_fit_surprisal", "score_fit_rank")
RULES = ["status", "length", "exact"]


def pretrained(folder: Path, seed: int = 0) -> None:
    texts = [f"the {day}th of May, {1900 + day}" for day in range(1, 28)]
    save_student(load_student("scratch:tiny", Path(), scratch=Scratch(texts, 300, seed)), folder)


def filtered(home: Path, teacher: str = "skills", student: str = "mine", **section: Any) -> tuple[Run, dict[str, Any]]:
    recipe = {
        "teacher": {"base_url": f"practice://{teacher}", "model": "practice-1"},
        "prompts": {"path": "practice://skills?rows=60", "heldout": {"least": 5}},
        "generate": {"draws": 2},
        "filter": {"fit": {"student": student, "warm_rows": 40, "warm_steps": 2}, "rules": RULES, **section},
        "train": {"vocab_size": 300},
    }
    run = Run(Recipe.model_validate(recipe), home, home / "runs" / "r", PlainScreen())
    for name in ("prompts", "generate", "filter"):
        counts = run_stage(run, stage_named(name)).manifest.counts
    return run, counts["fit"]


def fits(run: Run) -> dict[str, tuple[float | None, ...]]:
    rows = [row for name in ("train", "dropped") for row in read_table(run.folder / "samples", name)]
    return {row["id"]: tuple(row[name] for name in FITS) for row in rows}


def test_a_change_of_rules_takes_the_fits_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained(tmp_path / "mine")
    run, told = filtered(tmp_path)
    assert (told["reused"], told["without"]) == (0, 0)
    first = fits(run)
    with monkeypatch.context() as patch:
        patch.delattr(late, "fit_rows")  # no student is needed where nothing is new
        run, told = filtered(tmp_path, select={"by": "fit", "order": "lowest", "top": 20})
        assert told["reused"] == told["rows"] > 40
        assert fits(run) == first


def test_what_an_earlier_run_did_not_keep_is_judged_and_only_that(tmp_path: Path) -> None:
    pretrained(tmp_path / "mine")
    run, few = filtered(tmp_path, length={"max_chars": 20})
    run, all_of_them = filtered(tmp_path)
    assert 0 < few["rows"] == all_of_them["reused"] < all_of_them["rows"]
    anew, told = filtered(tmp_path, student=str(tmp_path / "mine"))  # named in another way
    assert told["reused"] == 0
    together, alone = fits(run), fits(anew)
    assert together.keys() == alone.keys()
    assert sum(None not in values for values in together.values()) == all_of_them["rows"]
    for name, values in together.items():
        for one, other in zip(values, alone[name], strict=True):
            assert one == (None if other is None else pytest.approx(other, rel=1e-4))


def test_other_weights_and_tables_that_were_changed_give_no_fits(tmp_path: Path) -> None:
    pretrained(tmp_path / "mine")
    heavy = tmp_path / "mine" / "weights-of-another.bin"
    with heavy.open("wb") as file:
        file.truncate(33 << 20)
    run, _ = filtered(tmp_path)
    heavy.touch()
    assert filtered(tmp_path, length={"max_chars": 900})[1]["reused"] == 0
    part = run.folder / "samples" / "train-00000.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    assert filtered(tmp_path, length={"max_chars": 901})[1]["reused"] == 0


def test_other_answers_another_student_or_another_warm_up_are_judged_anew(tmp_path: Path) -> None:
    pretrained(tmp_path / "mine")
    run, _ = filtered(tmp_path)
    before = {row["id"]: row["completion"] for row in read_table(run.folder / "samples", "train")}
    run, other = filtered(tmp_path, teacher="skills?wrong=0.9")
    after = [row for row in read_table(run.folder / "samples", "train") if row["id"] in before]
    same = sum(row["completion"] == before[row["id"]] for row in after)
    assert other["reused"] <= same < len(after), "the ids are those of before, the answers are not"
    pretrained(tmp_path / "mine", seed=1)
    (tmp_path / "mine" / "generation_config.json").write_text("{}")
    assert filtered(tmp_path, teacher="skills?wrong=0.9")[1]["reused"] == 0
    assert filtered(tmp_path, student="scratch:tiny")[1]["reused"] == 0
    assert filtered(tmp_path, student="scratch:tiny", length={"max_chars": 25})[1]["reused"] == 0, "warmed on others"
