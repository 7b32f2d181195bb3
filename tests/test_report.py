"""The page of a run: whole, escaped, self-contained, the same for the same files, and honest about what is missing."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from potstill.errors import BrokenWorld
from potstill.eval.items import ITEMS, Answer
from potstill.eval.local_arms import LocalAnswers
from potstill.eval.stage import judge_all, whole_scorecard, write_items
from potstill.eval.teacher_arm import TeacherAnswers
from potstill.recipe import Recipe
from potstill.report.reading import STAGES
from potstill.report.stage import STAGE
from potstill.store.manifest import Manifest
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import (
    COMPLETIONS,
    PROMPTS,
    completion_columns,
    prompt_columns,
    samples_schema,
)
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table, write_table
from potstill.student.tokenizer import train_tokenizer
from potstill.teacher.reply import Reply
from potstill.train.proof import prove_rows
from potstill.train.rows import Row, encode_rows

from .sampling import Sample, sample_columns

ATTACK = '<script>alert("1")</script> $x$ & "quoted"'
RIGHT = {"teacher": 368, "student": 360, "base": 0, "control_unfiltered": 244}
"""Of 400 held-out prompts; an arm is right on the first ones."""
HELDOUT = range(1000, 1400)


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


def answers(arm: str, snapshot: str = "") -> list[Answer]:
    return [
        Answer(
            prompt(number).reference or "" if at < RIGHT[arm] else f"{arm} says {number}",
            "ok",
            "stop",
            9,
            0.1,
            snapshot,
        )
        for at, number in enumerate(HELDOUT)
    ]


def reply(answer: Answer) -> Reply:
    return Reply(
        answer.status, answer.text, "stop", "", "00", "example", "large", answer.snapshot, 41, 12, 0.0004, False, 0.5
    )


def write_scorecard(run: Run, snapshot: str) -> None:
    """As the stage eval does, from the same functions."""
    on = [prompt(number, "heldout") for number in HELDOUT]
    said = {name: answers(name, snapshot if name == "teacher" else "") for name in RIGHT}
    items = judge_all(run.recipe, on, said)
    local = {
        name: LocalAnswers(tuple(said[name]), 860_000, 1_650_000, "CPU, 2 threads", 124.0)
        for name in RIGHT
        if name != "teacher"
    }
    teacher = TeacherAnswers(tuple(map(reply, said["teacher"])), {}, 0.16, 8.13)
    card = whole_scorecard(run, on, items, teacher, local)
    folder = run.folder / "scorecard"
    write_items(folder, items)
    (folder / "scorecard.json").write_bytes(orjson.dumps(card))


TOKENIZER = train_tokenizer(["the 4th of May, 1903", "1903-05-04"] * 3, vocab_size=300, context=256)


@cache
def training() -> bytes:
    """`training.json` around a true mask proof."""
    asked = [Row(f"r{at}", prompt(at).messages, conversation(("assistant", f"{1900 + at}-05-04"))) for at in range(12)]
    rows = encode_rows(TOKENIZER, asked, max_length=256)
    changed = [replace(one, encoded=replace(one.encoded, change="white space")) for one in rows.rows[:10]]
    proof = prove_rows(TOKENIZER, [*changed, *rows.rows[10:]])

    def arm(loss: float) -> dict[str, Any]:
        return {
            "rows": 4000, "distinct_prompts": 3210, "longest_answer": 12, "too_long": 2, "control_token": 77, "steps": 160,
            "epochs": 2.56, "tokens": 297_000, "trained_tokens": 112_000, "seconds": 22.4, "resumed_from": 0,
            "curve": [{"step": step, "loss": loss + 5 * 0.97**step} for step in range(0, 160, 5)], "final_loss": loss,
            "proof": {**proof, "batches": {"batches": 2, "rows": 12}}, "settings": {},
        }  # fmt: skip

    arms = {"student": arm(0.02), "control_unfiltered": arm(0.4)}
    return orjson.dumps({"arms": arms, "parameters": 860_000, "device": "cpu", "packages": {"trl": "1.16.0"}})


COUNTS: dict[str, dict[str, Any]] = {
    "prompts": {"rows": 6600, "merged": 12, "near": 3, "train": 6188, "heldout": 400, "families": 6588},
    "completions": {"prompts": 60, "rows": 60, "status": {"ok": 54, "error:500": 6},
                    "sent": 58, "reused": 2, "failed": 6, "usd": 0.012, "input_tokens": 1800, "output_tokens": 720},
    "samples": {"rows": 60, "kept": 48, "dropped": 12, "heldout": 400, "scores": ["agreement"], "funnel": [
        {"rule": "status", "in": 60, "dropped": 6, "unscored": 0, "usd": 0.001, "alone": 6, "shared": {}, "only": 0,
         "instead": 0, "reasons": {"error:500": 6}},
        {"rule": "length", "in": 54, "dropped": 0, "unscored": 0, "usd": 0.0, "alone": 0, "shared": {}, "only": 0,
         "instead": 0, "reasons": {}},
        {"rule": "format", "in": 54, "dropped": 6, "unscored": 3, "usd": 0.001, "alone": 6, "shared": {"near": 2}, "only": 4,
         "instead": 0, "reasons": {"no shape <fits>": 6}},
    ]},
    "student": {"rows": 4000, "too_long": 2, "steps": 160, "seconds": 44.0, "parameters": 860_000},
    "scorecard": {"items": 1600, "arms": 4,
                  "sent": 400, "reused": 0, "failed": 1, "usd": 0.08, "input_tokens": 16000, "output_tokens": 4900},
}  # fmt: skip


def make_run(home: Path, base_url: str = "https://api.example.org/v1", snapshot: str = "large-2026-08-01") -> Run:
    recipe = Recipe.model_validate(
        {"name": "dates", "teacher": {"base_url": base_url, "model": "large"}, "prompts": {"path": "dates.jsonl"}}
    )
    run = Run(recipe, home, home / "runs" / "dates", PlainScreen())
    fill(run.folder, [sample(number) for number in range(60)])
    write_scorecard(run, snapshot)
    for stage, counts in COUNTS.items():
        Manifest(
            stage=stage, fingerprint="f", stage_version=1, potstill="0.1.0", recipe=recipe.digest(), inputs={},
            settings={}, counts=counts, seconds=12.5, finished=datetime(2026, 11, 20, 12, 30, tzinfo=UTC),
        ).write(run.folder / stage)  # fmt: skip
    return run


def fill(folder: Path, samples: list[Sample]) -> None:
    asked = [one.prompt for one in samples] + [prompt(number, "heldout") for number in HELDOUT]
    write_table(folder / "prompts", "prompts", PROMPTS, map(prompt_columns, asked))
    write_table(
        folder / "completions", "completions", COMPLETIONS, (completion_columns(one.completion) for one in samples)
    )
    schema = samples_schema({"agreement": pa.float64()})
    write_table(folder / "samples", "train", schema, (sample_columns(one) for one in samples if one.kept))
    write_table(folder / "samples", "dropped", schema, (sample_columns(one) for one in samples if not one.kept))
    write_table(folder / "samples", "heldout", PROMPTS, (prompt_columns(one) for one in asked if one.side == "heldout"))
    example = {"id": "1", "reason": "no shape <fits>", "asked": ATTACK, "answer": ATTACK}
    (folder / "samples" / "funnel.json").write_bytes(orjson.dumps({"format": [example]}))
    file = {"texts": 400, "dropped": {"equal": 2}, "kept_for_other_numbers": 1, "trained_on": 0, "examples": []}
    leaks = {"files": {"held-out prompts": file}, "blind_spots": ["Paraphrases are not seen."]}
    (folder / "samples" / "leaks.json").write_bytes(orjson.dumps(leaks))
    (folder / "student").mkdir()
    (folder / "student" / "training.json").write_bytes(training())


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
    run = make_run(tmp_path)
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card["verdict"]["conditions"].append(ATTACK))
    page = page_of(run)
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


def choose(run: Run) -> None:
    """Let the run's last rule be one that chose among good rows."""
    step = {
        "rule": "select",
        "in": 48,
        "dropped": 20,
        "unscored": 0,
        "usd": 0.0,
        "only": 20,
        "instead": 0,
        "shared": {},
    }
    step["reasons"] = {"not chosen": 20}
    edit(run.folder / "samples" / "manifest.json", lambda manifest: manifest["counts"]["funnel"].append(step))


