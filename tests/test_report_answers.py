"""What the page answers: may I switch, how sure, what fails, what did it cost; judged by whom; and what it does not know."""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pytest

from potstill.eval.findings import Way
from potstill.ledger.entries import Answered, Cap, Charge, Payer, Reservation, Reserved, Settlement
from potstill.ledger.ledger import Ledger
from potstill.report.items import duel, mark_of
from potstill.report.questions import four_questions
from potstill.report.reading import read_facts
from potstill.report.untested import untested
from potstill.store.run import Run
from potstill.store.tables import read_table

from .reporting import RICH, World, edit, make_run, page_of, rich


def book(path: Path, run: str, stage: str, usd: float) -> None:
    """Let the ledger have charged this to a stage of a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = Reservation(Payer(run, stage, "digest", "teacher"), (stage.encode(),), Charge(100, 200, 3.0), Cap())

    async def work() -> None:
        got = await ledger.reserve(wanted)
        assert isinstance(got, Reserved)
        answer = Answered(b"{}", {stage.encode(): 0}, 0.25)
        await ledger.settle(Settlement(got, "ok", Charge(3, 4, usd), answer=answer), wanted)

    with Ledger(path) as ledger:
        asyncio.run(work())


WAYS: tuple[Way, ...] = ("reference", "agreement", "pairs", "grades")


def answers(run: Run) -> dict[str, str]:
    return {one.question.split("?")[0]: f"{one.short}. {one.long}" for one in four_questions(read_facts(run))}


def text_of(page: str, section: str) -> str:
    """The words of a section, without its tags."""
    found = re.search(rf'<section id="{section}".*?</section>', page, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split()) if found else ""


def test_the_four_questions_are_answered_from_the_figures(tmp_path: Path) -> None:
    said = answers(make_run(tmp_path, world=World(priced=True, planned=True)))
    assert said["May I switch"].startswith(
        "Yes. On prompts like these it keeps at least 95.7% of the teacher’s score, and 95.0%"
    )
    assert "97.8% kept, 95.7 to 98.9%" in said["How sure"]
    assert "from 400 prompts, the luck of training not included (one seed)" in said["How sure"]
    assert "wrong where the teacher is right on 8 of 400 prompts; on 0" in said["What fails"]
    cost = said["What did it cost, and when does it pay"]
    assert "$8.13" in cost
    assert "Planned were $0.20 to $0.80, most likely $0.30" in cost
    assert "It pays after about 485 requests (412 to 590), while there are 1,200 an hour or more." in cost


@pytest.mark.parametrize(
    ("change", "kept", "expected"),
    [
        ({"replace": False}, (0.857, 0.989), "No. On prompts like these it keeps at most 98.9%"),
        (
            {"replace": None, "give": ["More prompts."]},
            (0.941, 0.989),
            "Not on this evidence. 97.8% of the teacher’s score is kept, but the interval, 94.1 to 98.9%, does not lie on one "
            "side of the 95.0%",
        ),
    ],
)
def test_whether_to_switch_follows_the_verdict_alone(
    tmp_path: Path, change: dict[str, object], kept: tuple[float, float], expected: str
) -> None:
    run = make_run(tmp_path)

    def say(card: dict[str, Any]) -> None:
        card["verdict"].update(change)
        card["retained"].update(low=kept[0], high=kept[1])

    edit(run.folder / "scorecard" / "scorecard.json", say)
    assert answers(run)["May I switch"].startswith(expected)


def test_a_yes_of_a_simulated_teacher_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path, "practice://skills", "practice-1 (simulated-1f)")
    assert "this is about no real model" in answers(run)["May I switch"]


def test_a_run_without_an_evaluation_says_what_it_has_spent(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.folder / "scorecard" / "manifest.json").unlink()
    assert "$0.012 so far" in answers(run)["What did it cost, and when does it pay"], "what the answers cost"
    book(run.ledger, run.recipe.name, "generate", 0.25)
    assert "$0.25 so far" in answers(run)["What did it cost, and when does it pay"], "what the ledger charged"
    assert re.search(r"this run was charged</dt><dd>\$0\.25", page_of(run))


def test_planned_stands_beside_charged_stage_by_stage(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=World(planned=True))
    book(run.ledger, run.recipe.name, "generate", 0.25)
    book(run.ledger, run.recipe.name, "eval", 0.5)
    money = text_of(page_of(run), "money")
    assert "training answers $0.10 to $0.40 $0.15 $1.50 $0.25" in money
    assert "evaluation $0.10 to $0.40 $0.15 $2.50 $0.50" in money
    assert "all together $0.20 to $0.80 $0.30 $4.00 $0.75" in money
    assert "2 answers had been paid by an earlier pass" in money
    edit(run.folder / "plan.json", lambda plan: plan["ledger"].update(bought=37))
    assert "the ledger had 37 answers already: the plan is of the rest" in text_of(page_of(run), "money")


def test_where_nothing_was_planned_the_page_says_how_to(tmp_path: Path) -> None:
    assert "Nothing was planned: potstill plan says" in text_of(page_of(make_run(tmp_path)), "money")


def test_without_a_price_of_the_machine_it_says_why_there_is_no_break_even_and_what_bounds_it(tmp_path: Path) -> None:
    money = text_of(page_of(make_run(tmp_path)), "money")
    assert "the machine that trained no price: eval.machine_usd_per_hour" in money
    # $0.172 spent, of which the teacher's 1,000 requests are $0.40.
    assert "the student's machine has no price" in money
    assert "cannot be before 430 requests" in money


@pytest.mark.parametrize("by", WAYS)
def test_the_kinds_of_items_are_counted_as_they_are_marked(tmp_path: Path, by: Way) -> None:
    run = make_run(tmp_path, world=rich(by))
    card = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())
    ceiling = card["ceiling"]
    assert ceiling == ("teacher_again" if by == "agreement" else "teacher")
    found = duel(run.folder / "scorecard", ceiling)
    assert found.worse + found.better + found.same == card["n"]
    rows = {(row["arm"], row["prompt_id"]): mark_of(row) for row in read_table(run.folder / "scorecard", "items")}
    lead = [
        mark - (rows[ceiling, prompt] or 0)
        for (arm, prompt), mark in rows.items()
        if arm == "student" and mark is not None
    ]
    assert (found.worse, found.better) == (sum(one < 0 for one in lead), sum(one > 0 for one in lead))


def test_every_arm_of_several_seeds_has_a_row_and_the_mean_is_called_one(tmp_path: Path) -> None:
    scores = text_of(page_of(make_run(tmp_path, world=rich())), "scores")
    # The kept one is right on 360 of 400, the two others on 366 and 352; of the mean nothing can be counted.
    assert re.search(r"mean of 3 students 89\.8% [\d.]+ to [\d.]+% – – – –", scores)
    assert "student, kept 90.0% 86.6 to 92.6% 360 40 0" in scores
    assert "student, seed 3 88.0%" in scores
    assert "references only 71.8%" in scores
    assert len(RICH) == 9


ONE_SEED = {name: right for name, right in RICH.items() if name not in ("student_2", "student_3")}


def test_what_teacher_and_filter_bought_stands_with_its_interval(tmp_path: Path) -> None:
    bought = text_of(page_of(make_run(tmp_path, world=World(right=ONE_SEED))), "filtering")
    for who in ("Filtering", "Choosing alone", "The teacher"):
        assert re.search(rf"{who} bought \+\d+\.\d points \(\+\d+\.\d to \+\d+\.\d, p [<=]", bought)


def test_no_chance_is_told_of_several_seeds_for_no_test_knows_their_luck(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path, world=rich()))
    bought = text_of(page, "filtering")
    for who in ("Filtering", "Choosing alone", "The teacher"):
        assert re.search(rf"{who} bought \+\d+\.\d points \(\+\d+\.\d to \+\d+\.\d\):", bought)
    assert "95% interval p " not in text_of(page, "compared")
    assert not re.search(r"p [<=–\d]|p-values", text_of(page, "slices"))
    assert "95% interval p " in text_of(page_of(make_run(tmp_path / "one", world=World(right=ONE_SEED))), "compared")


def test_the_share_of_the_student_that_is_kept_stands_beside_that_of_all(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich())
    compared = text_of(page_of(run), "compared")
    assert "retained 97.6%" in compared
    assert "by the one that is kept 97.8% 95.7 to 98.9%" in compared
    alone = {"value": 0.9, "low": 0.88, "high": 0.92}

    def fail_alone(card: dict[str, Any]) -> None:
        card["verdict"]["replace"], card["kept_alone"] = False, alone

    edit(run.folder / "scorecard" / "scorecard.json", fail_alone)
    assert answers(run)["May I switch"].startswith(
        "No. On prompts like these the student that is kept keeps at most 92.0% of the teacher’s score, and 95.0%"
    )


def test_a_share_that_is_clear_and_not_believed_has_the_verdicts_own_reason(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    doubt = {"replace": None, "sentence": "There is no verdict: half of the prompts have no mark.", "give": []}
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card["verdict"].update(doubt))
    said = answers(run)["May I switch"]
    assert said == "Not on this evidence. There is no verdict: half of the prompts have no mark."


def test_slices_that_are_not_told_are_counted(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich())
    assert "not shown" not in text_of(page_of(run), "slices")
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card.update(slices_left=7))
    assert "7 smaller slices are not shown." in text_of(page_of(run), "slices")


def test_agreement_by_chance_is_an_arm_with_a_name(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path, world=rich("agreement")))
    assert "by chance 1.0%" in text_of(page, "scores")
    assert "on the 400 prompts that have a mark for student and teacher again" in text_of(page, "scores")
    assert re.search(r"teacher – (– )+", text_of(page, "scores")), "what the others are held against is not scored"
    assert "score over the teacher’s agreement with itself" in text_of(page, "compared")


def test_in_pairs_the_teacher_has_no_score_and_the_share_is_of_an_equals_points(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich("pairs"))
    page = page_of(run)
    assert "teacher – 11 – – – – – student" in text_of(page, "scores"), "nothing counted of it, and nothing left out"
    drawn = re.findall(r'<svg[^>]*aria-label="Scores: ([^"]*)"', page)
    assert drawn
    assert not any("teacher" in one for one in drawn)
    assert "◇ teacher" not in text_of(page, "slices")
    for said in (text_of(page, "compared"), answers(run)["May I switch"]):
        assert "of the half of the points that an equal would have" in said or "over the half of the points" in said
        assert "teacher’s score" not in said


def test_a_judge_that_goes_by_length_is_said_to(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich("pairs", passed=False))
    assert "longer wrong answers" not in text_of(page_of(run), "judge")
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card["judge"]["exam"].update(by_length=True))
    assert "On the longer wrong answers, or on the shorter ones, it does badly." in text_of(page_of(run), "judge")


def test_references_without_a_control_are_called_a_chance_that_was_missed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "train.controls: [seeds_only]" in page_of(run)
    assert any(
        sentence.startswith("What the teacher bought: 48 training rows") for sentence in untested(read_facts(run))
    )
    edit(run.folder / "student" / "training.json", lambda training: training.update(references=0))
    assert "What the teacher bought" not in " ".join(untested(read_facts(run)))


def test_slices_and_tasks_have_pictures_and_the_same_numbers_beside_them(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich())
    card = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())
    page = page_of(run)
    assert len(card["slices"]) == 4
    for one in card["slices"]:
        share = f"{100 * one['arms']['student']['value']:.1f}%"
        assert f"{one['name']} {one['n']} {share}" in text_of(page, "slices")
        assert share in " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", page))
    tasks = text_of(page, "tasks")
    assert "ifeval marked by constraints, 200 of 200 prompts" in tasks
    assert "student 48.0% 41.1 to 54.9% 176 of 320" in tasks


def test_the_judge_is_named_with_family_examination_consistency_and_lengths(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path, world=rich("pairs")))
    judge = text_of(page, "judge")
    assert "judge-large at judges.example.org" in judge
    assert "It is of the teacher’s own family" in judge
    assert "passed 28 right of 29" in judge
    # Of 400 answers 127 are the teacher's own text: nobody is asked about those.
    assert "consistent 92.7% its two orders contradict each other on 20 of 273" in judge
    assert "mean length 41 to 37" in judge
    scores = text_of(page, "scores")
    assert "mean characters win tie loss inconsistent" in scores, "no win rate without the lengths beside it"
    assert "No verdict 5 of 20" in " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_what_a_judge_that_failed_its_examination_said_is_not_shown(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich("pairs", passed=False))
    page = page_of(run)
    assert "examination not passed" in text_of(page, "judge")
    assert "consistent" not in text_of(page, "judge")
    assert 'id="undecided"' not in page
    assert answers(run)["May I switch"].startswith(
        "Not on this evidence. The judge judge-large did not pass its examination."
    )


def test_disagreements_are_prompts_that_one_of_the_two_has_right(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    wall = page[page.index('id="disputed"') : page.index('id="dropped"')]
    assert "5 of 8<" in wall
    assert wall.count("student: wrong; teacher: right") == 5


def test_what_was_not_tested_depends_on_what_was(tmp_path: Path) -> None:
    poor = " ".join(untested(read_facts(make_run(tmp_path / "poor"))))
    whole = " ".join(untested(read_facts(make_run(tmp_path / "rich", world=rich("pairs")))))
    assert "What the student forgot" in poor
    assert "Single kinds of prompts" in poor
    assert "What the student forgot" not in whole
    assert "Single kinds of prompts" not in whole
    assert "beside them only `ifeval`, `arithmetic` were tried" in whole
    assert "not held against the judgement of people" in whole


def test_a_student_that_was_not_timed_is_called_so(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card["efficiency"].update(student={}))
    assert "Speed: the student was not timed." in untested(read_facts(run))
    assert "teacher 500 ms" not in page_of(run)
