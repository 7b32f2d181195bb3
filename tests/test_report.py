"""The page of a run: whole, escaped, self-contained, the same for the same files, and honest about what is missing."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from potstill.errors import BrokenWorld
from potstill.eval.items import ITEMS
from potstill.report.gallery import Gallery
from potstill.report.page import render
from potstill.report.reading import STAGES, read_facts
from potstill.report.stage import STAGE
from potstill.store.run import Run
from potstill.store.tables import read_table, write_table

from .reporting import ATTACK, RIGHT, edit, make_run, page_of, prompt


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
    for command in ("potstill generate", "potstill filter", "potstill train", "potstill eval", "potstill plan"):
        assert command in page
    assert "No verdict yet" in page


@pytest.mark.parametrize("missing", [(), ("train", "eval")])
def test_an_extra_is_named_only_where_it_is_missing(tmp_path: Path, missing: tuple[str, ...]) -> None:
    run = make_run(tmp_path)
    for stage in ("scorecard", "student"):
        shutil.rmtree(run.folder / stage)
    page = render(replace(read_facts(run), missing=missing), Gallery())
    assert "<code>potstill train</code>" in page
    for extra in ("train", "eval"):
        assert (f"pip install 'potstill[{extra}]'" in page) == (extra in missing)


def test_rows_that_nothing_was_trained_on_are_not_called_so(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "Answers that the student was trained on." in page_of(run)
    for stage in ("scorecard", "student"):
        shutil.rmtree(run.folder / stage)
    page = page_of(run)
    assert "student was trained on" not in page
    assert "Answers that every rule let pass" in page


@pytest.mark.parametrize(
    "gone",
    [
        "verdict",
        "by",
        "arms",
        "retained",
        "kept_alone",
        "filtering",
        "selection",
        "teaching",
        "slices",
        "slices_left",
        "tasks",
        "judge",
        "efficiency",
        "costs",
        "break_even",
        "confidence",
        "smallest_difference",
    ],
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
    wrong = page[page.index('id="wrong"') : page.index('id="disputed"')]
    shown = re.findall(r"student says (\d+)", wrong)
    assert len(shown) == 5
    assert "5 of 40" in wrong
    for number in map(int, shown):
        assert number - 1000 >= RIGHT["student"], "the others were right"
        assert str(prompt(number).reference) in wrong
        assert number - 1000 < RIGHT["teacher"] or f"teacher says {number}" in wrong


@pytest.mark.parametrize(("unmarked", "wrong"), [("teacher", "1 of 1<"), ("student", "1 of 1<"), ("base", "5 of 40<")])
def test_a_prompt_without_a_mark_for_student_or_teacher_is_not_among_the_wrong_ones(
    tmp_path: Path, unmarked: str, wrong: str
) -> None:
    run = make_run(tmp_path)
    rows = list(read_table(run.folder / "scorecard", "items"))
    for row in rows:
        if row["prompt_id"] != "p1399" and row["arm"] == unmarked:
            row |= {"verdict": "error", "score": None}
    write_table(run.folder / "scorecard", "items", ITEMS, rows)
    page = page_of(run)
    assert (
        wrong
        in page[page.index('id="wrong"') : page.index('id="disputed"' if 'id="disputed"' in page else 'id="dropped"')]
    )


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
    assert re.search(r"this run was charged</dt><dd>\$8\.13", page)


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
    assert counts == {"bytes": (run.folder / "report" / "report.html").stat().st_size, "stages": 5, "rows_shown": 25}


def test_the_page_says_what_its_numbers_count(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    for words in (
        "requests sent, retries included",
        "answers reused, already paid",
        "answers failed",
        "own tokens",
        "on the 400 prompts that have a mark for student and teacher",
        "drawn from all whole answers, repeats included",
        "Whole answers that a rule dropped",
    ):
        assert words in page
    assert re.search(r"tokens per second</dt><dd>1,234<small>written in batches of 64</small>", page), (
        "throughput is called so"
    )
    assert re.search(r"<th>in full batches</th><td[^>]*>31 ms<small>29 ms to 33 ms</small>", page)
    for gone in ("no other traffic", "paid for itself", "before filtering"):
        assert gone not in page


def test_rows_that_were_dropped_and_leaks_are_told(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path))
    assert "for example, at random: no shape &lt;fits&gt;" in page
    assert re.search(r"<th>held-out prompts</th><td[^>]*>400</td><td[^>]*>2</td><td[^>]*>1</td>", page)
    assert "<li>Paraphrases are not seen.</li>" in page
    assert "Looked and dropped nothing: length." in page
