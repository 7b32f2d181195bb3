"""What the report does not show, said on the report: no reader should have to guess it."""

from collections.abc import Iterator

from .facts import Facts
from .words import count


def untested(facts: Facts) -> tuple[str, ...]:
    """Plain sentences: first what this run left out, then what no run of this kind shows."""
    return (*_left_out(facts), *_beyond(facts))


def _left_out(facts: Facts) -> Iterator[str]:
    judgement = facts.judgement
    if facts.simulated:
        yield "Any real model: the teacher was simulated, so this page shows that the way works and nothing about a model."
    if "scorecard" not in facts.done:
        yield "Quality: nothing was evaluated."
        return
    if judgement.filtering is None:
        yield "What filtering bought: there is no unfiltered control to compare with."
    if leaked := facts.harvest.leaked:
        names = ", ".join(file.name for file in facts.harvest.leaks.files if file.trained_on)
        yield f"New prompts: {count(leaked)} training rows repeat texts of {names} (filter.leak.drop is false)."
    if facts.harvest.selected and judgement.selection is None:
        yield "What selection bought: there is no random control of equal size to compare with."
    if judgement.training_seeds == 1:
        yield "Another training: there was one seed; the intervals cover the choice of prompts, not the luck of training."
    if judgement.grader == "exact":
        yield "Right answers in other words: only the exact text of the reference counted as right."
    if judgement.efficiency.student.get("tokens_per_second") is not None:
        batch = count(judgement.efficiency.student["batch_size"])
        yield f"Speed under other loads: the student was timed once, in batches of {batch}, on one machine."


def _beyond(facts: Facts) -> Iterator[str]:
    heldout = facts.harvest.prompts.get("heldout")
    those = f"the {count(heldout)} held-out prompts" if heldout is not None else "the held-out prompts"
    yield f"Other prompts: {those} come from the same source as the training prompts, and real traffic may differ."
    yield (
        "Paraphrases: training rows that share a family or a long run of words with a held-out prompt are looked for; the "
        "same question in other words is not found."
    )
    yield "What the student forgot: abilities of the base model outside this task were not measured."
    yield "Safety, bias and behaviour under attack."
    yield f"Rights: whether the teacher's terms allow training on its answers is for you to read{_terms(facts)}."


def _terms(facts: Facts) -> str:
    return f" ({facts.origin.terms})" if facts.origin.terms else ""
