"""The first pass: every free score of every answer, on all cores, into a narrow file beside the tables."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import BadRecipe
from ..store.run import Run
from ..texts.arrow import pc
from ..texts.stream import ahead
from .answers import Answers, read_answers
from .names import ASKED_FOR
from .score import Score
from .scored import BASE, LATE, Scored
from .scores import leak
from .scores.table import SCORES

MOST_THREADS = 8
"""More would wait for one another: some scores hold the interpreter."""


def scores_of(run: Run) -> dict[str, Score]:
    """The scores that have something to do in this run, by their names.

    Raises:
        BadInput: settings that do not hold, or a file that cannot be read.
    """
    made = {name: make(run) for name, make in SCORES.items()}
    scores = {name: score for name, score in made.items() if score is not None}
    own = set(run.recipe.filter.scores)
    taken = {column for name, score in scores.items() if name != "own" for column in score.columns}
    if clash := sorted(own & (taken | ASKED_FOR.keys() | LATE | leak.COLUMNS.keys())):
        raise BadRecipe(f"'filter.scores.{clash[0]}': Potstill has a score of that name; call yours otherwise")
    return scores


def columns_of(scores: Mapping[str, Score]) -> dict[str, pa.DataType]:
    """All columns that scores write, with their types."""
    return {column: kind for score in scores.values() for column, kind in score.columns.items()}


def score(answers: Answers, scores: Mapping[str, Score], prompts_before: int = 0) -> pa.RecordBatch:
    """The scores of a batch and what every rule may know of its rows.

    Args:
        answers: all answers to some prompts.
        scores: what to write.
        prompts_before: how many prompts came in earlier batches.
    """
    rows = answers.rows
    base = [
        rows.column("status"),
        rows.column("error"),
        rows.column("draw"),
        pa.array(_ranks(answers)),
        pa.array(answers.of + prompts_before),
        rows.column("usd"),
    ]
    written = [column for one in scores.values() for column in one.write(answers)]
    return pa.RecordBatch.from_arrays([*base, *written], schema=pa.schema({**BASE, **columns_of(scores)}.items()))


def _ranks(answers: Answers) -> np.ndarray:
    """The place of each answer among those to its prompt, by series and draw; shape (answers,)."""
    series = np.asarray(pc.rank(answers.rows.column("series"), tiebreaker="dense"), dtype=np.int64)
    order = np.lexsort((np.asarray(answers.rows.column("draw")), series, answers.of))
    ranks = np.empty(len(answers), np.int64)
    ranks[order] = np.arange(len(answers)) - answers.ends[answers.of[order]]
    return ranks


def score_all(run: Run, scores: Mapping[str, Score], path: Path) -> None:
    """Write the scores of all answers into a file, a batch for a batch of `read_answers`."""
    schema = pa.schema({**BASE, **columns_of(scores)}.items())
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, schema) as table,
        run.screen.track("filter: scores", run.count("completions", "rows")) as track,
    ):
        given = _counted(read_answers(run.folder))
        threads = min(os.cpu_count() or 1, MOST_THREADS)
        for batch in ahead(lambda each: score(each[0], scores, each[1]), given, threads):
            table.write_batch(batch)
            track.advance(batch.num_rows)


def read_scored(path: Path) -> Iterator[Scored]:
    """What `score_all` wrote, batch after batch."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as table:
        for number in range(table.num_record_batches):
            yield Scored(table.get_batch(number))


def _counted(batches: Iterable[Answers]) -> Iterator[tuple[Answers, int]]:
    """Each batch with the number of prompts before it."""
    prompts = 0
    for batch in batches:
        yield batch, prompts
        prompts += batch.prompts.num_rows
