"""Times a student, alone in its process: `python -m potstill.student.speed_child`, a job on standard input.

On standard output stands one line of JSON with what was measured, or with the reason why not; whatever libraries print goes
to standard error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from typing import Any

import orjson

from ..errors import PotstillError
from ..store.rows import Message
from .answer import Voice, answer_all, answer_alone, voice_of
from .load import load_base
from .measure import bytes_on_disk, parameters
from .speed import FEWEST_PASSES, Facts, Job, Pass, Timing, cpu, until_late

WARM_UP_TOKENS = 8
"""Of a batch that is not timed: what is made once is made by then."""


def main() -> None:
    """Do the job on standard input."""
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        said: dict[str, Any] = measure(Job(**orjson.loads(sys.stdin.buffer.read())))
    except PotstillError as error:
        said = {"error": str(error)}
    told.write(orjson.dumps(said) + b"\n")
    told.flush()


def measure(job: Job) -> dict[str, Any]:
    """Load the student of a job and time it."""
    import torch
    import transformers

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    gpu = torch.cuda.is_available()
    # As `eval` loads it: as stored where it will be served, on a CPU in 32 bits.
    student = load_base(Path(job.folder), Path(job.home), dtype="auto" if gpu else "float32")
    voice = voice_of(student.model, student.tokenizer)
    alone = timed_alone(voice, job)
    passes = timed_passes(voice, job)
    facts = Facts(
        engine=f"transformers {transformers.__version__}",
        device=torch.cuda.get_device_name() if gpu else cpu(torch.get_num_threads()),
        dtype=str(student.model.dtype).removeprefix("torch."),
        parameters=parameters(student.model),
        bytes=bytes_on_disk(Path(job.folder)),
        peak_bytes=torch.cuda.max_memory_allocated() if gpu else _peak_of_process(),
        peak_of="gpu" if gpu else "process",
        batch_size=job.batch_size,
    )
    return {"facts": asdict(facts), "alone": [asdict(one) for one in alone], "passes": [asdict(one) for one in passes]}


def timed_alone(voice: Voice, job: Job) -> list[Timing]:
    """Each conversation by itself, from its text to the text of the answer; the first is asked once before."""
    for messages in job.conversations[:1]:
        answer_alone(voice, messages, job.max_new_tokens, lambda: None)
    return [_timed(voice, messages, job.max_new_tokens) for messages in until_late(job.conversations)]


def _timed(voice: Voice, messages: Sequence[Message], max_new_tokens: int) -> Timing:
    tokens: list[float] = []
    began = time.perf_counter()
    answer = answer_alone(voice, messages, max_new_tokens, lambda: tokens.append(time.perf_counter()))
    ended = time.perf_counter()
    return Timing((tokens[0] if tokens else ended) - began, ended - began, answer.output_tokens)


def timed_passes(voice: Voice, job: Job) -> list[Pass]:
    """All conversations in full batches, as often as was asked for, after a short batch that is not timed."""
    if not job.conversations:
        return []
    asked = list(islice(cycle(job.conversations), ceil(len(job.conversations) / job.batch_size) * job.batch_size))

    def answered(conversations: Sequence[Sequence[Message]], cap: int) -> int:
        said = answer_all(voice.model, voice.tokenizer, conversations, cap, job.batch_size, lambda _: None)
        return sum(one.output_tokens for one in said)

    answered(asked[: job.batch_size], min(WARM_UP_TOKENS, job.max_new_tokens))
    return [
        _passed(lambda: answered(asked, job.max_new_tokens), len(asked))
        for _ in until_late(range(job.repeats), FEWEST_PASSES)
    ]


def _passed(work: Callable[[], int], requests: int) -> Pass:
    began = time.perf_counter()
    tokens = work()
    return Pass(time.perf_counter() - began, requests, tokens)


def _peak_of_process() -> int | None:
    """The most memory that this process ever had; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)


if __name__ == "__main__":
    main()
