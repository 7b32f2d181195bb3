"""What `potstill plan` knows, put together: one object, with every number as low, likely and high."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Any

from ..teacher.options import counts_caps
from ..teacher.traffic.stated import Permitted
from .caps import Caps, caps_of
from .forecast import Forecast, Most, answers_of, at_most, counted, forecast, paced
from .judging import judging, of_a_share
from .range import Range
from .sizes import Size, Sizing

if TYPE_CHECKING:
    from ..ledger.prices import Tariff
    from ..recipe.judge import JudgeSection
    from ..store.rows import Prompt
    from ..store.run import Run
    from .pilot import Pilot, Seen

ASKING = ("generate", "eval")
"""The stages that ask the teacher, in their order; `filter` asks a judge where the recipe has one."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A run seen before it starts: its prompts, their sizes, what is bought, what a token costs."""

    run: "Run"
    train: "Sequence[Prompt]"
    heldout: int
    sizes: Mapping[str, Sequence[Size]]
    """Stage → the sizes of the prompts that it asks."""
    caps: Caps
    tariff: "Tariff"
    spent: tuple[float, int]
    """Dollars and tokens that the ledger has charged to the run so far."""

    def pilot_at_most(self, chosen: Collection[str]) -> Most:
        """The most that asking these training prompts can cost; what the ledger has costs nothing."""
        pairs = zip(self.train, self.sizes["generate"], strict=True)
        return at_most((size for prompt, size in pairs if prompt.id in chosen), self.caps, self.tariff)


def look(run: "Run") -> Outlook:
    """Load the prompts as `prompts` does, measure them and look them up in the ledger. Asks nobody, writes no table.

    Raises:
        BadInput: the prompts, the template, the price or the budget does not hold.
    """
    from ..generate.elicitation import elicitation_of
    from ..ledger.ledger import Ledger
    from ..prompts.stage import load
    from ..teacher.identity import cap_of, tariff
    from ..teacher.loop import run_async

    cap_of(run.recipe, run.home)
    prices = tariff(run.recipe.teacher, run.home)
    asking = elicitation_of(run).asking
    prompts = load(run).prompts
    train = [prompt for prompt in prompts if prompt.side == "train"]
    heldout = [prompt for prompt in prompts if prompt.side == "heldout"]
    # An answer that nothing can be held against is not asked for.
    graded = [prompt for prompt in heldout if prompt.reference is not None]
    caps = caps_of(asking)

    async def measured(ledger: Ledger | None) -> dict[str, Sequence[Size]]:
        sizing = Sizing(run, asking, caps, ledger)
        train_sizes = await sizing.sizes(train, run.recipe.generate.draws)
        return {"generate": train_sizes, "eval": await sizing.sizes(graded, 1)}

    with Ledger(run.ledger) if run.ledger.exists() else nullcontext() as ledger:
        sizes = run_async(measured(ledger))
        spent = ledger.spent(run.recipe.name) if ledger else (0.0, 0)
    return Outlook(run, train, len(heldout), sizes, caps, prices, spent)


def recalled(outlook: Outlook) -> "Pilot | None":
    """The pilot that the ledger has, if it has one. Asks nobody."""
    from .pilot import RECALLED_MOST, chosen, recall_pilot

    finished = not any(size.draws for size in outlook.sizes["generate"])
    return recall_pilot(outlook.run, chosen(outlook.train, RECALLED_MOST), finished=finished)


def facts(outlook: Outlook, pilot: "Pilot | None") -> dict[str, Any]:
    """Everything there is to say, as JSON."""
    from .. import pipeline
    from ..ledger.prices import describe

    recipe = outlook.run.recipe
    found, told = _offline(outlook), None
    if pilot is not None:
        found, told = _by_pilot(outlook, pilot)
    sizes = [size for stage in ASKING for size in outlook.sizes[stage]]
    wanted = {"generate": len(outlook.train) * recipe.generate.draws, "eval": len(outlook.sizes["eval"])}
    left = sum(size.draws for size in sizes)
    references = [size.reference.likely for size in outlook.sizes["generate"] if size.reference is not None]
    return {
        "name": recipe.name,
        "basis": "offline" if pilot is None else "pilot",
        "teacher": recipe.teacher.model,
        "price": describe(outlook.tariff),
        "free": outlook.tariff.is_free,
        "judge": _judge(outlook),
        "prompts": {"train": len(outlook.train), "heldout": outlook.heldout, "with_reference": wanted["eval"]},
        "draws": recipe.generate.draws,
        "references": len(references),
        "median_reference_tokens": median(references) if references else None,
        "caps": {**asdict(outlook.caps), "worst": _worst(outlook)},
        "ledger": {"draws": sum(wanted.values()), "bought": sum(wanted.values()) - left},
        "stages": {
            stage.command: _stage(found[stage.command]) if stage.command in found else {"asks": False, "usd": 0.0}
            for stage in pipeline.STAGES
        },
        "total": _stage(found["total"]),
        "budget": _budget(outlook, found["total"]),
        "heldout_buys": _heldout_buys(outlook),
        "pilot": told,
    }


