"""The teacher's arms: the held-out prompts, asked through the ledger as the training prompts were."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BrokenWorld
from ..graders.structured import form_of
from ..ledger.key import Draw
from ..store.rows import Message
from ..store.run import Run
from ..store.tables import read_table
from ..teacher.asking import asking_of
from ..teacher.loop import run_async
from ..teacher.open import open_teacher
from ..teacher.reply import Reply, is_owed
from ..teacher.tally import Tally
from ..teacher.workers import ask_all
from .arms import Arm, AskAll
from .items import Answer

TEACHER, AGAIN = "teacher", "teacher_again"
SERIES: Mapping[str, str] = {TEACHER: Draw().series, AGAIN: "again"}
"""The series that each arm of the teacher's draws from: the second is a fresh sample."""


@dataclass(slots=True)
class Asked:
    """What the teacher was asked in this evaluation, added up over its arms and tasks."""

    rounds: dict[str, list[Sequence[Reply]]] = field(default_factory=dict)
    """By arm: one for the held-out prompts, if any were asked, then one for each task."""
    counts: Counter[str] = field(default_factory=lambda: Counter(_nothing()))
    """Sent, reused, failed, dollars and tokens of this call."""

    def costs(self) -> dict[str, float]:
        """What each answer cost, whenever it was paid, by its key: what was asked twice is one answer."""
        rounds = (replies for every in self.rounds.values() for replies in every)
        return {reply.key: reply.usd for replies in rounds for reply in replies if reply.key}

    def add(self, arm: str, replies: Sequence[Reply], counts: Mapping[str, Any]) -> None:
        """Add one round of questions."""
        self.rounds.setdefault(arm, []).append(replies)
        self.counts.update(counts)


@dataclass(frozen=True, slots=True)
class Bought:
    """The answers that the training rows were chosen from."""

    usd: float
    """What they cost, whenever and by whichever run they were paid."""
    snapshots: frozenset[str]
    """The models that gave them."""
    again: frozenset[str]
    """Of the keys that were asked about, those that are among them."""


def bought_for_training(completions: Path, asked: Collection[str] = ()) -> Bought:
    """What the table of completions says of its price and its origin, and which of some answers' keys it has."""
    usd, snapshots, again = 0.0, set[str](), set[str]()
    for row in read_table(completions, "completions", ("usd", "snapshot", "key")):
        usd += row["usd"]
        snapshots.add(row["snapshot"])
        if row["key"] in asked:
            again.add(row["key"])
    return Bought(usd, frozenset(snapshots - {""}), frozenset(again))


def teacher_arm(run: Run, name: str, how: str, asked: Asked) -> Arm:
    """The teacher as an arm, with the template and the options of generation; what it is asked is added to `asked`.

    Asking it raises BrokenWorld when more requests fail than the recipe's `generate.failed_share` lets pass, or none can succeed.
    """

    @contextmanager
    def opened() -> Iterator[AskAll]:
        yield lambda conversations: _ask(run, name, conversations, asked)

    return Arm(name, how, opened)


def _ask(run: Run, name: str, conversations: Sequence[Sequence[Message]], asked: Asked) -> list[Answer]:
    if not conversations:
        return []
    replies, counts = run_async(_ask_all(run, name, conversations))
    _check_failures(replies, run.recipe.generate.failed_share)
    asked.add(name, replies, counts)
    return [
        Answer(reply.text, reply.status, reply.finish_reason, reply.output_tokens, reply.seconds, reply.snapshot)
        for reply in replies
    ]


async def _ask_all(
    run: Run, name: str, conversations: Sequence[Sequence[Message]]
) -> tuple[list[Reply], dict[str, Any]]:
    asking, draw = asking_of(run, form_of(run.recipe.generate, run.home)), Draw(SERIES[name])
    replies: dict[int, Reply] = {}
    async with open_teacher(run, stage="eval") as teacher:

        async def ask(numbered: tuple[int, Sequence[Message]]) -> None:
            place, messages = numbered
            [replies[place]] = await asking.ask(teacher.ask, messages, (draw,))

        label = f"asking the {name.replace('_', ' ')}"
        await ask_all(teacher, enumerate(conversations), ask, run.screen, label, len(conversations))
        counts = teacher.tally.counts()
    ordered = [replies[place] for place in range(len(conversations))]
    return ordered, counts | owing(ordered)


def owing(replies: Sequence[Reply]) -> dict[str, int]:
    """How many replies another run would ask again, and how many were rejected for good."""
    unanswered = [reply for reply in replies if reply.error and not reply.snapshot]
    owed = sum(is_owed(reply.status) for reply in unanswered)
    return {"owed": owed, "rejected": len(unanswered) - owed}


def _nothing() -> dict[str, Any]:
    return {**Tally().counts(), "owed": 0, "rejected": 0}


def _check_failures(replies: Sequence[Reply], allowed: float) -> None:
    failed = [reply for reply in replies if reply.status.startswith("error:")]
    if len(failed) > allowed * len(replies):
        raise BrokenWorld(
            f"{len(failed):,} of {len(replies):,} held-out prompts got no answer from the teacher, more than the share "
            f"of {allowed:.0%} in generate.failed_share; the first says: {failed[0].error or failed[0].status}. "
            "Run again: what was answered is in the ledger and is not bought twice"
        )
