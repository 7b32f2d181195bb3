"""A judge's question about one answer, and what its reply says: a grade, or no verdict and why. Never a number from silence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import BadInput
from ..ledger.key import Draw
from ..prompts.templates import Turn, load_turn, template_files
from ..recipe import GenerateSection, TeacherSection
from ..recipe.judge import JudgeSection
from ..store.rows import Message, conversation
from ..store.run import Run
from ..teacher.identity import cap_of, check_replicas, identity, recordings, tariff
from ..teacher.options import chat_options
from ..teacher.reply import Question, Reply

Outcome = Literal["ok", "unparsable", "refused", "truncated", "content_filter", "too_long", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("ok", "unparsable", "refused", "truncated", "content_filter", "too_long", "failed")
"""A verdict, and the ways in which there is none: `too_long` is more than the judge can read, `failed` no answer at all."""

NEEDED = ("prompt", "answer")
"""What every rubric must show."""

_VERDICT = re.compile(r"(?:\*\*)?Verdict:[ \t]*(-?\d{1,9})(?:\*\*)?")
_ROLES = {"system": "System", "user": "User", "assistant": "Assistant"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge says of one answer."""

    outcome: Outcome
    score: float | None
    """The grade; None where there is no verdict, which is no grade at all."""
    reason: str = ""
    """Why there is no verdict; empty where there is one."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model with a rubric. What it is asked depends on the answer and its prompt alone."""

    section: JudgeSection
    teacher: TeacherSection
    """The model that judges."""
    rubric: Turn
    options: Mapping[str, Any]

    def question(self, prompt: Sequence[Message], answer: str, reference: str | None, series: str = "") -> Question:
        """What it is asked about an answer; another series is a fresh opinion."""
        turn = self.rubric.fill(_values(self.section, spelled(prompt), answer, reference))
        return Question(conversation(("user", turn)), self.options, (Draw(series),))

    def read(self, reply: Reply) -> Judged:
        """What its reply says."""
        if (silent := silence(reply, self.section.max_tokens)) is not None:
            return silent
        return read_verdict(reply.text, self.section.lowest, self.section.highest)


def silence(reply: Reply, max_tokens: int) -> Judged | None:
    """Why a judge's reply cannot hold a verdict; None where it is whole.

    Args:
        reply: the judge's.
        max_tokens: the cap that it had.
    """
    match reply.status:
        case "ok":
            return None
        case "truncated":
            return Judged("truncated", None, f"cut off at its cap of {max_tokens} tokens")
        case "refused" | "content_filter" as outcome:
            return Judged(outcome, None, "the judge refused" if outcome == "refused" else "a filter took the reply")
        case "too_long":
            return Judged("too_long", None, f"more than the judge can read: {reply.error}".rstrip(": "))
        case status:
            return Judged("failed", None, f"{status} {reply.error}".rstrip())


def judge_of(run: Run, section: JudgeSection) -> Judge:
    """The judge of a recipe.

    Raises:
        BadRecipe: there is no such rubric, it lacks the prompt or the answer, or it cannot be filled in.
    """
    teacher = section.teacher or run.recipe.teacher
    example = _values(section, "a prompt", "an answer", None)
    rubric = load_turn(section.rubric, run.home, "judge.rubric", example, NEEDED)
    asked = GenerateSection(max_tokens=section.max_tokens, temperature=section.temperature)
    return Judge(section, teacher, rubric, chat_options(asked, teacher))


def read_verdict(text: str, lowest: int, highest: int) -> Judged:
    """The grade on the last line of a reply, which must be `Verdict: N` and nothing else, N in range."""
    last = text.strip().rpartition("\n")[2].strip()
    found = _VERDICT.fullmatch(last)
    if not found:
        return Judged("unparsable", None, f"the last line is {last[:60]!r}, no verdict")
    if not lowest <= int(found[1]) <= highest:
        return Judged("unparsable", None, f"the verdict is {found[1]}, not from {lowest} to {highest}")
    return Judged("ok", float(found[1]))


def spelled(messages: Sequence[Message]) -> str:
    """A prompt as one text: its only turn as it is, several with their speakers."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{_ROLES.get(turn['role'], turn['role'])}: {turn['content']}" for turn in messages)


def judge_files(run: Run, section: JudgeSection) -> list[Path]:
    """Files of the user's that a judgement depends on."""
    return [*template_files(section.rubric, run.home), *recordings(section.teacher or run.recipe.teacher, run.home)]


def preflight_judge(run: Run, section: JudgeSection, where: str) -> None:
    """Find out before anything is asked what would stop a judge; `where` is its place in the recipe (`filter.judge`).

    Raises:
        BadInput: its rubric, its key, its price or the budget does not hold.
    """
    from ..teacher.endpoint import api_key

    judge_of(run, section)
    teacher = section.teacher or run.recipe.teacher
    try:
        identity(teacher, run.home)
        check_replicas(teacher)
        api_key(teacher)
        tariff(teacher, run.home)
    except BadInput as error:
        raise of_judge(error, section, where) from None
    cap_of(run.recipe, run.home, teacher)


def of_judge(error: BadInput, section: JudgeSection, where: str) -> BadInput:
    """The error, saying that the judge's `teacher:` is meant and not the recipe's, where it has one of its own."""
    return error if section.teacher is None else BadInput(f"the judge, `teacher:` below {where}: {error}")


def _values(section: JudgeSection, prompt: str, answer: str, reference: str | None) -> Mapping[str, object]:
    return {
        "prompt": prompt,
        "answer": answer,
        "reference": (reference or "") if section.reference else "",
        "lowest": section.lowest,
        "highest": section.highest,
    }
