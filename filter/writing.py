"""The last pass: every answer with its scores and its label goes into `train` or `dropped`."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..store.rows import LEAK
from ..store.run import Run
from ..store.schemas import samples_schema
from ..store.tables import TableWriter
from .answers import Answers, read_answers
from .examples import Examples
from .labelling import Labelled
from .leaks import Leaks
from .scored import Scored

NO_RULE = 255


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of the rows beside the tables."""

    leaks: dict[str, Any]
    """For `leaks.json`."""
    examples: dict[str, Any]
    """For `funnel.json`."""


def write_samples(
    run: Run,
    folder: Path,
    scored: Iterable[Scored],
    labelled: Labelled,
    columns: Mapping[str, pa.DataType],
) -> Told:
    """Write both tables, and tell of the leaks and of some rows of each rule.

    Args:
        run: whose answers they are.
        folder: where the tables go.
        scored: the scores, a batch for each batch of `read_answers`.
        labelled: what became of each.
        columns: the scores that go into the tables, with their types.
    """
    schema, names, leaks = samples_schema(columns), pa.array(["", *labelled.names]), Leaks(run)
    examples = Examples(labelled.rule, labelled.names)
    leaked = labelled.rule == (labelled.names.index(LEAK) + 1 if LEAK in labelled.names else NO_RULE)
    at = 0
    with ExitStack() as stack:
        train, dropped = (stack.enter_context(TableWriter(folder, name, schema)) for name in ("train", "dropped"))
        track = stack.enter_context(run.screen.track("filter: write", len(labelled.rule)))
        for answers, scores in zip(read_answers(run.folder), scored, strict=True):
            here = slice(at, at + len(answers))
            at += len(answers)
            rules = names.take(pa.array(labelled.rule[here]))
            reasons = labelled.reasons.slice(here.start, len(answers)).combine_chunks()
            batch = sample_batch(answers, scores, [rules, reasons], schema)
            kept = labelled.kept[here]
            train.write_batch(batch.filter(pa.array(kept)))
            dropped.write_batch(batch.filter(pa.array(~kept)))
            leaks.see(answers, scores, leaked[here], kept)
            examples.see(batch.filter(pa.array(examples.drawn(here))))
            track.advance(len(answers))
    return Told(leaks.report(), examples.report())


def sample_batch(answers: Answers, scored: Scored, labels: list[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    """Answers as rows of `samples/`: prompt and completion as TRL takes them, then everything known of the row."""
    prompts = answers.prompts.take(pa.array(answers.of))
    own = {"prompt": prompts.column("messages"), "completion": _turns(answers.texts)}
    own |= dict(zip(("rule", "reason"), labels, strict=True))
    columns = []
    for field in schema:
        if field.name in own:
            columns.append(own[field.name])
        elif field.name in answers.rows.schema.names:
            columns.append(answers.rows.column(field.name))
        elif field.name in prompts.schema.names:
            columns.append(prompts.column(field.name))
        else:
            columns.append(scored.column(field.name.removeprefix("score_"), field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _turns(texts: pa.StringArray) -> pa.ListArray:
    """Each text as a conversation of one turn of the assistant."""
    count = len(texts)
    roles = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array(["assistant"])).cast(
        pa.string()
    )
    turns = pa.StructArray.from_arrays([roles, texts], ["role", "content"])
    return pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32)), turns)
