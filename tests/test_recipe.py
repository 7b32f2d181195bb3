"""The recipe: what is wrong with it is said with its place and a way out."""

from pathlib import Path

import pytest
import yaml

from potstill.errors import BadRecipe
from potstill.recipe import load_recipe
from potstill.recipe.describe import reference
from potstill.recipe.starter import TEACHERS, starter_recipe

GOOD = {"teacher": {"base_url": "practice://skills", "model": "practice-1"}, "prompts": {"path": "p.jsonl"}}


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
    ],
)
def test_what_does_not_hold_is_said_with_its_place(tmp_path: Path, change: dict, says: str) -> None:
    path = write(tmp_path, {**GOOD, **change})
    with pytest.raises(BadRecipe, match=says) as told:
        load_recipe(path)
    assert str(path) in str(told.value)


def test_a_file_that_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(BadRecipe, match="no such recipe"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(BadRecipe, match="not YAML"):
        load_recipe(write(tmp_path, "a: [1"))
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


def test_every_field_of_the_reference_is_described() -> None:
    lines = reference().splitlines()
    fields = [line for line in lines if line.startswith("| `")]
    assert len(fields) > 40
    assert not [line for line in fields if line.rstrip("|").rstrip().endswith("|")]


def test_the_reference_page_is_the_current_one(root: Path) -> None:
    assert (root / "docs" / "recipe.md").read_text(encoding="utf-8") == reference()


def test_an_address_with_a_password_is_refused_without_repeating_it(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "teacher": {"base_url": "https://me:hunter2@example.com/v1", "model": "m"}})
    with pytest.raises(BadRecipe, match="api_key_env") as told:
        load_recipe(path)
    assert "hunter2" not in str(told.value)
