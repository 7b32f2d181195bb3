"""What is known of a prompt before it is asked: its bytes, the tokens that these are likely to be, what is bought already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from ..ledger.key import Draw, request_keys
from ..ledger.ledger import Ledger
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.asking import Asking
from ..teacher.identity import identity
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
    draws: int
    """Draws that the ledger does not have."""


def tokens_of(text: str) -> Range:
    """How many tokens a text may be."""
    size = len(text.encode("utf-8", "surrogatepass"))
    plain = sum(letter.isascii() for letter in text) if size > len(text) else size
    pairs = zip(ASCII_BYTES_A_TOKEN, OTHER_BYTES_A_TOKEN, strict=True)
    return Range(*(plain / ascii_bytes + (size - plain) / other for ascii_bytes, other in pairs))


class Sizing:
    """Measures prompts as a recipe asks them, and looks each draw up in the ledger if there is one."""

    def __init__(self, run: Run, asking: Asking, ledger: Ledger | None) -> None:
        self._model = run.recipe.teacher.model
        self._identity = identity(run.recipe.teacher, run.home)
        self._asking, self._ledger = asking, ledger

    def sizes(self, prompts: Iterable[Prompt], draws: int) -> list[Size]:
        """The size of each prompt, in their order."""
        wanted = [Draw(index=index) for index in range(draws)]
        return [self._size(prompt, wanted) for prompt in prompts]

    def _size(self, prompt: Prompt, draws: Sequence[Draw]) -> Size:
        question = self._asking.question(prompt.messages)
        body = question.body(self._model)
        bought = 0
        if self._ledger is not None:
            bought = self._ledger.bought(request_keys(self._identity, question.operation, body, draws))
        tokens = Range(0, 0, 0)
        for message in body["messages"]:
            tokens = tokens + tokens_of(message["content"]) + TOKENS_A_MESSAGE
        reference = None if prompt.reference is None else tokens_of(prompt.reference)
        return Size(len(orjson.dumps(body)) + DRAW_FIELDS, tokens, reference, len(draws) - bought)
