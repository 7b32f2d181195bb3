"""Runs of Potstill for the benches: a recipe against the light server, prompts from a file, nobody to watch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from potstill.ledger.key import Draw
from potstill.recipe import Recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.reply import Question, Reply

from .teacher_prompts import messages

OUTPUT_CAP = 400
PRICE = {"input": 2.0, "output": 10.0}
"""US dollars per million tokens, made up: an answer of 150 + 300 tokens costs $0.0033."""


def make_run(home: Path, base_url: str, *, recipe: dict[str, Any] | None = None, **teacher: Any) -> Run:
    """A run in a folder of its own; `recipe` adds to its sections, `teacher` to the teacher's."""
    section = {"base_url": base_url, "model": "bench-1", "name": "bench", "price": PRICE, **teacher}
    values: dict[str, Any] = {"name": "bench", "teacher": section, "prompts": {"path": "prompts.jsonl"}}
    values |= {"generate": {"max_tokens": OUTPUT_CAP}} | (recipe or {})
    return Run(Recipe.model_validate(values), home, home / "runs" / "bench", PlainScreen())


async def ask_prompts(run: Run, count: int, extra: dict[str, Any], heard: Callable[[Reply], None]) -> None:
    """Ask the first `count` prompts as the stage `generate` does; `heard` gets every reply as it is handed over."""
    from potstill.teacher.open import open_teacher
    from potstill.teacher.workers import ask_all

    options = {"max_tokens": OUTPUT_CAP, **extra}
    async with open_teacher(run, "generate") as teacher:

        async def ask(asked: Any) -> None:
            for reply in await teacher.ask(Question(asked, options, (Draw(),))):
                heard(reply)

        await ask_all(teacher, messages(count), ask, run.screen, "bench", count)
