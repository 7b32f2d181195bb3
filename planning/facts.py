"""What `potstill plan` knows, put together: one object, with every number as low, likely and high."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from ..eval.teacher_arm import AGAIN, SERIES
from ..ledger.key import Draw
from .caps import Caps, caps_of
from .evaluation import Evaluation, asked_of_tasks, evaluation_of, with_answers
from .forecast import Forecast, Most, at_most
from .range import Range
from .sizes import Size, Sizing
from .stages import by_pilot, offline
from .telling import heldout_buys

if TYPE_CHECKING:
    from ..ledger.ledger import Ledger
    from ..ledger.prices import Tariff
    from ..recipe.judge import JudgeSection
    from ..store.rows import Prompt
    from ..store.run import Run
    from .pilot import Pilot


@dataclass(frozen=True, slots=True)
class Outlook:
    """A run seen before it starts: its prompts, their sizes, what is bought, what a token costs."""

    run: "Run"
    train: "Sequence[Prompt]"
    evaluation: Evaluation
    sizes: Sequence[Size]
    """Of the training prompts."""
    heldout: Sequence[Size]
    """Of the held-out prompts that are asked."""
    again: Sequence[Size]
    """The same for the second time that the teacher is asked them, where it is."""
    tasks: Mapping[str, Sequence[Size]]
    """Of what the teacher is asked for each further task."""
    caps: Caps
    tariff: "Tariff"
    spent: tuple[float, int]
    """Dollars and tokens that the ledger has charged to the run so far."""
    last_bought: float
    """When the run last sent a request, a pilot's apart: seconds since 1970, 0 where it never did."""

    @property
    def all_sizes(self) -> list[Size]:
        """Of everything that the teacher is asked."""
        tasks = (size for sizes in self.tasks.values() for size in sizes)
        return [*self.sizes, *self.heldout, *self.again, *tasks]

    def pilot_at_most(self, chosen: Collection[str]) -> Most:
        """The most that asking these training prompts can cost; what the ledger has costs nothing."""
        pairs = zip(self.train, self.sizes, strict=True)
        return at_most((size for prompt, size in pairs if prompt.id in chosen), self.caps, self.tariff)


def look(run: "Run") -> Outlook:
    """Load the prompts as `prompts` does, measure them and look them up in the ledger. Asks nobody, writes no table.

    Raises:
        BadInput: the prompts, the template, the price, the budget or a task does not hold.
    """
    from ..generate.elicitation import elicitation_of
    from ..ledger.ledger import Ledger
    from ..teacher.identity import cap_of, tariff
    from ..teacher.loop import run_async

    judge = run.recipe.eval.judge
    cap_of(run.recipe, run.home, *([judge.teacher] if judge is not None and judge.teacher is not None else []))
    prices = tariff(run.recipe.teacher, run.home)
    asking = elicitation_of(run).asking
    caps = caps_of(asking)
    train, heldout = _prompts(run)
    evaluation = evaluation_of(run, train, heldout)

    async def measured(ledger: Ledger | None) -> tuple[list[Size], list[Size], list[Size], dict[str, list[Size]]]:
        sizing = Sizing(run, asking, caps, ledger)
        draws = [Draw(index=index) for index in range(run.recipe.generate.draws)]
        # References that list constraints say nothing of an answer's length, here as there.
        told, asked = (with_answers(run.recipe.eval.grader, prompts) for prompts in (train, evaluation.asked))
        return (
            await sizing.sizes(told, draws),
            await sizing.sizes(asked, [Draw()]),
            await sizing.sizes(asked if evaluation.again else (), [Draw(SERIES[AGAIN])]),
            {name: await sizing.sizes(prompts, [Draw()]) for name, prompts in asked_of_tasks(evaluation).items()},
        )

    with Ledger(run.ledger) if run.ledger.exists() else nullcontext() as ledger:
        sizes = run_async(measured(ledger))
        spent = ledger.spent(run.recipe.name) if ledger else (0.0, 0)
        last = _last_bought(run, ledger) if ledger else 0.0
    return Outlook(run, train, evaluation, *sizes, caps, prices, spent, last)


def _prompts(run: "Run") -> "tuple[list[Prompt], list[Prompt]]":
    """Those to train on and those that are held out: from the table if it is this recipe's, else as it would be written."""
    from .. import pipeline
    from ..prompts.stage import load
    from ..store.schemas import read_prompts

    stage = pipeline.stage_named("prompts")
    found = list(read_prompts(run.folder / stage.writes)) if pipeline.current(run, stage) else load(run).prompts
    train, heldout = ([prompt for prompt in found if prompt.side == side] for side in ("train", "heldout"))
    return train, heldout


