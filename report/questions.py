"""The reader's four questions, each answered in a sentence or two from the figures alone, or with what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from .facts import Facts
from .labels import whole_label
from .money import Bill, BreakEven
from .scores import Judgement, Slice
from .words import apart, at_least, at_most, count, decimal, dollars, percent, points, points_span, span


@dataclass(frozen=True, slots=True)
class Answered:
    """A question and its answer: one word or figure, and what stands behind it."""

    question: str
    short: str
    long: str


def four_questions(facts: Facts) -> tuple[Answered, ...]:
    """May I switch, how sure, what fails, what did it cost and when does it pay."""
    return (
        Answered("May I switch?", *_may(facts)),
        Answered("How sure?", *_sure(facts.judgement)),
        Answered("What fails?", *_fails(facts.judgement)),
        Answered("What did it cost, and when does it pay?", *_cost(facts)),
    )


def _may(facts: Facts) -> tuple[str, str]:
    judgement = facts.judgement
    if judgement is None:
        return "Not known", "Nothing was evaluated."
    about = " The teacher was simulated: this is about no real model." if facts.simulated else ""
    kept, asked = judgement.compared.retained, percent(facts.retain)
    if judgement.verdict.replace is None or kept is None:
        missing = f" What would tell: {judgement.verdict.give[0]}" if judgement.verdict.give else ""
        return "Not on this evidence", _why_not(judgement, facts.retain) + missing + about
    may, alone, who = judgement.verdict.replace, judgement.compared.kept_alone, "it"
    if not may and alone is not None and judgement.seeds > 1 and (kept.high or 0.0) >= facts.retain:
        kept, who = alone, "the student that is kept"
    share = f"at least {at_least(kept.low)}" if may else f"at most {at_most(kept.high)}"
    said = f"On prompts like these {who} keeps {share} of {whole_label(judgement.by)}, and {asked} was asked for."
    return "Yes" if may else "No", said + about


def _why_not(judgement: Judgement, retain: float) -> str:
    if judgement.by is None:
        return "There was nothing to hold an answer against."
    if judgement.judge is not None and not judgement.judge.exam["passed"]:
        return f"The judge {judgement.judge.label} did not pass its examination."
    if judgement.judge is not None and judgement.judge.length_doubt:
        return "Longer answers alone may have pleased the judge."
    kept = judgement.compared.retained
    if kept is None:
        return next(
            (f"{why[0].upper()}{why[1:]}." for why in judgement.compared.undefined), "No verdict could be given."
        )
    if not (kept.low or 0.0) < retain <= (kept.high or 0.0):
        # The share is clear, and something else forbids to believe it.
        return judgement.verdict.sentence
    return (
        f"{percent(kept.value)} of {whole_label(judgement.by)} is kept, but the interval, {span(kept.low, kept.high)}, "
        f"does not lie on one side of the {percent(retain)} that was asked for."
    )


def _sure(judgement: Judgement | None) -> tuple[str, str]:
    if judgement is None or not judgement.compared.graded:
        return "Not known", "Nothing could be marked." if judgement else "There is no score yet."
    found = judgement.compared
    short = "No share can be said"
    if found.retained is not None:
        short = f"{percent(found.retained.value)} kept, {span(found.retained.low, found.retained.high)}"
    return short, " ".join(_grounds(judgement))


def _grounds(judgement: Judgement) -> Iterator[str]:
    found, seeds = judgement.compared, judgement.seeds
    luck = (
        f"the luck of training included ({seeds} seeds)"
        if seeds > 1
        else "the luck of training not included (one seed)"
    )
    yield f"The {decimal(100 * judgement.confidence)}% interval from {_prompts(found.graded)}, {luck}."
    if found.smallest_difference is not None:
        aside = ", the luck of training aside" if seeds > 1 else ""
        yield (
            f"A true difference of {apart(found.smallest_difference)} in score would have been found four times of five{aside}; "
            "a smaller one may be there unseen."
        )
    if (judge := judgement.judge) is not None:
        decided = judge.exam["tasks"] - judge.exam["even"]
        told = f"The judge told the teacher's answer from one to another prompt in {judge.exam['right']} of {decided} tasks"
        yield told + (
            f"; its two orders agree on {percent(judge.consistent)}." if judge.consistent is not None else "."
        )


def _fails(judgement: Judgement | None) -> tuple[str, str]:
    if judgement is None or not judgement.compared.graded:
        return "Not known", "Nothing could be marked." if judgement else "No answer of the student was looked at."
    n, duel = judgement.compared.graded, judgement.duel
    student = judgement.compared.arm("student")
    cut = student.cut_off if student else 0
    said = [_against(judgement, f"{count(duel.worse)} of {_prompts(n)}", count(duel.better))]
    if (slice_ := _weakest(judgement)) is not None:
        said.append(
            f"Furthest behind on `{slice_.name}`: {points(slice_.difference.value)} points "
            f"({points_span(slice_.difference.low, slice_.difference.high)})."
        )
    if cut:
        said.append(f"{count(cut)} of its answers {'was' if cut == 1 else 'were'} cut off at the cap.")
    return f"Worse on {percent(duel.worse / n)}", " ".join(said)


def _against(judgement: Judgement, worse: str, better: str) -> str:
    """How the kept student fared on single prompts; more than one seed makes it the first of them."""
    which = "The student that is kept" if judgement.seeds > 1 else "The student"
    match judgement.by:
        case "reference":
            return f"{which} is wrong where the teacher is right on {worse}; on {better} it is the other way round."
        case "agreement":
            return (
                f"{which} differs from the teacher where the teacher agrees with itself on {worse}; on {better} it is the other "
                "way round."
            )
        case "pairs":
            return f"{which} lost against the teacher on {worse} and won on {better}; the others are ties."
        case _:
            return f"{which} has a lower grade than the teacher on {worse} and a higher one on {better}."


def _weakest(judgement: Judgement) -> Slice | None:
    """The slice on which the student stands lowest beside what it is held against, if it stands below it on any."""
    lowest = min(judgement.slices, key=lambda one: one.difference.value, default=None)
    return lowest if lowest is not None and lowest.difference.value < 0 else None


def _cost(facts: Facts) -> tuple[str, str]:
    bill = facts.bill
    free = " The prices are the recipe’s; nothing was paid." if facts.simulated else ""
    if bill.distillation_usd is None:
        if bill.charged_usd is None and bill.answers_usd is None:
            return "Nothing yet", "No request was sent."
        if bill.charged_usd is None:
            return (
                f"{dollars(bill.answers_usd)} so far",
                f"That is what the training answers cost, whenever they were paid.{free}",
            )
        return (
            f"{dollars(bill.charged_usd)} so far",
            f"{_planned(bill)} When it pays is known after an evaluation.{free}".strip(),
        )
    charged = f"This run was charged {dollars(bill.charged_usd)}." if bill.charged_usd is not None else ""
    said = (charged, _planned(bill), pays(bill.break_even))
    return dollars(bill.distillation_usd), " ".join(part for part in said if part) + free


def _planned(bill: Bill) -> str:
    if not bill.planned:
        return ""
    total = bill.planned[-1]
    return f"Planned were {dollars(total.low)} to {dollars(total.high)}, most likely {dollars(total.likely)}."


def pays(found: BreakEven | None) -> str:
    """When the distillation has paid for itself, or why nobody knows."""
    if found is None:
        return ""
    if found.requests is None:
        least = (
            f", and it cannot be before {count(found.floor)} requests: for its cost the teacher would answer as many"
            if found.floor and found.student_usd is None
            else ""
        )
        return f"When it pays is not known: {found.why}{least}."
    low, load = (
        count(floor(found.low or 0)),
        f"while there are {count(ceil(found.requests_per_hour or 0))} an hour or more",
    )
    if found.high is None:
        return f"It pays after about {count(found.requests)} requests, no fewer than {low}, {load}, and may never pay."
    return f"It pays after about {count(found.requests)} requests ({low} to {count(ceil(found.high))}), {load}."


def _prompts(number: int) -> str:
    return "one prompt" if number == 1 else f"{count(number)} prompts"
