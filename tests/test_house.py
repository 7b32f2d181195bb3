"""The house: packages are listed, arrows never point up, the command line is light, files and functions are short."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

FLOORS = (
    {"errors"},
    {"store", "recipe", "texts"},
    {"ledger"},
    {"prompts", "student", "teacher"},
    {"graders"},
    {"generate", "filter", "train", "eval", "report"},
    {"pipeline", "planning"},
    {"cli", "__main__"},
)
STAGES = FLOORS[5]
NOT_OURS = {"tests", "bench", "docs", "examples", "build", "runs"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 60


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def own_files(root: Path) -> list[Path]:
    paths = [
        path for path in root.rglob("*.py") if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    return [path for path in paths if path.relative_to(root).parts[0] not in NOT_OURS]


def imports_of(path: Path, root: Path) -> Iterator[tuple[str, ...]]:
    """The modules of ours that a file imports, each as its parts below the package."""
    place = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                module = (*place[: len(place) - node.level + 1], *module)
            elif module[:1] == ("potstill",):
                module = module[1:]
            else:
                continue
            yield from ([module] if module else [(name.name,) for name in node.names])
        elif isinstance(node, ast.Import):
            yield from (tuple(name.name.split(".")[1:]) for name in node.names if name.name.startswith("potstill."))


def test_arrows_never_point_up_and_stages_do_not_meet(root: Path) -> None:
    wrong = []
    for path in own_files(root):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for module in imports_of(path, root):
            above = floor_of(module[0]) > floor_of(room)
            sideways = room in STAGES and module[0] in STAGES and module[0] != room
            if above or sideways:
                wrong.append(f"{path.relative_to(root)} imports {'.'.join(module)}")
    assert not wrong


def test_every_package_is_listed(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {
        ".".join(["potstill", *path.parent.relative_to(root).parts])
        for path in own_files(root)
        if path.name == "__init__.py"
    }
    assert set(listed) == there
    assert {".".join(["potstill", *path.parent.relative_to(root).parts]) for path in own_files(root)} == there


def test_no_module_at_the_root_bears_the_name_of_a_standard_one(root: Path) -> None:
    names = {path.stem for path in root.glob("*.py")} | {path.parent.name for path in root.glob("*/__init__.py")}
    assert not names & set(sys.stdlib_module_names)


HEAVY = (
    "torch",
    "transformers",
    "trl",
    "datasets",
    "peft",
    "scipy",
    "matplotlib",
    "openai",
    "aiohttp",
    "potstill.texts",
)


@pytest.mark.parametrize("module", ["potstill.cli.main", "potstill.pipeline"])
def test_the_command_line_is_light(module: str) -> None:
    code = f"import {module}, sys; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_files_and_functions_are_short(root: Path) -> None:
    long_files, long_functions = [], []
    for path in own_files(root):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST_FILE:
            long_files.append(f"{path.relative_to(root)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long_functions.append(f"{path.relative_to(root)}:{node.lineno} {node.name}: {length} lines")
    assert not long_files + long_functions


def test_agents_md_is_short(root: Path) -> None:
    assert len((root / "AGENTS.md").read_text().splitlines()) <= 60
