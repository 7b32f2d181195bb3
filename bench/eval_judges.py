"""Judges that are broken: whether any of them raises a verdict, or passes its examination; and whether a sound one fails it.

Whole evaluations by the real code, judged by the practice judge over HTTP: 200 held-out prompts, the teacher right on 85% and the
student on as many or on all, in the broken judges' favour; the answers of the student as long, or longer by half.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from potstill.eval.circumstances import circumstances
from potstill.eval.findings import Way, find
from potstill.eval.items import Answer
from potstill.eval.marking import mark
from potstill.eval.verdict import decide
from potstill.recipe import Recipe
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.teacher.practice.source import practice_prompts

from ..cli.screen import QuietScreen
from .claims import Claim, Effort, none_of, print_table

MANNERS = ("random", "first", "longest", "shortest", "even", "silent")
WAYS: tuple[Way, ...] = ("pairs", "grades")
HELDOUT = 200
TEACHER = 0.85
SOUND = "noise=0.02&unparsable=0.01"
"""A sound judge: even it errs at times."""


def measure(effort: Effort) -> list[Claim]:
    """No broken judge may raise a verdict."""
    seeds = range(1 if effort.quick else 5)
    found: Counter[tuple[str, str, str]] = Counter()
    cases: Counter[tuple[str, str]] = Counter()
    for manner, way, seed, (better, longer) in product((*MANNERS, ""), WAYS, seeds, product((False, True), repeat=2)):
        replace, passed = _evaluated(manner, way, seed, better=better, longer=longer)
        found[manner, way, "yes"] += replace is True
        found[manner, way, "passed"] += passed
        cases[manner, way] += 1
    rows = [
        (manner or f"sound ({SOUND})", way, cases[manner, way], found[manner, way, "passed"], found[manner, way, "yes"])
        for manner, way in cases
    ]
    print_table("Judges", ("judge", "how", "evaluations", "believed", "verdict: may replace"), rows)
    broken = [case for case in cases if case[0]]
    sound = [case for case in cases if not case[0]]
    return [
        none_of("broken_judge_raises_verdict", _sum(found, broken, "yes"), _all(cases, broken)),
        none_of("broken_judge_passes_exam", _sum(found, broken, "passed"), _all(cases, broken)),
        none_of("sound_judge_fails_exam", _all(cases, sound) - _sum(found, sound, "passed"), _all(cases, sound)),
    ]


def _sum(found: Counter[tuple[str, str, str]], cases: Sequence[tuple[str, str]], what: str) -> int:
    return sum(found[(*case, what)] for case in cases)


def _all(counts: Counter[tuple[str, str]], cases: Sequence[tuple[str, str]]) -> int:
    return sum(counts[case] for case in cases)


def _evaluated(manner: str, way: Way, seed: int, *, better: bool, longer: bool) -> tuple[bool | None, bool]:
    """The verdict of one evaluation, and whether the judge was believed."""
    prompts = list(_prompts(seed))
    arms = {
        "teacher": _answers(prompts, TEACHER, Random(f"teacher {seed}")),
        "student": _answers(prompts, 1.0 if better else TEACHER, Random(f"student {seed}"), longer=longer),
    }
    with tempfile.TemporaryDirectory() as home:
        run = _run(Path(home), manner, way, seed)
        marking = mark(run, way, prompts, arms)
        section = run.recipe.eval
        found = find(marking.marks, way, section.retain, section.confidence) if marking.marks is not None else None
        around = circumstances(run.recipe, prompts, marking.items, way=way, judge=marking.judge)
    return decide(found, around).replace, marking.judge is not None and marking.judge.exam.passed


def _prompts(seed: int) -> Iterator[Prompt]:
    for at, row in enumerate(practice_prompts(f"practice://skills?rows={HELDOUT}&seed={seed}")):
        asked = conversation(("user", row["prompt"]))
        yield Prompt(f"p{at}", asked, row["family"], "heldout", "practice", (at,), row["reference"])


def _answers(prompts: Sequence[Prompt], right: float, random: Random, *, longer: bool = False) -> list[Answer]:
    """The right answer as often as is said, else a wrong one of like length; longer ones drag some words behind them."""
    said = []
    for prompt in prompts:
        text = prompt.reference or ""
        if random.random() >= right:
            text = text.replace("1", "7").replace("a", "o") + "?"
        elif longer:
            text += " " * (len(text) // 2)  # to the sound judge still the right answer
        said.append(Answer(text, "ok", "stop", 1, 0.0))
    return said


def _run(home: Path, manner: str, way: Way, seed: int) -> Run:
    judge = f"practice://judge?{SOUND}&seed={seed}" + (f"&manner={manner}" if manner else "")
    sections: dict[str, Any] = {
        "teacher": {"base_url": "https://api.example.com/v1", "model": "large", "price": {"input": 1, "output": 1}},
        "prompts": {"path": "mine.jsonl"},
        "eval": {"by": "judge", "judge": {"teacher": {"base_url": judge, "model": "practice-1"}, "how": way}},
    }
    recipe = Recipe.model_validate({"name": "bench", **sections})
    return Run(recipe, home, home / "runs" / "bench", QuietScreen())
