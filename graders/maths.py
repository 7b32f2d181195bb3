r"""The grader `maths`: final answers compared as mathematics, by math-verify (https://github.com/huggingface/Math-Verify).

`\boxed{\frac{1}{2}}`, `1/2` and `0.5` are right for one another, so are `1,234` and `1234`, `#### 42` and `the answer is $42`.
Units are not compared, and `50` is taken for `50%`: that is math-verify's doing.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from weakref import finalize

import orjson

from ..errors import BrokenWorld
from .judgement import Grade, Judgement, right, unparsable, wrong
from .maths_child import SECONDS


def maths() -> Grade:
    """A grader that compares in processes of its own, one for each thread that uses it at a time; they end with it.

    What a comparison says depends on its two texts alone.
    """
    return _Grader().grade


class _Grader:
    """The processes, each started when it is first needed; one that a comparison used up is not used again."""

    def __init__(self) -> None:
        self._idle: list[subprocess.Popen[bytes]] = []
        self._ends: dict[int, finalize[..., _Grader]] = {}
        """What ends each process, by its number."""
        self._owner = os.getpid()

    def grade(self, answer: str, reference: str) -> Judgement:
        """Right when both end in the same mathematics; an answer that has none is wrong, a reference with none unparsable.

        Raises:
            BrokenWorld: the process cannot do its work.
        """
        said = self._asked(orjson.dumps([_plain(answer), _plain(reference)]))
        if said is None:
            return unparsable(f"it cannot be compared within {SECONDS} seconds of computing")
        verdict, reason = said
        match verdict:
            case "right":
                return right()
            case "wrong":
                return wrong(reason)
            case _:
                return unparsable(reason)

    def _asked(self, line: bytes) -> tuple[str, str] | None:
        """What a process says; None if it was ended because its time or its memory was up."""
        while True:
            child, fresh = self._taken()
            if said := _said(child, line):
                self._idle.append(child)
                return orjson.loads(said)
            status = child.wait()
            self._ends.pop(child.pid)()
            if status == -signal.SIGXCPU or (status == -signal.SIGKILL and fresh):
                return None
            if status != -signal.SIGKILL:
                raise BrokenWorld(
                    f"the process that compares mathematics ended with status {status}; what it said stands above. "
                    "Is math-verify whole? pip install --force-reinstall math-verify"
                )
            # Killed, and it may have been before it was asked: a new one tells.

    def _taken(self) -> "tuple[subprocess.Popen[bytes], bool]":
        """A process that nobody else speaks to, and whether it was never asked before."""
        if self._owner != os.getpid():  # a fork must not speak into its parent's conversations
            self._idle, self._ends, self._owner = [], {}, os.getpid()
        try:
            return self._idle.pop(), False
        except IndexError:
            return self._started(), True

    def _started(self) -> "subprocess.Popen[bytes]":
        # -P: a file of the user's called as a module of ours must not shadow it.
        command = [sys.executable, "-P", "-m", "potstill.graders.maths_child"]
        # Sets of symbols come in the order of their hashes.
        surroundings = {**os.environ, "PYTHONHASHSEED": "0"}
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings)
        self._ends[child.pid] = finalize(self, _end, child, self._owner)
        return child


def _said(child: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    """The line that a process gives back, empty if it ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        child.stdin.write(line + b"\n")
        child.stdin.flush()
    return child.stdout.readline()


def _plain(text: str) -> str:
    """The text without lone surrogates, which JSON does not carry and no number holds."""
    return text.encode("utf-8", "replace").decode()


def _end(child: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() != owner:
        return
    for pipe in (child.stdin, child.stdout):
        with suppress(BrokenPipeError):  # what was not read stays in its buffer
            if pipe is not None:
                pipe.close()
    child.kill()
    child.wait()
