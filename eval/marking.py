"""How held-out answers get their marks: against references, against the teacher's own answers, or from a judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..graders.judgement import Grader
from ..graders.table import grader
from ..recipe import EvalJudgeSection, EvalSection
from ..store.rows import Prompt
from ..store.run import Run
from ..teacher.identity import is_simulated
from .circumstances import Judge
from .exam import Exam, examine
from .findings import CHANCE, Way, find
from .items import Answer, Item, item_of, judge
from .judge_asking import JudgeAsking
from .judged import Judged, marked_by_grades, marked_in_pairs
from .lengths import Lengths, lengths_of, not_longer
from .marks import STUDENT, Marks, is_student, marks_of
from .model_family import families, related
from .statistics import Undefined
from .teacher_arm import AGAIN, TEACHER
from .words import percent

Answers = Mapping[str, Sequence[Answer]]
"""By arm, one for each prompt in their order."""

FEWEST_NOT_LONGER = 20
"""Prompts on which the student's answer is not longer, below which they say nothing."""


@dataclass(frozen=True, slots=True)
class Marking:
    """The held-out answers, marked."""

    way: Way | None
    items: Mapping[str, Sequence[Item]]
    marks: Marks | None
    """None where nothing was marked."""
    judge: Judge | None = None
    judged: Mapping[str, Any] | None = None
    """What the judge cost and counted."""


def way_of(section: EvalSection, prompts: Sequence[Prompt]) -> Way | None:
    """What the verdict rests on: what the recipe says, else references where there are any, else the judge; None without
    either.
    """
    by = section.by
    if by is None and any(prompt.reference is not None for prompt in prompts):
        by = "reference"
    if by in ("reference", "agreement"):
        return by
    return section.judge.how if section.judge is not None else None


