"""What the report does not show, said on the report: no reader should have to guess it."""

from collections.abc import Iterator

from .facts import Facts
from .scores import Judge, Judgement
from .words import count


def untested(facts: Facts) -> tuple[str, ...]:
    """Plain sentences: first what this run left out, then what no run of this kind shows."""
    return (*_left_out(facts), *_beyond(facts))


def _left_out(facts: Facts) -> Iterator[str]:
    judgement = facts.judgement
    if facts.simulated:
        yield "Any real model: the teacher was simulated, so this page shows that the way works and nothing about a model."
    if leaked := facts.harvest.leaked:
        names = ", ".join(file.name for file in facts.harvest.leaks.files if file.trained_on)
        yield f"New prompts: {count(leaked)} training rows repeat texts of {names} (filter.leak.drop is false)."
    if judgement is None:
        yield "Quality: nothing was evaluated."
        return
    yield from _without_control(facts, judgement)
    if judgement.seeds == 1:
        yield "Another training: there was one seed; the intervals cover the choice of prompts, not the luck of training."
    if judgement.judge is not None:
        yield from _of_the_judge(judgement.judge)
    elif judgement.grader == "exact" and judgement.by == "reference":
        yield "Right answers in other words: only the exact text of the reference counted as right."
    if judgement.by == "agreement":
        yield "Whether anything is right: answers were held against the teacher’s, whose errors count as right."
    if len(judgement.slices) < 2:
        yield "Single kinds of prompts: no column says which kind a prompt is (`slice` in `prompts.columns`)."
    yield from _of_speed(judgement)


def _without_control(facts: Facts, judgement: Judgement) -> Iterator[str]:
    if judgement.filtering is None:
        yield "What filtering bought: there is no unfiltered control to compare with."
    if facts.harvest.selected and judgement.selection is None:
        yield "What selection bought: there is no random control of equal size to compare with."
    if facts.references and judgement.teaching is None:
        yield (
            f"What the teacher bought: {count(facts.references)} training rows have references of their own, and no student was "
            "trained on those alone (`seeds_only` in `train.controls`)."
        )


def _of_the_judge(judge: Judge) -> Iterator[str]:
    yield (
        "The judge’s taste: it was examined on telling the teacher’s answers from others, not held against the judgement of "
        "people."
    )
    if judge.lengths is not None:
        yield "The judge on answers of equal length: lengths are told beside its verdicts, which are not corrected for them."


def _of_speed(judgement: Judgement) -> Iterator[str]:
    own = judgement.efficiency.student
    if own.get("tokens_per_second") is None and own.get("p50_s") is None:
        yield "Speed: the student was not timed."
        return
    if own.get("p50_s") is None:
        yield "Latency: how long one request alone waits for the student was not measured."
    yield f"Speed under other loads: one request at a time and batches of {count(own.get('batch_size'))}, on one machine."
    if judgement.efficiency.teacher and judgement.efficiency.teacher.get("p50_s") is None:
        yield "The teacher’s latency: its answers were bought earlier, and nobody waited for one this time."


def _beyond(facts: Facts) -> Iterator[str]:
    heldout = facts.harvest.prompts.get("heldout")
    those = f"the {count(heldout)} held-out prompts" if heldout is not None else "the held-out prompts"
    tasks = facts.judgement.tasks if facts.judgement else ()
    names = ", ".join(f"`{task.name}`" for task in tasks)
    beside = f"; beside them only {names} {'was' if len(tasks) == 1 else 'were'} tried" if tasks else ""
    yield f"Other prompts: {those} come from the same source as the training prompts, and real traffic may differ{beside}."
    yield (
        "Paraphrases: training rows that share a family or a long run of words with a held-out prompt are looked for; the "
        "same question in other words is not found."
    )
    if not tasks:
        yield (
            "What the student forgot: abilities of the base model outside this task were not measured (`eval.tasks` names such "
            "work)."
        )
    yield "Safety, bias and behaviour under attack."
    yield f"Rights: whether the teacher's terms allow training on its answers is for you to read{_terms(facts)}."


def _terms(facts: Facts) -> str:
    return f" ({facts.origin.terms})" if facts.origin.terms else ""
