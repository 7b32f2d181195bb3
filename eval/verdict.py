"""The verdict: may the student replace the teacher? In one sentence that is true without the rest of the page."""

from dataclasses import dataclass

from .circumstances import Circumstances, conditions
from .findings import Findings
from .score_interval import Interval
from .statistics import Undefined
from .words import at_least, at_most, count, percent, span, with_interval


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
    """Yes if the whole interval of the kept share reaches the bar, no if none of it does, else no verdict."""
    if findings is None:
        return _nothing_graded(around)
    said = tuple(conditions(findings, around))
    kept = findings.retained
    if isinstance(kept, Undefined):
        return _without_share(findings, kept, around, said)
    if kept.low >= around.retain:
        return Decision(
            True, f"The student may replace {around.teacher}: {_scores(findings, around)}; {_yes(kept, around)}.", said
        )
    if kept.high < around.retain:
        return Decision(
            False,
            f"The student may not replace {around.teacher}: {_scores(findings, around)}; {_no(kept, around)}.",
            said,
        )
    return _undecided(findings, kept, around, said)


def _scores(findings: Findings, around: Circumstances, who: str = "it") -> str:
    student, teacher = (with_interval(findings.scores[arm]) for arm in ("student", "teacher"))
    on = f"on the same {findings.n:,} held-out prompts" if findings.n > 1 else "on one held-out prompt"
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
    if findings.needed is None:
        return Decision(
            None, f"{sentence}, and not even a million held-out prompts like these would move it there.", said
        )
    give = (
        f"About {findings.needed:,} graded held-out prompts instead of {findings.n:,}, if all goes on like this: "
        "more prompts, and a larger `prompts.heldout`."
    )
    return Decision(None, f"{sentence}.", said, (give,))


def _without_share(findings: Findings, why: Undefined, around: Circumstances, said: tuple[str, ...]) -> Decision:
    sentence = f"There is no verdict: {_scores(findings, around, 'the student')}, and {why.why}."
    give = "A grader and references that fit the task: the table of items has the teacher's answers beside them."
    return Decision(None, sentence, said, (give,))


def _nothing_graded(around: Circumstances) -> Decision:
    """Why no prompt was graded for every arm, and what to do about it."""
    asked = count(around.prompts, "held-out prompt")
    if not around.prompts:
        return _none("there are no held-out prompts", "More prompts, or a larger `prompts.heldout.share`.")
    if around.no_reference == around.prompts:
        return _none(
            f"none of the {asked} has a reference to hold an answer against",
            "A reference for each prompt: a column `reference`, or another one named in `prompts.columns`.",
        )
    why = [
        (around.no_reference, "no reference", "References for all held-out prompts."),
        (
            around.unparsable,
            f"no judgement (most often: {around.broken})",
            f"A grader that fits the references: `eval.grader` is `{around.grader}`.",
        ),
        (
            around.errors,
            "no answer from some arm",
            "Another run of `potstill eval`: what was answered is not bought twice.",
        ),
    ]
    found = [(f"{number:,} with {what}", give) for number, what, give in why if number]
    reasons = ", ".join(what for what, _ in found)
    return _none(f"of the {asked} none could be graded for every arm: {reasons}", *(give for _, give in found))


def _none(because: str, *give: str) -> Decision:
    return Decision(None, f"There is no verdict: {because}.", (), give)