def _last_bought(run: "Run", ledger: "Ledger") -> float:
    last = "SELECT coalesce(max(created), 0) FROM attempts WHERE run = ? AND stage NOT IN ('plan', 'check')"
    return ledger.reader.execute(last, (run.recipe.name,)).fetchone()[0]


def recalled(outlook: Outlook) -> "Pilot | None":
    """The pilot that the ledger has, if it has one. Asks nobody."""
    from .pilot import RECALLED_MOST, chosen, recall_pilot

    finished = not any(size.draws for size in outlook.sizes)
    return recall_pilot(outlook.run, chosen(outlook.train, RECALLED_MOST), finished=finished)


def facts(outlook: Outlook, pilot: "Pilot | None") -> dict[str, Any]:
    """Everything there is to say, as JSON."""
    from .. import pipeline
    from ..ledger.prices import describe

    recipe = outlook.run.recipe
    found, told = (offline(outlook), None) if pilot is None else by_pilot(outlook, pilot)
    wanted = len(outlook.train) * (recipe.generate.draws - 1) + len(outlook.all_sizes)
    left = sum(size.draws for size in outlook.all_sizes)
    references = [size.reference.likely for size in outlook.sizes if size.reference is not None]
    return {
        "name": recipe.name,
        "basis": "offline" if pilot is None else "pilot",
        "teacher": recipe.teacher.model,
        "price": describe(outlook.tariff),
        "free": outlook.tariff.is_free,
        "judge": _judge(outlook, recipe.filter.judge),
        "eval_judge": _eval_judge(outlook),
        "prompts": _counted(outlook),
        "evaluation": _evaluation(outlook.evaluation),
        "draws": recipe.generate.draws,
        "references": len(references),
        "median_reference_tokens": median(references) if references else None,
        "caps": {**asdict(outlook.caps), "worst": _worst(outlook)},
        "ledger": {"draws": wanted, "bought": wanted - left},
        "spent": {"usd": outlook.spent[0], "tokens": outlook.spent[1]},
        "stages": {
            stage.command: _stage(found[stage.command]) if stage.command in found else {"asks": False, "usd": 0.0}
            for stage in pipeline.STAGES
        },
        "total": _stage(found["total"]),
        "budget": _budget(outlook, found["total"]),
        "heldout_buys": heldout_buys(recipe.eval, outlook.evaluation.way, len(outlook.evaluation.asked)),
        "pilot": told,
    }


def _counted(outlook: Outlook) -> dict[str, int]:
    heldout = outlook.evaluation.heldout
    referenced = sum(prompt.reference is not None for prompt in heldout)
    return {"train": len(outlook.train), "heldout": len(heldout), "with_reference": referenced}


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    """What the verdict will rest on, and what the teacher is asked for it."""
    return {
        "by": evaluation.way,
        "asked": len(evaluation.asked),
        "again": evaluation.again,
        "tasks": {name: len(prompts) for name, prompts in evaluation.tasks.items()},
    }


def _worst(outlook: Outlook) -> str:
    judges = (outlook.run.recipe.filter.judge, outlook.evaluation.judge)
    said = (", and judged", "; held-out answers judged")
    told = (f"{words} in a reply of {one.max_tokens:,} tokens" for words, one in zip(said, judges, strict=True) if one)
    return outlook.caps.worst + "".join(told)


def _judge(outlook: Outlook, judge: "JudgeSection | None") -> dict[str, Any] | None:
    """Who judges and for which price, None where nobody does."""
    from ..ledger.prices import describe
    from ..teacher.identity import tariff

    if judge is None:
        return None
    teacher = judge.teacher or outlook.run.recipe.teacher
    return {"teacher": teacher.model, "price": describe(tariff(teacher, outlook.run.home)), "cap": judge.max_tokens}


def _eval_judge(outlook: Outlook) -> dict[str, Any] | None:
    judge, judged = outlook.evaluation.judge, outlook.evaluation.judged
    if judge is None or (told := _judge(outlook, judge)) is None:
        return None
    return {**told, "how": judge.how, "exam": min(judge.exam, len(outlook.evaluation.asked)), "arms": judged}


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
