"""The verdict: may the student replace the teacher? In one sentence that is true without the rest of the page."""

from dataclasses import dataclass

from .circumstances import Circumstances
from .conditions import conditions
from .findings import Findings
from .no_verdict import judge_not_believed, nothing_marked
from .score_interval import Interval
from .statistics import Undefined
from .words import at_least, at_most, percent, span, with_interval


@dataclass(frozen=True, slots=True)
class Decision:
    """What `scorecard.json` has under `verdict`."""

    replace: bool | None
    """None: it cannot be said."""
    sentence: str
    conditions: tuple[str, ...] = ()
    give: tuple[str, ...] = ()
    """What would make a verdict possible; empty where there is one, and where nothing would."""


def decide(findings: Findings | None, around: Circumstances) -> Decision:
    """Yes if the whole interval of the kept share reaches the bar, no if none of it does, else no verdict.

    A judge that is not believed gives none either, and a yes that longer answers may have bought is none.
    """
    if around.judge is not None and (doubt := judge_not_believed(around.judge)) is not None:
        return Decision(None, f"There is no verdict: {doubt.because}.", (), doubt.give)
    if findings is None:
        missing = nothing_marked(around)
        return Decision(None, f"There is no verdict: {missing.because}.", (), missing.give)
    said = tuple(conditions(findings, around))
    kept = findings.retained
    if isinstance(kept, Undefined):
        return _without_share(findings, kept, around, said)
    if kept.high < around.retain:
        return Decision(
            False,
            f"The student may not replace {around.teacher}: {_scores(findings, around)}; {_no(kept, around)}.",
            said,
        )
    if kept.low < around.retain:
        return _undecided(findings, kept, around, said)
    if around.judge is not None and around.judge.length_doubt:
        return _by_length(findings, kept, around, said)
    return Decision(
        True, f"The student may replace {around.teacher}: {_scores(findings, around)}; {_yes(kept, around)}.", said
    )


def _scores(findings: Findings, around: Circumstances, who: str = "it") -> str:
    student, teacher = (with_interval(findings.scores[arm]) for arm in ("student", findings.ceiling))
    on = f"on the same {findings.n:,} held-out prompts" if findings.n > 1 else "on one held-out prompt"
    judge = around.judge.called(around.teacher) if around.judge is not None else ""
    match around.way:
        case "agreement":
            itself = f"where {around.teacher} agreed with itself on {teacher}"
            return f"{who} agreed with {around.teacher} on {student}, {itself}, {on}"
        case "pairs":
            points = f"gave {who} {student} of the points and {around.teacher} {teacher}"
            return f"asked in both orders, {judge} {points}, {on}"
        case "grades":
            return f"{judge} gave {who} {student} of the highest grade where {around.teacher} got {teacher}, {on}"
        case _:
            return f"{who} scored {student} where {around.teacher} scored {teacher}, {on}"


def _yes(kept: Interval, around: Circumstances) -> str:
    return f"it keeps at least {at_least(kept.low)} of that score ({_interval(kept, around)}), and {_bar(around)}"


def _no(kept: Interval, around: Circumstances) -> str:
    return f"it keeps at most {at_most(kept.high)} of that score ({_interval(kept, around)}), and {_bar(around)}"


def _interval(kept: Interval, around: Circumstances) -> str:
    return f"{percent(around.confidence)} interval {span(kept)}"


def _bar(around: Circumstances) -> str:
    return f"{percent(around.retain)} was asked for"


def _undecided(findings: Findings, kept: Interval, around: Circumstances, said: tuple[str, ...]) -> Decision:
    sentence = (
        f"It cannot be said yet whether the student may replace {around.teacher}: {_scores(findings, around)}; "
        f"it keeps {percent(kept.value)} of that score, but the {_interval(kept, around)} does not lie on one side of "
        f"the {percent(around.retain)} that was asked for"
    )
    if around.seeds > 1:
        give = "More held-out prompts (`prompts.heldout`), or more students (`train.seeds`): the interval covers both."
        return Decision(None, f"{sentence}.", said, (give,))
    if findings.needed is None:
        return Decision(
            None, f"{sentence}, and not even a million held-out prompts like these would move it there.", said
        )
    give = (
        f"About {findings.needed:,} graded held-out prompts instead of {findings.n:,}, if all goes on like this: "
        "more prompts, and a larger `prompts.heldout`."
    )
    return Decision(None, f"{sentence}.", said, (give,))


def _by_length(findings: Findings, kept: Interval, around: Circumstances, said: tuple[str, ...]) -> Decision:
    """The judge would let it pass, and its longer answers may be why."""
    doubt = around.judge.length_doubt if around.judge is not None else ""
    sentence = (
        f"It cannot be said yet whether the student may replace {around.teacher}: {_scores(findings, around)}, which is at "
        f"least {at_least(kept.low)} of {around.teacher}'s; but {doubt}"
    )
    give = "References instead of a judge, or a student that is trained on answers of the teacher's length."
    return Decision(None, f"{sentence}.", said, (give,))


def _without_share(findings: Findings, why: Undefined, around: Circumstances, said: tuple[str, ...]) -> Decision:
    sentence = f"There is no verdict: {_scores(findings, around, 'the student')}, and {why.why}."
    give = "A grader and references that fit the task: the table of items has the teacher's answers beside them."
    return Decision(None, sentence, said, (give,))
