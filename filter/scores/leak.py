"""The scores `leak` and `leak_fuzzy`: how much of a held-out prompt or of a benchmark's question stands in the prompt.

They decide nothing; the rule `leak` reads the columns beside them, that say what was found and where.
"""

from collections.abc import Sequence
from threading import Lock

import numpy as np
import pyarrow as pa

from ...store.columns import column
from ...store.run import Run
from ...store.tables import parts
from ...texts.fuzzy import Short, likeness, short_of
from ...texts.words import words_of
from ..answers import Answers
from ..leak_search import NONE, NUMBERS, RUN, Search, look_at_answers, look_at_prompts, search_of
from ..score import Score
from ..targets import leak_files

KINDS = ("", "equal", "13-gram", "coverage", "numbers")
"""Of a prompt, by what was found; `13-gram` whatever the recipe's number of words is."""
ANSWER, ANSWER_NUMBERS = "answer", "answer, other numbers"
"""Of an answer; the second is no leak."""
COLUMNS = {"leak": pa.float64(), "leak_fuzzy": pa.float64(), "_leak_kind": pa.string(), "_leak_target": pa.string()}


def make(run: Run) -> Score | None:
    """What each row repeats; None where there are no prompts to hold anything out of.

    The columns are `leak` (0 to 1), `leak_fuzzy` (0 to 1, null for a prompt of eight words or more), and for the rule the kind of
    leak, empty for none, with the name of the target. Targets are read when the first answers come, which may raise BadPrompts.

    Raises:
        BadRecipe: a benchmark file of the recipe is not there, or is of no known kind.
    """
    leak_files(run)
    if not parts(run.folder / "prompts", "prompts"):
        return None
    lock = Lock()
    ready: list[tuple[Search, Short]] = []

    def write(answers: Answers) -> Sequence[pa.Array]:
        with lock:
            if not ready:
                ready.append(_ready(run))
        return _write(*ready[0], answers)

    return Score(COLUMNS, write)


def _ready(run: Run) -> tuple[Search, Short]:
    search = search_of(run)
    questions = search.texts.slice(0, int(search.question.sum()))  # they come first
    return search, short_of(questions, words_of(questions))


def _write(search: Search, short: Short, answers: Answers) -> Sequence[pa.Array]:
    words, of = words_of(answers.asked), answers.of
    prompts = look_at_prompts(search, answers.asked, words)
    said = look_at_answers(search, answers.texts, answers.words)
    kind, target = prompts.kind[of], prompts.target[of]
    names = [KINDS[number] for number in kind.tolist()]
    for row in np.flatnonzero((said.kind == RUN) & ((kind == NONE) | (kind == NUMBERS))).tolist():
        names[row], target[row] = ANSWER, said.target[row]
    for row in np.flatnonzero((said.kind == NUMBERS) & (kind == NONE)).tolist():
        names[row], target[row] = ANSWER_NUMBERS, said.target[row]
    targets = [search.targets[place].name if place >= 0 else "" for place in target.tolist()]
    fuzzy = likeness(short, answers.asked, words)[of]
    return [
        pa.array(prompts.coverage[of]),
        pa.array(fuzzy, mask=np.isnan(fuzzy)),
        column(names, pa.string()),
        column(targets, pa.string()),
    ]
