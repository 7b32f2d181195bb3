"""Whole answers: a cut-off one is asked once more, one without its form is sent back once, and all of it resumes for nothing."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from potstill.errors import BadRecipe
from potstill.generate.elicitation import elicitation_of
from potstill.graders.strict import why_not_strict
from potstill.graders.structured import form_of, schema_files
from potstill.ledger.key import Draw
from potstill.recipe import GenerateSection, Recipe
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.ask import Teacher
from potstill.teacher.asking import asking_of
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher
from potstill.teacher.reply import Reply

from .asking import Answer, serving

CONTACT = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
GOOD, BAD = '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": "36"}'
MODEL = """
from __future__ import annotations
from pydantic import BaseModel, ConfigDict, field_validator

class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    age: int
    @field_validator("age")
    @classmethod
    def _lives(cls, age):
        if age > 150:
            raise ValueError("nobody is so old")
        return age

class Nothing:
    pass
"""


def make_run(folder: Path, base_url: str, **generate: object) -> Run:
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "teacher": {"base_url": base_url, "model": "m", "price": {"input": 1, "output": 1}},
            "prompts": {"path": "p.jsonl"},
            "generate": {"max_tokens": 32, **generate},
        }
    )
    return Run(recipe, folder, folder / "runs" / "r", PlainScreen())


def answers(run: Run, *texts: str, draws: int = 1) -> list[list[Reply]]:
    """What the recipe's way of asking brings for each text."""
    asking = asking_of(run, form_of(run.recipe.generate, run.home))
    wanted = [Draw(index=index) for index in range(draws)]

    async def ask(teacher: Teacher) -> list[list[Reply]]:
        return await asyncio.gather(*(asking.ask(teacher.ask, conversation(("user", text)), wanted) for text in texts))

    async def open_and_ask() -> list[list[Reply]]:
        async with open_teacher(run, "generate") as teacher:
            return await ask(teacher)

    return run_async(open_and_ask())


def said(*choices: tuple[str, str]) -> bytes:
    """A completion of (text, finish reason) pairs: 10 tokens in, 5 out for each."""
    told = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for index, (text, finish) in enumerate(choices)
    ]
    usage = {"prompt_tokens": 10, "completion_tokens": 5 * len(choices)}
    return json.dumps({"model": "m", "choices": told, "usage": usage}).encode()


