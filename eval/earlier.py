"""What the students answered in the last evaluation: a changed bar, grader or judge makes nobody answer anew.

A local answer depends on the weights, the prompt, the cap and the engine. Where these are the same it is taken from the last
scorecard's tables; and so a judge is not paid again for a text that a GPU would word a little otherwise each time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from ..prompts.reading import prompt_id
from ..store.manifest import Manifest
from ..store.rows import Message
from ..store.run import Run
from ..store.tables import read_table
from .arms import Arm, AskAll
from .items import Answer

if TYPE_CHECKING:
    from ..student.speed import Speed

Known = Mapping[tuple[str, str], Answer]
"""By arm and prompt id."""

_COLUMNS = ("arm", "prompt_id", "text", "status", "finish_reason", "output_tokens", "seconds")
_SHAPING = ("engine", "batch_size", "timed_prompts")
"""The settings that a timing depends on, beside the cap."""


def recalling(run: Run, arms: Sequence[Arm]) -> list[Arm]:
    """Local arms that answer from the last evaluation what it asked them, and are loaded only for the rest."""
    known = _known(run, {arm.name for arm in arms})
    return [Arm(arm.name, arm.how, partial(_opened, arm.name, known, arm.opened)) for arm in arms] if known else [*arms]


def earlier_speed(run: Run) -> "Speed | None":
    """The student's times, where nothing that they depend on has changed since they were taken."""
    from ..student.speed import Speed

    last = _last(run)
    settings = run.recipe.eval.model_dump(mode="json")
    if last is None or any(last.settings["eval"].get(name) != settings[name] for name in _SHAPING):
        return None
    told: dict[str, Any] = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())["efficiency"][
        "student"
    ]
    measured: dict[str, Any] = {field.name: told.get(field.name) for field in fields(Speed)}
    return Speed(**measured) if told else None


@contextmanager
def _opened(name: str, known: Known, opened: Callable[[], AbstractContextManager[AskAll]]) -> Iterator[AskAll]:
    with ExitStack() as stack:
        asking: list[AskAll] = []

        def ask(conversations: Sequence[Sequence[Message]]) -> list[Answer]:
            keys = [(name, prompt_id(messages)) for messages in conversations]
            left = [messages for key, messages in zip(keys, conversations, strict=True) if key not in known]
            if left and not asking:
                asking.append(stack.enter_context(opened()))
            said = iter(asking[0](left) if left else ())
            return [known[key] if key in known else next(said) for key in keys]

        yield ask


def _known(run: Run, arms: set[str]) -> dict[tuple[str, str], Answer]:
    if _last(run) is None:
        return {}
    folder, known = run.folder / "scorecard", dict[tuple[str, str], Answer]()
    tables = {path.name.rpartition("-")[0] for path in folder.glob("*.parquet")}
    for table in sorted(tables):
        for row in read_table(folder, table, _COLUMNS):
            if row["arm"] in arms and not row["status"].startswith("error:"):
                answer = (row[name] for name in ("text", "status", "finish_reason", "output_tokens", "seconds"))
                known[row["arm"], row["prompt_id"]] = Answer(*answer)
    return known


def _last(run: Run) -> Manifest | None:
    """The last evaluation, if it was of these very students, under the same cap and engine."""
    last, students = run.finished("scorecard"), run.finished("student")
    if last is None or students is None or last.inputs.get("student") != students.digest():
        return None
    same_cap = last.settings.get("generate", {}).get("max_tokens") == run.recipe.generate.max_tokens
    same_engine = last.settings.get("eval", {}).get("engine") == run.recipe.eval.engine
    return last if same_cap and same_engine else None
