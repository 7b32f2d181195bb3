"""How often `potstill plan --pilot` as it is, with a pilot that is really asked, foretells what the run then costs.

The teacher is simulated: the practice server repeats answers of random lengths, and cuts the long ones off at the cap, so that
they are asked again. Each corpus is planned, its pilot asked, and then all of it; what that paid after the pilot is the truth.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from potstill.recipe import Recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings

from .claims import Claim, at_least
from .teacher_runs import PRICE

CORPORA, QUICK = 60, 4
HELD = 0.85
"""Of 60 ranges that hold 95 times of 100 each, fewer than 51 would hold once in 300 benches."""
CAP = 128
ANSWER = 60
"""Median tokens of an answer."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Prompts with their answers, written down."""

    name: str
    rows: tuple[dict[str, str], ...]
    pilot: int


def corpora(count: int, random: np.random.Generator) -> Iterator[Corpus]:
    """Corpora of 120 to 300 prompts with lognormal answers, another σ each; in one of three they go with the prompts' lengths."""
    for number in range(count):
        size, sigma, along = int(random.integers(120, 300)), float(random.uniform(0.2, 1.0)), number % 3 == 0
        asked = np.exp(0.6 * random.standard_normal(size))
        answered = np.clip(ANSWER * np.exp(sigma * random.standard_normal(size)) * (asked if along else 1), 1, 4 * CAP)
        rows = tuple(
            {
                "prompt": f"Corpus {number}, case {row}:{' word' * int(40 * asked[row])}",
                "answer": "a " * int(answered[row]),
            }
            for row in range(size)
        )
        yield Corpus(f"corpus-{number}", rows, int(random.choice([20, 30, 50])))


def holds(corpus: Corpus, base_url: str, home: Path) -> bool:
    """Whether the range that the pilot gives holds what the other prompts of a corpus then cost."""
    from potstill.planning.facts import facts, look
    from potstill.planning.pilot import ask_pilot, chosen

    home.mkdir()
    (home / "p.jsonl").write_text("".join(json.dumps({"prompt": row["prompt"]}) + "\n" for row in corpus.rows))
    teacher = {"base_url": base_url, "model": "practice-1", "price": PRICE}
    values = {"name": corpus.name, "teacher": teacher, "prompts": {"path": "p.jsonl"}, "generate": {"max_tokens": CAP}}
    run = Run(Recipe.model_validate(values), home, home / "runs", PlainScreen())
    outlook = look(run)
    pilot = ask_pilot(run, chosen(outlook.train, corpus.pilot))
    foretold = facts(look(run), pilot)["stages"]["generate"]["usd"]
    truth = ask_pilot(run, outlook.train).usd
    return foretold["low"] <= truth <= foretold["high"]


def claims(quick: bool) -> list[Claim]:
    """The share of corpora whose range held; `quick` asks fewer."""
    every = list(corpora(QUICK if quick else CORPORA, np.random.default_rng(0)))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for corpus in every for row in corpus.rows))
        with start_practice(practice_settings("practice://replay?file=all.jsonl", home)) as base_url:
            held = [holds(corpus, base_url, home / corpus.name) for corpus in every]
    return [at_least("plan_pilots_hold", sum(held) / len(held), HELD)]
