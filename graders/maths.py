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
        child = self._taken()
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(BrokenPipeError):  # how it ended is told below
            child.stdin.write(line + b"\n")
            child.stdin.flush()
        if said := child.stdout.readline():
            self._idle.append(child)
            return orjson.loads(said)
        if (status := child.wait()) not in (-signal.SIGXCPU, -signal.SIGKILL):
            raise BrokenWorld(
                f"the process that compares mathematics ended with status {status}; what it said stands above. "
                "Is math-verify whole? pip install --force-reinstall math-verify"
            )
        return None

    def _taken(self) -> "subprocess.Popen[bytes]":
        """A process that nobody else speaks to."""
        if self._owner != os.getpid():  # a fork must not speak into its parent's conversations
            self._idle, self._owner = [], os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._started()

    def _started(self) -> "subprocess.Popen[bytes]":
        # -P: a file of the user's called as a module of ours must not shadow it.
        command = [sys.executable, "-P", "-m", "potstill.graders.maths_child"]
        # Sets of symbols come in the order of their hashes.
        surroundings = {**os.environ, "PYTHONHASHSEED": "0"}
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings)
        finalize(self, _end, child, self._owner)
        return child


def _plain(text: str) -> str:
    """The text without lone surrogates, which JSON does not carry and no number holds."""
    return text.encode("utf-8", "replace").decode()


def _end(child: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() != owner:
        return
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    child.kill()
    child.wait()
