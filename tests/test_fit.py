"""Fit: what a student makes of an answer is what a plain computation finds, whatever stands beside the row."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from potstill.bench.filter_gain import gain
from potstill.bench.filter_gain_rows import TEACHERS, answers, best_of_each, label, mix, one_of_each, questions
from potstill.errors import BadStudent
from potstill.filter.scores import fit as score
from potstill.filter.scores.fit import FitRow, fit_rows, fit_settings, random_slice, why_not
from potstill.recipe import Recipe
from potstill.recipe.fit import FitSection
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.student import fit
from potstill.student.encode import Conversation, encode, encode_all
from potstill.student.fit import FORGED, NOT_RENDERED, TOO_LONG, Fit, fit_all
from potstill.student.load import Scratch, Student, load_student
from potstill.student.tokenizer import train_tokenizer
from potstill.student.warm import warm_up

DAYS = [(f"the {at % 28 + 1}th of May, {1900 + at}", f"{1900 + at}-05-{at % 28 + 1:02d}") for at in range(100)]
TEXTS = [text for pair in DAYS for text in pair]


def row(asked: str, said: str) -> Conversation:
    return conversation(("user", asked)), conversation(("assistant", said))


def of_many_lengths() -> list[Conversation]:
    random = Random(5)
    return [row(asked * random.randrange(1, 4), said * random.randrange(1, 9)) for asked, said in DAYS[:30]]


def tiny(seed: int = 0) -> Student:
    return load_student("scratch:tiny", Path(), scratch=Scratch(TEXTS, 300, seed))


@cache
def student() -> Student:
    return tiny()


@cache
def capped() -> Student:
    """A student whose logits are more than its head makes: they are capped."""
    tokenizer = train_tokenizer(TEXTS, vocab_size=300, context=256)
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=32, pad_token_id=0, final_logit_softcapping=2.0, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Student(Gemma2ForCausalLM(config), tokenizer, "local", "made")


def plainly(asked: Student, one: Conversation) -> Fit:
    """The definition, token by token: one row alone, no padding, no slices."""
    encoded = encode(asked.tokenizer, *one)
    with torch.no_grad():
        logits = asked.model.eval()(torch.tensor([encoded.input_ids.tolist()])).logits[0].double()
    ranks, surprisals = [], []
    for place in range(encoded.start, encoded.stop):
        told, target = logits[place - 1], encoded.input_ids[place]
        ranks.append(min(100, 1 + sum(float(other) > float(told[target]) for other in told)))
        surprisals.append(-float(torch.log_softmax(told, 0)[target]))
    return Fit(sum(ranks) / sum(surprisals), sum(surprisals) / len(ranks), sum(ranks) / len(ranks), len(ranks))


def check(found: list[Fit | None], expected: list[Fit]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one is not None
        assert asdict(one) == pytest.approx(asdict(other), rel=1e-4)


@pytest.mark.parametrize("asked", [tiny, capped])
@pytest.mark.parametrize("tokens_at_once", [1, 200, 100_000])
def test_a_fit_is_what_the_definition_says_whatever_shares_its_batch(
    asked: Callable[[], Student], tokens_at_once: int
) -> None:
    made, rows = asked(), of_many_lengths()
    check(list(fit_all(made, rows, tokens_at_once=tokens_at_once)), [plainly(made, one) for one in rows])


def test_the_side_of_the_padding_changes_nothing() -> None:
    rows, asked = of_many_lengths(), tiny()
    sides = []
    for side in ("left", "right"):
        asked.tokenizer.padding_side = side
        sides.append(list(fit_all(asked, rows, tokens_at_once=2_000)))
    assert sides[0] == sides[1]


def test_a_large_vocabulary_is_looked_at_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = of_many_lengths()
    whole = [list(fit_all(asked, rows, tokens_at_once=2_000)) for asked in (student(), capped())]
    most, seen = 7 * 300, []
    monkeypatch.setattr(fit, "LOGITS_AT_ONCE", most)
    with torch.nn.modules.module.register_module_forward_hook(
        lambda module, given, out: seen.append(out.numel()) if module is student().model.lm_head else None
    ):
        check(list(fit_all(student(), rows, tokens_at_once=2_000)), [one for one in whole[0] if one])
    assert max(seen) <= max(most, 8 * 300)
    check(list(fit_all(capped(), rows, tokens_at_once=2_000)), [one for one in whole[1] if one])


def test_rows_keep_their_order_and_only_some_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "LOOK_AHEAD", 8)
    rows, read, done = of_many_lengths(), [], []
    fits = fit_all(student(), (read.append(one) or one for one in rows), tokens_at_once=500, on_done=done.append)
    first = next(fits)
    assert len(read) == 8
    check([first, *fits], [plainly(student(), one) for one in rows])
    assert sum(done) == len(rows)


def test_only_the_answer_and_its_end_count() -> None:
    asked, said = DAYS[3]
    [found] = fit_all(student(), [row(asked, said)], tokens_at_once=100)
    assert found is not None
    assert found.tokens == len(student().tokenizer(said)["input_ids"]) + 1


def test_a_row_that_cannot_be_judged_has_no_fit_and_it_is_said_why() -> None:
    rows = [
        row(*DAYS[0]),
        row("x", "2" * 1_100),
        row("<|end|><|user|>x", "y"),
        (conversation(("tool", "x")), conversation(("assistant", "y"))),
        row(*DAYS[1]),
    ]
    why: list[str] = []
    done: list[int] = []
    found = list(fit_all(student(), rows, tokens_at_once=100, on_done=done.append, on_left_out=why.append))
    assert [one is None for one in found] == [False, True, True, True, False]
    assert sorted(why) == sorted([TOO_LONG, FORGED, NOT_RENDERED])
    assert sum(done) == len(rows)
    assert list(fit_all(student(), [], tokens_at_once=100)) == []


def test_a_student_whose_template_ends_nothing_is_refused() -> None:
    endless = tiny()
    endless.tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    with pytest.raises(BadStudent, match="the student would never learn to stop"):
        list(fit_all(endless, [row(*DAYS[0])], tokens_at_once=100))


def test_a_warmed_student_is_less_surprised_by_what_it_saw_and_is_the_same_again(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, strange = [row(*one) for one in DAYS], [row(asked, said[::-1].upper() + " no") for asked, said in DAYS]
    before, after, again = tiny(), tiny(), tiny()
    steps: list[int] = []
    for one in (after, again):
        encoded = list(encode_all(one.tokenizer, rows))
        warm_up(one, encoded, steps=12, seed=1, on_step=lambda: steps.append(1))
    assert len(steps) == 24
    weights = [dict(one.model.named_parameters()) for one in (before, after, again)]
    assert all(not torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    assert all(torch.equal(weight, weights[2][name]) for name, weight in weights[1].items())

    def mean(asked: Student, what: list[Conversation]) -> float:
        fits = [one.surprisal for one in fit_all(asked, what, tokens_at_once=2_000) if one]
        return sum(fits) / len(fits)

    assert mean(after, rows) < 0.6 * mean(before, rows)
    assert mean(after, rows) < mean(after, strange)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_an_answer_known_by_heart_still_has_a_ratio() -> None:
    asked = tiny()
    warm_up(asked, [encode(asked.tokenizer, *row(*DAYS[0]))], steps=60, seed=0)
    known, other = fit_all(asked, [row(*DAYS[0]), row(*DAYS[1])], tokens_at_once=100)
    assert known is not None
    assert other is not None
    assert known.rank == 1
    assert 10 * other.ratio < known.ratio < float("inf")


class Lines(PlainScreen):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def line(self, text: str) -> None:
        self.said.append(text)


def run_in(home: Path, **train: object) -> Run:
    sections = {
        "teacher": {"base_url": "practice://skills", "model": "m"},
        "prompts": {"path": "days.jsonl"},
        "train": {"student": "scratch:tiny", "vocab_size": 300, **train},
    }
    return Run(Recipe.model_validate({"name": "days", **sections}), home, home / "runs" / "days", Lines())


ROWS = [FitRow(f"c{at}", *row(*pair)) for at, pair in enumerate(DAYS)]
SECTION = FitSection(warm_rows=50, warm_steps=4)


def fits_of(run: Run, section: FitSection, rows: Sequence[FitRow]) -> dict[str, Fit | None]:
    drawn = random_slice(rows, section.warm_rows, section.seed)
    names = [one.id for one in rows]
    return dict(zip(names, fit_rows(run, section, drawn, rows, len(rows)), strict=True))


def test_rows_are_judged_by_a_student_that_was_warmed_up_on_some_of_them(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    rows = [*ROWS, FitRow("long", *row("x", "y" * 1_100))]
    found = fits_of(run, SECTION, rows)
    assert list(found) == [one.id for one in rows]
    assert [name for name, one in found.items() if one is None] == ["long"]
    said = run.screen.said  # pyright: ignore[reportAttributeAccessIssue]: it is ours
    assert said[-1] == f"fit: not computed for 1 of 101 rows: 1 {TOO_LONG}"
    assert found == fits_of(run, SECTION, rows), "the same again"
    turned = fits_of(run, SECTION, rows[::-1])
    for name, one in found.items():
        other = turned[name]
        assert (one is None) == (other is None)
        assert one is None or other is None or one.ratio == pytest.approx(other.ratio, rel=1e-4)


def test_a_pretrained_student_is_asked_as_it_is(tmp_path: Path) -> None:
    from potstill.student.load import save_student

    save_student(tiny(), tmp_path / "mine")
    run = run_in(tmp_path)
    found = fits_of(run, FitSection(student="mine"), ROWS)
    check(list(found.values()), [plainly(tiny(), (one.prompt, one.completion)) for one in ROWS])


def test_a_slice_is_the_same_in_whatever_order_the_rows_come() -> None:
    drawn = random_slice(ROWS, 20, 0)
    assert drawn == random_slice(ROWS[::-1], 20, 0)
    assert len({one.id for one in drawn}) == 20
    assert drawn != random_slice(ROWS, 20, 1)
    assert not all(int(one.id[1:]) < int(other.id[1:]) for one, other in pairwise(drawn)), "not the first ones"
    assert len(random_slice(ROWS, 1_000, 0)) == len(ROWS)


def test_where_it_cannot_be_computed_it_is_said_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_in(tmp_path)
    assert why_not(run, SECTION) is None
    with pytest.raises(BadStudent, match="known sizes"):
        why_not(run, FitSection(student="scratch:vast"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "not in the local cache" in (why_not(run, FitSection(student="nobody/nothing")) or "")
    assert find_spec("nothing_of_this_name") is None
    monkeypatch.setattr(score, "PACKAGES", ("torch", "nothing_of_this_name"))
    assert why_not(run, SECTION) == "nothing_of_this_name not installed: pip install 'potstill[train]'"


def test_another_student_is_another_score(tmp_path: Path) -> None:
    settings = fit_settings(run_in(tmp_path).recipe, SECTION)
    assert settings["student"] == "scratch:tiny"
    assert settings == fit_settings(run_in(tmp_path, steps=7).recipe, SECTION), "how it is trained later is no matter"
    assert settings != fit_settings(run_in(tmp_path, student="scratch:small").recipe, SECTION)
    assert fit_settings(run_in(tmp_path).recipe, FitSection(student="x/y"))["student"] == "x/y"


def test_arms_of_the_gain_experiments_have_equal_rows_and_differences_an_interval() -> None:
    asked, heldout = questions(120, 40)
    assert not {one["family"] for one in asked} & {one["family"] for one in heldout}
    rows = answers(TEACHERS["habit"], asked)
    kept = label(rows, ("format", "agreement"))
    pool = [one for one in rows if one.id in kept]
    drawn, other = one_of_each(rows, 60, 0), one_of_each(pool, 60, 0)
    assert len(drawn) == len(other) == len({one.asked for one in drawn}) == len({one.asked for one in other}) == 60
    best = best_of_each(rows[::-1], drawn)
    assert [one.asked for one in best] == [one.asked for one in drawn]
    assert {one.id[-1] for one in best} == {"2"}, "the order's first answer of each prompt"
    assert mix(pool)[0] > 0.95 > mix(rows)[0]

    alike = [np.ones(40, np.bool_)] * 5
    assert gain(alike, alike).low < 0 < gain(alike, alike).high
    better = [np.arange(40) < 20 + seed for seed in range(5)]
    found = gain(alike, better)
    assert found.value == pytest.approx(1 - 22 / 40)
    assert found.low < found.value < found.high
