"""Near duplicates among the prompts: asked once, before anything is paid; what an earlier load asked stays."""

from pathlib import Path
from typing import Any

import orjson

from potstill.pipeline import run_stage, stage_named
from potstill.recipe import Recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import read_table

STORY = (
    "once upon a time a small grey mouse went out of the house to look for cheese and never came back to tell the tale"
)
QUESTIONS = [
    f"Question {number}: why does the river number {number} run to the sea so slowly in the month of May?"
    for number in range(12)
]


def prompts_of(home: Path, texts: list[Any], **section: Any) -> tuple[Run, dict[str, Any]]:
    rows = [text if isinstance(text, dict) else {"prompt": text} for text in texts]
    (home / "p.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    recipe = {
        "teacher": {"base_url": "practice://skills", "model": "m"},
        "prompts": {"path": "p.jsonl", "heldout": {"least": 2}, **section},
    }
    run = Run(Recipe.model_validate(recipe), home, home / "runs", PlainScreen())
    return run, run_stage(run, stage_named("prompts")).manifest.counts


def asked(run: Run) -> list[str]:
    return [row["messages"][-1]["content"] for row in read_table(run.folder / "prompts", "prompts")]


def test_a_prompt_that_nearly_repeats_another_is_not_asked_and_names_it(tmp_path: Path) -> None:
    again = STORY.replace("the tale", "the story")
    run, counts = prompts_of(tmp_path, [*QUESTIONS, STORY, again, STORY.upper()])
    assert (counts["rows"], counts["merged"], counts["near"]) == (15, 0, 2)
    assert asked(run) == [*QUESTIONS, STORY]
    twins = list(read_table(run.folder / "prompts", "near"))
    [mate] = [
        row["id"] for row in read_table(run.folder / "prompts", "prompts") if row["messages"][-1]["content"] == STORY
    ]
    assert [(row["messages"][0]["content"], row["mate"], row["lines"]) for row in twins] == [
        (again, mate, [14]),
        (STORY.upper(), mate, [15]),
    ]
    assert 0.5 < twins[0]["similarity"] < 1
    assert twins[1]["similarity"] == 1


def test_prompts_that_differ_in_a_number_or_a_name_are_all_asked(tmp_path: Path) -> None:
    names = [
        f"please tell me in a few plain words who {name} was and why people still read what they wrote"
        for name in ("Homer", "Virgil")
    ]
    run, counts = prompts_of(tmp_path, [*QUESTIONS, *names])
    assert counts["near"] == 0
    assert len(asked(run)) == 14


def test_prompts_under_other_system_messages_or_with_other_references_are_all_asked(tmp_path: Path) -> None:
    rows = [
        {"prompt": STORY, "system": "be brief"},
        {"prompt": STORY + " now", "system": "be long"},
        {"prompt": STORY + " again", "reference": "yes"},
        {"prompt": STORY + " then", "reference": "no"},
    ]
    _, counts = prompts_of(tmp_path, [*QUESTIONS, *rows], near=0.7)
    assert counts["near"] == 0


def test_what_was_asked_before_stays_when_a_twin_comes_before_it(tmp_path: Path) -> None:
    prompts_of(tmp_path, [*QUESTIONS, STORY])
    again = STORY.replace("the tale", "the story")
    run, counts = prompts_of(tmp_path, [again, *QUESTIONS, STORY], near=0.7)
    assert counts["near"] == 1
    assert asked(run) == [*QUESTIONS, STORY]


def test_what_an_earlier_load_asked_stays_even_beside_a_twin(tmp_path: Path) -> None:
    texts = [*QUESTIONS, STORY, STORY.replace("the tale", "the story")]
    _, counts = prompts_of(tmp_path, texts, near=None)
    assert counts["near"] == 0
    new = "it is told that in the old days " + STORY.replace("the tale", "the story")
    run, counts = prompts_of(tmp_path, [*texts, new], near=0.7)
    assert counts["near"] == 1, "it nearly repeats the second of them alone, and that one is asked"
    assert asked(run) == texts


def test_null_asks_them_all(tmp_path: Path) -> None:
    _, counts = prompts_of(tmp_path, [*QUESTIONS, STORY, STORY + "!"], near=None)
    assert counts["near"] == 0
