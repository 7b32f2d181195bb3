"""What messages say of a failure: in whole sentences, and with fields that the recipe has."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from potstill.errors import BrokenWorld
from potstill.recipe import Recipe, TeacherSection
from potstill.recipe.explain import section_in
from potstill.teacher.failures import judge_failure
from potstill.teacher.transport import Wire

OURS = TeacherSection(base_url="https://api.example.com/v1", model="m")
SECTIONS = "teacher|prompts|generate|filter|train|eval|budget"
DOTTED = re.compile(rf"(?<![\w./])(?:{SECTIONS})(?:\.(?!md\b|py\b|json)[a-z_]+)+")
IN_A_SECTION = re.compile(rf"`(\w+)(?:: ?\w*)?` (?:under|below|in|out of) `({SECTIONS}):`")


def has(field: str) -> bool:
    """Whether the recipe has such a field; what is below a field that is no section is the user's own."""
    section: type | None = Recipe
    for name in field.split("."):
        if section is None:
            return True
        if name not in section.model_fields:
            return False
        section = section_in(section.model_fields[name].annotation)
    return True


def messages(path: Path) -> Iterator[str]:
    """The texts in a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.value


def test_every_field_of_the_recipe_that_a_message_names_exists(root: Path) -> None:
    rooms = [folder for folder in root.iterdir() if (folder / "__init__.py").exists() and folder.name != "bench"]
    named = set()
    for path in (path for room in rooms for path in room.rglob("*.py")):
        for text in messages(path):
            named |= set(DOTTED.findall(text))
            named |= {f"{section}.{field}" for field, section in IN_A_SECTION.findall(text)}
    assert {"generate.json_schema", "teacher.seeds", "teacher.output_cap", "budget.usd"} <= named
    assert not [field for field in sorted(named) if not has(field)]


@pytest.mark.parametrize("said", ["Check your billing details.", "Check your billing details", "", "No credit?"])
def test_what_an_endpoint_says_ends_as_a_sentence(said: str) -> None:
    body = json.dumps({"error": {"code": "insufficient_quota", "message": said}}).encode()
    with pytest.raises(BrokenWorld) as told:
        judge_failure(Wire(429, {}, body, 0.1), OURS, met=True)
    assert re.search(r"[^. ][.?] The quota is used up", str(told.value)), told.value
