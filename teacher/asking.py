"""How a recipe asks its questions: the template, the options of a request, and what is asked once more."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ledger.key import Draw
from ..prompts.templates import Template, load_template
from ..store.rows import Message
from ..store.run import Run
from .options import chat_options
from .reply import Question, Reply
from .whole import Ask, Form, Policy, ask_whole


@dataclass(frozen=True, slots=True)
class Asking:
    """One way of asking, the same for the prompts that are trained on and for those that are held out."""

    template: Template
    options: Mapping[str, Any]
    policy: Policy

    def question(self, messages: Sequence[Message], draws: Sequence[Draw] = (Draw(),)) -> Question:
        """What goes out first for a prompt."""
        return Question(self.template.apply(messages), self.options, draws)

    def ask(self, ask: Ask, messages: Sequence[Message], draws: Sequence[Draw] = (Draw(),)) -> Awaitable[list[Reply]]:
        """One reply per draw, as whole as two or three requests make it; see `ask_whole`."""
        return ask_whole(ask, self.question(messages, draws), self.policy)


def asking_of(run: Run, form: Form | None) -> Asking:
    """How the recipe asks; `form` is what it says of an answer's form, None where any text will do.

    Raises:
        BadRecipe: there is no such template, or it cannot be filled in.
    """
    generate = run.recipe.generate
    second = 2 * generate.max_tokens if generate.second_max_tokens is None else generate.second_max_tokens
    return Asking(
        template=load_template(generate.template, run.home),
        options={**chat_options(generate, run.recipe.teacher), **(form.options if form else {})},
        policy=Policy(second if second > generate.max_tokens else None, form),
    )
