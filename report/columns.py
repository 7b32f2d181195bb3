"""What the columns of the training rows mean, for the dataset card."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..store.schemas import SCORE_PREFIX
from ..store.tables import parts

MEANINGS: Mapping[str, str] = {
    "prompt": "the messages that were asked: `{role, content}`",
    "completion": "the teacher's answer, one assistant message",
    "id": "hash of prompt, method, template and draw",
    "prompt_id": "hash of the messages",
    "method": "how the answer was elicited",
    "template": "digest of the prompt template",
    "series": "the series that the draw belongs to",
    "draw": "which of several answers to the same prompt",
    "status": "`ok` for every kept row",
    "finish_reason": "why the answer ended, as the endpoint says",
    "error": "what the endpoint said of a failure; empty",
    "key": "the request's key in the ledger",
    "provider": "who served the teacher",
    "model": "the model that was asked for",
    "snapshot": "the model that answered, as the reply names it",
    "parameters": "the request without its messages, as JSON",
    "terms": "where the teacher's terms of use are",
    "input_tokens": "tokens of the request, as it was billed",
    "output_tokens": "tokens of the answer, as it was billed",
    "usd": "this answer's share of what the reply cost, in US dollars",
    "reference": "the prompt's own reference answer, where it has one",
    "family": "prompts that stay on one side of the split share it",
    "source": "where the prompt was read",
    "lines": "the lines of that file that held it, from 1",
    "slice": "the kind of prompt",
    "rule": "the rule that dropped the row; empty for a kept one",
    "reason": "what that rule saw; empty for a kept row",
}


def columns_of(samples: Path) -> Iterator[tuple[str, str, str]]:
    """(name, type, meaning) of each column of the training rows."""
    import pyarrow.parquet as pq

    first = next(iter(parts(samples, "train")), None)
    for column in pq.read_schema(first) if first else ():
        scored = column.name.removeprefix(SCORE_PREFIX)
        said = f"the score `{scored}`" if scored != column.name else MEANINGS.get(column.name, "")
        yield column.name, _kind(str(column.type)), said


def _kind(arrow: str) -> str:
    return "messages" if "role" in arrow else arrow