def to_ask(way: Way | None, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The held-out prompts that are worth asking: an answer that nothing can be held against is not worth its price."""
    if way is None:
        return []
    return [prompt for prompt in prompts if way != "reference" or prompt.reference is not None]


def wanted(section: EvalSection, way: Way | None, arm: str) -> bool:
    """Whether an arm is asked: where a judge is paid for each answer, those that the recipe wants judged."""
    if way not in ("pairs", "grades") or section.judge is None or arm in (TEACHER, AGAIN):
        return arm != AGAIN or way == "agreement" or section.teacher_again
    return arm in section.judge.arms or (is_student(arm) and STUDENT in section.judge.arms) or arm == STUDENT


def mark(run: Run, way: Way | None, prompts: Sequence[Prompt], answers: Answers) -> Marking:
    """Mark the answers of all arms to the prompts that were asked."""
    section = run.recipe.eval
    if way is None or not prompts:
        return Marking(way, dict.fromkeys(answers, ()), None)
    if way == "reference":
        items = by_grader(grader(section.grader), prompts, answers)
        return Marking(way, items, marks_of(items))
    if way == "agreement":
        items = by_agreement(grader(section.grader), prompts, answers)
        return Marking(way, items, marks_of({name: arm for name, arm in items.items() if name != TEACHER}, AGAIN))
    if section.judge is None:
        raise TypeError("a judge was to mark, and the recipe has none")
    return _by_judge(run, way, section.judge, prompts, answers)


def by_grader(grade: Grader, prompts: Sequence[Prompt], answers: Answers) -> dict[str, list[Item]]:
    """Each answer held against its prompt's reference."""
    return {
        arm: [judge(prompt, arm, answer, grade) for prompt, answer in zip(prompts, given, strict=True)]
        for arm, given in answers.items()
    }


def by_agreement(grade: Grader, prompts: Sequence[Prompt], answers: Answers) -> dict[str, list[Item]]:
    """Each answer held against the teacher's first one, which has no mark of its own; and how often two agree by chance."""
    teacher = answers[TEACHER]
    items = {
        arm: [_agreeing(grade, prompt, arm, *pair) for prompt, *pair in zip(prompts, given, teacher, strict=True)]
        for arm, given in answers.items()
        if arm != TEACHER
    }
    compared = [
        item_of(prompt, TEACHER, answer, "compared", None, "the others are held against it")
        for prompt, answer in zip(prompts, teacher, strict=True)
    ]
    return {TEACHER: compared, **items, CHANCE: _by_chance(grade, prompts, teacher, answers[AGAIN])}


def _by_chance(
    grade: Grader, prompts: Sequence[Prompt], teacher: Sequence[Answer], again: Sequence[Answer]
) -> list[Item]:
    """The teacher's second answer to the next prompt of another family, held against its first answer to this one."""
    found = []
    for place, (prompt, first) in enumerate(zip(prompts, teacher, strict=True)):
        others = ((place + step) % len(prompts) for step in range(1, len(prompts)))
        other = next((at for at in others if prompts[at].family != prompt.family and again[at].whole), None)
        if other is None:
            found.append(item_of(prompt, CHANCE, first, "unparsable", None, "there is no answer of another family"))
        else:
            found.append(_agreeing(grade, prompt, CHANCE, again[other], first))
    return found


def _agreeing(grade: Grader, prompt: Prompt, arm: str, answer: Answer, teacher: Answer) -> Item:
    if teacher.status.startswith("error:"):
        return item_of(prompt, arm, answer, "error", None, f"the teacher gave no answer: {teacher.status}")
    if not teacher.whole:
        return item_of(prompt, arm, answer, "unparsable", None, f"the teacher's answer is not whole: {teacher.status}")
    return judge(prompt._replace(reference=teacher.text), arm, answer, grade)


def _by_judge(run: Run, way: Way, section: EvalJudgeSection, prompts: Sequence[Prompt], answers: Answers) -> Marking:
    asking = JudgeAsking(run, section)
    exam = examine(run, asking, section, prompts, answers[TEACHER])
    if exam.passed:
        judged = {"pairs": marked_in_pairs, "grades": marked_by_grades}[way](run, asking, section, prompts, answers)
    else:
        judged = _not_asked(prompts, answers)
    marks = marks_of(judged.items)
    facts = _facts(run, asking, exam, judged, marks)
    return Marking(way, judged.items, marks, _with_length_doubt(run, way, facts, judged.items, marks), asking.told())


def _not_asked(prompts: Sequence[Prompt], answers: Answers) -> Judged:
    why = "the judge did not pass its examination"
    items = {
        arm: [
            item_of(prompt, arm, answer, "unparsable", None, why) for prompt, answer in zip(prompts, given, strict=True)
        ]
        for arm, given in answers.items()
    }
    return Judged(items, {}, {}, {})


def _facts(run: Run, asking: JudgeAsking, exam: Exam, judged: Judged, marks: Marks) -> Judge:
    recipe, model = run.recipe, asking.teacher.model

    def of_students(counts: Mapping[str, int]) -> int:
        return sum(many for arm, many in counts.items() if is_student(arm))

    return Judge(
        model=model,
        simulated=is_simulated(asking.teacher, ()),
        own_family=asking.section.teacher is None or related(model, recipe.teacher.model),
        students_family=related(model, recipe.train.student),
        family_known=bool(families(model)),
        exam=exam,
        asked=of_students(judged.asked),
        inconsistent=of_students(judged.inconsistent),
        silent=of_students(judged.silent),
        lengths=lengths_of(judged.items, marks.ids),
    )


def _with_length_doubt(run: Run, way: Way, judged: Judge, items: Mapping[str, Sequence[Item]], marks: Marks) -> Judge:
    if judged.lengths is None or not judged.lengths.much_longer:
        return judged
    section = run.recipe.eval
    same = marks.only(not_longer(items, marks.ids))
    longer = _longer(judged.lengths)
    if len(same) < FEWEST_NOT_LONGER:
        return replace(judged, length_doubt=f"{longer}, and there are only {len(same)} prompts on which they are not")
    found = find(same, way, section.retain, section.confidence)
    kept = found.retained if found else Undefined("")
    if isinstance(kept, Undefined) or kept.value < section.retain:
        share = "nothing can be said of it" if isinstance(kept, Undefined) else f"it keeps {percent(kept.value)}"
        return replace(judged, length_doubt=f"{longer}, and on the {len(same):,} prompts where they are not {share}")
    return judged


def _longer(lengths: Lengths) -> str:
    return (
        f"its answers are longer than the teacher's (on {percent(lengths.longer_on)} of the prompts; "
        f"{lengths.student:,.0f} characters on average against {lengths.teacher:,.0f}), which judges like"
    )
