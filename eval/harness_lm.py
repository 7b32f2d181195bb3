"""lm-eval: its tasks, what they ask, and what they make of answers. It asks nobody itself: it is handed what was answered.

Everything that it would say, log or draw goes nowhere; what matters comes back as values and errors.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadRecipe, PotstillError
from ..recipe import TaskSection
from ..store.rows import Message
from .harness_files import Declared, declared, whereof

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.model import LM
    from lm_eval.api.task import Task

WRITTEN = "generate_until"
"""The kind of task that has the model write; every other needs the probabilities of given texts."""

_SEED, _SHOTS_SEED = 0, 1234
"""lm-eval's own defaults (`lm_eval.defaults`), so that the same examples are shown as it shows them."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a task asks of one document."""

    context: str
    """The conversation as JSON: what lm-eval takes for the templated prompt."""
    doc_id: int
    target: Any
    stops: tuple[str, ...]
    """Where an answer ends, at the first of these texts."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation."""
        return tuple(Message(role=turn["role"], content=turn["content"]) for turn in json.loads(self.context))

    def cut(self, text: str) -> str:
        """An answer up to its first stop, as lm-eval's own models cut it."""
        for stop in filter(None, self.stops):
            text = text.split(stop)[0]
        return text


def load(section: TaskSection, home: Path) -> "Task":
    """The task, with its data.

    Raises:
        BadRecipe: there is no such task, it needs more than written answers, or its data are not there.
        MissingExtra: lm-eval is not installed.
    """
    found = declared(section, home)
    _check(section, str(found.config.get("output_type", WRITTEN)), unsafe=bool(found.config.get("unsafe_code")))
    with _quietly(section), _seeded():
        from lm_eval.tasks import TaskManager

        manager = TaskManager(include_defaults=False, include_path=found.path.parent)
        # A group of one is lm-eval's way to load a task with some of its settings changed.
        [task] = manager.load([_group_of_one(section, found)])["tasks"].values()
        if task.get_config("num_fewshot") is None:
            task.set_config("num_fewshot", 0)
    _check(section, str(task.OUTPUT_TYPE), unsafe=bool(getattr(task, "UNSAFE_CODE", False)))
    if getattr(task, "MULTIMODAL", False):
        raise BadRecipe(f"{whereof(section)}: it asks about pictures or sounds, and only texts are sent")
    return task


def _group_of_one(section: TaskSection, found: Declared) -> dict[str, Any]:
    settings = {"dataset_kwargs": dict(found.dataset)} if found.dataset else {}
    return {"group": f"potstill {section.name}", "task": [{"task": section.lm_eval, **settings}]}


def _check(section: TaskSection, output_type: str, *, unsafe: bool) -> None:
    if output_type != WRITTEN:
        raise BadRecipe(
            f"{whereof(section)}: its output_type is {output_type}, which needs the probabilities of given texts, and a chat "
            f"endpoint does not tell them; name a task whose output_type is {WRITTEN}"
        )
    if unsafe:
        raise BadRecipe(f"{whereof(section)}: it runs programs that models write (unsafe_code), which is not done here")


def requests_of(task: "Task", section: TaskSection) -> list[Request]:
    """What the task asks, document by document.

    Raises:
        BadRecipe: it asks several things of one document, or wants an answer continued that it began itself.
    """
    with _quietly(section), _seeded():
        task.set_fewshot_seed(_SHOTS_SEED)
        task.build_all_requests(
            limit=section.limit, apply_chat_template=True, fewshot_as_multiturn=True, chat_template=_as_json
        )
        requests = [_request(task, instance) for instance in task.instances]
        dated = next(filter(None, map(_dated, task.instances, requests)), "")
    if dated:
        raise BadRecipe(
            f"{whereof(section)}: its data say dates in the column {dated!r}, which datasets reads as points in time, so that "
            "lm-eval sees another text; write `{{ " + dated + ".strftime('%Y-%m-%d') }}`, or give the data as Parquet"
        )
    if len({request.doc_id for request in requests}) < len(requests):
        raise BadRecipe(
            f"{whereof(section)}: it asks several things about one document, which only lm-eval itself does"
        )
    if any(request.messages[-1]["role"] != "user" for request in requests):
        raise BadRecipe(
            f"{whereof(section)}: it begins the answer itself (gen_prefix), which a chat endpoint does not continue"
        )
    return requests


def _request(task: "Task", instance: "Instance") -> Request:
    if instance.request_type != WRITTEN:
        raise ValueError(f"a request of the kind {instance.request_type}")
    stops = instance.arguments[1].get("until") or ()
    return Request(
        instance.arguments[0],
        instance.doc_id or 0,
        task.doc_to_target(instance.doc),
        (stops,) if isinstance(stops, str) else tuple(stops),
    )


def _dated(instance: "Instance", request: Request) -> str:
    """A column of texts that was read as points in time and stands in what is asked or wanted; empty where none does."""
    shown = request.context + str(request.target)
    return next((name for name, one in instance.doc.items() if isinstance(one, datetime) and str(one) in shown), "")


def marked(
    task: "Task", section: TaskSection, answers: Mapping[str, str], limit: int | None
) -> dict[int, Mapping[str, Any]]:
    """What lm-eval makes of the answers, given by context: its samples under the task's first filter, by document.

    Raises:
        BadRecipe: lm-eval cannot mark them.
    """
    with _quietly(section), _seeded():
        from lm_eval.evaluator import evaluate

        task.set_fewshot_seed(_SHOTS_SEED)
        found = evaluate(
            lm=_told(answers),
            task_dict={"tasks": {task.task_name: task}},
            limit=limit,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            log_samples=True,
            bootstrap_iters=0,
        )
        samples = (found or {}).get("samples", {})[task.task_name]
    return {sample["doc_id"]: sample for sample in samples if sample["filter"] == samples[0]["filter"]}


def _told(answers: Mapping[str, str]) -> "LM":
    """A model of lm-eval's that has been asked already."""
    from lm_eval.api.model import LM

    class Told(LM):
        @property
        def tokenizer_name(self) -> str:
            return "potstill"

        def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
            return _as_json(chat_history, add_generation_prompt)

        def generate_until(self, requests: "list[Instance]") -> list[str]:
            return [_told_of(request.args[0], answers) for request in requests]

        def loglikelihood(self, requests: "list[Instance]") -> list[tuple[float, bool]]:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: "list[Instance]") -> list[float]:
            raise NotImplementedError

    return Told()


def _told_of(context: str, answers: Mapping[str, str]) -> str:
    if context not in answers:
        raise LookupError("it asks something else each time that it is read, so answers cannot be held against it")
    return answers[context]


def _as_json(chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    """A conversation in place of a templated prompt: the template is the arm's business."""
    return json.dumps(chat_history, ensure_ascii=False)


@contextmanager
def _quietly(section: TaskSection) -> Iterator[None]:
    """The boundary to lm-eval: silent, and any failure of it or of a task's own functions is a BadRecipe."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    except PotstillError:
        raise
    except Exception as error:
        raise BadRecipe(f"{whereof(section)}: lm-eval says: {type(error).__name__}: {error!s:.500}") from error
    finally:
        logger.setLevel(level)


@contextmanager
def _seeded() -> Iterator[None]:
    """Tasks draw from the global generators: from lm-eval's own seeds, and afterwards everything is as it was."""
    import random

    import numpy as np

    plain, numbers = random.getstate(), np.random.get_state()
    random.seed(_SEED)
    np.random.seed(_SHOTS_SEED)
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numbers)
