"""The chat template as the one way from messages to tokens: what training renders is what serving renders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BadStudent
from ..store.rows import Message

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NO_THINKING = "{%- set enable_thinking = enable_thinking | default(false) -%}\n"
"""First line of a template that thinks by default, for a student whose teacher's answers do not show any thinking."""

END_OF_THINKING = "</think>"

_PROBE = "Zq7"


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How a template ends the assistant's turn."""

    token: int
    """The token that says so: trained, and what generation stops at."""
    text: str
    """Everything the template puts after the answer, that token included."""
    repeats: int
    """How often the token stands in that text: some templates put eos_token after a turn's own end."""


def render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], ask: bool = False) -> str:
    """The conversation as text; with `ask`, up to where the assistant is to begin.

    Raises:
        BadStudent: the template does not take this conversation.
    """
    import jinja2

    try:
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in messages]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=ask)
    except jinja2.TemplateError as error:
        roles = ", ".join(turn["role"] for turn in messages)
        raise BadStudent(
            f"the student's chat template does not take a conversation of {roles}: {error}; "
            "change the prompts (a system message?) or take another student"
        ) from None
    return str(text)


def tokens(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """The ids of rendered texts; nothing is added, since the template has put in what belongs there."""
    return tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]


def prompt_ids(tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Sequence[Message]]) -> list[list[int]]:
    """The ids that the student reads before it answers, for each conversation."""
    return tokens(tokenizer, [render(tokenizer, messages, ask=True) for messages in conversations])


def turn_end(tokenizer: PreTrainedTokenizerBase) -> TurnEnd:
    """How this template ends an answer, found by rendering one.

    Raises:
        BadStudent: no control token ends it, so that a student would never learn to stop.
    """
    probe = [Message(role="user", content="?"), Message(role="assistant", content=_PROBE)]
    rendered = render(tokenizer, probe)
    _, found, after = rendered.rpartition(_PROBE)
    if not found:
        raise BadStudent(f"the student's chat template does not show the assistant's answer: it renders {rendered!r}")
    ids = tokens(tokenizer, [after])[0] if after else []
    special = set(tokenizer.all_special_ids) | _added_special(tokenizer)
    token = next((token for token in ids if token in special), None)
    if token is None:
        raise BadStudent(
            f"the student's chat template ends an answer with {after!r}, which holds no control token: the student "
            "would never learn to stop; give it a chat template that ends each turn with one (eos_token will do)"
        )
    return TurnEnd(token, after, ids.count(token))


def stop_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that end an answer: the template's, the tokenizer's and the model's own."""
    own = model.generation_config.eos_token_id if model.generation_config is not None else None
    own = [own] if isinstance(own, int) else list(own or [])
    known = [turn_end(tokenizer).token, *own]
    if isinstance(tokenizer.eos_token_id, int):
        known.append(tokenizer.eos_token_id)
    return list(dict.fromkeys(known))


def control_texts(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The texts that this tokenizer reads as control tokens wherever they stand, longest first."""
    known = {*tokenizer.all_special_tokens, *tokenizer.convert_ids_to_tokens(sorted(_added_special(tokenizer)))}
    return sorted(known, key=lambda text: (-len(text), text))


def template_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """Sixteen hex digits over the chat template: the one that trains must be the one that serves."""
    return hashlib.blake2b(tokenizer.get_chat_template().encode(), digest_size=8).hexdigest()


def settle_thinking(tokenizer: PreTrainedTokenizerBase, thinking: bool) -> None:
    """Say in the template itself whether this student thinks before it answers.

    Templates with a switch (`enable_thinking`) think unless told otherwise. A student that learns from plain answers
    gets the switch turned off inside its template, so that every server renders what was trained without being told.
    """
    template: Any = tokenizer.chat_template
    if not isinstance(template, str) or "enable_thinking" not in template:
        return
    tokenizer.chat_template = (
        template.removeprefix(NO_THINKING) if thinking else NO_THINKING + template.removeprefix(NO_THINKING)
    )


def _added_special(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
