"""What is known of a prompt before it is asked: its bytes, the tokens that these are likely to be, what is bought already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from ..ledger.key import Draw
from ..ledger.ledger import Ledger
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.asking import Asking
from ..teacher.identity import identity
from ..teacher.memory import Memory
from ..teacher.options import output_cap
from ..teacher.reply import NotKnownError, Question
from ..teacher.whole import ask_whole
from .caps import Caps, Use, uses_from
from .range import Range

ASCII_BYTES_A_TOKEN = (5.0, 4.0, 2.5)
"""Bytes of a token at low, likely and high cost. Seen with the tokenizers of Llama 3 and Llama 4: English instructions 4.6,
word problems 4.1, code 3.4, worked sums 2.9, JSON 2.6."""

OTHER_BYTES_A_TOKEN = (6.0, 4.0, 1.5)
"""The same for what is not ASCII. Seen with the same two: Chinese 3.4 to 4.5, Korean 4.2 to 4.7, Japanese 4.4 to 5.5, Hindi
and Thai 4.9 to 6.4, Russian 6.1 to 7.7; older and smaller vocabularies go down to a token for every byte or two."""

TOKENS_A_MESSAGE = Range(3, 5, 8)
"""What a chat template puts around each message."""

DRAW_FIELDS = 48
"""Bytes of the fields that a draw adds to a body on its way: `n` and `seed`."""


@dataclass(frozen=True, slots=True)
class Size:
    """One prompt that is to be asked."""

    body: int
    """Bytes of a request for it, at most; no tokenizer makes more tokens of them."""
    input: Range
    """Tokens of its messages, by their bytes."""
    reference: Range | None
    """Tokens of its reference, by its bytes; None where it has none."""
    fresh: int
    """Draws of which the ledger has nothing."""
    begun: tuple[tuple[Use, ...], ...] = ()
    """What may still be sent for each draw that was asked and is not at its end: one cut off, or without its form."""

    @property
    def draws(self) -> int:
        """Draws for which something is still to be sent."""
        return self.fresh + len(self.begun)


def tokens_of(text: str) -> Range:
    """How many tokens a text may be."""
    size = len(text.encode("utf-8", "surrogatepass"))
    plain = sum(letter.isascii() for letter in text) if size > len(text) else size
    pairs = zip(ASCII_BYTES_A_TOKEN, OTHER_BYTES_A_TOKEN, strict=True)
    return Range(*(plain / ascii_bytes + (size - plain) / other for ascii_bytes, other in pairs))


class Sizing:
    """Measures prompts as a recipe asks them, and follows each draw through the ledger if there is one."""

    def __init__(self, run: Run, asking: Asking, caps: Caps, ledger: Ledger | None) -> None:
        self._model = run.recipe.teacher.model
        self._asking, self._caps = asking, caps
        self._memory: Memory | None = None
        if ledger is not None:
            teacher = run.recipe.teacher
            name = identity(teacher, run.home)
            self._memory = Memory(teacher, name, ledger, retry_rejected=run.retry_rejected)

    async def sizes(self, prompts: Iterable[Prompt], draws: Sequence[Draw]) -> list[Size]:
        """The size of each prompt, in their order, when these draws of it are wanted; nothing is sent."""
        return [await self._size(prompt, draws) for prompt in prompts]

    async def _size(self, prompt: Prompt, draws: Sequence[Draw]) -> Size:
        question = self._asking.question(prompt.messages)
        body = question.body(self._model)
        tokens = Range(0, 0, 0)
        for message in body["messages"]:
            tokens = tokens + tokens_of(message["content"]) + TOKENS_A_MESSAGE
        reference = None if prompt.reference is None else tokens_of(prompt.reference)
        fresh, begun = len(draws), []
        if self._memory is not None:
            # One look for all of a prompt's draws is a third of one for each, and mostly there is nothing left, or everything.
            whole = len(draws) > 1 and await self._is_whole(self._memory, question, draws)
            left = () if whole else [await self._left(self._memory, question, draw) for draw in draws]
            fresh, begun = left.count(None), [uses for uses in left if uses]
        return Size(self._bytes(question), tokens, reference, fresh, tuple(begun))

    async def _is_whole(self, memory: Memory, question: Question, draws: Sequence[Draw]) -> bool:
        """Whether nothing may still be sent for any of these draws."""
        try:
            await ask_whole(memory.ask, question._replace(draws=draws), self._asking.policy)
        except NotKnownError:
            return False
        return True

    async def _left(self, memory: Memory, question: Question, draw: Draw) -> tuple[Use, ...] | None:
        """The requests that one draw may still take; None where that is all of them."""
        asked = Question(question.messages, question.options, (draw,))
        try:
            await ask_whole(memory.ask, asked, self._asking.policy)
        except NotKnownError as missing:
            if missing.question is asked:
                return None
            body, cap = self._bytes(missing.question), output_cap(missing.question.options)
            if len(missing.question.messages) > len(asked.messages):  # its answer, sent back: nothing follows
                return (Use(body, cap),)
            return tuple(uses_from(body, cap, self._caps))
        return ()

    def _bytes(self, question: Question) -> int:
        return len(orjson.dumps(question.body(self._model))) + DRAW_FIELDS
