"""The stage `generate`: ask the teacher every training prompt, then write `completions/` in prompt order.

It asks twice. The first pass buys, in whatever order answers come; the ledger is where it keeps them. The second
pass finds every answer there and projects the rows in order, so that memory does not grow with their number.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BrokenWorld
from ..prompts.templates import template_files
from ..recipe import Recipe
from ..store.rows import Prompt
from ..store.run import Run
from ..store.schemas import COMPLETIONS, completion_columns, read_prompt
from ..store.stage import Stage
from ..store.tables import TableWriter, read_table
from ..teacher.identity import recordings
from .answer import answer
from .completions import completion
from .plan import Plan, plan_of

FOLDER = "completions"
METHODS = {"answer": answer}
ASKED_AGAIN = frozenset({"error:lost", "error:torn", "error:unreached"})
"""With every `error:http_…` the rows that the next run asks again: no reply says that they cannot be answered."""


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Write the table `completions`, one row per draw, failed ones included, and return the counts."""
    from ..teacher.loop import run_async

    return run_async(_generate(run, folder))


async def _generate(run: Run, folder: Path) -> dict[str, Any]:
    from ..teacher.open import open_teacher

    plan = plan_of(run)
    async with open_teacher(run, "generate") as teacher:
        await _buy(run, plan, teacher)
        counts = teacher.tally.counts()
        statuses = await _project(run, plan, teacher, folder)
    rows = sum(statuses.values())
    _enough_usable(run, statuses, rows)
    owed = sum(count for status, count in statuses.items() if status in ASKED_AGAIN or status.startswith("error:http_"))
    status = dict(statuses.most_common())
    return {"prompts": rows // plan.draws, "rows": rows, "status": status, "owed": owed, **counts}


async def _buy(run: Run, plan: Plan, teacher: Any) -> None:
    """Ask everything, in no particular order."""
    from ..teacher.workers import ask_all

    method = METHODS[plan.method]

    async def ask_one(prompt: Prompt) -> None:
        await method(prompt, teacher.ask, plan)

    await ask_all(teacher, _training_prompts(run), ask_one, run.screen, "generate", run.count("prompts", "train"))


async def _project(run: Run, plan: Plan, teacher: Any, folder: Path) -> Counter[str]:
    """Write every draw in prompt order; nothing is bought any more."""
    method = METHODS[plan.method]
    statuses: Counter[str] = Counter()
    with TableWriter(folder, "completions", COMPLETIONS) as table:
        for prompt in _training_prompts(run):
            for draw, reply in await method(prompt, teacher.ask, plan):
                row = completion(prompt, draw, reply, plan)
                statuses[row.status] += 1
                table.write(completion_columns(row))
            await asyncio.sleep(0)  # the ledger never waits: without this nobody could interrupt
    return statuses


def _training_prompts(run: Run) -> Iterator[Prompt]:
    rows = map(read_prompt, read_table(run.folder / "prompts", "prompts"))
    return (prompt for prompt in rows if prompt.side == "train")


def _enough_usable(run: Run, statuses: Counter[str], rows: int) -> None:
    limit = run.recipe.generate.failed_share
    failed = rows - statuses["ok"]
    if failed > limit * rows:
        found = ", ".join(f"{status} {count:,}" for status, count in statuses.most_common())
        raise BrokenWorld(
            f"{failed:,} of {rows:,} answers are not usable ({found}); generate.failed_share allows {limit:.0%}. "
            "What was answered is in the ledger and will not be bought again. Mend the cause, or raise the share, and run again"
        )


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    teacher = recipe.teacher.model_dump(mode="json", include={"base_url", "model", "name", "price", "terms", "seeds"})
    return {"teacher": teacher, "generate": recipe.generate.model_dump(mode="json")}


def _files(run: Run) -> list[Path]:
    return [*template_files(run.recipe.generate.template, run.home), *recordings(run.recipe.teacher, run.home)]


def _preflight(run: Run) -> None:
    from ..teacher.endpoint import api_key
    from ..teacher.identity import identity, tariff

    plan_of(run)
    identity(run.recipe.teacher, run.home)
    api_key(run.recipe.teacher)
    tariff(run.recipe.teacher)


STAGE = Stage(
    command="generate",
    writes=FOLDER,
    reads=("prompts",),
    version=1,
    settings=_settings,
    work=work,
    files=_files,
    preflight=_preflight,
)
