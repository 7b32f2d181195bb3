"""How fast a student answers and what memory it takes, measured in a process that does nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal, TypeVar

import orjson

from ..errors import BadStudent
from ..store.rows import Message

FEWEST_FOR_P95 = 20
"""A 95th percentile of fewer values would be their maximum."""

MOST_SECONDS = 60
"""After which no further request or pass is begun."""

FEWEST_PASSES = 2
"""An interval needs two."""

CONFIDENCE = 0.95

LAST_LINES = 10
"""Of what a process said that died, told with its death."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Speed:
    """What a student's answers take; None where it was not measured."""

    engine: str
    """What ran it, with its version."""
    device: str
    dtype: str
    parameters: int
    bytes: int
    """Of its folder: weights, tokenizer, template."""
    peak_bytes: int | None
    """The most memory that it had: of `peak_of`."""
    peak_of: Literal["process", "gpu"]
    """`process`: all of the process that loads and runs it, libraries included; `gpu`: what torch took of the GPU for tensors."""
    prompts: int
    """Prompts that were timed one at a time."""
    batch_size: int
    """Of the throughput."""
    repeats: int
    """Passes that the throughput is the mean of."""
    ttft_p50_s: float | None
    """To the first token of an answer, of one request at a time."""
    ttft_p95_s: float | None
    p50_s: float | None
    """To the whole answer, of one request at a time."""
    p95_s: float | None
    tokens_per_second: float | None
    """Written by full batches."""
    seconds_per_request: float | None
    """In full batches: the time of a pass divided by its requests."""
    seconds_per_request_low: float | None
    """The 95% interval over passes, Student's t; no time is below 0."""
    seconds_per_request_high: float | None
    mean_output_tokens: float | None
    """Of the answers that were timed one at a time."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One request that was alone."""

    first_s: float
    """To its first token."""
    whole_s: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Pass:
    """Full batches of requests, one after the other."""

    seconds: float
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is so however fast it is; the fields are those of `Speed`."""

    engine: str
    device: str
    dtype: str
    parameters: int
    bytes: int
    peak_bytes: int | None
    peak_of: Literal["process", "gpu"]
    batch_size: int


@dataclass(frozen=True, slots=True)
class Job:
    """What the measuring process is told."""

    folder: str
    home: str
    conversations: Sequence[Sequence[Message]]
    max_new_tokens: int
    batch_size: int
    repeats: int
    threads: int | None


def time_student(
    folder: Path,
    conversations: Sequence[Sequence[Message]],
    *,
    home: Path,
    max_new_tokens: int,
    batch_size: int,
    repeats: int = 5,
    threads: int | None = None,
) -> Speed:
    """Measure the student in a folder, run by transformers as `answer_all` runs it, in a process of its own.

    Each conversation is asked alone, then all together in full batches, `repeats` times. Either ends after a minute.

    Args:
        folder: the student's, or that of an untrained start (`load_base`).
        conversations: what it is asked.
        home: the recipe's folder.
        max_new_tokens: the cap on an answer.
        batch_size: conversations that are answered at once, where throughput is measured.
        repeats: passes over full batches; two at least are made of a student that takes longer than a minute.
        threads: of the CPU; as torch takes them if not given.

    Raises:
        BadStudent: it cannot be loaded or cannot answer.
    """
    job = Job(str(folder), str(home), conversations, max_new_tokens, batch_size, repeats, threads)
    # -P: a folder called potstill, or a file of the user's called as a module of ours, must not shadow anything.
    command = [sys.executable, "-P", "-m", "potstill.student.speed_child"]
    ended = subprocess.run(command, input=orjson.dumps(job), capture_output=True, check=False)
    told = orjson.loads(ended.stdout.splitlines()[-1]) if ended.stdout.strip() else {}
    if "error" in told:
        raise BadStudent(told["error"])
    if ended.returncode or not told:
        words = "\n".join(ended.stderr.decode(errors="replace").strip().splitlines()[-LAST_LINES:])
        raise BadStudent(
            f"the process that times the student {folder} ended with status {ended.returncode}; its last words:\n{words}\n"
            "A negative status is a signal: -9 is often the end of the memory"
        )
    alone = [Timing(**one) for one in told["alone"]]
    return speed_of(Facts(**told["facts"]), alone, [Pass(**one) for one in told["passes"]])


def speed_of(facts: Facts, alone: Sequence[Timing], passes: Sequence[Pass]) -> Speed:
    """What was measured, in figures."""
    firsts, wholes = sorted(one.first_s for one in alone), sorted(one.whole_s for one in alone)
    each = [one.seconds / one.requests for one in passes]
    low, high = t_interval(each)
    return Speed(
        engine=facts.engine,
        device=facts.device,
        dtype=facts.dtype,
        parameters=facts.parameters,
        bytes=facts.bytes,
        peak_bytes=facts.peak_bytes,
        peak_of=facts.peak_of,
        prompts=len(alone),
        batch_size=facts.batch_size,
        repeats=len(passes),
        ttft_p50_s=quantile(firsts, 0.5),
        ttft_p95_s=quantile(firsts, 0.95),
        p50_s=quantile(wholes, 0.5),
        p95_s=quantile(wholes, 0.95),
        tokens_per_second=fmean(one.tokens / one.seconds for one in passes) if passes else None,
        seconds_per_request=fmean(each) if each else None,
        seconds_per_request_low=None if low is None else max(0.0, low),
        seconds_per_request_high=high,
        mean_output_tokens=fmean(one.tokens for one in alone) if alone else None,
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so large a share does not exceed; None for a tail of too few values, or for none."""
    if not ordered or (share > 0.5 and len(ordered) < FEWEST_FOR_P95):
        return None
    return ordered[ceil(share * len(ordered)) - 1]


def t_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95% interval of a mean by Student's t; none for fewer than two values."""
    if len(values) < 2:
        return None, None
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return fmean(values) - half, fmean(values) + half


def until_late(items: Sequence[Item], fewest: int = 1) -> Iterator[Item]:
    """The items until a minute is over, but the first few in any case."""
    began = time.monotonic()
    for index, item in enumerate(items):
        if index >= fewest and time.monotonic() - began > MOST_SECONDS:
            return
        yield item


def cpu(threads: int) -> str:
    """A CPU as a device."""
    return f"CPU, {threads} thread" + "s" * (threads != 1)
