"""The pipeline: unchanged is skipped, a change disturbs only what comes after it, what is replaced is kept."""

import fcntl
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from potstill import pipeline
from potstill.errors import BadInput
from potstill.pipeline import STAGES, installed, run_stage, stage_named
from potstill.recipe import Recipe
from potstill.store.manifest import Manifest
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings

FREE = ("prompts", "generate", "filter", "report")


def make_run(folder: Path, **sections: dict) -> Run:
    values = {
        "teacher": {"base_url": "practice://replay?file=said.jsonl", "model": "practice-1"},
        "prompts": {"path": "asked.jsonl", "heldout": {"least": 2}},
        "filter": {"rules": ["length"]},
    }
    recipe = Recipe.model_validate(
        {**values, **{name: {**values.get(name, {}), **of} for name, of in sections.items()}}
    )
    return Run(recipe, folder, folder / "runs" / "r", PlainScreen())


def record(folder: Path, answer: str) -> None:
    (folder / "asked.jsonl").write_text("".join(json.dumps({"prompt": f"ask {n}"}) + "\n" for n in range(9)))
    said = [{"prompt": f"ask {n}", "answer": f"{answer} {n}"} for n in range(9)]
    (folder / "said.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))


def run_free(run: Run) -> list[bool]:
    """Which of the stages that need no torch were skipped."""
    return [run_stage(run, stage_named(name)).skipped for name in FREE]


def test_unchanged_is_skipped_and_a_change_disturbs_only_what_follows(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    assert run_free(make_run(tmp_path)) == [False] * 4
    assert run_free(make_run(tmp_path)) == [True] * 4
    assert run_free(make_run(tmp_path, filter={"length": {"max_chars": 5}})) == [True, True, False, False]
    assert run_free(make_run(tmp_path, train={"seed": 9}, filter={"length": {"max_chars": 5}}))[:3] == [True] * 3
    kept = sorted((tmp_path / "runs/r/history").iterdir())
    assert {path.name.split("-")[1] for path in kept} == {"samples", "report"}


def test_every_row_was_either_sent_for_or_reused(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run, asked = make_run(tmp_path), tmp_path / "asked.jsonl"
    lines = asked.read_text().splitlines(keepends=True)
    known: set[str] = set()
    for some in (lines[1::3], lines):
        asked.write_text("".join(some))
        run_stage(run, stage_named("prompts"))
        counts = run_stage(run, stage_named("generate")).manifest.counts
        rows = {row["prompt_id"] for row in read_table(run.folder / "completions", "completions")}
        assert (counts["sent"], counts["reused"]) == (len(rows - known), len(rows & known))
        known |= rows
    assert counts["reused"]
    assert counts["sent"]


def test_another_file_of_answers_is_another_teacher(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run_free(make_run(tmp_path))
    record(tmp_path, "no")
    assert run_free(make_run(tmp_path)) == [True, False, False, False]


def test_a_stage_killed_before_its_folder_was_renamed_is_not_done_again(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run = make_run(tmp_path)
    run_free(run)
    (run.folder / "samples").rename(run.folder / ".samples.partial")
    manifest = Manifest.read(run.folder / ".samples.partial")
    assert manifest
    again = run_stage(run, stage_named("filter"))
    assert again.manifest == manifest
    assert (run.folder / "samples" / "train-00000.parquet").exists()


def test_a_lost_file_is_made_again(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run = make_run(tmp_path)
    run_free(run)
    (run.folder / "samples" / "train-00000.parquet").unlink()
    assert run_free(run)[:3] == [True, True, False]


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (["scipy"], ["prompts", "generate", "filter", "train", "report"]),
        (["torch"], ["prompts", "generate", "filter", "report"]),
        ([], [stage.command for stage in STAGES]),
    ],
)
def test_what_is_not_installed_is_left_out_and_no_more(
    monkeypatch: pytest.MonkeyPatch, gone: Sequence[str], left: Sequence[str]
) -> None:
    monkeypatch.setattr(pipeline, "find_spec", lambda name: None if name in gone else object())
    assert [stage.command for stage in installed(STAGES)] == left


def test_rows_of_one_split_never_meet_the_heldout_prompts_of_another(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run_free(make_run(tmp_path))
    other = make_run(tmp_path, prompts={"heldout": {"least": 2, "salt": "another"}})
    run_stage(other, stage_named("prompts"))
    with pytest.raises(BadInput, match=r"completions was made from other prompts .* run `potstill generate` first"):
        run_stage(other, stage_named("filter"))
    run_free(other)
    heldout = {row["id"] for row in read_table(other.folder / "samples", "heldout")}
    trained = {row["prompt_id"] for row in read_table(other.folder / "samples", "train")}
    assert heldout
    assert trained
    assert not heldout & trained


def test_nothing_is_bought_for_prompts_that_the_recipe_does_not_name_any_more(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run_free(make_run(tmp_path))
    other = make_run(tmp_path, prompts={"heldout": {"least": 2, "salt": "another"}})
    with pytest.raises(BadInput, match=r"prompts is out of date: .* Run `potstill prompts` first"):
        run_stage(other, stage_named("generate"))
    run_stage(other, stage_named("prompts"))
    assert run_stage(other, stage_named("generate")).skipped is False


def test_what_another_recipe_made_is_gone_by_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, "yes")
    run_free(make_run(tmp_path))
    assert "another recipe" not in capsys.readouterr().err
    run_stage(make_run(tmp_path, filter={"length": {"max_chars": 5}}), stage_named("report"))
    said = capsys.readouterr().err
    assert f"report: {tmp_path / 'runs/r/samples'} was made with another recipe" in said
    assert "`potstill filter` makes it anew" in said
    assert said.count("another recipe") == 1


def test_rows_that_failed_for_now_are_asked_again_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("potstill.teacher.retries.OUTAGE_S", 0)

    def recipe(url: str) -> Run:
        teacher = {"base_url": url, "model": "practice-1", "name": "the teacher", "attempts": 2}
        return make_run(
            tmp_path, teacher=teacher, prompts={"path": "practice://skills?rows=60"}, generate={"failed_share": 1}
        )

    with start_practice(practice_settings("practice://skills?fail_500=0.4&fail_times=99&seed=1")) as base_url:
        run_stage(recipe(base_url), stage_named("prompts"))
        first = run_stage(recipe(base_url), stage_named("generate")).manifest.counts
        assert first["owed"] > 0
        assert run_stage(recipe(base_url), stage_named("generate")).skipped is False
    with start_practice(practice_settings("practice://skills?seed=1")) as base_url:
        second = run_stage(recipe(base_url), stage_named("generate")).manifest.counts
        assert second["owed"] == 0
        assert 0 < second["sent"] <= first["owed"]
        assert run_stage(recipe(base_url), stage_named("generate")).skipped is True


def test_a_manifest_that_cannot_be_read_is_one_that_is_not_there(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run = make_run(tmp_path)
    run_free(run)
    (run.folder / "samples" / "manifest.json").write_text("")
    assert run_free(run)[2] is False


def test_two_at_once_in_one_run_is_an_error(tmp_path: Path) -> None:
    record(tmp_path, "yes")
    run = make_run(tmp_path)
    run.folder.mkdir(parents=True)
    with (run.folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="another potstill is at work"):
            run_stage(run, stage_named("prompts"))
