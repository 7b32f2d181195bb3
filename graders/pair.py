"""A judge's question about two answers to one prompt, and what its reply says: which is better, a tie, or no verdict and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..prompts.templates import Turn, load_turn
from ..recipe import EvalJudgeSection, GenerateSection, TeacherSection
from ..store.rows import Message, conversation
from ..store.run import Run
from ..teacher.options import chat_options
from ..teacher.reply import Question, Reply
from .judge import Outcome, silence, spelled

Choice = Literal["first", "second", "tie"]

NEEDED = ("prompt", "first", "second")
"""What every rubric of pairs must show."""

_VERDICT = re.compile(r"(?:\*\*)?Verdict:[ \t]*(first|second|tie)\.?(?:\*\*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preferred:
    """What a judge says of two answers."""

    outcome: Outcome
    choice: Choice | None
    """None where there is no verdict, which is no tie either."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PairJudge:
    """A model with a rubric for pairs. Which answer comes first is the caller's to turn round."""

    section: EvalJudgeSection
    teacher: TeacherSection
    """The model that judges."""
    rubric: Turn
    options: Mapping[str, Any]

    def question(self, prompt: Sequence[Message], first: str, second: str) -> Question:
        """What it is asked about two answers in this order."""
        turn = self.rubric.fill({"prompt": spelled(prompt), "first": first, "second": second})
        return Question(conversation(("user", turn)), self.options)

    def read(self, reply: Reply) -> Preferred:
        """What its reply says."""
        if (silent := silence(reply, self.section.max_tokens)) is not None:
            return Preferred(silent.outcome, None, silent.reason)
        return read_choice(reply.text)


def pair_judge_of(run: Run, section: EvalJudgeSection) -> PairJudge:
    """The judge of pairs of a recipe.

    Raises:
        BadRecipe: there is no such rubric, it lacks one of `NEEDED`, or it cannot be filled in.
    """
    teacher = section.teacher or run.recipe.teacher
    example = {"prompt": "a prompt", "first": "an answer", "second": "another answer"}
    rubric = load_turn(section.pairs_rubric, run.home, "eval.judge.pairs_rubric", example, NEEDED)
    asked = GenerateSection(max_tokens=section.max_tokens, temperature=section.temperature)
    return PairJudge(section, teacher, rubric, chat_options(asked, teacher))


def read_choice(text: str) -> Preferred:
    """The choice on the last line of a reply, which must be `Verdict: first`, `second` or `tie` and nothing else."""
    last = text.strip().rpartition("\n")[2].strip()
    found = _VERDICT.fullmatch(last)
    if not found:
        return Preferred("unparsable", None, f"the last line is {last[:60]!r}, no verdict")
    choices: Mapping[str, Choice] = {"first": "first", "second": "second", "tie": "tie"}
    return Preferred("ok", choices[found[1].lower()])
