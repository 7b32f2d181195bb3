"""An arm: a name, one sentence on how it is asked, and a way to ask it. Teacher, student, base and controls are arms alike."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias

from ..store.rows import Message
from .items import Answer

AskAll: TypeAlias = Callable[[Sequence[Sequence[Message]]], list[Answer]]
"""One answer to each conversation, in their order."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of those who are held side by side. It is opened once, and asked everything while it is open."""

    name: str
    how: str
    """For the scorecard, such as: the trained student, asked the plain prompts, greedy."""
    opened: Callable[[], AbstractContextManager[AskAll]]
