"""Whether a student's measured speed and size are so: `time_student` beside a script that uses transformers alone.

Both take turns over one untrained tiny student, the same conversations, one thread each; the peak of the script's memory is
read from outside.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from potstill.store.rows import Message, conversation
from potstill.student.load import Scratch, load_student, save_student
from potstill.student.speed import time_student
from potstill.teacher.practice.source import practice_prompts

from .claims import Claim, Effort, at_most, print_table
from .teacher_job import scratch

FIGURES = ("ttft_p50_s", "p50_s", "tokens_per_second", "peak_bytes", "bytes", "parameters")
CONVERSATIONS, CAP, BATCH, REPEATS, THREADS = 20, 48, 32, 10, 1
PLAIN = Path(__file__).with_name("eval_efficiency_plain.py")

Figures = Mapping[str, Any]


def measure(effort: Effort) -> list[Claim]:
    """The claim that both say the same."""
    rounds = 1 if effort.quick else effort.rounds
    asked = [
        conversation(("user", row["prompt"])) for row in practice_prompts(f"practice://skills?rows={CONVERSATIONS}")
    ]
    ours, plain = [], []
    with scratch() as home:
        folder = _student(home)
        for turn in range(rounds):
            for both in (("ours", "plain"), ("plain", "ours"))[turn % 2]:
                (ours if both == "ours" else plain).append({"ours": _ours, "plain": _plain}[both](folder, asked))
    rows = [(name, *_medians(name, ours, plain)) for name in FIGURES]
    streamed = [median(one["streamed"][at] for one in plain) for at in (0, 1)]
    # What a reader of a stream sees is shown and not claimed: `time_student` does not stream.
    shown = [
        *rows,
        *((f"{name}, streamed", row[1], late) for name, row, late in zip(FIGURES, rows, streamed, strict=False)),
    ]
    head = ("figure", "time_student", "plain transformers", "ratio")
    print_table(f"Speed and size, medians of {rounds} rounds:", head, [(*row, row[1] / row[2]) for row in shown])
    return [at_most("efficiency_agreement", max(abs(one / other - 1) for _, one, other in rows), 0.10)]


def _medians(name: str, ours: Sequence[Figures], plain: Sequence[Figures]) -> tuple[float, float]:
    return median(one[name] for one in ours), median(one[name] for one in plain)


def _student(home: Path) -> Path:
    texts = [row["prompt"] + row["reference"] for row in practice_prompts("practice://skills?rows=200")]
    folder = home / "student"
    save_student(load_student("scratch:tiny", home, scratch=Scratch(texts, 300, 0)), folder)
    return folder


def _ours(folder: Path, asked: Sequence[Sequence[Message]]) -> Figures:
    speed = time_student(
        folder, asked, home=folder, max_new_tokens=CAP, batch_size=BATCH, repeats=REPEATS, threads=THREADS
    )
    return {name: getattr(speed, name) for name in FIGURES}


def _plain(folder: Path, asked: Sequence[Sequence[Message]]) -> Figures:
    job = {
        "folder": str(folder),
        "conversations": asked,
        "max_new_tokens": CAP,
        "batch_size": BATCH,
        "repeats": REPEATS,
        "threads": THREADS,
    }
    command = [sys.executable, "-P", str(PLAIN), orjson.dumps(job).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = child.stdout.readline()
        peak = _peak_bytes(child.pid)
    return {**orjson.loads(told), "peak_bytes": peak}


def _peak_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
