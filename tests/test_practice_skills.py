"""The practice teacher's prompts, references and draws: right, distinct, deterministic, and wrong as often as declared."""

import datetime
import json
import math
import re
from collections.abc import Callable
from itertools import islice

import pytest

from potstill.errors import BadRecipe
from potstill.teacher.practice.draws import REFUSAL, skills_draw
from potstill.teacher.practice.settings import PracticeSettings, practice_settings
from potstill.teacher.practice.skills import HABITUAL_SHARE, SKILLS, task_in
from potstill.teacher.practice.source import practice_prompts
from potstill.teacher.practice.tokens import pieces

ROWS = list(practice_prompts("practice://skills?rows=2000&seed=7"))
DRAWS = 3
FLAWLESS = PracticeSettings(wrong=0, habit=0, refused=0, truncated=0)


def drawn(settings: PracticeSettings) -> list[tuple[dict[str, str], str]]:
    return [(row, skills_draw(settings, row["prompt"], str(draw)).text) for row in ROWS for draw in range(DRAWS)]


def share(of: Callable[[dict[str, str], str], bool], draws: list[tuple[dict[str, str], str]]) -> float:
    return sum(of(row, text) for row, text in draws) / len(draws)


def near(declared: float, count: int) -> object:
    """Within four standard deviations of the binomial."""
    return pytest.approx(declared, abs=4 * math.sqrt(declared * (1 - declared) / count))


def read_date(asked: str) -> str:
    """The date in a prompt, read by the standard library alone."""
    plain = re.sub(r"(\d)(st|nd|rd|th)", r"\1", asked.removeprefix("Date: ")).replace("the ", "").replace(" of", "")
    for shape in ("%d %B %Y", "%B %d, %Y", "%d %b %Y", "%Y/%m/%d"):
        try:
            return datetime.datetime.strptime(plain, shape).date().isoformat()
        except ValueError:
            pass
    raise AssertionError(asked)


def test_every_reference_is_what_an_independent_reader_finds_in_the_prompt() -> None:
    for row in ROWS:
        if row["prompt"].startswith("Date: "):
            assert row["reference"] == read_date(row["prompt"])
        else:
            contact = json.loads(row["reference"])
            assert list(contact) == ["name", "phone", "email"]
            assert row["reference"] == json.dumps(contact, separators=(",", ":"))
            assert all(value in row["prompt"] for value in contact.values())
            assert re.fullmatch(r"[A-Z][a-z]+ [A-Z][a-z]+", contact["name"])
            assert re.fullmatch(r"\d{4}", contact["phone"])
            assert re.fullmatch(r"[a-z]+@[a-z]+\.[a-z]+", contact["email"])


def test_no_date_can_be_read_with_day_and_month_exchanged() -> None:
    for row in ROWS:
        if row["prompt"].startswith("Date: "):
            assert re.search(r"[A-Z]|\d{4}/", row["prompt"].removeprefix("Date: "))


@pytest.mark.parametrize("query", ["rows=2000&seed=7", "rows=3000&seed=8&skill=dates", "rows=3000&skill=contacts"])
def test_prompts_are_distinct_and_the_same_each_time(query: str) -> None:
    rows = list(practice_prompts(f"practice://skills?{query}"))
    assert len({row["prompt"] for row in rows}) == len(rows) == int(query[5:9])
    assert rows == list(practice_prompts(f"practice://skills?{query}"))


def test_a_longer_sample_begins_with_the_shorter_and_another_seed_is_another_sample() -> None:
    assert list(islice(practice_prompts("practice://skills?rows=5000&seed=7"), 2000)) == ROWS
    other = {row["prompt"] for row in practice_prompts("practice://skills?rows=2000&seed=8")}
    assert len(other & {row["prompt"] for row in ROWS}) < 100


def test_skills_take_turns_and_every_phrasing_is_asked() -> None:
    assert [row["prompt"].partition(":")[0] for row in ROWS[:4]] == ["Contact", "Date", "Contact", "Date"]
    asked = [(task.skill.name, task.phrasing) for row in ROWS if (task := task_in(row["prompt"]))]
    assert set(asked) == {(name, at) for name, skill in SKILLS.items() for at in range(len(skill.phrasings))}
    assert sum(phrasing == 0 for _, phrasing in asked) / len(ROWS) == near(HABITUAL_SHARE, len(ROWS))


