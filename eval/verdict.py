"""The verdict: may the student replace the teacher? In one sentence that is true without the rest of the page."""

from dataclasses import dataclass

from .circumstances import Circumstances
from .conditions import conditions
from .findings import Findings
from .no_verdict import NoVerdict, judge_not_believed, no_better_than_chance, nothing_marked, too_few_marked
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

    None from a judge that is not believed, from agreement that chance explains, or from a small part of what was asked. A yes
    that longer answers may have bought is none; nor is there one for a student that fails alone, whatever its seeds did.
    """
    if (missing := _missing(findings, around)) is not None:
        return Decision(None, f"There is no verdict: {missing.because}.", (), missing.give)
    if findings is None:
        raise TypeError("without findings something is missing")
    said = tuple(conditions(findings, around))
    kept = findings.retained
    if isinstance(kept, Undefined):
        return _without_share(findings, kept, around, said)
    no, yes = (f"The student {may} replace {around.teacher}: {_scores(findings, around)}" for may in ("may not", "may"))
    if kept.high < around.retain:
        return Decision(False, f"{no}; {_no(kept, around)}.", said)
    alone = findings.kept_alone
    if around.seeds > 1 and not isinstance(alone, Undefined) and alone.high < around.retain:
        return Decision(
            False,
            f"{no}; such students {_at_least(kept, around)}, but the one that is kept {_no_more(alone, around)}.",
            said,
        )
    if kept.low < around.retain:
        return _undecided(findings, kept, around, said)
    if around.judge is not None and around.judge.length_doubt:
        return _by_length(findings, kept, around, said)
    return Decision(True, f"{yes}; {_yes(kept, around)}.", said)


def _missing(findings: Findings | None, around: Circumstances) -> NoVerdict | None:
    """Why there is none, whatever the numbers say."""
    if around.judge is not None and (doubt := judge_not_believed(around.judge)) is not None:
        return doubt
    if findings is None:
        return nothing_marked(around)
    return too_few_marked(findings, around) or no_better_than_chance(findings, around)


def _scores(findings: Findings, around: Circumstances, who: str = "it") -> str:
    student = with_interval(findings.student)
    if around.seeds > 1:
        student += f" (mean of {around.seeds} students trained alike)"
    teacher = with_interval(findings.scores[findings.ceiling]) if findings.ceiling in findings.scores else ""
    on = f"on the same {findings.n:,} held-out prompts" if findings.n > 1 else "on one held-out prompt"
    judge = around.judge.called(around.teacher) if around.judge is not None else ""
    match around.way:
        case "agreement":
            itself = f"where {around.teacher} agreed with itself on {teacher}"
            return f"{who} agreed with {around.teacher} on {student}, {itself}, {on}"
        case "pairs":
            return f"asked in both orders, {judge} gave {who} {student} of the points against {around.teacher}, {on}"
        case "grades":
            return f"{judge} gave {who} {student} of the highest grade where {around.teacher} got {teacher}, {on}"
        case _:
            return f"{who} scored {student} where {around.teacher} scored {teacher}, {on}"


def _yes(kept: Interval, around: Circumstances) -> str:
    return f"it {_at_least(kept, around)}, and {_bar(around)}"


def _no(kept: Interval, around: Circumstances) -> str:
    return f"it {_no_more(kept, around)}, and {_bar(around)}"


def _at_least(kept: Interval, around: Circumstances) -> str:
    return f"keeps at least {at_least(kept.low)} of {_whole(around)} ({_interval(kept, around)})"


def _no_more(kept: Interval, around: Circumstances) -> str:
    return f"keeps at most {at_most(kept.high)} of {_whole(around)} ({_interval(kept, around)})"


def _whole(around: Circumstances) -> str:
    return "the half of them that an equal would have" if around.way == "pairs" else "that score"


def _interval(kept: Interval, around: Circumstances) -> str:
    return f"{percent(around.confidence)} interval {span(kept)}"


def _bar(around: Circumstances) -> str:
    return f"{percent(around.retain)} was asked for"


def _undecided(findings: Findings, kept: Interval, around: Circumstances, said: tuple[str, ...]) -> Decision:
    sentence = (
        f"It cannot be said yet whether the student may replace {around.teacher}: {_scores(findings, around)}; "
        f"it keeps {percent(kept.value)} of {_whole(around)}, but the {_interval(kept, around)} does not lie on one side of "
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
        f"least {at_least(kept.low)} of {_whole(around)}; but {doubt}"
    )
    give = "References instead of a judge, or a student that is trained on answers of the teacher's length."
    return Decision(None, f"{sentence}.", said, (give,))


def _without_share(findings: Findings, why: Undefined, around: Circumstances, said: tuple[str, ...]) -> Decision:
    sentence = f"There is no verdict: {_scores(findings, around, 'the student')}, and {why.why}."
    give = "A grader and references that fit the task: the table of items has the teacher's answers beside them."
    return Decision(None, sentence, said, (give,))
