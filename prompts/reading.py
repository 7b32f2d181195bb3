"""From a record to what it asks: messages, reference and family, whatever its columns are called."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from ..errors import BadPrompts
from ..recipe import PromptsSection
from ..store.rows import Message, Prompt
from .sources import Record

COLUMNS = ("messages", "prompt", "instruction", "input", "system", "reference", "family", "slice")
_ROLES = frozenset({"system", "user", "assistant"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads records of one source."""

    section: PromptsSection
    source: str

    def read(self, number: int, record: Record) -> Prompt:
        """The prompt in a record; which side it is on is decided later.

        Raises:
            BadPrompts: it has no prompt, or one that cannot be asked.
        """
        where = f"{self.source}, line {number}"
        row = self._ours(record)
        messages = self._messages(row, where)
        reference = row.get("reference")
        family = row.get("family")
        return Prompt(
            id=prompt_id(messages),
            messages=messages,
            family=str(family) if family not in (None, "") else normalised(messages),
            side="train",
            source=self.source,
            lines=(number,),
            reference=None if reference is None else _text(reference, "reference", where),
            slice=_text(row.get("slice", ""), "slice", where),
        )

    def _ours(self, record: Record) -> dict[str, Any]:
        """The record under our column names."""
        theirs = {ours: self.section.columns.get(ours, ours) for ours in COLUMNS}
        return {ours: record[column] for ours, column in theirs.items() if record.get(column) is not None}

    def _messages(self, row: Mapping[str, Any], where: str) -> tuple[Message, ...]:
        if "messages" in row:
            messages = _conversation(row["messages"], where)
        elif "prompt" in row and not isinstance(row["prompt"], str):
            messages = _conversation(row["prompt"], where)
        elif "prompt" in row:
            messages = (Message(role="user", content=row["prompt"]),)
        elif "instruction" in row:
            parts = [_text(row["instruction"], "instruction", where), _text(row.get("input", ""), "input", where)]
            messages = (Message(role="user", content="\n\n".join(part for part in parts if part)),)
        else:
            raise BadPrompts(
                f"{where}: no column messages, prompt or instruction; say what yours is called in prompts.columns"
            )
        if not messages[-1]["content"].strip():
            raise BadPrompts(f"{where}: the prompt is empty")
        system = row.get("system", self.section.system)
        if system and messages[0]["role"] != "system":
            messages = (Message(role="system", content=_text(system, "system", where)), *messages)
        return messages


def _conversation(value: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise BadPrompts(f"{where}: messages are a list of {{role, content}}")
    turns = []
    for turn in value:
        if not isinstance(turn, Mapping) or turn.get("role") not in _ROLES or not isinstance(turn.get("content"), str):
            raise BadPrompts(
                f"{where}: a message has a role (system, user, assistant) and a text as its content, not {turn!r:.80}"
            )
        turns.append(Message(role=turn["role"], content=turn["content"]))
    if turns[-1]["role"] != "user":
        raise BadPrompts(f"{where}: the last message is from {turns[-1]['role']!r}; the teacher answers a user")
    return tuple(turns)


def _text(value: Any, column: str, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise BadPrompts(f"{where}: {column} is a {type(value).__name__}, not a text")


def prompt_id(messages: Sequence[Message]) -> str:
    """The id of a prompt: 16 bytes of hash over its messages, hexadecimal."""
    return hashlib.blake2b(
        rfc8785.dumps([[turn["role"], turn["content"]] for turn in messages]), digest_size=16
    ).hexdigest()


def normalised(messages: Sequence[Message]) -> str:
    """The family of a prompt that names none: a digest of its text but for case, width and spacing."""
    text = "\n".join(turn["content"] for turn in messages if turn["role"] != "system")
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


def merged(first: Prompt, again: Prompt) -> Prompt:
    """One prompt for two rows that ask the same: both line numbers, the first reference."""
    return first._replace(
        lines=first.lines + again.lines, reference=first.reference or again.reference, slice=first.slice or again.slice
    )