def test_one_family_is_one_thing_asked_about() -> None:
    things: dict[str, set[str]] = {}
    for row in ROWS:
        things.setdefault(row["family"], set()).add(row["reference"])
    for family, references in things.items():
        if family.startswith("dates"):
            assert len(references) == 1
        else:
            assert len({json.loads(reference)["name"] for reference in references}) == 1


def test_without_faults_every_draw_is_the_reference() -> None:
    assert all(text == row["reference"] for row, text in drawn(FLAWLESS))


def test_the_skill_is_found_inside_a_template() -> None:
    prompt = "Answer briefly.\n\nDate: 1 May 2020\nContact: nobody\n\n" + ROWS[0]["prompt"] + "\n"
    assert skills_draw(FLAWLESS, prompt, "0").text == ROWS[0]["reference"]


@pytest.mark.parametrize("prompt", ["", "What is love?", "Date: 31 June 2020", "Date: 12/03/2024"])
def test_what_it_cannot_do_it_says(prompt: str) -> None:
    assert "simulated teacher" in skills_draw(FLAWLESS, prompt, "0").text


def test_wrong_answers_are_wrong_in_one_field_and_as_often_as_declared() -> None:
    draws = drawn(FLAWLESS.model_copy(update={"wrong": 0.12}))
    assert share(lambda row, text: text != row["reference"], draws) == near(0.12, len(draws))
    for row, text in draws:
        if text != row["reference"] and row["prompt"].startswith("Date"):
            right, given = row["reference"].split("-"), text.split("-")
            assert sum(one != other for one, other in zip(right, given, strict=True)) == 1
            assert datetime.date.fromisoformat(text)
        elif text != row["reference"]:
            right, given = json.loads(row["reference"]), json.loads(text)
            assert sum(right[name] != given[name] for name in right) == 1


def test_what_is_misread_is_misread_alike_in_every_draw_and_as_often_as_declared() -> None:
    def told(misread: float, draw: str | None) -> list[str]:
        settings = FLAWLESS.model_copy(update={"misread": misread})
        return [skills_draw(settings, row["prompt"], draw).text for row in ROWS]

    always, sometimes = told(1.0, "0"), told(0.4, "0")
    assert always == told(1.0, "1") == told(1.0, None)
    assert sometimes == told(0.4, "1") == told(0.4, None)
    wrong = [(row, text) for row, text in zip(ROWS, always, strict=True) if text != row["reference"]]
    assert len(wrong) / len(ROWS) == near(0.5 * 132 / 365 + 0.5 / 4, len(ROWS))
    for row, text in wrong:
        if row["prompt"].startswith("Date"):
            year, month, day = row["reference"].split("-")
            assert text == f"{year}-{day}-{month}"
        else:
            assert text == row["reference"].replace("@post.example", "@mail.example")
    some = [one for one, row in zip(sometimes, ROWS, strict=True) if one != row["reference"]]
    assert len(some) / len(wrong) == near(0.4, len(wrong))


def test_errors_differ_from_draw_to_draw() -> None:
    wrong = FLAWLESS.model_copy(update={"wrong": 1.0})
    for row in ROWS[:20]:
        assert len({skills_draw(wrong, row["prompt"], str(draw)).text for draw in range(30)}) > 5


def test_the_habit_shows_in_one_phrasing_alone_and_as_often_as_declared() -> None:
    draws = drawn(FLAWLESS.model_copy(update={"habit": 0.6}))
    habitual = [(row, text) for row, text in draws if ", tel " in row["prompt"] or "Date: the " in row["prompt"]]
    others = [(row, text) for row, text in draws if (row, text) not in habitual]
    assert share(lambda row, text: text != row["reference"], habitual) == near(0.6, len(habitual))
    assert share(lambda row, text: text != row["reference"], others) == 0
    shapes = re.compile(r"Name: .+; Phone: .+; Email: .+|\d{1,2} [A-Z][a-z]+ \d{4}")
    assert all(text == row["reference"] or shapes.fullmatch(text) for row, text in habitual)


