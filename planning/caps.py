"""The worst that asking can come to: the requests that a draw may take, each at its most tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from ..graders.shape import LONGEST_REASON
from ..store.rows import Message
from ..teacher.asking import Asking
from ..teacher.options import output_cap

WORST_REASON = "\0" * LONGEST_REASON
"""The reason why an answer does not fit that takes the most bytes in a request: JSON writes each character as six."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How long answers may be and what is asked once more."""

    first: int
    """Output tokens of an answer at most."""
    second: int | None
    """Output tokens at most when an answer that was cut off is asked again; None: it is not."""
    complaint: int | None
    """Bytes that sending an answer back adds to its request, the answer's own left out; None: none is sent back."""

    @property
    def worst(self) -> str:
        """What is paid for in the worst case, in a few words."""
        cut = "" if self.second is None else ", cut off and asked again under the larger cap"
        back = "" if self.complaint is None else ", sent back once for its form"
        return f"every answer at its cap{cut}{back}"


@dataclass(frozen=True, slots=True)
class Use:
    """One request at its worst."""

    input_tokens: int
    output_tokens: int


def caps_of(asking: Asking) -> Caps:
    """The caps of a way of asking."""
    form = asking.policy.form
    if form is None:
        return Caps(output_cap(asking.options), asking.policy.second_cap, None)
    turns = [Message(role="assistant", content=""), Message(role="user", content=form.complain(WORST_REASON))]
    return Caps(output_cap(asking.options), asking.policy.second_cap, len(orjson.dumps(turns)))


def uses_from(body: int, cap: int, caps: Caps) -> Iterator[Use]:
    """A request of so many bytes under this cap, and those that may follow it, as `teacher.whole.ask_whole` sends them.

    A request has a token for every byte at most; an answer that is sent back has the tokens that it had.
    """
    yield Use(body, cap)
    if caps.second is not None and cap < caps.second:
        cap = caps.second
        yield Use(body, cap)
    if caps.complaint is not None:
        yield Use(body + cap + caps.complaint, cap)
