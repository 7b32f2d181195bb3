"""What the killed children do: the stages of one small project against the light server. Each ends with an exit status."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from potstill.store.run import Run

from .teacher_forks import fork
from .teacher_prompts import name_of
from .teacher_runs import OUTPUT_CAP, make_run

NOT_COMPARED = frozenset({"usd", "seconds", "attempts", "response_id", "created"})
"""Columns of money, times, attempts and the provider's own ids: two runs may differ in them."""


def project(home: Path, base_url: str = "http://127.0.0.1:9/v1", at_once: int = 32, **recipe: Any) -> Run:
    """The project in a folder: as many prompts as may be for training."""
    prompts = {"path": "prompts.jsonl", "heldout": {"share": 0.001, "least": 1}}
    return make_run(home, base_url, recipe={"prompts": prompts, **recipe}, concurrency=at_once)


def prepare(home: Path) -> int:
    """The stage `prompts`."""
    from potstill import pipeline

    pipeline.run_stage(project(home), pipeline.stage_named("prompts"))
    return 0


def generate(home: Path, base_url: str, at_once: int, **recipe: Any) -> int:
    """The stage `generate`; the exit status is that of the command."""
    from potstill import pipeline
    from potstill.errors import PotstillError

    try:
        pipeline.run_stage(project(home, base_url, at_once, **recipe), pipeline.stage_named("generate"))
    except PotstillError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def hand_over(home: Path, base_url: str, at_once: int, handed: Path) -> int:
    """Ask as the stage `generate` does, and write the name of each prompt whose answer was handed over, at once."""
    from potstill.store.rows import Prompt, last_user_text
    from potstill.store.schemas import read_prompts
    from potstill.teacher.loop import run_async
    from potstill.teacher.open import open_teacher
    from potstill.teacher.reply import Question
    from potstill.teacher.workers import ask_all

    run = project(home, base_url, at_once)
    file = os.open(handed, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    rows = list(read_prompts(run.folder / "prompts"))

    async def work() -> None:
        async with open_teacher(run, "generate") as teacher:

            async def ask(prompt: Prompt) -> None:
                await teacher.ask(Question(prompt.messages, {"max_tokens": OUTPUT_CAP}))
                os.write(file, name_of(last_user_text(prompt.messages)).encode() + b"\n")

            asked = [prompt for prompt in rows if prompt.side == "train"]
            await ask_all(teacher, asked, ask, run.screen, "hand over", len(asked))

    run_async(work())
    return 0


def digest_of_tables(home: Path, said: Path) -> str:
    """A digest over the completions of a project, without the columns in which two runs may differ."""
    told = home / "digest"
    fork(lambda: _digest(home, told), said).end()
    return told.read_text()


def _digest(home: Path, told: Path) -> int:
    from potstill.store.tables import read_table

    digest = hashlib.blake2b()
    rows = 0
    for row in read_table(project(home).folder / "completions", "completions"):
        digest.update(repr(sorted((name, row[name]) for name in row if name not in NOT_COMPARED)).encode())
        rows += 1
    told.write_text(f"{rows} {digest.hexdigest()}")
    return 0