def test_refused_truncated_and_filtered_draws_are_marked_and_as_often_as_declared() -> None:
    settings = PracticeSettings(wrong=0.1, habit=0, refused=0.2, truncated=0.15, content_filter=0.05)
    draws = [(row, skills_draw(settings, row["prompt"], str(draw))) for row in ROWS for draw in range(DRAWS)]
    refused = [answer for _, answer in draws if answer.text == REFUSAL]
    assert len(refused) / len(draws) == near(0.2, len(draws))
    assert sum(answer.refusal for answer in refused) / len(refused) == near(0.5, len(refused))
    cut = [(row, answer.text) for row, answer in draws if answer.finish_reason == "length"]
    assert len(cut) / len(draws) == near(0.15, len(draws))
    assert all(text and row["reference"].startswith(text) and text != row["reference"] for row, text in cut)
    filtered = [answer.text for _, answer in draws if answer.finish_reason == "content_filter"]
    assert len(filtered) / len(draws) == near(0.05, len(draws))
    assert set(filtered) == {""}


def test_a_draw_depends_on_settings_prompt_and_draw_alone() -> None:
    settings = PracticeSettings(wrong=0.5)
    assert drawn(settings) == drawn(settings)
    assert drawn(settings) != drawn(settings.model_copy(update={"seed": 1}))
    assert drawn(settings) == drawn(settings.model_copy(update={"fail_500": 0.5, "latency_ms": 9, "rpm": 60}))


def test_temperature_zero_is_the_mode_and_the_habit_is_in_it() -> None:
    settings = PracticeSettings()
    for row in ROWS[:300]:
        task, text = task_in(row["prompt"]), skills_draw(settings, row["prompt"], None).text
        assert task is not None
        assert (text == row["reference"]) == (task.phrasing != 0)
        draws = [skills_draw(settings, row["prompt"], str(draw)).text for draw in range(60)]
        assert text == max(set(draws), key=draws.count) or task.phrasing == 0


def test_at_the_defaults_filtering_has_something_to_do() -> None:
    exact = share(lambda row, text: text == row["reference"], drawn(PracticeSettings()))
    assert exact == near(0.86 * (1 - HABITUAL_SHARE * 0.6), len(ROWS) * DRAWS)


def test_tokens_are_short_and_are_the_text_again() -> None:
    for text in ["", "Ünïcödé  words\n\t12_34 ½²", *(row["prompt"] + row["reference"] for row in ROWS)]:
        assert "".join(pieces(text)) == text
        assert all(1 <= len(piece) <= 4 for piece in pieces(text))


def test_identity_names_what_shapes_answers_and_nothing_else() -> None:
    plain = practice_settings("practice://skills?seed=1")
    assert plain.identity() == (
        "practice/skills?content_filter=0&habit=0.6&refused=0.01&seed=1&truncated=0.01&wrong=0.12"
    )
    noisy = practice_settings("practice://skills?seed=1&fail_500=0.3&latency_ms=5&rpm=60&require_key=1&hang_s=1")
    assert noisy.identity() == plain.identity()
    assert practice_settings("practice://skills?seed=1&habit=0.5").identity() != plain.identity()
    assert practice_settings("practice://skills?seed=1&misread=0.5").identity() != plain.identity()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("practice://skills?wrnog=0.1", "did you mean 'wrong'"),
        ("practice://skills?wrong=2", "'wrong' is '2'"),
        ("practice://skills?wrong=x", "'wrong' is 'x'"),
        ("practice://skills?wrong=", "'wrong' must be given once"),
        ("practice://skills?seed=1&seed=2", "'seed' must be given once"),
        ("practice://skills?wrong=0.6&refused=0.6", "at most 1"),
        ("practice://skills?fail_500=0.6&fail_429=0.6", "at most 1"),
        ("practice://skills?file=a.jsonl", "unknown key 'file'"),
        ("practice://replay", "needs it"),
        ("practice://replay?file=a.jsonl&wrong=0.5", "unknown key 'wrong'"),
        ("practice://skill", "practice://skills"),
        ("http://skills", "practice://skills"),
    ],
)
def test_a_bad_address_is_explained(url: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(said)):
        practice_settings(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("practice://skills?row=5", "did you mean 'rows'"),
        ("practice://skills?rows=0", "'rows' is '0'"),
        ("practice://skills?skill=sums", "'skill' is 'sums'"),
        ("practice://replay?rows=5", "practice://skills"),
    ],
)
def test_a_bad_source_is_explained_before_its_first_row(url: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=re.escape(said)):
        practice_prompts(url)
