"""What each stage that asks is still to ask and to pay: from sizes alone, or from a pilot."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import reduce
from math import inf
from operator import add
from typing import TYPE_CHECKING, Any

from ..teacher.options import counts_caps
from ..teacher.traffic.stated import Permitted
from .forecast import Forecast, answers_of, counted, forecast, paced
from .judging import judging, of_a_share
from .judging_heldout import judging_heldout
from .range import Range
from .sizes import Size

if TYPE_CHECKING:
    from .facts import Outlook
    from .pilot import Pilot, Seen

Forecasts = dict[str, Forecast]
"""By stage, and their `total`."""


def offline(outlook: "Outlook") -> Forecasts:
    """The forecast of each stage that asks, by the sizes of what it asks."""
    train, heldout = (answers_of(sizes, outlook.caps.first) for sizes in (outlook.sizes, outlook.heldout))
    rounds = (outlook.heldout, outlook.again, *outlook.tasks.values())
    found = {
        "generate": _by_sizes(outlook, outlook.sizes),
        "eval": reduce(add, (_by_sizes(outlook, sizes) for sizes in rounds)),
    }
    if (judged := _judged_training(outlook, train)) is not None:
        found["filter"] = judged
    if (judged := _judged_heldout(outlook, heldout)) is not None:
        found["eval"] += judged
    return {**found, "total": reduce(add, found.values())}


def by_pilot(outlook: "Outlook", pilot: "Pilot") -> tuple[Forecasts, dict[str, Any]]:
    """The same by the answers to a pilot, and what that was.

    Of the further tasks, whose prompts are others, it tells the time alone.
    """
    from .pilot import Speed, extrapolated, seen

    teacher = outlook.run.recipe.teacher
    speed = Speed(teacher.concurrency, stated(outlook).lower(pilot.permitted), counts_caps(teacher))
    size_of = dict(zip((prompt.id for prompt in outlook.train), outlook.sizes, strict=True))
    saw = seen(pilot, [size_of[asked.prompt.id] for asked in pilot.asked], outlook.tariff)

    def of(sizes: Sequence[Size]) -> Forecast:
        return extrapolated(saw, sizes, outlook.caps, outlook.tariff, speed)

    tasks = [replace(_by_sizes(outlook, sizes), seconds=of(sizes).seconds) for sizes in outlook.tasks.values()]
    heldout = [*outlook.heldout, *outlook.again]
    found = {"generate": of(outlook.sizes), "eval": reduce(add, tasks, of(heldout))}
    total = reduce(add, tasks, of([*outlook.sizes, *heldout]))
    draws = outlook.run.recipe.generate.draws
    anew = of([replace(size, fresh=draws, begun=()) for size in outlook.sizes])
    told = _told(outlook, pilot, saw, anew.usd)
    answer = Range.exactly(told["output_tokens_an_answer"])
    if (judged := _judged_training(outlook, [answer] * len(outlook.train))) is not None:
        found["filter"] = of_a_share(judged, Range(**told["kept_share"]))
        total += found["filter"]
    if (judged := _judged_heldout(outlook, [answer] * len(outlook.evaluation.asked))) is not None:
        found["eval"] += judged
        total += judged
    return {**found, "total": total}, told


def stated(outlook: "Outlook") -> Permitted:
    """The limits that the recipe states."""
    teacher = outlook.run.recipe.teacher
    return Permitted(teacher.requests_per_minute or inf, teacher.tokens_per_minute or inf)


def _by_sizes(outlook: "Outlook", sizes: Sequence[Size]) -> Forecast:
    one, permitted = forecast(sizes, outlook.caps, outlook.tariff), stated(outlook)
    if permitted == Permitted():
        return one
    caps_count = counts_caps(outlook.run.recipe.teacher)
    tokens = counted(sizes, outlook.caps, one.input_tokens + one.output_tokens, counts_caps=caps_count)
    return replace(one, seconds=paced(one.requests, tokens, permitted))


def _judged_training(outlook: "Outlook", answers: Sequence[Range]) -> Forecast | None:
    """What judging is still to cost: nothing once the filter, and what it reads, has nothing to do; None without a judge."""
    judge = outlook.run.recipe.filter.judge
    if judge is None:
        return None
    left = outlook.train if _is_to_do(outlook, "filter") else ()
    return judging(outlook.run, judge, left, answers[: len(left)], _longest(outlook))


def _judged_heldout(outlook: "Outlook", answers: Sequence[Range]) -> Forecast | None:
    """The same for the judge of held-out answers."""
    evaluation = outlook.evaluation
    if evaluation.judge is None:
        return None
    if not _is_to_do(outlook, "eval"):
        evaluation, answers = replace(evaluation, asked=()), ()
    return judging_heldout(outlook.run, evaluation, answers, _longest(outlook))


def _is_to_do(outlook: "Outlook", command: str) -> bool:
    """Whether a stage, or any that comes before it, has something to do."""
    from .. import pipeline

    upto = pipeline.STAGES[: pipeline.STAGES.index(pipeline.stage_named(command)) + 1]
    return bool(pipeline.to_do(outlook.run, upto))


def _longest(outlook: "Outlook") -> int:
    """Output tokens of an answer at most, cut off once or not."""
    return outlook.caps.second or outlook.caps.first


def _told(outlook: "Outlook", pilot: "Pilot", saw: "Seen", all_anew: Range) -> dict[str, Any]:
    """What the pilot was and what of it the recipe's rules keep."""
    from collections import Counter

    from ..filter.in_memory import label_pairs
    from .extrapolate import CONFIDENCE, kept_share, quotient

    labelled, kept = label_pairs(outlook.run, [(asked.prompt, asked.completions) for asked in pilot.asked])
    draws, train = outlook.run.recipe.generate.draws, len(outlook.train)
    share = kept_share(kept, draws, train)
    rows = share.times(train * draws)
    a_row = quotient(all_anew, rows)
    statuses = Counter(reply.status for asked in pilot.asked for reply in asked.replies)
    return {
        "prompts": len(pilot.asked),
        "sent": pilot.sent,
        "usd": pilot.usd,
        "confidence": CONFIDENCE,
        "status": dict(statuses.most_common()),
        "kept": sum(kept),
        "rows": len(kept) * draws,
        "funnel": [step.counts() for step in labelled.steps],
        "kept_share": asdict(share),
        "kept_rows": asdict(rows),
        "usd_per_kept_row": None if a_row is None else _finite(a_row),
        "output_tokens_an_answer": float(saw.output_tokens.mean()),
        "seconds_a_request": float(saw.seconds.mean()),
        "limits": {name: None if limit == inf else limit for name, limit in pilot.permitted._asdict().items()},
    }


def _finite(found: Range) -> dict[str, float | None]:
    return {name: value if value < inf else None for name, value in asdict(found).items()}
