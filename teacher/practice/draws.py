"""One draw of the practice teacher's answer: a pure function of settings, prompt and which draw it is."""

import hashlib
from dataclasses import dataclass
from random import Random

from .settings import PracticeSettings
from .skills import task_in
from .tokens import pieces

REFUSAL = "I'm sorry, but I can't help with that."
NOT_UNDERSTOOD = "I am a simulated teacher: I only know contacts and dates as `practice://skills` writes them."


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer as the wire tells it: text or refusal, and why it ends."""

    text: str
    finish_reason: str = "stop"
    refusal: bool = False
    """The text belongs in `message.refusal`, and the content is null."""


def random_of(settings: PracticeSettings, *what: object) -> Random:
    """A generator that depends on the seed of the settings and on `what`, and on nothing else."""
    told = "\x1f".join(str(part) for part in (settings.seed, *what))
    # Reproducible on purpose, and nothing secret hangs on it.
    return Random(hashlib.blake2b(told.encode(), digest_size=8).digest())  # noqa: S311


def skills_draw(settings: PracticeSettings, prompt: str, draw: str | None) -> Drawn:
    """The answer to a prompt.

    Args:
        settings: the shares of each kind of answer.
        prompt: the last user message.
        draw: the draw's name; None is temperature 0: whatever has a share above one half happens, and nothing else.
    """
    random = random_of(settings, "draw", draw, prompt)
    task = task_in(prompt)
    if task is None:
        return Drawn(NOT_UNDERSTOOD)
    kind = _kind(settings, random, greedy=draw is None)
    if kind == "refused":
        return Drawn(REFUSAL, refusal=random.random() < 0.5)
    if kind == "content_filter":
        return Drawn("", "content_filter")
    habit = task.phrasing == 0 and (0.5 if draw is None else random.random()) < settings.habit
    # Of a generator of its own, which knows no draw: the mistake is the same each time.
    misread = random_of(settings, "misread", prompt).random() < settings.misread
    thing = task.skill.misread(task.thing) if misread else task.thing
    thing = task.skill.spoil(thing, random) if kind == "wrong" else thing
    text = task.skill.habit(thing) if habit else task.skill.answer(thing)
    if kind == "truncated":
        tokens = pieces(text)
        return Drawn("".join(tokens[: random.randrange(1, len(tokens))]), "length")
    return Drawn(text)


def _kind(settings: PracticeSettings, random: Random, greedy: bool) -> str:
    """Which of the four misfortunes befalls a draw; empty for none."""
    level = 0.5 if greedy else random.random()
    for kind in ("refused", "truncated", "content_filter", "wrong"):
        share = getattr(settings, kind)
        if level < share:
            return kind
        level -= 0 if greedy else share
    return ""


def replay_draw(settings: PracticeSettings, recorded: tuple[str, ...], prompt: str, draw: str | None) -> Drawn:
    """One of the answers recorded for a prompt; the first at temperature 0."""
    if draw is None or len(recorded) == 1:
        return Drawn(recorded[0])
    return Drawn(random_of(settings, "draw", draw, prompt).choice(recorded))


def at_most(drawn: Drawn, max_tokens: int | None) -> tuple[Drawn, list[str]]:
    """The draw cut at its cap of tokens, and its tokens."""
    tokens = pieces(drawn.text)
    if max_tokens is None or len(tokens) <= max_tokens:
        return drawn, tokens
    tokens = tokens[:max_tokens]
    return Drawn("".join(tokens), "length", drawn.refusal), tokens
