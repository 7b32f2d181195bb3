"""What has to be said beside the verdict: how it was judged, on what, and what was left out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..recipe import Recipe
from ..store.rows import Prompt
from ..teacher.identity import PRACTICE, is_simulated
from .findings import Findings
from .items import Item
from .statistics import Undefined
from .words import count, percent

FEW = 20
"""Fewer graded prompts than this are said to be few."""
NEAR = 0.9
"""A base student with this share of the teacher's score is near it."""
LOW = 0.5
"""A teacher below this score is wrong more often than right."""

_GRADED: Mapping[str, str] = {
    "exact": "An answer is right only if it is the reference, character for character (grader `exact`).",
    "normalised": "An answer is right if it is the reference but for case, width and spacing (grader `normalised`).",
    "json": "An answer is right if it is the same JSON value as the reference (grader `json`).",
    "maths": "An answer is right if it ends in the same mathematics as the reference (grader `maths`, by math-verify).",
    "regex": "An answer is right if the recipe's pattern finds the same in it as in the reference (grader `regex`).",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the verdict's words depend on beside the findings."""

    prompts: int
    """Held-out prompts in all."""
    no_reference: int
    """Prompts without a reference, which nobody was asked."""
    unparsable: int
    """Prompts on which the grader could not judge some arm."""
    errors: int
    """Prompts to which some arm gave no answer for no fault of its own."""
    broken: str
    """The most frequent reason of an unparsable judgement; empty without one."""
    sources: tuple[str, ...]
    grader: str
    teacher: str
    """`the teacher`, or `the simulated teacher`."""
    replays: bool
    families: int
    """Families of the prompts that were asked."""
    sampling: str
    """How the teacher's answers were drawn; empty when they were greedy like the local arms'."""
    leaked: int
    """Training rows that repeat a held-out prompt."""
    drifted: tuple[str, ...]
    """Snapshots that answered held-out prompts and gave no training answer, as far as both are named."""
    retain: float
    confidence: float


def circumstances(
    recipe: Recipe,
    prompts: Sequence[Prompt],
    items: Mapping[str, Sequence[Item]],
    trained_on: Collection[str] = (),
    leaked: int = 0,
) -> Circumstances:
    """What the items and the recipe say about a verdict.

    Args:
        recipe: the run's.
        prompts: all held-out prompts, also those without a reference.
        items: by arm, one for each prompt that was asked.
        trained_on: the snapshots that gave the training answers.
        leaked: training rows that repeat a held-out prompt.
    """
    every = [item for arm in items.values() for item in arm]
    reasons = Counter(item.reason for item in every if item.verdict == "unparsable")
    snapshots = sorted({item.snapshot for item in every if item.snapshot})
    simulated = is_simulated(recipe.teacher, [*snapshots, *trained_on])
    return Circumstances(
        prompts=len(prompts),
        no_reference=sum(prompt.reference is None for prompt in prompts),
        unparsable=_prompts_with(every, "unparsable"),
        errors=_prompts_with(every, "error"),
        broken=reasons.most_common(1)[0][0] if reasons else "",
        sources=tuple(dict.fromkeys(_source(prompt.source) for prompt in prompts)),
        grader=recipe.eval.grader.kind,
        teacher="the simulated teacher" if simulated else "the teacher",
        replays=recipe.teacher.base_url.startswith(f"{PRACTICE}replay"),
        families=len({item.family for item in every}),
        sampling=_sampling(recipe.generate.temperature),
        leaked=leaked,
        drifted=tuple(name for name in snapshots if trained_on and name not in trained_on),
        retain=recipe.eval.retain,
        confidence=recipe.eval.confidence,
    )


def _source(name: str) -> str:
    return f"{name}, simulated" if name.startswith(PRACTICE) else name


def _sampling(temperature: float | None) -> str:
    if temperature is None:
        return "at its own temperature"
    return f"at temperature {temperature:g}" if temperature else ""


def conditions(findings: Findings, around: Circumstances) -> list[str]:
    """What anyone who repeats the verdict has to say with it."""
    said = [
        "One training seed and one answer to each prompt: the intervals cover the choice of held-out prompts, "
        "not the luck of training or of sampling.",
        f"The held-out prompts come from the same source as the training prompts ({', '.join(around.sources)}): "
        "they say nothing of other prompts.",
        _GRADED[around.grader],
    ]
    if around.replays:
        said.append("The teacher is simulated: it replays recorded answers, and its latency is not a model's.")
    elif around.teacher != "the teacher":
        said.append("The teacher is simulated: no real model was asked, and its price and latency are not a model's.")
    if around.sampling:
        said.append(
            f"{around.teacher.capitalize()} was sampled {around.sampling}; student, base and control answered greedily."
        )
    said += _doubts(around)
    if findings.n < FEW:
        said.append(
            f"Only {count(findings.n, 'prompt')} could be graded: the intervals are wide, and they are approximate."
        )
    return said + _left_out(findings, around) + _about_scores(findings, around)


def _doubts(around: Circumstances) -> list[str]:
    said = []
    asked = around.prompts - around.no_reference
    if around.leaked:
        said.append(
            f"{count(around.leaked, 'training row')} {'repeats' if around.leaked == 1 else 'repeat'} held-out prompts "
            "(filter.leak.drop is false): the student has seen some of what it was asked."
        )
    if around.drifted:
        said.append(
            f"Held-out answers came from {', '.join(around.drifted)}, which gave no training answer: "
            f"{around.teacher} may have changed in between."
        )
    if around.families < asked:
        said.append(
            f"The {asked:,} held-out prompts belong to {count(around.families, 'family', 'families')}: prompts of one "
            "family are alike, and the intervals do not account for that."
        )
    return said


def _left_out(findings: Findings, around: Circumstances) -> list[str]:
    kinds = {
        "had no reference": around.no_reference,
        "could not be judged by the grader": around.unparsable,
        "got no answer from some arm": around.errors,
    }
    why = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    left = around.prompts - findings.n
    return (
        [f"{count(left, 'held-out prompt')} of {around.prompts:,} left out, for all arms alike: {why}."] if left else []
    )


def _about_scores(findings: Findings, around: Circumstances) -> list[str]:
    said = []
    teacher, base = findings.scores["teacher"].value, findings.scores.get("base")
    if teacher < LOW:
        said.append(
            f"{around.teacher.capitalize()} itself is right on only {percent(teacher)} of these prompts: "
            "to keep its score is not to be good."
        )
    if base is None:
        return said
    if isinstance(findings.gap_recovered, Undefined) or base.value >= NEAR * teacher:
        said.append(
            f"Before any training the student scored {percent(base.value)}, {around.teacher} {percent(teacher)}: "
            "the share it keeps says little about what the distillation did."
        )
    return said


def _prompts_with(items: Sequence[Item], verdict: str) -> int:
    return len({item.prompt_id for item in items if item.verdict == verdict})
