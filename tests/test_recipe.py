"""The recipe: what is wrong with it is said with its place and a way out."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from potstill.errors import BadRecipe
from potstill.ledger.key import TRANSPORT_FIELDS
from potstill.recipe import Recipe, load_recipe
from potstill.recipe.describe import reference
from potstill.recipe.explain import explain, section_in
from potstill.recipe.generate import NOT_EXTRA
from potstill.recipe.recipe import run_name
from potstill.recipe.starter import TEACHERS, starter_recipe

GOOD: dict[str, Any] = {
    "teacher": {"base_url": "practice://skills", "model": "practice-1"},
    "prompts": {"path": "p.jsonl"},
}


def write(folder: Path, values: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(values) if not isinstance(values, str) else values)
    return path


def test_the_name_is_the_file_unless_given(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, GOOD)).name == "mine"
    assert load_recipe(write(tmp_path, {**GOOD, "name": "other"})).name == "other"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"generate": {"temprature": 1}}, r"unknown key 'generate.temprature': did you mean 'temperature'\?"),
        ({"filtre": {}}, r"unknown key 'filtre': did you mean 'filter'\?"),
        ({"teacher": {"base_url": "x", "model": "y", "price": {"inputt": 1, "output": 1}}}, "did you mean 'input'"),
        ({"filter": {"format": [{"regexp": "a"}]}}, "did you mean 'regex'"),
        ({"teacher": {"model": "m"}}, "'teacher.base_url' is missing"),
        ({"generate": {"draws": 0}}, "'generate.draws' is 0"),
        ({"filter": {"format": [{}]}}, "give either regex or json_schema"),
        ({"name": "../up"}, "'name' is '../up'"),
        ({"budget": 5}, "'budget': a section is wanted here, with keys of its own: usd, tokens"),
        ({"generate": {"json_schema": 5}}, "'generate.json_schema' is 5: a mapping is wanted, .*; or a text is wanted"),
        (
            {"eval": {"grader": {"kind": "fuzzy"}}},
            "'eval.grader.kind' is 'fuzzy': 'exact', 'normalised', 'json', 'maths', 'regex' or",
        ),
    ],
)
def test_what_does_not_hold_is_said_with_its_place(tmp_path: Path, change: dict, says: str) -> None:
    path = write(tmp_path, {**GOOD, **change})
    with pytest.raises(BadRecipe, match=says) as told:
        load_recipe(path)
    assert str(path) in str(told.value)


def fields(section: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The way to every field of the recipe, those in lists of sections left out."""
    for name, field in section.model_fields.items():
        yield (*above, name)
        if (inner := section_in(field.annotation)) and "tuple" not in str(field.annotation):
            yield from fields(inner, (*above, name))


@pytest.mark.parametrize("value", ["x?", -1, 1.5, 10**30, math.nan, True, None, [], [3], {}, {"a": 1}, {3: 4}])
def test_what_is_wrong_with_a_value_is_said_in_our_words(value: object) -> None:
    told = []
    for *sections, field in fields(Recipe):
        written: dict[str, Any] = {name: {**section} for name, section in GOOD.items()}
        inner = written
        for name in sections:
            inner = inner.setdefault(name, {})
        inner[field] = value
        try:
            Recipe.model_validate(written)
        except ValidationError as error:
            told += explain(error, Recipe)
    theirs = re.compile("should|Extra inputs|required|instance of|valid ")
    assert told or value is None
    assert not [line for line in told if theirs.search(line)]


@pytest.mark.parametrize("end", ["/chat/completions", "/chat/completions/", "/completions", "/Completions"])
def test_an_address_of_one_operation_is_no_base_url(tmp_path: Path, end: str) -> None:
    wrong = f"https://api.example.com/v1{end}"
    for teacher in ({"base_url": wrong}, {"replicas": [wrong]}):
        with pytest.raises(BadRecipe, match=f"ends in {end}, which Potstill puts there itself; leave that out"):
            load_recipe(write(tmp_path, {**GOOD, "teacher": {**GOOD["teacher"], **teacher}}))


