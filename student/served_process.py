"""A server as a child process: started in a session of its own, waited for, and ended on every way out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import BadStudent

SECONDS_TO_START = 300
SECONDS_TO_END = 20
LAST_LINES, ERROR_LINES = 10, 5
"""Of a server's log, told when it fails."""


@contextmanager
def running(command: Sequence[str], surroundings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command at work until the context or this process ends, and whatever it starts with it; it writes to the log.

    It has a session of its own: Ctrl-C at the terminal is this process's to handle.
    """
    # -P: a folder called potstill must not shadow ours.
    keeper = [sys.executable, "-P", "-m", "potstill.student.served_child", *command]
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            keeper, stdin=subprocess.PIPE, stdout=sink, stderr=sink, env=surroundings, start_new_session=True
        ) as child,
    ):
        assert child.stdin is not None
        try:
            yield child
        finally:
            child.stdin.close()
            try:
                child.wait(SECONDS_TO_END)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)


def wait_for(root: str, child: subprocess.Popen[bytes], log: Path, what: str) -> None:
    """Come back when `/health` below the root answers.

    Raises:
        BadStudent: it ended, or did not come up in five minutes; `what` says what it was to do.
    """
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            get(f"{root}/health")
        except OSError:
            if child.poll() is not None:
                raise BadStudent(
                    f"vLLM ended before it could {what}; its last words:\n{last_lines(log)}\n"
                    "Mend what they name, or set `eval.engine: transformers`"
                ) from None
            time.sleep(0.5)
        else:
            return
    raise BadStudent(
        f"vLLM was not ready to {what} within {SECONDS_TO_START} seconds; its last words:\n{last_lines(log)}\n"
        "Is the machine busy, or the model too large for it? `eval.engine: transformers` does without vLLM"
    )


def last_lines(log: Path) -> str:
    """The end of a server's log, and before it the errors that are named further up: the first of them is the reason."""
    lines = log.read_text(errors="replace").strip().splitlines()
    named = [line for line in lines[:-LAST_LINES] if "Error: " in line]
    return "\n".join(named[:ERROR_LINES] + lines[-LAST_LINES:])


def get(url: str) -> bytes:
    """What a server on this machine answers; no proxy stands between."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as reply:
        return reply.read()


def free_port() -> int:
    """A port that is free now; nothing holds it until the server takes it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