def test_what_choosing_bought_is_told_with_its_interval(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    choose(run)
    bought = {"value": 0.021, "low": 0.004, "high": 0.038, "p": 0.012}

    def add_control(record: dict[str, Any]) -> None:
        record["arms"]["control_random"] = record["arms"]["control_unfiltered"]

    edit(run.folder / "student" / "training.json", add_control)
    edit(run.folder / "scorecard" / "scorecard.json", add_control)
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card.update(selection=bought))
    page = page_of(run)
    assert re.search(
        r"Choosing alone bought <strong[^>]*>\+2\.1 points</strong> \(\+0\.4 to \+3\.8, p = 0\.012\)", page
    )
    assert "random control" in " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", page))
    assert "var(--random)" in page
    assert "What selection bought" not in page


def test_a_choice_without_a_random_control_is_called_untested_and_no_choice_is_not_mentioned(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "election" not in page_of(run)
    choose(run)
    assert "What selection bought: there is no random control" in page_of(run)


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


@pytest.mark.parametrize(
    "gone", ["verdict", "arms", "retained", "filtering", "selection", "efficiency", "costs", "confidence"]
)
def test_a_scorecard_that_lacks_what_is_always_written_is_no_page_with_a_gap(tmp_path: Path, gone: str) -> None:
    run = make_run(tmp_path)
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card.pop(gone))
    with pytest.raises(BrokenWorld, match=f"lacks '{gone}'"):
        page_of(run)


