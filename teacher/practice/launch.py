"""Starts a practice teacher as a child process and ends it again."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from ...errors import BadRecipe, BadTeacher
from .settings import PracticeSettings

SECONDS_TO_END = 5


@contextmanager
def start_practice(settings: PracticeSettings) -> Iterator[str]:
    """A practice teacher at work, as its base URL `http://127.0.0.1:PORT/v1`; it ends with the context or this process.

    Raises:
        BadRecipe: what the settings name cannot be used (a file of recorded answers that is not there).
        BadTeacher: the child did not start.
    """
    # -P: a folder called potstill, or a file of the user's called as a module of ours, must not shadow anything.
    command = [sys.executable, "-P", "-m", "potstill.teacher.practice.server", settings.model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            yield f"http://127.0.0.1:{_port(child)}/v1"
        finally:
            _end(child)


def _port(child: subprocess.Popen[bytes]) -> int:
    assert child.stdout is not None
    line = child.stdout.readline()
    said = orjson.loads(line) if line.strip() else {}
    if "error" in said:
        raise BadRecipe(said["error"])
    if "port" not in said:
        raise BadTeacher(f"the practice teacher did not start (exit status {child.wait()}); what it said is above")
    return int(said["port"])


def _end(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
