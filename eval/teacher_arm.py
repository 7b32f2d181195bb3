"""The teacher's arm: the held-out prompts, asked through the ledger as the training prompts were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BrokenWorld
from ..graders.structured import form_of
from ..ledger.ledger import Ledger
from ..store.rows import Prompt
from ..store.run import Run
from ..store.tables import read_table
from ..teacher.asking import asking_of
from ..teacher.loop import run_async
from ..teacher.open import open_teacher
from ..teacher.reply import Reply, is_owed
from ..teacher.tally import Tally
from ..teacher.workers import ask_all
from .items import Answer


@dataclass(frozen=True, slots=True)
class TeacherAnswers:
    """What the teacher said and what that took."""

    replies: tuple[Reply, ...]
    counts: Mapping[str, Any]
    """Sent, reused, failed, dollars and tokens of this call."""
    usd: float
    """What the answers cost, whenever they were paid."""
    paid_by_this_run: float
    """What the ledger has charged to the run so far in dollars, all stages and failed attempts included."""

    @property
    def answers(self) -> list[Answer]:
        """The replies as answers, in the order of the prompts."""
        return [
            Answer(reply.text, reply.status, reply.finish_reason, reply.output_tokens, reply.seconds, reply.snapshot)
            for reply in self.replies
        ]


@dataclass(frozen=True, slots=True)
class Bought:
    """The answers that the training rows were chosen from."""

    usd: float
    """What they cost, whenever and by whichever run they were paid."""
    snapshots: frozenset[str]
    """The models that gave them."""


def bought_for_training(completions: Path) -> Bought:
    """What the table of completions says of its price and its origin."""
    usd, snapshots = 0.0, set[str]()
    for row in read_table(completions, "completions", ("usd", "snapshot")):
        usd += row["usd"]
        snapshots.add(row["snapshot"])
    return Bought(usd, frozenset(snapshots - {""}))


def ask_teacher(run: Run, prompts: Sequence[Prompt]) -> TeacherAnswers:
    """Ask every prompt given once, with the template and the options of generation; nobody is asked if there is none.

    Raises:
        BrokenWorld: more requests failed than the recipe's `generate.failed_share` lets pass, or none can succeed.
    """
    replies, counts = run_async(_ask(run, prompts)) if prompts else ((), Tally().counts())
    _check_failures(replies, run.recipe.generate.failed_share)
    with Ledger(run.ledger) as ledger:
        paid = ledger.bill(run.recipe.name).usd
    return TeacherAnswers(replies, counts, sum(reply.usd for reply in replies), paid)


async def _ask(run: Run, prompts: Sequence[Prompt]) -> tuple[tuple[Reply, ...], dict[str, Any]]:
    asking = asking_of(run, form_of(run.recipe.generate, run.home))
    replies: dict[str, Reply] = {}
    async with open_teacher(run, stage="eval") as teacher:

        async def ask(prompt: Prompt) -> None:
            [replies[prompt.id]] = await asking.ask(teacher.ask, prompt.messages)

        await ask_all(teacher, prompts, ask, run.screen, "asking the teacher", len(prompts))
        counts = teacher.tally.counts()
    unanswered = [reply for reply in replies.values() if reply.error and not reply.snapshot]
    owed = sum(is_owed(reply.status) for reply in unanswered)
    counts |= {"owed": owed, "rejected": len(unanswered) - owed}
    return tuple(replies[prompt.id] for prompt in prompts), counts


def _check_failures(replies: Sequence[Reply], allowed: float) -> None:
    failed = [reply for reply in replies if reply.status.startswith("error:")]
    if len(failed) > allowed * len(replies):
        raise BrokenWorld(
            f"{len(failed):,} of {len(replies):,} held-out prompts got no answer from the teacher, more than the share "
            f"of {allowed:.0%} in generate.failed_share; the first says: {failed[0].error or failed[0].status}. "
            "Run again: what was answered is in the ledger and is not bought twice"
        )
