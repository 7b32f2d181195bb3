"""A run up to its held-out prompts, and students that have learnt nothing, to evaluate."""

from pathlib import Path

from potstill.prompts.reading import prompt_id
from potstill.recipe import Recipe
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import PROMPTS, prompt_columns
from potstill.store.screen import PlainScreen
from potstill.store.tables import write_table
from potstill.student.load import Scratch, load_student, save_student
from potstill.teacher.practice.source import practice_prompts

ROWS = 30


def run_in(
    home: Path, teacher: str = "practice://skills?refused=0&truncated=0", *, references: bool = True, **judged: object
) -> Run:
    sections = {
        "teacher": {"base_url": teacher, "model": "practice-1", "attempts": 1},
        "prompts": {"path": f"practice://skills?rows={ROWS}"},
        "generate": {"max_tokens": 60},
        "eval": {"timed_prompts": 0, **judged},
    }
    run = Run(Recipe.model_validate({"name": "test", **sections}), home, home / "runs" / "test", PlainScreen())
    rows = list(practice_prompts(f"practice://skills?rows={ROWS}"))
    prompts = [
        Prompt(
            prompt_id(conversation(("user", row["prompt"]))),
            conversation(("user", row["prompt"])),
            row["family"],
            "heldout",
            "practice",
            (at,),
            row["reference"] if references else None,
            row["slice"],
        )
        for at, row in enumerate(rows)
    ]
    write_table(run.folder / "samples", "heldout", PROMPTS, map(prompt_columns, prompts))
    return run


def leave_students(run: Run, *names: str) -> None:
    texts = [row["prompt"] + row["reference"] for row in practice_prompts("practice://skills?rows=200")]
    for seed, name in enumerate(names):
        student = load_student("scratch:tiny", run.home, scratch=Scratch(texts, 300, seed))
        save_student(student, run.folder / "student" / name)
