"""The stage from its folders to its scorecard, with a simulated teacher and students that have learnt nothing."""

import subprocess
import sys
from dataclasses import replace

import orjson
import pytest

from potstill.errors import BadRecipe, BadStudent, BrokenWorld
from potstill.eval.efficiency import efficiency
from potstill.eval.local_arms import answer_status, longest_answer
from potstill.eval.stage import STAGE
from potstill.recipe.teacher import Price
from potstill.store.run import Run
from potstill.store.schemas import COMPLETIONS
from potstill.store.tables import count_rows, read_table, write_table
from potstill.teacher.reading import read_reply
from potstill.teacher.reply import Reply

from .evaluating import ROWS, leave_students, run_in


def test_the_scorecard_holds_every_arm_and_a_second_look_buys_nothing(tmp_path):
    run, folder = (
        run_in(tmp_path, machine_usd_per_hour=3.6, batch_size=16, timed_prompts=3),
        tmp_path / "runs" / "test" / "scorecard",
    )
    leave_students(run, "model", "base", "control_unfiltered")
    counts = STAGE.work(run, folder)
    card = orjson.loads((folder / "scorecard.json").read_bytes())
    arms = card["arms"]
    assert (counts["items"], counts["arms"], counts["sent"]) == (ROWS, 4, ROWS)
    assert list(arms) == ["teacher", "student", "base", "control_unfiltered"]
    assert arms["teacher"]["verdicts"]["right"] > 0 == arms["student"]["score"]
    assert "simulated" in arms["teacher"]["how"]
    assert card["verdict"]["replace"] is False
    assert counts["verdict"] == card["verdict"]["sentence"]
    assert card["n"] == ROWS
    assert count_rows(folder, "items") == 4 * ROWS
    assert card["efficiency"]["student"]["parameters"] > 500_000
    assert card["efficiency"]["student"]["bytes"] > 2_000_000
    assert card["efficiency"]["student"]["peak_bytes"] > 50_000_000
    per_request = card["efficiency"]["student"]["seconds_per_request"]
    assert card["efficiency"]["student_usd_per_1000"] == pytest.approx(per_request)
    assert "no price" in card["break_even"]["why"], "the practice teacher is free of charge"
    assert card["efficiency"]["teacher"]["p95_s"] >= card["efficiency"]["teacher"]["p50_s"] > 0
    again = STAGE.work(run, folder)
    assert (again["sent"], again["reused"], again["usd"]) == (0, ROWS, 0)
    told = orjson.loads((folder / "scorecard.json").read_bytes())
    assert told["arms"]["teacher"] == arms["teacher"]
    assert "p50_s" not in told["efficiency"]["teacher"]


def test_every_arm_answers_the_same_prompts_in_the_items(tmp_path):
    run = run_in(tmp_path)
    leave_students(run, "model")
    STAGE.work(run, run.folder / "scorecard")
    rows = list(read_table(run.folder / "scorecard", "items"))
    by_prompt = {}
    for row in rows:
        by_prompt.setdefault(row["prompt_id"], []).append(row["arm"])
    assert set(map(tuple, by_prompt.values())) == {("teacher", "student")}
    assert all(row["status"] == "truncated" for row in rows if row["finish_reason"] == "length")


def test_a_random_control_is_asked_and_says_what_the_choice_bought(tmp_path):
    run = run_in(tmp_path)
    leave_students(run, "model", "control_random")
    STAGE.work(run, run.folder / "scorecard")
    card = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())
    assert list(card["arms"]) == ["teacher", "student", "control_random"]
    assert "`select`" in card["arms"]["control_random"]["how"]
    assert card["selection"]["low"] < card["selection"]["value"] < card["selection"]["high"]
    assert card["filtering"] is None


def test_without_references_nobody_is_asked_and_the_scorecard_says_what_to_give(tmp_path):
    run = run_in(tmp_path, references=False)
    leave_students(run, "model")
    counts = STAGE.work(run, run.folder / "scorecard")
    card = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())
    assert (counts["items"], counts["sent"], counts["usd"]) == (0, 0, 0)
    assert card["verdict"]["sentence"] == (
        f"There is no verdict: none of the {ROWS} held-out prompts has a reference to hold an answer against."
    )
    assert "`reference`" in card["verdict"]["give"][0]
    assert card["arms"]["student"]["excluded"] == ROWS
    assert card["efficiency"] == {"student": {}, "teacher": {}}
    assert card["break_even"]["requests"] is None


def priced(run: Run, name: str) -> Run:
    teacher = run.recipe.teacher.model_copy(update={"price": Price(input=1000.0, output=1000.0)})
    recipe = run.recipe.model_copy(update={"name": name, "teacher": teacher})
    return replace(run, recipe=recipe)


