"""The stage `generate`: ask the teacher every training prompt, then write `completions/` in prompt order.

What the ledger has is written at once, up to the first prompt that has to be bought. From there on it asks twice: the
first pass buys, in whatever order answers come, and the ledger is where it keeps them; the second finds every answer there
and projects the rows in order. Memory does not grow with their number.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import BrokenWorld
from ..graders.structured import schema_files
from ..prompts.templates import template_files
from ..recipe import Recipe
from ..store.rows import Prompt
from ..store.run import Run
from ..store.schemas import COMPLETIONS, read_prompts
from ..store.stage import Stage
from ..store.tables import TableWriter
from ..teacher.identity import recordings
from ..teacher.reply import NotKnownError, Question, Reply, is_owed
from ..teacher.whole import Ask
from .answer import answer, first_question
from .completions import completion_row
from .elicitation import Elicitation, elicitation_of

FOLDER = "completions"
METHODS = {"answer": answer}
DRAWS_AT_ONCE = 100
"""Draws that are looked up in the ledger together."""


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Write the table `completions`, one row per draw, failed ones included, and return the counts."""
    from ..teacher.loop import run_async

    return run_async(_generate(run, folder))


@dataclass(slots=True)
class _Counts:
    """What became of the rows."""

    status: Counter[str] = field(default_factory=Counter)
    owed: int = 0
    """Rows that failed for the moment: the next run asks them again."""
    rejected: int = 0
    """Rows that the teacher rejected for good: asked again with `--retry rejected`."""

    def add(self, reply: Reply) -> None:
        self.status[reply.status] += 1
        if reply.status == "ok":
            return
        if is_owed(reply.status):
            self.owed += 1
        elif reply.error and not reply.snapshot:  # no model has answered, and none will
            self.rejected += 1

    @property
    def unusable(self) -> Counter[str]:
        """The rows that nothing can be learned from."""
        return self.status - Counter({"ok": self.status["ok"]})


async def _generate(run: Run, folder: Path) -> dict[str, Any]:
    from ..teacher.open import open_teacher

    elicitation, counts = elicitation_of(run), _Counts()
    async with open_teacher(run, "generate") as teacher:
        with TableWriter(folder, "completions", COMPLETIONS) as table:
            known = await _project(run, elicitation, teacher, teacher.memory.ask, table, counts)
            await _buy(run, elicitation, teacher, known, counts.unusable)
            spent = teacher.tally.counts()
            if known < run.count("prompts", "train"):
                await _project(run, elicitation, teacher, teacher.ask, table, counts, known)
    rows = counts.status.total()
    _enough_usable(run, counts.unusable, rows)
    status = dict(counts.status.most_common())
    told = {"owed": counts.owed, "rejected": counts.rejected}
    return {"prompts": rows // elicitation.draws, "rows": rows, "status": status, **told, **spent}


async def _buy(run: Run, elicitation: Elicitation, teacher: Any, known: int, unusable: Counter[str]) -> None:
    """Ask everything after the prompts that are known, in no particular order."""
    from ..teacher.workers import ask_all

    method = METHODS[elicitation.method]
    prompts = run.count("prompts", "train")

    async def ask_one(prompt: Prompt) -> None:
        drawn = await method(prompt, teacher.ask, elicitation)
        unusable.update(reply.status for _, reply in drawn if reply.status != "ok")
        _enough_usable(run, unusable, prompts * elicitation.draws)

    if prompts > known:
        if known:
            run.screen.line(f"generate: the first {known:,} of {prompts:,} prompts are answered already")
        left = islice(_training_prompts(run), known, None)
        await ask_all(teacher, left, ask_one, run.screen, "generate", prompts - known)


async def _project(
    run: Run, elicitation: Elicitation, teacher: Any, ask: Ask, table: Any, counts: _Counts, known: int = 0
) -> int:
    """Write every draw after the prompts that are known, in prompt order, and say how many prompts are known then."""
    method = METHODS[elicitation.method]
    prompts = islice(_training_prompts(run), known, None)
    while some := list(islice(prompts, max(1, DRAWS_AT_ONCE // elicitation.draws))):
        first = [first_question(prompt, elicitation) for prompt in some]
        for prompt, question, replies in zip(some, first, teacher.memory.recall(first), strict=True):
            try:
                drawn = await method(prompt, _asking(question, replies, ask), elicitation)
            except NotKnownError:
                return known
            teacher.tally.reuse(reply for _, reply in drawn)
            for draw, reply in drawn:
                counts.add(reply)
                table.write(completion_row(prompt, draw, reply, elicitation))
            known += 1
        await asyncio.sleep(0)  # the ledger never waits: without this nobody could interrupt
    return known


def _asking(first: Question, replies: list[Reply] | None, ask: Ask) -> Ask:
    """A way to ask that has the replies to the first question at hand, if they are known: many are looked up at a time."""

    async def ask_on(question: Question) -> list[Reply]:
        return await ask(question) if replies is None or question != first else replies

    return ask_on


def _training_prompts(run: Run) -> Iterator[Prompt]:
    return (prompt for prompt in read_prompts(run.folder / "prompts") if prompt.side == "train")


def _enough_usable(run: Run, unusable: Counter[str], rows: int) -> None:
    """Stop as soon as it is certain that more rows fail than the recipe allows: what follows would be bought for nothing."""
    limit, failed = run.recipe.generate.failed_share, unusable.total()
    if failed > limit * rows:
        found = ", ".join(f"{status} {count:,}" for status, count in unusable.most_common())
        raise BrokenWorld(
            f"at least {failed:,} of {rows:,} answers are not usable ({found}); generate.failed_share allows {limit:.0%}. "
            "What was answered is in the ledger and will not be bought again. Mend the cause and run again; with "
            "--set generate.failed_share=1 completions/ is written, and every row says what is wrong with it"
        )


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    teacher = recipe.teacher.model_dump(
        mode="json", include={"base_url", "model", "name", "price", "terms", "seeds", "output_cap"}
    )
    return {"teacher": teacher, "generate": recipe.generate.model_dump(mode="json")}


def _files(run: Run) -> list[Path]:
    generate = run.recipe.generate
    schemas = schema_files(generate, run.home)
    return [*template_files(generate.template, run.home), *schemas, *recordings(run.recipe.teacher, run.home)]


def _preflight(run: Run) -> None:
    from ..teacher.endpoint import api_key
    from ..teacher.identity import cap_of, check_replicas, identity, tariff

    elicitation_of(run)
    identity(run.recipe.teacher, run.home)
    check_replicas(run.recipe.teacher)
    api_key(run.recipe.teacher)
    tariff(run.recipe.teacher, run.home)
    cap_of(run.recipe, run.home)


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