def test_a_file_that_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="no such recipe"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(BadRecipe, match="not YAML"):
        load_recipe(write(tmp_path, "a: [1"))
    with pytest.raises(BadRecipe, match="cannot be read"):
        load_recipe(tmp_path)
    with pytest.raises(BadRecipe, match="mapping"):
        load_recipe(write(tmp_path, "- a"))


def test_overrides_win_and_are_checked_like_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    recipe = load_recipe(path, ["generate.draws=4", "train.lora.rank=8", "generate.extra={stop: [x]}"])
    assert (recipe.generate.draws, recipe.train.lora and recipe.train.lora.rank) == (4, 8)
    assert recipe.generate.extra == {"stop": ["x"]}
    for wrong in ("generate.drows=4", "generate", "name.x=1"):
        with pytest.raises(BadRecipe):
            load_recipe(write(tmp_path, {**GOOD, "name": "n"}), [wrong])


def test_the_digest_follows_every_value(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_recipe(path).digest() == load_recipe(path).digest()
    assert load_recipe(path).digest() != load_recipe(path, ["train.seed=1"]).digest()


def test_a_starter_recipe_keeps_a_long_path_whole(tmp_path: Path) -> None:
    long = "../" + "a folder with a name/" * 20 + "mine.jsonl"
    assert load_recipe(write(tmp_path, starter_recipe("vllm", long, "mine"))).prompts.path == long


@pytest.mark.parametrize("teacher", TEACHERS)
def test_a_starter_recipe_is_short_and_loads(tmp_path: Path, teacher: str) -> None:
    text = starter_recipe(teacher, "mine.jsonl", "mine")
    assert len(text.splitlines()) <= 20
    recipe = load_recipe(write(tmp_path, text))
    assert (recipe.prompts.path, recipe.name) == ("mine.jsonl", "mine")
    described = [
        line for line in text.splitlines() if ":" in line.split("#")[0] and not line.split("#")[0].strip().endswith(":")
    ]
    assert all("  # " in line for line in described)


def test_a_starter_recipe_for_a_paid_teacher_offers_a_budget(tmp_path: Path) -> None:
    text = starter_recipe("openai", "mine.jsonl", "mine")
    assert load_recipe(write(tmp_path, text)).budget.usd is None
    offered = re.sub("^# (budget:|  usd:)", r"\1", text, flags=re.MULTILINE)
    assert load_recipe(write(tmp_path, offered)).budget.usd == 20
    assert not any("budget:" in starter_recipe(free, "mine.jsonl", "mine") for free in ("vllm", "practice"))


def test_every_field_of_the_reference_is_described() -> None:
    lines = reference().splitlines()
    fields = [line for line in lines if line.startswith("| `")]
    assert len(fields) > 40
    assert not [line for line in fields if line.rstrip("|").rstrip().endswith("|")]


def test_the_reference_page_is_the_current_one(root: Path) -> None:
    assert (root / "docs" / "recipe.md").read_text(encoding="utf-8") == reference()


@pytest.mark.parametrize(
    "pasted",
    [
        {"base_url": "https://me:hunter2@example.com/v1"},
        {"base_url": "https://me:hunter2@[::1/v1"},
        {"base_url": "me:hunter2@example.com/v1"},
        {"base_url": "https://example.com/v1?api-key=hunter2"},
        {"base_url": "https://example.com/v1#hunter2"},
        {"api_key_env": "sk-hunter2"},
        {"api_key_env": "hf_hunter2"},
        {"api_key_env": ["hunter2"]},
        {"api_key": "sk-hunter2"},
        {"secret_token": "hunter2"},
        {"replicas": ["http://me:hunter2@gpu-box/v1"]},
    ],
)
def test_a_pasted_secret_is_refused_without_repeating_it(tmp_path: Path, pasted: dict) -> None:
    path = write(tmp_path, {**GOOD, "teacher": {**GOOD["teacher"], **pasted}})
    with pytest.raises(BadRecipe, match=r"environment|api_key_env") as told:
        load_recipe(path)
    assert "hunter2" not in str(told.value)


def test_an_unknown_key_for_a_secret_asks_for_no_secret(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "teacher": {**GOOD["teacher"], "api_key": "sk-hunter2"}})
    with pytest.raises(BadRecipe, match="the key stays in the environment") as told:
        load_recipe(path)
    assert "did you mean" not in str(told.value)


