"""What the verdict's words depend on beside the findings: how it was judged, on what, and what was left out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..recipe import Recipe
from ..store.rows import Prompt
from ..teacher.identity import PRACTICE, is_simulated
from .exam import Exam
from .findings import Way
from .items import NO_VERDICT, Item
from .lengths import Lengths
from .marks import is_student


@dataclass(frozen=True, slots=True)
class Judge:
    """The judge and how far it can be believed."""

    model: str
    simulated: bool
    own_family: bool
    """It is the teacher's own, or of its family."""
    students_family: bool
    family_known: bool
    """Whether its name tells of a family at all."""
    exam: Exam
    asked: int
    """Answers of the students that were put to it: the same text as the teacher's, and what never came whole, need no judge."""
    inconsistent: int
    """Of these, pairs on which its two orders contradict each other."""
    silent: int
    """Of these, all without a usable verdict, the inconsistent ones included."""
    lengths: Lengths | None
    length_doubt: str = ""
    """Why its yes may be owed to longer answers; empty where it is not."""

    @property
    def name(self) -> str:
        """Such as: the judge gpt-4o."""
        return f"the {'simulated ' if self.simulated else ''}judge {self.model}"

    def called(self, teacher: str) -> str:
        """Its name in the verdict's sentence, which says whose family it is of."""
        return f"{self.name}, which is of {teacher}'s own family," if self.own_family else self.name


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the verdict's words depend on beside the findings."""

    way: Way | None
    """What was marked; None where nothing was, for there was nothing to mark by."""
    prompts: int
    """Held-out prompts in all."""
    asked: int
    """Those that the arms were asked."""
    no_reference: int
    """Prompts without a reference."""
    unparsable: int
    """Prompts on which some arm could not be judged."""
    errors: int
    """Prompts to which some arm gave no answer for no fault of its own."""
    broken: str
    """The most frequent reason of an unparsable judgement; empty without one."""
    sources: tuple[str, ...]
    grader: str
    judge: Judge | None
    teacher: str
    """`the teacher`, or `the simulated teacher`."""
    replays: bool
    families: int
    """Families of the prompts that were asked."""
    seeds: int
    """Students trained alike."""
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
    way: Way | None = "reference",
    judge: Judge | None = None,
) -> Circumstances:
    """What the items and the recipe say about a verdict.

    Args:
        recipe: the run's.
        prompts: all held-out prompts, also those without a reference.
        items: by arm, one for each prompt that was asked.
        trained_on: the snapshots that gave the training answers.
        leaked: training rows that repeat a held-out prompt.
        way: how they were marked.
        judge: who did, where it was a model.
    """
    every = [item for arm in items.values() for item in arm]
    reasons = Counter(item.reason for item in every if item.verdict in NO_VERDICT)
    snapshots = sorted({item.snapshot for item in every if item.snapshot})
    simulated = is_simulated(recipe.teacher, [*snapshots, *trained_on])
    return Circumstances(
        way=way,
        prompts=len(prompts),
        asked=max((len(arm) for arm in items.values()), default=0),
        no_reference=sum(prompt.reference is None for prompt in prompts),
        unparsable=_prompts_with(every, NO_VERDICT),
        errors=_prompts_with(every, ("error",)),
        broken=reasons.most_common(1)[0][0] if reasons else "",
        sources=tuple(dict.fromkeys(_source(prompt.source) for prompt in prompts)),
        grader=recipe.eval.grader.kind,
        judge=judge,
        teacher="the simulated teacher" if simulated else "the teacher",
        replays=recipe.teacher.base_url.startswith(f"{PRACTICE}replay"),
        families=len({item.family for item in every}),
        seeds=sum(is_student(name) for name in items),
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


def _prompts_with(items: Sequence[Item], verdicts: Collection[str]) -> int:
    return len({item.prompt_id for item in items if item.verdict in verdicts})
