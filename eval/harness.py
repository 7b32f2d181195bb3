"""A task of lm-eval as a further task: its prompts are asked of an arm like any others, and lm-eval marks the answers.

lm-eval never talks to an endpoint: the teacher's answers come through the ledger, the student's from its own arm.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from ..errors import BadRecipe
from ..prompts.reading import normalised, prompt_id
from ..recipe import TaskSection
from ..store.rows import Prompt
from .arms import AskAll
from .harness_files import whereof
from .harness_lm import Request, load, marked, requests_of
from .items import JUDGED, Answer, Item, Marked, item_of

if TYPE_CHECKING:
    from lm_eval.api.task import Task

_MEANS = ("mean", "nanmean")
"""How a score is made of marks that mean something one by one; any other is made of all answers together."""


@dataclass(frozen=True, slots=True)
class HarnessTask:
    """A task of lm-eval that has the model write."""

    section: TaskSection
    task: "Task"
    requests: tuple[Request, ...]
    prompts: tuple[Prompt, ...]
    """What the requests ask, in their order; two documents that ask the same have one id."""
    metric: str
    marked_by: str
    """Such as `lm-eval exact_match, filter strict-match`."""

    @property
    def name(self) -> str:
        """What the recipe calls it."""
        return self.section.name

    def try_on(self, arm: str, ask: AskAll) -> list[Item]:
        """The arm's answers, marked by lm-eval; what is asked twice is asked once.

        Raises:
            BadRecipe: lm-eval cannot mark them.
        """
        once = {request.context: request for request in self.requests}
        said = dict(zip(once, ask([request.messages for request in once.values()]), strict=True))
        cut = {context: once[context].cut(answer.text) for context, answer in said.items()}
        samples = marked(self.task, self.section, cut, self.section.limit)
        return [
            self._item(prompt, arm, request, said[request.context], samples[request.doc_id])
            for prompt, request in zip(self.prompts, self.requests, strict=True)
        ]

    def _item(self, prompt: Prompt, arm: str, request: Request, answer: Answer, sample: Mapping[str, Any]) -> Item:
        if answer.status.startswith("error:"):
            return item_of(prompt, arm, answer, "error", None, answer.status)
        mark = _mark(self.section, self.metric, sample)
        if mark is None:
            return item_of(prompt, arm, answer, "unparsable", None, f"lm-eval gives no {self.metric}")
        if not _whole(answer, request):
            return item_of(prompt, arm, answer, "wrong", 0.0, answer.status)
        verdict: Marked = "right" if mark == 1 else "wrong" if mark == 0 else "graded"
        reason = "" if verdict == "right" else f"lm-eval took {_taken(sample)!r:.200}"
        return item_of(prompt, arm, answer, verdict, mark, reason)


def read_harness_task(section: TaskSection, home: Path) -> HarnessTask:
    """The task that a recipe names, its data read and its first document rehearsed: nothing is asked of anybody.

    Raises:
        BadRecipe: there is no such task, it wants more than written answers, or its marks are not from 0 to 1.
        MissingExtra: lm-eval is not installed.
    """
    task = load(section, home)
    requests = tuple(requests_of(task, section))
    metric, sample = _rehearsed(task, section, requests[0])
    of = "" if sample["filter"] == "none" else f", filter {sample['filter']}"
    prompts = tuple(_prompt(section, request) for request in requests)
    return HarnessTask(section, task, requests, prompts, metric, f"lm-eval {metric}{of}")


def preflight_harness(section: TaskSection, home: Path) -> None:
    """Everything that can be wrong with a task before anybody is asked; its data are fetched where they are not there yet.

    Raises:
        BadRecipe: as `read_harness_task`.
        MissingExtra: lm-eval is not installed.
    """
    read_harness_task(section, home)


def _rehearsed(task: "Task", section: TaskSection, first: Request) -> tuple[str, Mapping[str, Any]]:
    """The metric that counts, and the sample of the first document, answered with its own target."""
    right = first.target[0] if isinstance(first.target, list) and first.target else first.target
    [sample] = marked(task, section, {first.context: str(right)}, limit=1).values()
    given = [one["metric"] for one in task.get_config("metric_list") or ()][:1]
    metric = given[0] if given and given[0] in sample["metrics"] else sample["metrics"][0]
    from lm_eval.api.registry import get_aggregation

    means, better = cast("Mapping[str, Any]", task.aggregation()), cast("Mapping[str, bool]", task.higher_is_better())
    if means.get(metric) not in [get_aggregation(name) for name in _MEANS]:
        raise BadRecipe(
            f"{whereof(section)}: its metric {metric} is counted over all answers, and says nothing of one by one"
        )
    if not better.get(metric, True):
        raise BadRecipe(
            f"{whereof(section)}: of its metric {metric} less is better; a task's first metric is from 0 to 1"
        )
    _mark(section, metric, sample)
    return metric, sample


def _mark(section: TaskSection, metric: str, sample: Mapping[str, Any]) -> float | None:
    """A mark from 0 to 1; None where lm-eval gives none."""
    value = sample[metric]
    try:
        mark = math.nan if value is None else float(value)
    except (TypeError, ValueError):
        mark = math.inf
    if math.isnan(mark):
        return None
    if not 0 <= mark <= 1:
        raise BadRecipe(
            f"{whereof(section)}: its metric {metric} gives {value!r:.80}, not a mark from 0 to 1; "
            "put one that does first in its metric_list"
        )
    return mark


def _prompt(section: TaskSection, request: Request) -> Prompt:
    messages = request.messages
    return Prompt(
        id=prompt_id(messages),
        messages=messages,
        family=normalised(messages),
        side="heldout",
        source=f"lm-eval {section.lm_eval}",
        lines=(request.doc_id + 1,),
        reference=_text(request.target),
    )


def _text(target: Any) -> str:
    """A document's target as a text; several right answers as JSON."""
    if isinstance(target, Sequence) and not isinstance(target, str):
        return orjson.dumps(list(target), default=str).decode()
    return str(target)


def _whole(answer: Answer, request: Request) -> bool:
    """Whether the answer came to its end: its own, or the task's, at which lm-eval would have stopped it before the cap."""
    reached = answer.status == "truncated" and request.cut(answer.text) != answer.text
    return answer.status in JUDGED or reached


def _taken(sample: Mapping[str, Any]) -> Any:
    """What the filter took out of the answer."""
    [taken] = sample["filtered_resps"]
    return taken
