"""The README tells no tales: its commands run, its targets and files exist."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

Potstill = Callable[..., subprocess.CompletedProcess[str]]


def test_the_commands_of_the_readme_run(potstill_in: Potstill, root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- tested.*?-->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block
    commands = [line.split() for line in block.group(1).splitlines() if line]
    assert [command[1] for command in commands] == ["init", "check", "run", "status", "export"]
    for _, *arguments in commands:
        smaller = [
            "--set",
            "train.steps=4",
            "--set",
            "prompts.path=practice://skills?rows=120",
            "--set",
            "prompts.heldout.least=30",
        ]
        result = potstill_in(*arguments, *(smaller if arguments[0] in ("run", "check") else []))
        assert result.returncode == 0, result.stderr


def test_targets_and_files_that_the_readme_names_exist(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"^make (\S+)", text, re.MULTILINE))
    assert all((root / link).exists() for link in re.findall(r"\]\(([^)#:]+)\)", text))
