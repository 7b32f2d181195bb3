"""The teacher's arm: the held-out prompts, asked through the ledger as the training prompts were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import BrokenWorld, PotstillError
from ..ledger.ledger import Ledger
from ..prompts.templates import load_template
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.loop import run_async
from ..teacher.open import open_teacher
from ..teacher.options import chat_options
from ..teacher.reply import Question, Reply
from ..teacher.workers import work_through
from .items import Answer


@dataclass(frozen=True, slots=True)
class TeacherAnswers:
    """What the teacher said and what that took."""

    replies: tuple[Reply, ...]
    counts: Mapping[str, Any]
    """Sent, reused, failed, dollars and tokens of this call."""
    distillation_usd: float
    """What the run has paid so far in all, this stage included."""

    @property
    def answers(self) -> list[Answer]:
        """The replies as answers, in the order of the prompts."""
        return [
            Answer(
                reply.text, reply.status, reply.finish_reason, reply.input_tokens, reply.output_tokens, reply.seconds
            )
            for reply in self.replies
        ]


def ask_teacher(run: Run, prompts: Sequence[Prompt]) -> TeacherAnswers:
    """Ask every held-out prompt once, with the template and the options of generation.

    Raises:
        BrokenWorld: more requests failed than the recipe's `generate.failed_share` lets pass, or none can succeed.
    """
    return run_async(_ask(run, prompts))


async def _ask(run: Run, prompts: Sequence[Prompt]) -> TeacherAnswers:
    recipe = run.recipe
    template = load_template(recipe.generate.template, run.home)
    options = chat_options(recipe.generate, recipe.teacher)
    replies: dict[str, Reply] = {}
    async with open_teacher(run, stage="eval") as teacher:

        def stop(error: BaseException) -> None:
            teacher.halt(error if isinstance(error, PotstillError) else BrokenWorld("the evaluation was stopped"))

        with run.screen.track("asking the teacher", len(prompts), "prompts") as track:

            async def ask(prompt: Prompt) -> None:
                [replies[prompt.id]] = await teacher.ask(Question(template.apply(prompt.messages), options))
                track.advance()

            # Twice as many workers as places: the next question is ready when a reply is still being written down.
            await work_through(prompts, ask, 2 * recipe.teacher.concurrency, stop)
        counts = teacher.tally.counts()
    answered = tuple(replies[prompt.id] for prompt in prompts)
    _check_failures(answered, recipe.generate.failed_share)
    with Ledger(run.ledger) as ledger:
        paid = ledger.bill(recipe.name).usd
    return TeacherAnswers(answered, counts, paid)


def _check_failures(replies: Sequence[Reply], allowed: float) -> None:
    failed = [reply for reply in replies if reply.status.startswith("error:")]
    if len(failed) > allowed * len(replies):
        raise BrokenWorld(
            f"{len(failed):,} of {len(replies):,} held-out prompts got no answer from the teacher, more than the share "
            f"of {allowed:.0%} in generate.failed_share; the first says: {failed[0].error or failed[0].status}. "
            "Run again: what was answered is in the ledger and is not bought twice"
        )