@pytest.mark.parametrize(
    ("base_url", "snapshot"),
    [("practice://skills", "practice-1 (simulated-1f)"), ("http://127.0.0.1:8123/v1", "practice-1 (simulated-1f)")],
)
def test_a_simulated_teacher_is_called_simulated_at_whatever_address(
    tmp_path: Path, base_url: str, snapshot: str
) -> None:
    page = page_of(make_run(tmp_path, base_url, snapshot))
    assert "<strong>Simulated teacher.</strong>" in page
    assert "teacher (simulated)" in page
    assert "Money (simulated)" in page
    assert "nothing was paid" in page


def test_a_real_teacher_is_not_called_simulated(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "imulated" not in page
    assert "nothing was paid" not in page


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
    assert "5 of 40" in wrong
    for number in map(int, shown):
        assert number - 1000 >= RIGHT["student"], "the others were right"
        assert str(prompt(number).reference) in wrong
        assert number - 1000 < RIGHT["teacher"] or f"teacher says {number}" in wrong


def test_a_prompt_that_some_arm_was_not_graded_on_is_not_among_the_wrong_ones(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    rows = list(read_table(run.folder / "scorecard", "items"))
    for row in rows:
        if row["prompt_id"] != "p1399" and row["arm"] == "base":
            row |= {"verdict": "error", "score": None}
    write_table(run.folder / "scorecard", "items", ITEMS, rows)
    page = page_of(run)
    assert "1 of 1<" in page[page.index('id="wrong"') :]


def test_the_trained_part_of_the_proved_example_is_marked(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "&lt;|assistant|&gt;<mark>1900-05-04&lt;|end|&gt;</mark>" in page
    assert re.search(r"12 rows were checked: \d+ of \d+ tokens are trained", page)
    assert "In 10 answers the template changes something: white space." in page


def test_the_page_has_what_training_json_counts_of_each_arm(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    page = page_of(run)
    assert re.search(r"<th>distinct prompts</th><td[^>]*>3,210</td>", page)
    assert re.search(r"<th>left out with control tokens</th><td[^>]*>77</td>", page)
    assert "tokenised apart" not in page

    def join(found: dict[str, Any]) -> None:
        found["arms"]["student"]["proof"]["tokenised_apart"] = 3

    edit(run.folder / "student" / "training.json", join)
    assert "In 3 rows prompt and answer would share a token" in page_of(run)


def test_money_is_of_the_answers_used_and_beside_it_what_this_run_paid(tmp_path: Path) -> None:
    # 60 answers at $0.0002 and 400 held-out ones at $0.16 together; the ledger charged this run $8.13.
    page = page_of(make_run(tmp_path))
    assert re.search(r"the distillation</dt><dd>\$0\.17", page)
    assert re.search(r"this run paid</dt><dd>\$8\.13", page)


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


def test_the_page_says_what_its_numbers_count(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    for words in (
        "requests sent, retries included",
        "answers reused, already paid",
        "answers failed",
        "own tokens",
        "on the 400 prompts that every arm was graded on",
        "drawn from all whole answers, repeats included",
        "Whole answers that a rule dropped",
    ):
        assert words in page
    assert re.search(r"time per request</dt><dd>310 ms<small>in batches of 64</small>", page), "throughput is called so"
    for gone in ("no other traffic", "paid for itself", "before filtering"):
        assert gone not in page


def test_rows_that_were_dropped_and_leaks_are_told(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "for example, at random: no shape &lt;fits&gt;" in page
    assert re.search(r"<th>held-out prompts</th><td[^>]*>400</td><td[^>]*>2</td><td[^>]*>1</td>", page)
    assert "<li>Paraphrases are not seen.</li>" in page
    assert "Looked and dropped nothing: length." in page
