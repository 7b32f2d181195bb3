"""The pilot: some training prompts, asked exactly as the run will ask them, and what all of them will come to.

The answers are on the ledger, so that the run finds them and buys none of them again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BrokenWorld
from ..generate.completions import completion
from ..generate.elicitation import Elicitation, elicitation_of
from ..generate.stage import METHODS
from ..ledger.key import Draw
from ..ledger.prices import Tariff, Usage
from ..store.rows import Completion, Prompt
from ..store.run import Run
from ..teacher.reply import NotKnownError, Question, Reply
from ..teacher.traffic.stated import Permitted
from ..teacher.whole import Ask
from .caps import Caps
from .extrapolate import LEAST, Sample, Target, total
from .forecast import Forecast, at_most, counted, paced
from .range import NOTHING, Range
from .sizes import Size

if TYPE_CHECKING:
    from .extrapolate import Array

STAGE = "plan"
"""What the pilot's requests are billed to."""

RECALLED_MOST = 200
"""Prompts that a pilot out of the ledger has at most: more tell hardly more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt of the pilot with its draws."""

    prompt: Prompt
    replies: tuple[Reply, ...]
    completions: tuple[Completion, ...]
    times: tuple[float, ...]
    """Seconds of each request that answered it, whenever it was sent; one may have answered several draws."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """What was asked and what that took."""

    asked: tuple[Asked, ...]
    sent: int
    usd: float
    """What this call paid; answers that the ledger had cost nothing."""
    permitted: Permitted
    """What the teacher said that it takes, as far as it was asked."""

    @property
    def answered(self) -> bool:
        """Whether anything was."""
        return any(reply.output_tokens for asked in self.asked for reply in asked.replies)


def chosen(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """So many of the prompts, by the hash of their ids: a larger pilot holds the smaller one, and order does not matter."""
    by_hash = sorted(prompts, key=lambda prompt: hashlib.blake2b(prompt.id.encode(), key=b"pilot").digest())
    return by_hash[:count]


def ask_pilot(run: Run, prompts: Sequence[Prompt]) -> Pilot:
    """Ask the prompts as `generate` does, through the ledger and under the run's cap.

    Raises:
        BrokenWorld: none of them was answered, or none can be.
        BudgetReached: the next request does not fit under the cap.
    """
    from ..teacher.loop import run_async

    pilot = run_async(_ask(run, prompts))
    if not pilot.answered:
        first = pilot.asked[0].replies[0]
        raise BrokenWorld(
            f"none of the {len(prompts)} prompts of the pilot was answered; the first: {first.status} {first.error}".rstrip()
        )
    return pilot


def recall_pilot(run: Run, prompts: Sequence[Prompt], *, finished: bool) -> Pilot | None:
    """The pilot that the ledger has; None where it is too small, or nothing of it was answered. Asks nobody.

    Args:
        run: whose pilot it was.
        prompts: in the pilot's order.
        finished: all training prompts are answered. Else only what a pilot bought counts: what a run has reached so far was
            not chosen by hash, and may be unlike the rest.
    """
    from ..ledger.ledger import Ledger
    from ..teacher.identity import identity
    from ..teacher.loop import run_async
    from ..teacher.memory import Memory

    section, elicitation = run.recipe.teacher, elicitation_of(run)
    draws = [Draw(index=index) for index in range(elicitation.draws)]

    async def recall(memory: Memory, ledger: Ledger) -> list[Asked]:
        found: list[Asked] = []
        for prompt in prompts:
            _, keys = memory.keys(elicitation.asking.question(prompt.messages, draws))
            if not (finished or ledger.were_bought_by(run.recipe.name, STAGE, keys)):
                break
            try:
                found.append(await _asked(prompt, memory.ask, elicitation))
            except NotKnownError:
                break
        return found

    if not run.ledger.exists():
        return None
    with Ledger(run.ledger) as ledger:
        memory = Memory(section, identity(section, run.home), ledger, retry_rejected=run.retry_rejected)
        found = run_async(recall(memory, ledger))
    pilot = Pilot(tuple(found), 0, 0.0, Permitted())
    return pilot if len(found) >= LEAST and pilot.answered else None


async def _ask(run: Run, prompts: Sequence[Prompt]) -> Pilot:
    from ..teacher.open import open_teacher
    from ..teacher.workers import ask_all

    elicitation = elicitation_of(run)
    found: dict[str, Asked] = {}
    async with open_teacher(run, STAGE) as teacher:

        async def ask_one(prompt: Prompt) -> None:
            found[prompt.id] = await _asked(prompt, teacher.ask, elicitation)

        await ask_all(teacher, prompts, ask_one, run.screen, "pilot", len(prompts))
        sent, usd, permitted = teacher.tally.sent, teacher.tally.usd, teacher.permitted
    return Pilot(tuple(found[prompt.id] for prompt in prompts), sent, usd, permitted)


async def _asked(prompt: Prompt, ask: Ask, elicitation: Elicitation) -> Asked:
    """One prompt, asked as the recipe asks it."""
    times: list[float] = []

    async def timed(question: Question) -> list[Reply]:
        replies = await ask(question)
        # Draws that one request answered have its seconds, to the nanosecond.
        times.extend({reply.seconds for reply in replies if reply.seconds})
        return replies

    drawn = await METHODS[elicitation.method](prompt, timed, elicitation)
    completions = tuple(completion(prompt, draw, reply, elicitation) for draw, reply in drawn)
    return Asked(prompt, tuple(reply for _, reply in drawn), completions, tuple(times))


@dataclass(frozen=True, slots=True)
class Seen:
    """The pilot as arrays: one row per prompt, one column per draw."""

    bodies: "Array"
    """Bytes of each prompt's request body, shape (prompts,)."""
    requests: "Array"
    """Requests that answered each prompt, shape (prompts,)."""
    input_tokens: "Array"
    """Input tokens of one request, shape (prompts,)."""
    input_usd: "Array"
    """What the input of one request cost, cached tokens as they were billed, shape (prompts,)."""
    output_tokens: "Array"
    output_usd: "Array"
    seconds: "Array"
    """How long each prompt's mean request took, shape (prompts, 1)."""