def _offline(outlook: Outlook) -> dict[str, Forecast]:
    permitted, found = _stated(outlook), {}
    caps_count = counts_caps(outlook.run.recipe.teacher)
    for stage, sizes in outlook.sizes.items():
        one = forecast(sizes, outlook.caps, outlook.tariff)
        if permitted != Permitted():
            tokens = counted(sizes, outlook.caps, one.input_tokens + one.output_tokens, counts_caps=caps_count)
            one = replace(one, seconds=paced(one.requests, tokens, permitted))
        found[stage] = one
    total = found["generate"] + found["eval"]
    if (judge := outlook.run.recipe.filter.judge) is not None:
        answers = answers_of(outlook.sizes["generate"], outlook.caps.first)
        found["filter"] = _judging(outlook, judge, answers)
        total = total + found["filter"]
    return {**found, "total": total}


def _judging(outlook: Outlook, judge: "JudgeSection", answers: Sequence[Range]) -> Forecast:
    """What judging is still to cost: nothing once the filter, and what it reads, has nothing to do."""
    from .. import pipeline

    upto = pipeline.STAGES[: pipeline.STAGES.index(pipeline.stage_named("filter")) + 1]
    left = outlook.train if pipeline.to_do(outlook.run, upto) else ()
    return judging(outlook.run, judge, left, answers[: len(left)], _longest(outlook))


def _longest(outlook: Outlook) -> int:
    """Output tokens of an answer at most, cut off once or not."""
    return outlook.caps.second or outlook.caps.first


def _worst(outlook: Outlook) -> str:
    judge = outlook.run.recipe.filter.judge
    return outlook.caps.worst + ("" if judge is None else f", and judged in a reply of {judge.max_tokens:,} tokens")


def _judge(outlook: Outlook) -> dict[str, Any] | None:
    """Who judges the answers and for which price, None where nobody does."""
    from ..ledger.prices import describe
    from ..teacher.identity import tariff

    if (judge := outlook.run.recipe.filter.judge) is None:
        return None
    teacher = judge.teacher or outlook.run.recipe.teacher
    return {"teacher": teacher.model, "price": describe(tariff(teacher, outlook.run.home)), "cap": judge.max_tokens}


def _stated(outlook: Outlook) -> Permitted:
    """The limits that the recipe states."""
    teacher = outlook.run.recipe.teacher
    return Permitted(teacher.requests_per_minute or inf, teacher.tokens_per_minute or inf)


def _by_pilot(outlook: Outlook, pilot: "Pilot") -> tuple[dict[str, Forecast], dict[str, Any]]:
    from .pilot import Speed, extrapolated, seen

    teacher = outlook.run.recipe.teacher
    speed = Speed(teacher.concurrency, _stated(outlook).lower(pilot.permitted), counts_caps(teacher))
    size_of = dict(zip((prompt.id for prompt in outlook.train), outlook.sizes["generate"], strict=True))
    saw = seen(pilot, [size_of[asked.prompt.id] for asked in pilot.asked], outlook.tariff)

    def of(sizes: Sequence[Size]) -> Forecast:
        return extrapolated(saw, sizes, outlook.caps, outlook.tariff, speed)

    found = {stage: of(outlook.sizes[stage]) for stage in ASKING}
    found["total"] = of([*outlook.sizes["generate"], *outlook.sizes["eval"]])
    draws = outlook.run.recipe.generate.draws
    anew = of([replace(size, fresh=draws, begun=()) for size in outlook.sizes["generate"]])
    told = _pilot(outlook, pilot, saw, anew.usd)
    if (judge := outlook.run.recipe.filter.judge) is not None:
        answers = [Range.exactly(told["output_tokens_an_answer"])] * len(outlook.train)
        whole = _judging(outlook, judge, answers)
        found["filter"] = of_a_share(whole, Range(**told["kept_share"]))
        found["total"] = found["total"] + found["filter"]
    return found, told


def _pilot(outlook: Outlook, pilot: "Pilot", saw: "Seen", all_anew: Range) -> dict[str, Any]:
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
    return {name: value if value < float("inf") else None for name, value in asdict(found).items()}


def _stage(found: Forecast) -> dict[str, Any]:
    return {"asks": True, **asdict(found)}


def _budget(outlook: Outlook, total: Forecast) -> dict[str, Any] | None:
    """Whether each cap of the recipe covers what is still to come; None without a cap."""
    budget, (usd, tokens) = outlook.run.recipe.budget, outlook.spent
    all_tokens = total.input_tokens + total.output_tokens
    told: dict[str, Any] = {}
    if budget.usd is not None:
        told["usd"] = _cover(budget.usd, usd, total.usd, total.most.usd)
    if budget.tokens is not None:
        most = total.most.input_tokens + total.most.output_tokens
        told["tokens"] = _cover(budget.tokens, tokens, all_tokens, most)
    return told or None


def _cover(cap: float, spent: float, wanted: Range, most: float) -> dict[str, Any]:
    left = cap - spent
    covers = {name: value <= left for name, value in {**asdict(wanted), "most": most}.items()}
    return {"cap": cap, "spent": spent, "covers": covers}


def _heldout_buys(outlook: Outlook) -> dict[str, Any] | None:
    from ..eval.precision import DISCORDANT, POWER, precision

    section = outlook.run.recipe.eval
    found = precision(len(outlook.sizes["eval"]), section.confidence, section.retain)
    if found is None:
        return None
    return {
        "prompts": found.prompts,
        "confidence": section.confidence,
        "retain": section.retain,
        "intervals": {f"{score:.0%}": {"low": low, "high": high} for score, (low, high) in found.intervals.items()},
        "smallest_difference": found.smallest_difference,
        "equal_student_needs": found.equal_student_needs,
        "assumed": {"discordant": DISCORDANT, "power": POWER},
    }
