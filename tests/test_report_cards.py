"""The cards of student and rows: what the Hub reads in front, and the page's own figures behind it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from potstill.report.columns import MEANINGS
from potstill.store.schemas import samples_schema
from potstill.store.tables import read_table

from .reporting import ATTACK, World, edit, make_run, report_of, rich

CARDS = ("model_card.md", "dataset_card.md")


def parts(card: str) -> tuple[dict[str, Any], str]:
    """Front matter and body."""
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#39;", "'").replace("&amp;", "&").split())


@pytest.mark.parametrize("by", ["reference", "pairs"])
def test_page_and_cards_have_the_same_figures(tmp_path: Path, by: Any) -> None:
    folder = report_of(make_run(tmp_path, world=rich(by)))
    page = plain((folder / "report.html").read_text(encoding="utf-8"))
    sentence = re.search(r"Verdict (.*?\.) For a verdict|Verdict (.*?asked for\.)", page)
    retained = re.search(r"retained ([\d.]+%) ([\d.]+ to [\d.]+%)", page)
    graded = re.search(r"on the ([\d,]+) prompts that have a mark for student and teacher", page)
    costs = re.findall(r"(?:the distillation|this run was charged|a kept row) (\$[\d.]+)", page)
    pays = re.search(
        r"It pays after about [\d,]+ requests \([\d,]+ to [\d,]+\), while there are [\d,]+ an hour or more\.", page
    )
    assert sentence
    assert retained
    assert graded
    assert pays
    assert len(set(costs)) == 3
    for name in CARDS:
        card = (folder / name).read_text(encoding="utf-8")
        assert f"**{sentence[1] or sentence[2]}**" in card, name
        assert f"{retained[1]} ({retained[2]})" in card, name
        assert re.search(rf"on (?:the )?{graded[1]} prompts", card), name
        assert pays[0] in card, name
        for cost in costs:
            assert cost in card, f"{name}: {cost}"


def test_the_front_of_the_cards_is_what_the_hub_reads(tmp_path: Path) -> None:
    folder = report_of(make_run(tmp_path))
    (model, _), (data, _) = (parts((folder / name).read_text(encoding="utf-8")) for name in CARDS)
    assert model["library_name"] == "transformers"
    assert model["pipeline_tag"] == "text-generation"
    assert model["base_model"] == "Qwen/Qwen3-0.6B"
    assert model["model-index"][0]["results"][0]["metrics"][0] == {"type": "accuracy", "name": "score", "value": 0.9}
    assert model["license"] == data["license"] == "unknown"
    assert data["size_categories"] == ["n<1K"]
    assert data["configs"][0]["data_files"] == [{"split": "train", "path": "train-*.parquet"}]
    assert len(list(read_table(folder.parent / "samples", "train"))) == 48


def test_the_card_of_one_of_several_students_lists_its_own_results(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=rich())
    model, body = parts((report_of(run) / "model_card.md").read_text(encoding="utf-8"))
    score, kept = model["model-index"][0]["results"][0]["metrics"]
    # 368, 360 and 366, 352 of 400: the teacher, the student that is kept and the two others.
    assert score["value"] == 0.9
    assert kept == {"type": "retained", "name": "share of the teacher’s score", "value": 0.9783}
    assert "Retained: 97.6% (" in body
    assert "By the one that is kept: 97.8% (95.7 to 98.9%)." in body


def test_a_card_of_judged_pairs_names_no_score_of_the_teacher(tmp_path: Path) -> None:
    model, body = parts((report_of(make_run(tmp_path, world=rich("pairs"))) / "model_card.md").read_text("utf-8"))
    score, kept = model["model-index"][0]["results"][0]["metrics"]
    assert kept["name"] == "share of the half of the points that an equal would have"
    assert kept["value"] == pytest.approx(2 * score["value"], abs=1e-4)
    assert "| teacher | – | – |" in body


def test_no_base_model_is_named_that_the_hub_does_not_have(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    scratch = run.recipe.model_copy(update={"train": run.recipe.train.model_copy(update={"student": "scratch:tiny"})})
    object.__setattr__(run, "recipe", scratch)
    front, _ = parts((report_of(run) / "model_card.md").read_text(encoding="utf-8"))
    assert "base_model" not in front


def test_every_column_of_the_rows_has_a_meaning(tmp_path: Path) -> None:
    columns = [name for name in samples_schema({}).names if not name.startswith("score_")]
    assert set(columns) <= MEANINGS.keys()
    card = (report_of(make_run(tmp_path)) / "dataset_card.md").read_text(encoding="utf-8")
    for name in [*columns, "score_agreement"]:
        assert re.search(rf"^\| `{name}` \| [^|]+ \| [^|]+ \|$", card, re.MULTILINE), name


def test_what_the_run_says_is_no_html_in_the_cards(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    edit(run.folder / "scorecard" / "scorecard.json", lambda card: card["verdict"]["conditions"].append(ATTACK))
    cards = [(report_of(run) / name).read_text(encoding="utf-8") for name in CARDS]
    assert not any("<script" in card for card in cards)
    assert "&lt;script&gt;" in cards[0]


def test_a_simulated_teacher_is_called_so_on_both_cards(tmp_path: Path) -> None:
    folder = report_of(make_run(tmp_path, "practice://skills", "practice-1 (simulated-1f)"))
    for name in CARDS:
        front, body = parts((folder / name).read_text(encoding="utf-8"))
        assert "simulated-teacher" in front["tags"]
        assert "**Simulated teacher" in body


def test_cards_are_of_what_there_is(tmp_path: Path) -> None:
    run = make_run(tmp_path, world=World())
    for stage in ("student", "scorecard"):
        (run.folder / stage / "manifest.json").unlink()
    folder = report_of(run)
    assert not (folder / "model_card.md").exists()
    assert "## Columns" in (folder / "dataset_card.md").read_text(encoding="utf-8")