@contextmanager
def answering(answer: Callable[[dict[str, Any]], tuple[str, str]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives every choice of a request the same (text, finish reason)."""

    def reply(request: dict[str, Any], number: int) -> Answer:
        return 200, {}, said(*[answer(request)] * request.get("n", 1))

    with serving(reply) as (base_url, asked):
        yield base_url, asked


def cut_below(cap: int) -> Callable[[dict[str, Any]], tuple[str, str]]:
    return lambda request: ("whole", "stop") if request["max_tokens"] >= cap else ("cut", "length")


def test_a_cut_off_answer_is_asked_once_more_under_a_larger_cap(tmp_path: Path) -> None:
    with answering(cut_below(64)) as (base_url, asked):
        run = make_run(tmp_path, base_url)
        ((first,),) = answers(run, "a")
        ((again,),) = answers(run, "a")
    assert [request["max_tokens"] for request in asked] == [32, 64]
    assert asked[0]["seed"] == asked[1]["seed"], "it is the same draw"
    assert (first.status, first.text, first.finish_reason) == ("ok", "whole", "stop")
    assert (first.input_tokens, first.output_tokens) == (20, 10), "what was thrown away was paid as well"
    assert first.usd == pytest.approx(30e-6)
    assert (again.text, again.usd, again.reused) == (first.text, first.usd, True)


def test_an_answer_that_is_cut_off_twice_stays_cut_off(tmp_path: Path) -> None:
    with answering(cut_below(1000)) as (base_url, asked):
        ((reply,),) = answers(make_run(tmp_path, base_url, second_max_tokens=100), "a")
    assert [request["max_tokens"] for request in asked] == [32, 100]
    assert (reply.status, reply.text, reply.output_tokens) == ("truncated", "cut", 10)


def test_the_same_cap_twice_means_never(tmp_path: Path) -> None:
    with answering(cut_below(64)) as (base_url, asked):
        ((reply,),) = answers(make_run(tmp_path, base_url, second_max_tokens=32), "a")
    assert (reply.status, len(asked)) == ("truncated", 1)


def test_a_second_cap_that_the_server_refuses_leaves_the_first_answer(tmp_path: Path) -> None:
    def reply(request: dict[str, Any], number: int) -> Answer:
        if request["max_tokens"] > 32:
            return 400, {}, b'{"error": {"message": "the context is too small", "code": "context_length_exceeded"}}'
        return 200, {}, said(("cut", "length"))

    with serving(reply) as (base_url, _):
        ((found,),) = answers(make_run(tmp_path, base_url), "a")
    assert (found.status, found.text, found.error) == ("truncated", "cut", "")


def test_only_the_draws_that_were_cut_off_are_asked_again(tmp_path: Path) -> None:
    def reply(request: dict[str, Any], number: int) -> Answer:
        if request["max_tokens"] > 32:
            return 200, {}, said(*[("longer", "stop")] * request.get("n", 1))
        return 200, {}, said(("one", "stop"), ("tw", "length"), ("three", "stop"), ("fo", "length"))

    with serving(reply) as (base_url, asked):
        (draws,) = answers(make_run(tmp_path, base_url), "a", draws=4)
    assert [reply.text for reply in draws] == ["one", "longer", "three", "longer"]
    assert [request["n"] for request in asked] == [4, 2]


def test_an_answer_without_its_form_is_sent_back_once(tmp_path: Path) -> None:
    with answering(lambda request: (GOOD if len(request["messages"]) > 1 else BAD, "stop")) as (base_url, asked):
        run = make_run(tmp_path, base_url, json_schema=CONTACT)
        ((first,),) = answers(run, "who?")
        ((again,),) = answers(run, "who?")
    assert len(asked) == 2
    assert [turn["role"] for turn in asked[1]["messages"]] == ["user", "assistant", "user"]
    assert asked[1]["messages"][1]["content"] == BAD
    complaint = asked[1]["messages"][2]["content"]
    assert "$.age: '36' is not of type 'integer'" in complaint
    assert '"additionalProperties": false' in complaint
    assert (first.status, first.text, first.error) == ("ok", GOOD, "")
    assert (first.input_tokens, first.output_tokens) == (20, 10)
    assert (again.text, again.usd, again.reused) == (GOOD, first.usd, True)


@pytest.mark.parametrize(
    ("second", "kept"),
    [(("{}", "stop"), "{}"), (("{", "length"), BAD), (("I'm sorry, I can't do that.", "stop"), BAD)],
)
def test_an_answer_that_is_not_mended_is_unparsable_and_kept(
    tmp_path: Path, second: tuple[str, str], kept: str
) -> None:
    with answering(lambda request: second if len(request["messages"]) > 1 else (BAD, "stop")) as (base_url, asked):
        ((reply,),) = answers(make_run(tmp_path, base_url, json_schema=CONTACT, second_max_tokens=32), "who?")
    assert len(asked) == 2
    assert (reply.status, reply.text) == ("unparsable", kept)
    assert "not in the form asked for: " in reply.error


def test_a_good_answer_is_one_request_and_each_draw_goes_its_own_way(tmp_path: Path) -> None:
    def reply(request: dict[str, Any], number: int) -> Answer:
        if len(request["messages"]) > 1:
            return 200, {}, said((GOOD.replace("36", "37"), "stop"))
        return 200, {}, said((GOOD, "stop"), (BAD, "stop"), (GOOD, "stop"))

    with serving(reply) as (base_url, asked):
        (draws,) = answers(make_run(tmp_path, base_url, json_schema=CONTACT), "who?", draws=3)
    assert [json.loads(reply.text)["age"] for reply in draws] == [36, 37, 36]
    assert len(asked) == 2


def test_a_cut_off_answer_is_mended_under_the_cap_that_it_needed(tmp_path: Path) -> None:
    def answer(request: dict[str, Any]) -> tuple[str, str]:
        if request["max_tokens"] < 64:
            return "{", "length"
        return (GOOD if len(request["messages"]) > 1 else BAD), "stop"

    with answering(answer) as (base_url, asked):
        ((reply,),) = answers(make_run(tmp_path, base_url, json_schema=CONTACT), "who?")
    assert [request["max_tokens"] for request in asked] == [32, 64, 64]
    assert (reply.status, reply.text, reply.output_tokens) == ("ok", GOOD, 15)


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("json_schema", {"type": "json_schema", "json_schema": {"name": "answer", "schema": CONTACT, "strict": True}}),
        ("json_object", {"type": "json_object"}),
        ("none", None),
    ],
)
def test_the_endpoint_is_told_as_much_as_it_takes(tmp_path: Path, mode: str, sent: object) -> None:
    with answering(lambda request: (GOOD if len(request["messages"]) > 1 else f"```{GOOD}```", "stop")) as (url, asked):
        ((reply,),) = answers(make_run(tmp_path, url, json_schema=CONTACT, schema_mode=mode), "who?")
    assert [request.get("response_format") for request in asked] == [sent, sent]
    assert "code fence" in asked[1]["messages"][2]["content"]
    assert (reply.status, reply.text) == ("ok", GOOD)


def test_a_recipe_without_a_schema_sends_what_it_always_sent(tmp_path: Path) -> None:
    assert elicitation_of(make_run(tmp_path, "http://127.0.0.1:9/v1")).asking.options == {"max_tokens": 32}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD, None),
        (BAD, "$.age: "),
        ('{"name": "Ada", "age": 200}', "nobody is so old"),
        ('{"name": "Ada", "age": 1, "age": 2}', "key twice"),
        ('{"name": "Ada"}', "$.age: Field required"),
        ('{"name": "Ada", "age": 1, "x": 1}', "$.x: "),
        ("Ada, 36", "not JSON"),
    ],
)
def test_a_pydantic_model_is_a_form(tmp_path: Path, text: str, says: str | None) -> None:
    (tmp_path / "shapes.py").write_text(MODEL)
    section = GenerateSection(json_schema="shapes.py:Person")
    form = form_of(section, tmp_path)
    assert form is not None
    found = form.misfit(text)
    assert found is None if says is None else says in (found or "")
    assert form.options["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert schema_files(section, tmp_path) == [tmp_path / "shapes.py"]


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("missing.json", "cannot be read"),
        ("missing.py:Person", "there is no file"),
        ("shapes.py:Human", "no pydantic model of that name"),
        ("shapes.py:Nothing", "no pydantic model of that name"),
        ("broken.py:Person", r"broken\.py cannot be imported: SyntaxError"),
        ({"type": "objekt"}, "not a JSON schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_found_before_anything_is_asked(
    tmp_path: Path, schema: object, says: str
) -> None:
    (tmp_path / "shapes.py").write_text(MODEL)
    (tmp_path / "broken.py").write_text("class Person(")
    with pytest.raises(BadRecipe, match=says) as told:
        elicitation_of(make_run(tmp_path, "http://127.0.0.1:9/v1", json_schema=schema))
    assert "generate.json_schema" in str(told.value)


@pytest.mark.parametrize(
    ("generate", "says"),
    [
        ({"max_tokens": 64, "second_max_tokens": 63}, "below max_tokens"),
        ({"json_schema": {"a": float("nan")}}, "not plain JSON"),
        ({"json_schema": {}, "extra": {"response_format": {"type": "json_object"}}}, "give one of them"),
    ],
)
def test_what_contradicts_itself_is_no_recipe(generate: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        GenerateSection.model_validate(generate)


def strictness(folder: Path, schema: object) -> bool:
    form = form_of(GenerateSection.model_validate({"json_schema": schema}), folder)
    assert form is not None
    return form.options["response_format"]["json_schema"]["strict"]


OPEN = {key: value for key, value in CONTACT.items() if key != "additionalProperties"}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (CONTACT, None),
        (OPEN, "not closed"),
        ({**CONTACT, "required": ["name"]}, "'age' is not required"),
        ({**CONTACT, "oneOf": [{}]}, "$: 'oneOf' is not taken"),
        ({"anyOf": [CONTACT]}, "must be an object"),
        ({"type": "array", "items": CONTACT}, "must be an object"),
        (
            {**CONTACT, "properties": {"name": {"type": "string", "format": "uri"}, "age": {}}},
            "$.name: the format 'uri'",
        ),
        ({**CONTACT, "properties": {"name": {"type": "string", "default": ""}, "age": {}}}, "$.name: 'default'"),
        ({**CONTACT, "properties": {"name": {"anyOf": [{"type": "null"}, OPEN]}, "age": {}}}, "$.name.anyOf[1]: "),
        ({**CONTACT, "properties": {"name": {"type": "array", "items": OPEN}, "age": {}}}, "$.name[]: "),
        ({**CONTACT, "$defs": {"Part": OPEN}}, "$.Part: "),
    ],
)
def test_an_endpoint_is_told_to_be_strict_only_where_it_takes_the_schema(
    tmp_path: Path, schema: dict[str, Any], says: str | None
) -> None:
    found = why_not_strict(schema)
    assert found is None if says is None else says in (found or "")
    assert strictness(tmp_path, schema) == (says is None)


def test_a_pydantic_model_as_one_writes_it_is_asked_for_without_strictness(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(MODEL.replace('model_config = ConfigDict(extra="forbid")', 'email: str = ""'))
    assert not strictness(tmp_path, "shapes.py:Person")
    (tmp_path / "closed.py").write_text(MODEL)
    assert strictness(tmp_path, "closed.py:Person")


def test_check_says_when_a_schema_is_but_a_hint(potstill_in: Any, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"prompt": f"who is {n}?"}) + "\n" for n in range(9)))
    hinted = "but schema: goes out with `strict: false`"
    for schema, mode, says in (
        (OPEN, "json_schema", True),
        (CONTACT, "json_schema", False),
        (OPEN, "json_object", False),
        (OPEN, "none", False),
    ):
        recipe = {
            "name": "r",
            "teacher": {"base_url": "practice://skills", "model": "practice-1"},
            "prompts": {"path": "p.jsonl"},
            "generate": {"json_schema": schema, "schema_mode": mode},
            "train": {"student": "scratch:tiny"},
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        told = potstill_in("check", "--no-probe").stdout
        assert "NO " not in told, told
        assert (hinted in told) == says, told


def write_project(folder: Path, base_url: str, rows: int, **generate: object) -> None:
    (folder / "p.jsonl").write_text("".join(json.dumps({"prompt": f"who is {n}?"}) + "\n" for n in range(rows)))
    recipe = make_run(folder, base_url, **generate).recipe
    recipe = recipe.model_copy(update={"teacher": recipe.teacher.model_copy(update={"attempts": 1})})
    (folder / "recipe.yaml").write_text(recipe.model_dump_json())


def generated(potstill_in: Any, folder: Path) -> dict[str, Any]:
    for stage in ("prompts", "generate"):
        result = potstill_in(stage)
        assert result.returncode == 0, result.stderr
    return json.loads((folder / "runs/r/completions/manifest.json").read_text())["counts"]


@pytest.mark.parametrize(
    ("first", "generate"),
    [(("cut", "length"), {}), ((BAD, "stop"), {"json_schema": CONTACT, "second_max_tokens": 32})],
)
def test_a_second_request_that_fails_for_the_moment_is_asked_by_the_next_run(
    potstill_in: Any, tmp_path: Path, first: tuple[str, str], generate: dict[str, Any]
) -> None:
    down = [True]

    def reply(request: dict[str, Any], number: int) -> Answer:
        if request["max_tokens"] == 32 and len(request["messages"]) == 1:
            return 200, {}, said(first)
        return (503, {}, b"busy") if down[0] else (200, {}, said((GOOD, "stop")))

    with serving(reply) as (base_url, asked):
        write_project(tmp_path, base_url, 8, failed_share=1, **generate)
        before = generated(potstill_in, tmp_path)
        rows = before["rows"]
        assert (before["status"], before["owed"], len(asked)) == ({"error:http_503": rows}, rows, 2 * rows)
        down[0] = False
        after = generated(potstill_in, tmp_path)
    assert (after["status"], after["owed"], len(asked)) == ({"ok": rows}, 0, 3 * rows)


def test_a_second_request_that_fails_for_the_moment_keeps_the_bill_of_the_first(tmp_path: Path) -> None:
    def reply(request: dict[str, Any], number: int) -> Answer:
        return (200, {}, said(("cut", "length"))) if request["max_tokens"] == 32 else (503, {}, b"busy")

    with serving(reply) as (base_url, _):
        run = make_run(tmp_path, base_url)
        teacher = run.recipe.teacher.model_copy(update={"attempts": 1})
        once = replace(run, recipe=run.recipe.model_copy(update={"teacher": teacher}))
        ((found,),) = answers(once, "a")
    assert (found.status, found.text, found.output_tokens, found.usd) == ("error:http_503", "", 5, pytest.approx(15e-6))
    assert found.error


def test_the_rows_of_a_run_are_whole_and_their_price_is_what_was_paid(potstill_in: Any, tmp_path: Path) -> None:
    (tmp_path / "person.json").write_text(json.dumps(CONTACT))
    with answering(lambda request: (GOOD if len(request["messages"]) > 1 else BAD, "stop")) as (base_url, asked):
        write_project(tmp_path, base_url, 8, json_schema="person.json")
        counts = generated(potstill_in, tmp_path)
    assert counts["status"] == {"ok": counts["rows"]}
    assert len(asked) == 2 * counts["rows"]