def seen(pilot: Pilot, sizes: Sequence[Size], tariff: Tariff) -> Seen:
    """What the replies say of each prompt; `sizes` are the pilot's, in its order."""
    import numpy as np

    replies = [asked.replies for asked in pilot.asked]
    requests = np.array([max(len(asked.times), 1) for asked in pilot.asked], dtype=float)
    output_usd = np.array([[_output_usd(reply, tariff) for reply in draws] for draws in replies])
    usd = np.array([[reply.usd for reply in draws] for draws in replies])
    return Seen(
        bodies=np.array([size.body for size in sizes], dtype=float),
        requests=requests,
        input_tokens=np.array([sum(reply.input_tokens for reply in draws) for draws in replies]) / requests,
        input_usd=np.maximum(usd - output_usd, 0.0).sum(axis=1) / requests,
        output_tokens=np.array([[reply.output_tokens for reply in draws] for draws in replies], dtype=float),
        output_usd=output_usd,
        seconds=np.array([[sum(asked.times)] for asked in pilot.asked]) / requests[:, None],
    )


def _output_usd(reply: Reply, tariff: Tariff) -> float:
    whole = tariff(Usage(reply.input_tokens, reply.output_tokens))
    return min(reply.usd, whole - tariff(Usage(reply.input_tokens, 0)))


def target_of(sizes: Sequence[Size], seen: Seen) -> Target:
    """What is still to be asked, in as many requests for each draw as the pilot needed."""
    import numpy as np

    left = [size for size in sizes if size.draws]
    draws = np.array([size.draws for size in left], dtype=float)
    a_draw = float(seen.requests.mean()) / seen.output_tokens.shape[1]
    bodies = np.array([size.body for size in left], dtype=float)
    return Target(bodies, np.maximum(draws * a_draw, np.minimum(draws, 1.0)), draws)


@dataclass(frozen=True, slots=True)
class Speed:
    """What bounds how fast requests go."""

    concurrency: int
    permitted: Permitted
    counts_caps: bool | None
    """Whether output caps count against the limit of tokens; None where nobody has said."""


def extrapolated(seen: Seen, sizes: Sequence[Size], caps: Caps, tariff: Tariff, speed: Speed) -> Forecast:
    """The forecast of what is still to be asked, by the pilot: every range holds the truth 95 times of 100."""
    import numpy as np

    target = target_of(sizes, seen)
    most = at_most((size for size in sizes if size.draws), caps, tariff)
    nothing, no_output = np.zeros(len(seen.bodies)), np.zeros_like(seen.output_tokens)
    a_draw = (seen.requests / seen.output_tokens.shape[1])[:, None]
    requests = total(Sample(seen.bodies, nothing, a_draw), target, most.requests)
    into = total(Sample(seen.bodies, seen.input_tokens, no_output), target, float(target.bodies @ target.requests))
    out = total(Sample(seen.bodies, nothing, seen.output_tokens), target, most.output_tokens)
    usd = total(Sample(seen.bodies, seen.input_usd, seen.output_usd), target, most.usd)
    into, out, usd = into.at_most(most.input_tokens), out.at_most(most.output_tokens), usd.at_most(most.usd)
    requests = requests.at_most(most.requests).at_least(Range.exactly(len(target.draws)))
    weighed = counted(sizes, caps, into + out, counts_caps=speed.counts_caps)
    limits = paced(requests, weighed, speed.permitted)
    return Forecast(
        prompts=len(target.draws),
        draws=int(target.draws.sum()),
        requests=requests,
        input_tokens=into,
        output_tokens=out,
        usd=usd,
        most=most,
        seconds=_seconds(seen, target, speed).at_least(limits),
    )


def _seconds(seen: Seen, target: Target, speed: Speed) -> Range:
    """How long the requests take with as many in flight as the recipe lets, at the latency that the pilot saw."""
    import numpy as np

    requests = float(target.requests.sum())
    if not requests:
        return NOTHING
    each = Target(target.bodies, target.requests, target.requests)
    work = total(Sample(seen.bodies, np.zeros(len(seen.bodies)), seen.seconds), each)
    return work.times(1 / max(min(speed.concurrency, requests), 1.0))
