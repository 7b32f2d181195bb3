"""The verdict: yes only when the whole interval says yes, no verdict from silence, and nothing left unsaid beside it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from potstill.eval.circumstances import circumstances
from potstill.eval.findings import find
from potstill.eval.items import Answer, Item
from potstill.eval.marking import by_grader
from potstill.eval.marks import marks_of
from potstill.eval.scorecard import scorecard
from potstill.eval.verdict import Decision, decide
from potstill.eval.words import at_least, at_most, percent
from potstill.graders.table import GRADERS, grader
from potstill.recipe import Recipe
from potstill.store.rows import Prompt, conversation

HOW = dict.fromkeys(["teacher", "student", "base", "control_unfiltered"], "asked")


def recipe(base_url: str = "https://api.example.com/v1", **judged: object) -> Recipe:
    sections = {"teacher": {"base_url": base_url, "model": "m"}, "prompts": {"path": "mine.jsonl"}, "eval": judged}
    return Recipe.model_validate({"name": "test", **sections})


def prompts(count: int, reference: str | None = "yes") -> list[Prompt]:
    return [
        Prompt(f"p{at}", conversation(("user", f"{at}?")), f"f{at}", "heldout", "mine.jsonl", (at,), reference)
        for at in range(count)
    ]


def answers(right: int, of: int, status: str = "ok") -> list[Answer]:
    return [Answer("yes" if at < right else "no", status, "stop", 1, 0.0) for at in range(of)]


def judged(asked: Recipe, on: Sequence[Prompt], given: dict[str, list[Answer]]) -> dict[str, list[Item]]:
    return by_grader(grader(asked.eval.grader), on, given)


def items_of(asked: Recipe, on: Sequence[Prompt], **right: int) -> dict[str, list[Item]]:
    return judged(asked, on, {name: answers(count, len(on)) for name, count in right.items()})


def decided(
    asked: Recipe, on: Sequence[Prompt], items: dict[str, list[Item]], trained_on: Sequence[str] = ()
) -> Decision:
    found = find(marks_of(items), "reference", asked.eval.retain, asked.eval.confidence)
    return decide(found, circumstances(asked, on, items, trained_on))


def verdict(asked: Recipe, total: int, **right: int) -> Decision:
    on = prompts(total)
    return decided(asked, on, items_of(asked, on, **right))


def test_a_student_that_beats_its_teacher_may_replace_it():
    found = verdict(recipe(), 400, teacher=244, student=398, base=0)
    assert found.replace is True
    assert found.sentence.startswith("The student may replace the teacher: it scored 99.5% (98.1–99.9%)")
    assert "where the teacher scored 61% (56.1–65.7%), on the same 400 held-out prompts" in found.sentence
    assert "keeps at least 15" in found.sentence
    assert "95% was asked for" in found.sentence
    assert found.give == ()


def test_a_student_whose_whole_interval_is_below_the_bar_may_not():
    found = verdict(recipe(), 400, teacher=380, student=200, base=0)
    assert found.replace is False
    assert found.sentence.startswith("The student may not replace the teacher")
    assert "keeps at most" in found.sentence


def test_an_interval_across_the_bar_is_no_verdict_and_says_how_many_prompts_would_tell():
    found = verdict(recipe(), 100, teacher=95, student=94, base=0)
    assert found.replace is None
    assert found.sentence.startswith("It cannot be said yet")
    assert "graded held-out prompts instead of 100" in found.give[0]


def test_equal_arms_on_few_prompts_do_not_pass():
    assert verdict(recipe(), 30, teacher=30, student=30, base=0).replace is None
    assert verdict(recipe(), 300, teacher=300, student=300, base=0).replace is True


def test_a_share_on_the_bar_would_never_be_settled_and_says_so():
    found = verdict(recipe(retain=1.0), 100, teacher=90, student=90, base=0)
    assert found.sentence.endswith("not even a million held-out prompts like these would move it there.")
    assert found.give == (), "nothing that could be given would tell"


def test_the_bar_is_the_recipes():
    lax, strict = recipe(retain=0.5), recipe(retain=0.99)
    assert verdict(lax, 200, teacher=190, student=150, base=0).replace is True
    assert verdict(strict, 200, teacher=190, student=150, base=0).replace is False


def test_without_references_there_is_no_verdict_and_it_says_what_to_give():
    on = prompts(50, reference=None)
    found = decided(recipe(), on, {"teacher": [], "student": []})
    assert found.replace is None
    assert "none of the 50 held-out prompts has a reference" in found.sentence
    assert "`reference`" in found.give[0]


def test_a_grader_that_can_judge_nothing_gives_no_verdict():
    asked, on = recipe(grader={"kind": "json"}), prompts(50)
    found = decided(asked, on, items_of(asked, on, teacher=50, student=50))
    assert found.replace is None
    assert "the reference is not JSON" in found.sentence
    assert "`json`" in found.give[0]


def test_a_teacher_that_never_answered_gives_no_verdict():
    on = prompts(5)
    items = judged(recipe(), on, {"teacher": answers(5, 5, "error:500"), "student": answers(5, 5)})
    found = decided(recipe(), on, items)
    assert found.replace is None
    assert "5 with no answer from some arm" in found.sentence


def test_a_teacher_that_scored_nothing_gives_no_verdict():
    found = verdict(recipe(), 100, teacher=0, student=40, base=0)
    assert found.replace is None
    assert found.sentence.startswith("There is no verdict: the student scored 40%")
    assert "the teacher scored 0" in found.sentence


def test_without_heldout_prompts_there_is_no_verdict():
    found = decided(recipe(), [], {"teacher": [], "student": []})
    assert found.replace is None
    assert found.give


def test_what_always_has_to_be_said_is_said():
    said = " ".join(verdict(recipe(), 400, teacher=400, student=399, base=10).conditions)
    assert "One training seed" in said
    assert "same source as the training prompts (mine.jsonl)" in said
    assert "character for character" in said
    assert "simulated" not in said
    assert "Before any training" not in said


def test_a_simulated_teacher_is_called_simulated_in_the_verdicts_own_sentence():
    found = verdict(recipe("practice://skills"), 400, teacher=244, student=398, base=0)
    assert "the simulated teacher" in found.sentence
    assert any("simulated" in said for said in found.conditions)
    replayed = verdict(recipe("practice://replay?file=a.jsonl"), 400, teacher=244, student=398, base=0)
    assert any("recorded answers" in said for said in replayed.conditions)


def from_snapshot(snapshot: str, trained_on: Sequence[str] = ()) -> Decision:
    on = prompts(100)
    teacher = [replace(one, snapshot=snapshot) for one in answers(90, 100)]
    return decided(recipe(), on, judged(recipe(), on, {"teacher": teacher, "student": answers(95, 100)}), trained_on)


def test_a_practice_teacher_that_somebody_else_serves_is_called_simulated_too():
    assert "the simulated teacher" in from_snapshot("practice-1 (simulated-00ff)").sentence
    assert "the simulated teacher" in from_snapshot("m", ["practice-1 (simulated-00ff)"]).sentence
    assert "simulated" not in from_snapshot("m (fp_1)", ["m (fp_1)"]).sentence


def test_a_teacher_that_changed_between_training_answers_and_held_out_ones_is_said():
    said = " ".join(from_snapshot("m-2", ["m-1"]).conditions)
    assert "m-2, which gave no training answer" in said
    assert "may have changed" not in " ".join(from_snapshot("m-1", ["m-1"]).conditions)
    assert "may have changed" not in " ".join(from_snapshot("m-1").conditions), (
        "nothing is known of the training answers"
    )


def test_shared_families_are_said_and_only_they():
    on = [prompt._replace(family=f"f{at // 2}") for at, prompt in enumerate(prompts(100))]
    said = " ".join(decided(recipe(), on, items_of(recipe(), on, teacher=90, student=90)).conditions)
    assert "The 100 held-out prompts belong to 50 families" in said
    assert "famil" not in " ".join(verdict(recipe(), 100, teacher=90, student=90).conditions)


@pytest.mark.parametrize(
    ("temperature", "says"), [(None, "sampled at its own temperature"), (0.7, "sampled at temperature 0.7"), (0.0, "")]
)
def test_a_teacher_that_is_sampled_where_the_student_is_greedy_is_said(temperature, says):
    asked = recipe()
    asked = asked.model_copy(update={"generate": asked.generate.model_copy(update={"temperature": temperature})})
    said = " ".join(verdict(asked, 100, teacher=90, student=90).conditions)
    assert says in said
    assert ("answered greedily" in said) == bool(says)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ({"teacher": 15, "student": 15, "base": 0, "total": 15}, "Only 15 prompts"),
        ({"teacher": 90, "student": 95, "base": 88, "total": 100}, "Before any training the student scored 88%"),
        ({"teacher": 30, "student": 95, "base": 0, "total": 100}, "right on only 30%"),
    ],
)
def test_what_weakens_the_verdict_is_said(scores, says):
    total = scores.pop("total")
    assert any(says in said for said in verdict(recipe(), total, **scores).conditions)


def test_every_grader_of_the_recipe_has_its_condition() -> None:
    for kind in GRADERS:
        asked = recipe(grader={"kind": kind} | ({"pattern": "yes|no"} if kind == "regex" else {}))
        said = decided(asked, prompts(20), items_of(recipe(), prompts(20), teacher=18, student=18)).conditions
        assert sum(f"grader `{kind}`" in each for each in said) == 1


def test_training_on_what_it_is_asked_is_said() -> None:
    on = prompts(20)
    items = items_of(recipe(), on, teacher=18, student=18)
    found = find(marks_of(items), "reference", 0.95, 0.95)
    said = decide(found, circumstances(recipe(), on, items, leaked=3)).conditions
    assert any("3 training rows repeat held-out prompts" in each for each in said)


def with_unasked(asked: int, total: int) -> list[Prompt]:
    """Prompts of which the last ones have no reference, so that nobody is asked them."""
    return [*prompts(asked), *prompts(total, reference=None)[asked:]]


def test_what_was_left_out_is_counted():
    given = {"teacher": answers(30, 30), "student": answers(30, 30)}
    given["teacher"][0] = answers(1, 1, "error:429")[0]
    found = decided(recipe(), with_unasked(30, 33), judged(recipe(), prompts(30), given))
    left = next(said for said in found.conditions if "left out" in said)
    assert "4 held-out prompts of 33" in left
    assert "3 had no reference" in left
    assert "1 got no answer" in left


def test_every_prompt_of_an_arm_is_in_its_score_or_counted_out():
    given = {name: answers(15, 20) for name in ("teacher", "student", "base", "control_unfiltered")}
    given["teacher"][3] = answers(1, 1, "error:500")[0]
    items = judged(recipe(), prompts(20), given)
    found = find(marks_of(items), "reference", 0.95, 0.95)
    card = scorecard(items, HOW, found, circumstances(recipe(), with_unasked(20, 25), items))
    for arm in card["arms"].values():
        assert arm["n"] + arm["unparsable"] + arm["excluded"] == 25
        assert (arm["n"], arm["score"]) == (19, 14 / 19)
        assert arm["low"] < arm["score"] < arm["high"]
    assert card["filtering"]["p"] == 1
    assert set(card["difference"]) == {"student - teacher", "student - base"}


def test_what_filtering_and_choosing_bought_have_intervals():
    right = {"teacher": 380, "student": 360, "control_unfiltered": 240, "control_random": 350}
    found = find(marks_of(items_of(recipe(), prompts(400), **right)), "reference", 0.95, 0.95)
    assert found is not None
    assert found.filtering is not None
    assert found.selection is not None
    assert (found.filtering.interval.value, found.selection.interval.value) == (0.3, 0.025)
    assert found.selection.interval.low < 0.025 < found.selection.interval.high
    assert found.selection.p is not None
    assert found.selection.p < 0.05
    card = find(marks_of(items_of(recipe(), prompts(400), teacher=380, student=360)), "reference", 0.95, 0.95)
    assert card is not None
    assert card.filtering is card.selection is None


def test_a_scorecard_without_a_score_has_no_number_in_its_place():
    on = prompts(3, reference=None)
    items: dict[str, list[Item]] = {"teacher": [], "student": []}
    card = scorecard(items, HOW, None, circumstances(recipe(), on, items))
    assert card["retained"]["value"] is None
    assert card["retained"]["why"]
    assert card["arms"]["student"]["score"] is None
    assert card["verdict"]["replace"] is None


def test_ends_of_intervals_are_rounded_outwards():
    assert (percent(0.61), at_least(0.95), at_least(0.94999), at_most(0.94999), at_most(0.95001)) == (
        "61%",
        "95%",
        "94.9%",
        "95%",
        "95.1%",
    )
    assert (percent(0.9996), percent(0.0004), percent(1.0), percent(0.0)) == ("99.9%", "0.1%", "100%", "0%")
    assert (percent(1.523), percent(-0.0123), at_least(-0.0123)) == ("152.3%", "-1.2%", "-1.3%")
