"""The kind of a row, for a quota that goes by a column of the tables and not by a score."""

import pyarrow as pa

from ...store.run import Run
from ..answers import Answers
from ..score import Score

OF_PROMPT = frozenset({"family", "source", "reference"})
OF_ANSWER = frozenset(
    {"prompt_id", "model", "snapshot", "provider", "method", "template", "series", "draw", "finish_reason"}
)


def make(run: Run) -> Score | None:
    """The column that `filter.select.quota` goes by, as text; nothing where it goes by a score, or where there is none."""
    select = run.recipe.filter.select
    if select is None or select.quota is None or select.quota.by not in OF_PROMPT | OF_ANSWER:
        return None
    by = select.quota.by

    def write(answers: Answers) -> list[pa.Array]:
        if by in OF_ANSWER:
            return [answers.rows.column(by).cast(pa.string())]
        return [answers.prompts.column(by).take(pa.array(answers.of))]

    return Score({f"_kind_{by}": pa.string()}, write)
