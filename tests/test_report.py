"""The page of a run: whole, escaped, self-contained, the same for the same files, and honest about what is missing."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from potstill.recipe import Recipe
from potstill.report.reading import STAGES
from potstill.report.stage import STAGE
from potstill.store.manifest import Manifest
from potstill.store.rows import Completion, Prompt, Sample, conversation
from potstill.store.run import Run
from potstill.store.schemas import (
    COMPLETIONS,
    PROMPTS,
    completion_columns,
    prompt_columns,
    sample_columns,
    samples_schema,
)
from potstill.store.screen import PlainScreen
from potstill.store.tables import write_table

ATTACK = '<script>alert("1")</script> $x$ & "quoted"'
ARMS = ("teacher", "student", "control_unfiltered", "base")
ITEMS = pa.schema(
    [(name, pa.string()) for name in ("prompt_id", "family", "arm", "status", "text", "reference", "verdict", "reason")]
    + [("score", pa.float64()), ("output_tokens", pa.int64()), ("seconds", pa.float64())]
)


def prompt(number: int, side: Any = "train") -> Prompt:
    said = conversation(
        ("system", "Write the date as ISO 8601."), ("user", f"the {number % 28 + 1}th of May, {1900 + number}")
    )
    return Prompt(
        f"p{number}",
        said,
        f"f{number}",
        side,
        "dates.jsonl",
        (number + 1,),
        f"{1900 + number}-05-{number % 28 + 1:02d}",
    )


def completion(number: int, status: str = "ok") -> Completion:
    return Completion(
        id=f"c{number}",
        prompt_id=f"p{number}",
        method="answer",
        template="t",
        series="main",
        draw=0,
        status=status,
        text=f"{1900 + number}-05-{number % 28 + 1:02d}" if status == "ok" else "",
        finish_reason="stop",
        error="" if status == "ok" else "the endpoint said 500",
        key="00",
        provider="example",
        model="large",
        snapshot="large-2026-08-01",
        parameters="{}",
        terms="",
        input_tokens=30,
        output_tokens=12,
        usd=0.0002,
    )


def sample(number: int) -> Sample:
    if number % 10 == 3:
        return Sample(prompt(number), completion(number, "error:500"), {"agreement": None}, "status", "error:500")
    if number % 10 == 7:
        return Sample(prompt(number), completion(number), {"agreement": 1.0}, "format", ATTACK)
    return Sample(prompt(number), completion(number), {"agreement": 3.0})


def interval(value: float, width: float = 0.03) -> dict[str, float]:
    return {"value": value, "low": value - width, "high": value + width, "p": 0.0004}


def scorecard() -> dict[str, Any]:
    scores = dict(zip(ARMS, (0.92, 0.9, 0.61, 0.0), strict=True))
    arms = {
        name: {
            "score": score,
            "low": max(0.0, score - 0.04),
            "high": min(1.0, score + 0.03),
            "n": 400,
            "unparsable": 0,
            "excluded": 1,
        }
        for name, score in scores.items()
    }
    return {
        "arms": arms,
        "retained": interval(0.978),
        "gap_recovered": interval(0.978),
        "difference": {"student - teacher": interval(-0.02), "student - base": interval(0.9)},
        "filtering": interval(0.29),
        "efficiency": {
            "student": {"parameters": 860_000, "bytes": 1_650_000, "tokens_per_second": 5210.0, "batch_size": 64,
                        "device": "cpu", "seconds_per_request": 0.31},
            "teacher": {"usd_per_1000": 0.42, "mean_input_tokens": 41.2, "mean_output_tokens": 12.4},
            "student_usd_per_1000": 0.004,
        },
        "costs": {"distillation_usd": 8.13},
        "verdict": {"replace": True, "sentence": "The student may replace the teacher: it keeps 97.8% of its score.",
                    "conditions": ["on prompts like these", ATTACK], "give": []},
        "n": 400, "confidence": 0.95, "grader": "exact", "training_seeds": 1,
    }  # fmt: skip


def training() -> dict[str, Any]:
    def arm(loss: float) -> dict[str, Any]:
        curve = [{"step": step, "loss": loss + 5 * 0.97**step} for step in range(0, 160, 5)]
        example = "<|user|>the 4th of May, 1903<|end|><|assistant|>⟦1903-05-04<|end|>⟧"
        proof = {
            "rows": 4000,
            "trained_tokens": 44_000,
            "tokens": 116_000,
            "template": "abc",
            "end_of_turn": "<|end|>",
            "template_changed_in_answers": {"nothing": 3990, "white space": 10},
            "prompts_changed": 0,
            "example": example,
        }
        numbers = {
            "rows": 4000,
            "too_long": 2,
            "steps": 160,
            "epochs": 2.56,
            "tokens": 297_000,
            "trained_tokens": 112_000,
            "seconds": 22.4,
        }
        return {**numbers, "curve": curve, "final_loss": loss, "proof": proof, "settings": {}}

    arms = {"student": arm(0.02), "control_unfiltered": arm(0.4)}
    return {"arms": arms, "device": "cpu", "packages": {"trl": "1.16.0"}}


def item(number: int, arm: str) -> dict[str, Any]:
    right = arm == "teacher" or number % 2 == 0
    return {
        "prompt_id": f"p{number}", "family": f"f{number}", "arm": arm, "status": "ok", "text": f"{arm} says {number}",
        "reference": f"reference {number}", "verdict": "right" if right else "wrong", "reason": "" if right else "differs",
        "score": float(right), "output_tokens": 9, "seconds": 0.1,
    }  # fmt: skip


COUNTS: dict[str, dict[str, Any]] = {
    "prompts": {"rows": 6600, "merged": 12, "train": 6188, "heldout": 400, "families": 6588},
    "completions": {"prompts": 60, "rows": 60, "status": {"ok": 54, "error:500": 6},
                    "sent": 58, "reused": 2, "failed": 6, "usd": 0.012, "input_tokens": 1800, "output_tokens": 720},
    "samples": {"rows": 60, "kept": 48, "dropped": 12, "heldout": 400, "scores": ["agreement"], "funnel": [
        {"rule": "status", "in": 60, "dropped": 6, "unscored": 0, "reasons": {"error:500": 6}},
        {"rule": "format", "in": 54, "dropped": 6, "unscored": 3, "reasons": {"no shape <fits>": 6}},
    ]},
    "student": {"rows": 4000, "too_long": 2, "steps": 160, "seconds": 44.0, "parameters": 860_000},
    "scorecard": {"items": 1600, "arms": 4,
                  "sent": 400, "reused": 0, "failed": 1, "usd": 0.08, "input_tokens": 16000, "output_tokens": 4900},
}  # fmt: skip


def make_run(home: Path, base_url: str = "https://api.example.org/v1", rows: int = 60, heldout: int = 20) -> Run:
    recipe = Recipe.model_validate(
        {"name": "dates", "teacher": {"base_url": base_url, "model": "large"}, "prompts": {"path": "dates.jsonl"}}
    )
    run = Run(recipe, home, home / "runs" / "dates", PlainScreen())
    fill(run.folder, [sample(number) for number in range(rows)], range(1000, 1000 + heldout))
    for stage, counts in COUNTS.items():
        Manifest(
            stage=stage, fingerprint="f", stage_version=1, potstill="0.1.0", recipe=recipe.digest(), inputs={},
            settings={}, counts=counts, seconds=12.5, finished=datetime(2026, 11, 20, 12, 30, tzinfo=UTC),
        ).write(run.folder / stage)  # fmt: skip
    return run


def fill(folder: Path, samples: list[Sample], heldout: range) -> None:
    asked = [one.prompt for one in samples] + [prompt(number, "heldout") for number in heldout]
    write_table(folder / "prompts", "prompts", PROMPTS, map(prompt_columns, asked))
    write_table(
        folder / "completions", "completions", COMPLETIONS, (completion_columns(one.completion) for one in samples)
    )
    schema = samples_schema(["agreement"])
    write_table(folder / "samples", "train", schema, (sample_columns(one) for one in samples if one.kept))
    write_table(folder / "samples", "dropped", schema, (sample_columns(one) for one in samples if not one.kept))
    write_table(folder / "samples", "heldout", PROMPTS, (prompt_columns(one) for one in asked if one.side == "heldout"))
    write_table(folder / "scorecard", "items", ITEMS, (item(number, arm) for number in heldout for arm in ARMS))
    (folder / "scorecard" / "scorecard.json").write_bytes(orjson.dumps(scorecard()))
    (folder / "student").mkdir()
    (folder / "student" / "training.json").write_bytes(orjson.dumps(training()))


def page_of(run: Run) -> str:
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    STAGE.work(run, folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = orjson.loads(path.read_bytes())
    change(values)
    path.write_bytes(orjson.dumps(values))


def test_what_rows_and_scorecard_say_is_escaped(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 2, "once as a condition, once as a dropped row's reason"


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert not re.search(r"\s(?:src|href|action|data|poster)\s*=\s*(?!\"#)", page)
    assert not re.search(r"url\((?!#)|@import|<link|<iframe|<object|xmlns", page)
    assert set(re.findall(r"https?://[^\s<]+", page)) == {"https://api.example.org/v1"}, (
        "the teacher's address, as text"
    )


def test_all_arms_are_drawn_and_listed(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    drawn = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", page))
    for label, score in (("teacher", "92.0%"), ("student", "90.0%"), ("unfiltered control", "61.0%"), ("base", "0.0%")):
        assert label in drawn
        assert score in drawn
        assert re.search(rf"<th>{label}</th><td[^>]*>{score}", page)


def test_every_picture_takes_its_colours_from_the_page(tmp_path: Path) -> None:
    pictures = re.findall(r"<svg.*?</svg>", page_of(make_run(tmp_path)), re.DOTALL)
    assert len(pictures) == 6, "three pictures, each wide and narrow"
    for picture in pictures:
        assert "#0" not in re.sub(r"[\"(]#", "", picture), "a colour that no style sheet can turn"
        assert "var(--ink)" in picture
        assert not re.search(r"<svg[^>]*\s(?:width|height)=", picture)
    ids = re.findall(r'\sid="([^"]+)"', "".join(pictures))
    assert len(ids) == len(set(ids))


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    assert page_of(make_run(tmp_path / "one")) == page_of(make_run(tmp_path / "two"))


@pytest.mark.parametrize("missing", STAGES)
def test_a_stage_that_is_missing_is_left_out(tmp_path: Path, missing: str) -> None:
    run = make_run(tmp_path)
    shutil.rmtree(run.folder / missing)
    assert "Where this comes from" in page_of(run)


def test_a_run_without_anything_says_what_to_do(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for stage in STAGES:
        shutil.rmtree(run.folder / stage)
    page = page_of(run)
    for command in ("potstill generate", "potstill filter", "potstill train", "potstill eval", "potstill[train]"):
        assert command in page
    assert "No verdict yet" in page


@pytest.mark.parametrize("gone", list(scorecard()))
def test_a_scorecard_with_a_part_missing_or_null_is_still_a_page(tmp_path: Path, gone: str) -> None:
    run = make_run(tmp_path)
    path = run.folder / "scorecard" / "scorecard.json"
    edit(path, lambda card: card.update({gone: None}))
    with_null = page_of(run)
    edit(path, lambda card: card.pop(gone))
    assert page_of(run) == with_null


def test_counts_and_numbers_may_all_be_missing(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for stage in STAGES:
        edit(run.folder / stage / "manifest.json", lambda manifest: manifest.update({"counts": {}}))
    edit(run.folder / "student" / "training.json", lambda found: found.update({"arms": {"student": {}}}))
    edit(
        run.folder / "scorecard" / "scorecard.json",
        lambda card: card.update({"arms": {"student": {}}, "efficiency": {}}),
    )
    assert "What was not tested" in page_of(run)


def test_a_simulated_teacher_is_called_simulated(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "practice", "practice://skills"))
    assert "<strong>Simulated teacher.</strong>" in page
    assert "teacher (simulated)" in page
    assert "imulated" not in page_of(make_run(tmp_path / "real"))


def test_a_scorecard_of_an_earlier_student_is_called_out_of_date(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    student = run.finished("student")
    assert student is not None
    path = run.folder / "scorecard" / "manifest.json"
    edit(path, lambda manifest: manifest.update({"inputs": {"student": student.digest()}}))
    assert "Out of date" not in page_of(run)
    edit(path, lambda manifest: manifest.update({"inputs": {"student": "another"}}))
    assert "<code>scorecard/</code> was made from an earlier <code>student/</code>" in page_of(run)


def test_wrong_items_show_what_student_teacher_and_reference_say(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    wrong = page[page.index('id="wrong"') : page.index('id="untested"')]
    shown = re.findall(r"student says (\d+)", wrong)
    assert len(shown) == 5
    assert "of 10" in wrong
    for number in shown:
        assert int(number) % 2 == 1, "even ones were right"
        assert f"reference {number}" in wrong
        assert f"teacher says {number}" in wrong


def test_the_trained_part_of_the_proved_example_is_marked(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "&lt;|assistant|&gt;<mark>1903-05-04&lt;|end|&gt;</mark>" in page
    assert "44,000 of 116,000 tokens are trained" in page
    assert "In 10 answers the template changes something: white space." in page


def test_a_share_that_is_undefined_says_why(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    nothing = {"value": None, "low": None, "high": None, "why": "the teacher has no right answer"}
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card.update({"retained": nothing}))
    assert "the teacher has no right answer" in page_of(run)


def test_a_kept_row_is_priced_by_all_that_was_paid_for_it(tmp_path: Path) -> None:
    # 60 answers at $0.0002 each, of which 48 were kept.
    assert "$0.00025" in page_of(make_run(tmp_path))


def test_counts_tell_what_the_page_holds(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.folder / "report").mkdir()
    counts = STAGE.work(run, run.folder / "report")
    assert counts == {"bytes": (run.folder / "report" / "report.html").stat().st_size, "stages": 5, "rows_shown": 20}