@pytest.mark.parametrize("text", ["teacher.api_key_env={hunter2", "teacher.model.x=hunter2", "hunter2"])
def test_a_wrong_override_does_not_repeat_its_value(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRecipe, match="--set") as told:
        load_recipe(write(tmp_path, GOOD), [text])
    assert "hunter2" not in str(told.value)


def test_good_names_and_addresses_pass(tmp_path: Path) -> None:
    for good in ({"api_key_env": "HF_TOKEN"}, {"base_url": "practice://replay?file=me@home.jsonl"}):
        recipe = load_recipe(write(tmp_path, {**GOOD, "teacher": {**GOOD["teacher"], **good}}))
        assert good.items() <= recipe.teacher.model_dump().items()


def test_extra_leaves_alone_what_is_not_its_own() -> None:
    assert TRANSPORT_FIELDS | {"model", "messages", "max_tokens", "max_completion_tokens"} <= NOT_EXTRA
    assert {"temperature", "top_p", "seed"} <= NOT_EXTRA


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        *[(f"{{{name}: 1}}", f"{name} cannot be set here") for name in sorted(NOT_EXTRA)],
        ("{a: .nan}", "a is not plain JSON"),
        ("{a: {b: [1, .inf]}}", r"a\.b\[1\] is not plain JSON"),
        ("{a: 2020-01-01}", "a is not plain JSON"),
        ("{a: 9007199254740992}", "a is not plain JSON"),
        ("{a: {2020-01-01: 1}}", "is not plain JSON"),
        ('{a: "\\ud800"}', "a is not plain JSON"),
        ("{a", "--set generate.extra: the value is not YAML"),
        ("2020-13-45", "--set generate.extra: the value is not YAML"),
    ],
)
def test_what_extra_cannot_hold(tmp_path: Path, extra: str, says: str) -> None:
    with pytest.raises(BadRecipe, match=says):
        load_recipe(write(tmp_path, GOOD), [f"generate.extra={extra}"])


def test_extra_takes_plain_json(tmp_path: Path) -> None:
    plain = {"a": [1, 0.5, None, True, "x"], "b": {"c": -(2**53) + 1}}
    assert load_recipe(write(tmp_path, {**GOOD, "generate": {"extra": plain}})).generate.extra == plain
    with pytest.raises(BadRecipe, match=r"generate\.seed"):
        load_recipe(write(tmp_path, {**GOOD, "generate": {"seed": 2**53}}))


def test_an_empty_section_is_all_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "generate": None, "eval": {"grader": None}, "train": {"lora": None}})
    recipe = load_recipe(path)
    assert (recipe.generate.draws, recipe.eval.grader.kind, recipe.train.lora) == (1, "exact", None)
    assert load_recipe(path, ["generate.draws=2"]).generate.draws == 2
    with pytest.raises(BadRecipe, match=r"'prompts\.path' is missing"):
        load_recipe(write(tmp_path, {**GOOD, "prompts": None}))


def test_a_file_with_any_name_gives_its_run_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "my recipe (2).yaml"
    path.write_text(yaml.safe_dump({**GOOD, "name": None}))
    assert load_recipe(path).name == "my-recipe-2"
    assert [run_name(stem) for stem in ("a.b_c-1", "рецепт", "-x-")] == ["a.b_c-1", "run", "x"]
