"""Tokenising with our own masks: of a conversation only the answer and its end of turn are trained."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import BadStudent
from ..store.rows import Message
from .template import END_OF_THINKING, TurnEnd, render, tokens, turn_end

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

EMPTY_THINKING = "<think></think>"
"""What a template may put before an answer that shows no thinking; white space apart."""

NOT_TRAINED = -100
"""The label that the loss leaves out."""

BATCH = 1_000
"""Conversations tokenised at once."""

Change = Literal["", "white space", "reasoning", "insertion"]
"""What a template does to an answer: nothing, trims its white space, drops its reasoning, puts an empty think block before it."""

Conversation = tuple[Sequence[Message], Sequence[Message]]
"""A prompt and its completion."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One conversation as the student's template renders it; trained from `start` to before `stop`."""

    input_ids: array[int]
    start: int
    stop: int
    change: Change
    """What the template did to the answer."""
    prompt_changed: bool
    """A message of the prompt does not stand in the rendering as it was given."""
    joined: bool
    """Prompt and answer share a token when they are tokenised in one go; they were tokenised apart, as in serving."""

    @property
    def labels(self) -> list[int]:
        """The ids where they are trained, -100 elsewhere."""
        after = len(self.input_ids) - self.stop
        return [NOT_TRAINED] * self.start + list(self.input_ids[self.start : self.stop]) + [NOT_TRAINED] * after


def encode(tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message], completion: Sequence[Message]) -> Encoded:
    """One conversation with its mask.

    Raises:
        BadStudent: the template renders the prompt differently once it is answered, or alters the answer.
    """
    return next(encode_all(tokenizer, [(prompt, completion)]))


def encode_all(tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Conversation]) -> Iterator[Encoded]:
    """Each conversation with its mask, in order."""
    end = turn_end(tokenizer)
    for at in range(0, len(conversations), BATCH):
        yield from _encode_batch(tokenizer, conversations[at : at + BATCH], end)


def _encode_batch(
    tokenizer: PreTrainedTokenizerBase, conversations: Sequence[Conversation], end: TurnEnd
) -> Iterator[Encoded]:
    asked = [render(tokenizer, prompt, ask=True) for prompt, _ in conversations]
    full = [render(tokenizer, [*prompt, *completion]) for prompt, completion in conversations]
    tails = [_tail(before, whole) for before, whole in zip(asked, full, strict=True)]
    pieces = zip(
        conversations,
        asked,
        tails,
        tokens(tokenizer, asked),
        tokens(tokenizer, full),
        tokens(tokenizer, tails),
        strict=True,
    )
    for (prompt, completion), before, tail, asked_ids, full_ids, tail_ids in pieces:
        joined = full_ids[: len(asked_ids)] != asked_ids
        ids = asked_ids + tail_ids if joined else full_ids
        if joined and tokenizer.decode(ids) != tokenizer.decode(full_ids):
            raise BadStudent(
                f"the student's tokenizer reads {before[-20:]!r} + {tail[:20]!r} differently apart and together"
            )
        yield Encoded(
            input_ids=array("i", ids),
            start=len(asked_ids),
            stop=_stop(ids, len(asked_ids), end, tail),
            change=change_of(_answer(completion), tail.removesuffix(end.text)),
            prompt_changed=any(turn["content"] not in before for turn in prompt),
            joined=joined,
        )


def _tail(asked: str, full: str) -> str:
    """What the answered rendering adds to the unanswered one."""
    if not full.startswith(asked):
        pairs = zip(asked, full, strict=False)
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), len(full))
        seen = max(0, same - 20)
        raise BadStudent(
            f"the student's chat template asks with …{asked[seen:]!r} where the answered conversation has "
            f"…{full[seen : same + 40]!r}: it would be trained on what it never sees when it is asked; give the "
            "student a chat template that renders a prompt the same way in both cases"
        )
    return full[len(asked) :]


def _answer(completion: Sequence[Message]) -> str:
    roles = [turn["role"] for turn in completion]
    if roles != ["assistant"]:
        raise BadStudent(f"a completion is one assistant turn; this one is {roles}")
    return completion[0]["content"]


def _stop(ids: Sequence[int], start: int, end: TurnEnd, tail: str) -> int:
    """The place after the end of turn that the template puts first after the answer."""
    ends = [place for place in range(start, len(ids)) if ids[place] == end.token]
    if len(ends) >= end.repeats:
        return ends[-end.repeats] + 1
    raise BadStudent(f"the student's chat template does not end this answer with its end of turn: {tail[-60:]!r}")


def change_of(answer: str, rendered: str) -> Change:
    """What a template did to an answer.

    Raises:
        BadStudent: something that has no name here; what would be trained is not what the teacher said.
    """
    if rendered == answer:
        return ""
    said, shown = _solid(answer), _solid(rendered)
    if shown == said:
        return "white space"
    if shown == EMPTY_THINKING + said:
        return "insertion"
    if _drops_reasoning(said, shown):
        return "reasoning"
    raise BadStudent(
        f"the student's chat template turns the answer {answer[:80]!r} into {rendered[:80]!r}; take a student whose "
        "template shows answers as they are, or let a filter rule drop such answers"
    )


def _drops_reasoning(said: str, shown: str) -> bool:
    """Whether nothing is missing but reasoning (or its opening tag, which some templates put into the prompt)."""
    _, thinks, answer = said.rpartition(END_OF_THINKING)
    if not thinks or not answer:
        return False
    return shown == EMPTY_THINKING + answer or (said.endswith(shown) and shown.endswith(answer))


def _solid(text: str) -> str:
    return "".join(text.split())
