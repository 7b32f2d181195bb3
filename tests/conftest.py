"""What every test stands on: the clone under test is the installed one, and projects live in temporary folders."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import potstill

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    installed = Path(potstill.__path__[0]).resolve()
    assert installed == ROOT, f"these tests would test {installed}; install this clone with pip install -e ."
    # Where a script runs the tests with `&` it is ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


Potstill = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def potstill_in(tmp_path: Path) -> Potstill:
    """Run the command as a user does, from a folder that holds the user's own train.py and eval.py."""
    for name in ("train.py", "eval.py", "store.py"):
        (tmp_path / name).write_text('raise SystemExit("this file is the user\'s own")\n')

    def run(
        *arguments: str, env: dict[str, str] | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), cwd=tmp_path, env=env, timeout=timeout, capture_output=True, text=True, check=False
        )

    return run


def command(*arguments: str) -> Sequence[str]:
    """The command line of `potstill …` in this interpreter."""
    return [sys.executable, "-P", "-m", "potstill", *arguments]
