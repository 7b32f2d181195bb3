"""One prompt × one arm: what was answered and how it was judged. The scorecard can be counted again from these."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from ..graders.judgement import Grader, Judgement, Verdict
from ..store.rows import Prompt

if TYPE_CHECKING:
    from .statistics import Outcomes

JUDGED = ("ok", "refused")
"""Statuses whose text the grader sees. Whether a text is a refusal is a guess; whether it is the reference is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an arm said to one prompt."""

    text: str
    status: str
    """One of the row statuses of `store.rows.Completion`."""
    finish_reason: str
    output_tokens: int
    seconds: float
    snapshot: str = ""
    """The model that answered, as the reply names it; empty for a local arm."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row of `items-*.parquet`."""

    prompt_id: str
    family: str
    arm: str
    status: str
    text: str
    reference: str | None
    verdict: Verdict | Literal["error"]
    """`error`: there is no answer, for no fault of the arm's; never right or wrong."""
    score: float | None
    reason: str
    finish_reason: str
    output_tokens: int
    seconds: float
    snapshot: str

    @property
    def graded(self) -> bool:
        """Whether it counts as right or wrong."""
        return self.verdict in ("right", "wrong")


_KINDS = {int: pa.int64(), float: pa.float64(), float | None: pa.float64()}
ITEMS = pa.schema([(column.name, _KINDS.get(column.type, pa.string())) for column in fields(Item)])


def item_columns(item: Item) -> dict[str, Any]:
    """One row of the items table."""
    return asdict(item)


def judge(prompt: Prompt, arm: str, answer: Answer, grader: Grader) -> Item:
    """Grade one answer. A request that failed is an error; an answer that was cut off or withheld is wrong."""
    if answer.status.startswith("error:"):
        verdict, score, reason = "error", None, answer.status
    else:
        found = _judgement(prompt, answer, grader)
        verdict, score, reason = found.verdict, found.score, found.reason
    return Item(
        prompt_id=prompt.id,
        family=prompt.family,
        arm=arm,
        status=answer.status,
        text=answer.text,
        reference=prompt.reference,
        verdict=verdict,
        score=score,
        reason=reason,
        finish_reason=answer.finish_reason,
        output_tokens=answer.output_tokens,
        seconds=answer.seconds,
        snapshot=answer.snapshot,
    )


def _judgement(prompt: Prompt, answer: Answer, grader: Grader) -> Judgement:
    found = grader(answer.text, prompt.reference)
    if found.verdict in ("right", "wrong") and answer.status not in JUDGED:
        return Judgement("wrong", 0.0, answer.status)
    return found


def paired(items: Mapping[str, Sequence[Item]]) -> "dict[str, Outcomes]":
    """Right or wrong by arm, over the prompts that every arm was graded on; shape (prompts,) each, in one order.

    A prompt on which any arm has an error or no verdict is left out for all: no arm is judged on easier prompts.

    Raises:
        ValueError: the arms did not answer the same prompts in the same order.
    """
    import numpy as np

    if len({tuple(item.prompt_id for item in arm) for arm in items.values()}) > 1:
        raise ValueError("the arms did not answer the same prompts in the same order")
    rows = [row for row in zip(*items.values(), strict=True) if all(item.graded for item in row)]
    return {
        name: np.array([row[place].verdict == "right" for row in rows], dtype=bool) for place, name in enumerate(items)
    }
