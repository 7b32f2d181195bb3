"""One prompt × one arm: what was answered and how it was judged. The scorecard can be counted again from these."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from ..graders.judgement import Grader, Judgement, Verdict
from ..store.rows import Prompt

Marked: TypeAlias = Verdict | Literal["error", "graded", "win", "tie", "loss", "inconsistent", "compared"]
"""`error`: there is no answer, for no fault of the arm's. `graded`: a judge's grade. Of a judge of pairs: `win`, `tie` and
`loss` against the teacher, `inconsistent` where the two orders disagree; the teacher itself is `compared`."""

NO_VERDICT = ("unparsable", "inconsistent")
"""Verdicts that are none."""

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

    @property
    def whole(self) -> bool:
        """Whether there is a text that can be judged by itself."""
        return self.status in JUDGED and bool(self.text.strip())


@dataclass(frozen=True, slots=True)
class Item:
    """One row of `items-*.parquet`."""

    prompt_id: str
    family: str
    arm: str
    status: str
    text: str
    reference: str | None
    verdict: Marked
    score: float | None
    """From 0 to 1; None where there is no telling. Of `constraints` the share that was kept, of a pair 1, ½ or 0."""
    reason: str
    finish_reason: str
    output_tokens: int
    seconds: float
    snapshot: str
    slice: str = ""

    @property
    def value(self) -> float | None:
        """What it counts for: right or wrong is 1 or 0, a judge's mark is itself; None where there is no telling."""
        if self.verdict in ("right", "wrong"):
            return float(self.verdict == "right")
        return self.score if self.verdict in ("graded", "win", "tie", "loss", "compared") else None


_KINDS = {int: pa.int64(), float: pa.float64(), float | None: pa.float64()}
ITEMS = pa.schema([(column.name, _KINDS.get(column.type, pa.string())) for column in fields(Item)])


def item_columns(item: Item) -> dict[str, Any]:
    """One row of the items table."""
    return asdict(item)


def judge(prompt: Prompt, arm: str, answer: Answer, grader: Grader) -> Item:
    """Grade one answer. A request that failed is an error; an answer that was cut off or withheld is wrong."""
    if answer.status.startswith("error:"):
        return item_of(prompt, arm, answer, "error", None, answer.status)
    found = _judgement(prompt, answer, grader)
    return item_of(prompt, arm, answer, found.verdict, found.score, found.reason)


def item_of(prompt: Prompt, arm: str, answer: Answer, verdict: Marked, score: float | None, reason: str = "") -> Item:
    """An answer with what is said of it."""
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
        slice=prompt.slice,
    )


def _judgement(prompt: Prompt, answer: Answer, grader: Grader) -> Judgement:
    found = grader(answer.text, prompt.reference)
    if found.verdict in ("right", "wrong") and answer.status not in JUDGED:
        return Judgement("wrong", 0.0, answer.status)
    return found
