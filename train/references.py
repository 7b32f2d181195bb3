"""The training prompts' own references: what one's data alone would teach, without any answer of the teacher's."""

from collections.abc import Set
from pathlib import Path

from ..store.rows import LEAK, conversation
from ..store.tables import read_table
from .rows import Row

TABLES = ("train", "dropped")


def prompts_with_reference(samples: Path) -> frozenset[str]:
    """The ids of the training prompts that have a reference, blank ones apart.

    None that the rule `leak` dropped an answer to; and none without a whole answer, since the rule never looked at it.
    """
    found: set[str] = set()
    leaked: set[str] = set()
    for table in TABLES:
        for columns in read_table(samples, table, ("prompt_id", "reference", "status", "rule")):
            if columns["rule"] == LEAK:
                leaked.add(columns["prompt_id"])
            elif columns["status"] == "ok" and (columns["reference"] or "").strip():
                found.add(columns["prompt_id"])
    return frozenset(found - leaked)


def reference_rows(samples: Path, prompts: Set[str]) -> list[Row]:
    """One row for each of these prompts, in their order: its reference as the answer, its id as the row's."""
    rows: dict[str, tuple[list[int], Row]] = {}
    for table in TABLES:
        for columns in read_table(samples, table, ("prompt_id", "prompt", "reference", "lines")):
            name = columns["prompt_id"]
            if name in prompts and name not in rows:
                answer = conversation(("assistant", columns["reference"]))
                rows[name] = columns["lines"], Row(name, columns["prompt"], answer)
    return [row for _, row in sorted(rows.values(), key=lambda one: one[0])]