def test_a_run_that_reuses_anothers_answers_is_not_free_and_paid_nothing(tmp_path):
    first = priced(run_in(tmp_path), "first")
    leave_students(first, "model")
    bought = [
        {**dict.fromkeys(COMPLETIONS.names, ""), "draw": 0, "input_tokens": 1, "output_tokens": 1, "usd": 0.25}
    ] * 4
    write_table(first.folder / "completions", "completions", COMPLETIONS, bought)
    costs = []
    for run in (first, priced(first, "second")):
        STAGE.work(run, run.folder / "scorecard")
        costs.append(orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())["costs"])
    assert costs[0]["paid_by_this_run"] > 0 == costs[1]["paid_by_this_run"]
    assert costs[1]["distillation_usd"] == costs[0]["distillation_usd"]
    assert costs[0]["distillation_usd"] == pytest.approx(1.0 + costs[0]["paid_by_this_run"])


def test_the_items_name_the_model_that_answered_for_the_teacher(tmp_path):
    run = run_in(tmp_path)
    leave_students(run, "model")
    STAGE.work(run, run.folder / "scorecard")
    for row in read_table(run.folder / "scorecard", "items"):
        assert ("(simulated-" in row["snapshot"]) == (row["arm"] == "teacher")


def test_a_student_may_write_as_many_of_its_own_tokens_as_it_was_trained_on(tmp_path):
    run = run_in(tmp_path)
    assert longest_answer(run) == 60, "without a record"
    record = run.folder / "student" / "training.json"
    record.parent.mkdir(parents=True)
    for arms, cap in [
        ({"student": {}}, 60),
        ({"student": {"longest_answer": 31}}, 60),
        ({"student": {"longest_answer": 90}, "control_unfiltered": {"longest_answer": 110}}, 110),
    ]:
        record.write_bytes(orjson.dumps({"arms": arms}))
        assert longest_answer(run) == cap


@pytest.mark.parametrize(
    ("text", "finish", "status"),
    [("a", "stop", "ok"), ("", "stop", "unparsable"), (" \n", "stop", "unparsable"), ("", "length", "truncated")],
)
def test_a_local_answer_has_the_status_that_the_teachers_would_have(text, finish, status):
    assert answer_status(text, finish) == status
    body = {"model": "m", "choices": [{"index": 0, "message": {"content": text}, "finish_reason": finish}]}
    assert read_reply(orjson.dumps(body)).choices[0].status == status


def test_a_teacher_that_does_not_answer_is_a_broken_world(tmp_path):
    run = run_in(tmp_path, "practice://skills?fail_500=1&fail_times=100")
    leave_students(run, "model")
    with pytest.raises(BrokenWorld, match=r"held-out prompts got no answer|500"):
        STAGE.work(run, run.folder / "scorecard")


def test_without_a_student_it_says_to_train_one_and_asks_nobody(tmp_path):
    run = run_in(tmp_path)
    with pytest.raises(BadStudent, match="potstill train"):
        STAGE.work(run, run.folder / "scorecard")
    assert not run.ledger.exists()


def test_preflight_finds_a_broken_pattern(tmp_path):
    STAGE.preflight(run_in(tmp_path))
    with pytest.raises(BadRecipe, match=r"eval\.grader\.pattern"):
        STAGE.preflight(run_in(tmp_path, grader={"kind": "regex", "pattern": "("}))


def test_a_change_of_the_grader_is_another_evaluation_and_one_of_training_is_not(tmp_path):
    recipe = run_in(tmp_path).recipe
    other = recipe.model_copy(update={"eval": recipe.eval.model_copy(update={"retain": 0.5})})
    trained = recipe.model_copy(update={"train": recipe.train.model_copy(update={"seed": 7})})
    assert STAGE.settings(other) != STAGE.settings(recipe)
    assert STAGE.settings(trained) == STAGE.settings(recipe)


def reply(seconds: float, *, reused: bool, status: str = "ok") -> Reply:
    return Reply(status, "a", "stop", "", "00", "p", "m", "m", 10, 5, 0.002, reused, seconds)


def test_latency_is_of_what_was_sent_now_and_price_of_everything(tmp_path):
    replies = [reply(100.0, reused=True)] * 10 + [reply(second, reused=False) for second in range(1, 21)]
    found = efficiency(run_in(tmp_path).recipe, None, [*replies, reply(0, reused=False, status="error:500")])
    assert found["teacher"]["usd_per_1000"] == pytest.approx(2.0)
    assert (found["teacher"]["p50_s"], found["teacher"]["p95_s"]) == (10, 19)
    assert found["student"] == {}
    assert "student_usd_per_1000" not in found


def test_the_stage_is_known_without_its_heavy_packages():
    heavy = ["torch", "transformers", "trl", "datasets", "peft", "scipy", "matplotlib"]
    look = f"import sys, potstill.eval.stage; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
