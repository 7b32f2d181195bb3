"""What a server ignores in silence, found with a few tokens: the output cap, `n`, the seed, log-probabilities, the schema.

Each probe asks through the ledger, under a series of its own, so that what is found is what the server does now.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import uuid4

import orjson

from ..errors import PotstillError
from ..ledger.key import Draw
from ..ledger.prices import Tariff
from ..store.rows import Message
from ..store.run import Run
from .ask import Teacher
from .asking import Asking
from .open import open_teacher
from .options import CAPS, output_cap
from .reply import Question, Reply

SHORT = 16
"""Tokens of an answer that only has to be one."""
CUT = 2
"""A cap, in tokens, that hardly any answer keeps to of itself."""
MOST_CHARS_A_TOKEN = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one thing came to."""

    check: str
    level: Literal["ok", "note", "wrong"]
    """`note`: a run will do, and this is good to know. `wrong`: it will not."""
    says: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A few questions, and what their answers show."""

    name: str
    questions: tuple[Question, ...]
    look: Callable[[Teacher, Sequence[Question]], Awaitable[Finding]]


def probes_of(asking: Asking, messages: Sequence[Message], draws: int, *, seeds: bool) -> list[Probe]:
    """The probes of what a recipe relies on; the first is the plainest request there is.

    Args:
        asking: how the recipe asks.
        messages: a prompt of the recipe's own.
        draws: how many answers it wants of each prompt.
        seeds: whether it sends a seed.
    """
    series = f"check {uuid4().hex}"
    first, second = Draw(series), Draw(series, 1)
    short = _capped(asking.question(messages, (first,)), SHORT)
    cut = _capped(short, CUT)
    probes = [Probe("cap", (cut, short), _cap), Probe("usage", (cut,), _usage)]
    if draws > 1:
        probes.append(Probe("n", (_drawn(short, Draw(series, 2), Draw(series, 3)),), _n))
    if seeds:
        one, other = _seeded(short, 1), _seeded(short, 2)
        greedy = asking.options.get("temperature") == 0
        probes.append(Probe("seed", (one, _drawn(one, second), other), partial(_seed, greedy, draws)))
    if asking.options.get("logprobs"):
        alternatives = asking.options.get("top_logprobs") or 0
        probes.append(Probe("logprobs", (short,), partial(_logprobs, alternatives)))
    if asking.policy.form and asking.policy.form.options:
        whole = asking.question(messages, (first,))
        probes.append(Probe("response_format", (whole,), partial(_response_format, asking.policy.form.misfit)))
    return probes


def most(probes: Sequence[Probe], model: str, tariff: Tariff) -> tuple[int, float]:
    """How many answers the probes want at most, and what these can cost in US dollars: their bytes in, their caps out.

    What one probe has asked, the next finds in the ledger; what is lost on the way comes on top.
    """
    asked = {
        (orjson.dumps(question.body(model)), draw): output_cap(question.options)
        for probe in probes
        for question in probe.questions
        for draw in question.draws
    }
    return len(asked), sum(tariff.worst(len(body), cap) for (body, _), cap in asked.items())


async def probe_all(run: Run, probes: Sequence[Probe]) -> list[Finding]:
    """What each probe finds; only the first finding when not even the plainest request is answered."""
    findings: list[Finding] = []
    while len(findings) < len(probes):
        async with open_teacher(run, "check") as teacher:
            for probe in probes[len(findings) :]:
                try:
                    findings.append(await probe.look(teacher, probe.questions))
                except PotstillError as error:
                    findings.append(Finding(probe.name, "wrong", str(error)))
                    break  # a teacher that met this sends nothing more
        if findings[0].level == "wrong":
            break
    return findings


async def _cap(teacher: Teacher, questions: Sequence[Question]) -> Finding:
    cut, short = questions
    [reply] = await teacher.ask(cut)
    if reply.finish_reason == "length":
        return Finding("cap", "ok", f"an answer stops at its cap ({CUT} tokens tried), and the server says so")
    if reply.status not in ("ok", "refused"):
        return Finding("cap", "note", f"cannot be told: under a cap of {CUT} tokens there was {_ended(reply)}")
    if reply.output_tokens > CUT or len(reply.text) > CUT * MOST_CHARS_A_TOKEN:
        says = f"the server answered {len(reply.text)} characters under a cap of {CUT} tokens: it ignores the cap, on which "
        return Finding("cap", "wrong", says + "the budget relies; try the other name for it in teacher.output_cap")
    [longer] = await teacher.ask(short)
    if longer.output_tokens > CUT and longer.text.startswith(reply.text):
        says = f"the server cut an answer off after {reply.output_tokens} tokens and called it whole ("
        return Finding("cap", "wrong", f"{says}{reply.finish_reason or 'no finish_reason'}): it would be trained on so")
    return Finding("cap", "ok", "this answer is shorter than any cap; the server says that it is whole")


async def _usage(teacher: Teacher, questions: Sequence[Question]) -> Finding:
    [reply] = await teacher.ask(questions[0])  # asked a moment ago: out of the ledger
    if reply.input_tokens:
        return Finding("usage", "ok", "tokens are counted by the server")
    says = (
        "the server does not count tokens: every request stays charged at its worst case, and the budget fills up early"
    )
    return Finding("usage", "note", says)


async def _n(teacher: Teacher, questions: Sequence[Question]) -> Finding:
    before = teacher.tally.sent - teacher.tally.limited
    replies = await teacher.ask(questions[0])
    sent = teacher.tally.sent - teacher.tally.limited - before
    if failed := next((reply for reply in replies if reply.error), None):
        return Finding("n", "wrong", failed.error)
    if sent == 1:
        return Finding("n", "ok", "several draws of a prompt are one request")
    says = "the server did not answer 2 choices of one request: each draw is a request of its own, and pays for the prompt again"
    return Finding("n", "note", says)


async def _seed(greedy: bool, draws: int, teacher: Teacher, questions: Sequence[Question]) -> Finding:
    replies = [reply for question in questions for reply in await teacher.ask(question)]
    if failed := next((reply for reply in replies if reply.error), None):
        return Finding("seed", "wrong", failed.error)
    first, again, other = (reply.text for reply in replies)
    if not (first or again or other):
        return Finding("seed", "note", f"cannot be told: no answer began within {SHORT} tokens")
    if first != again:
        says = (
            "the same seed gave two answers: the server ignores it, or cannot keep to it. What is on the ledger stays; "
        )
        return Finding("seed", "note", says + "what is lost on the way and asked again may be answered otherwise")
    if greedy or other != first:
        return Finding("seed", "ok", "the same seed gives the same answer")
    if draws == 1 or replies[0].status != "truncated":  # a short answer may well be the only one
        return Finding("seed", "ok", "the same seed gives the same answer; so did another one")
    says = f"two seeds gave the same answer: the {draws} draws of a prompt may be one answer {draws} times; is "
    return Finding("seed", "note", says + "generate.temperature high enough, or has this prompt only one answer?")


async def _logprobs(alternatives: int, teacher: Teacher, questions: Sequence[Question]) -> Finding:
    [reply] = await teacher.ask(questions[0])
    if reply.error:
        return Finding("logprobs", "wrong", reply.error)
    told = teacher.logprobs(reply)
    if not told:
        says = "the recipe asks for log-probabilities and the server answered without: it ignores the field. Serve the model "
        return Finding(
            "logprobs", "wrong", says + "with another server (vLLM has them), or take logprobs out of generate.extra"
        )
    fewest = min(len(token.get("top_logprobs") or ()) for token in told)
    if fewest < alternatives:
        says = f"{alternatives} alternatives a token are asked for, and the server told {fewest}: lower top_logprobs"
        return Finding("logprobs", "wrong", says)
    return Finding("logprobs", "ok", f"{len(told)} tokens with theirs, {fewest} alternatives each")


async def _response_format(
    misfit: Callable[[str], str | None], teacher: Teacher, questions: Sequence[Question]
) -> Finding:
    [reply] = await teacher.ask(questions[0])
    if reply.error:
        return Finding("response_format", "wrong", reply.error)
    if reply.status != "ok":
        return Finding("response_format", "note", f"cannot be told: there was {_ended(reply)}")
    if problem := misfit(reply.text):
        says = f"the server was given a schema and answered without it ({problem}): it ignores the field. Describe the form "
        cure = "in the prompt or the template and set generate.schema_mode: none; answers are still held against the schema"
        return Finding("response_format", "wrong", says + cure)
    return Finding("response_format", "ok", "the answer has the form asked for")


def _ended(reply: Reply) -> str:
    return f"an answer with status {reply.status}" + (f" ({reply.error})" if reply.error else "")


def _capped(question: Question, cap: int) -> Question:
    options = {name: min(cap, value) if name in CAPS else value for name, value in question.options.items()}
    return Question(question.messages, options, question.draws)


def _seeded(question: Question, seed: int) -> Question:
    return Question(question.messages, {**question.options, "seed": seed}, question.draws)


def _drawn(question: Question, *draws: Draw) -> Question:
    return Question(question.messages, question.options, draws)
