"""One measured asking: which client, whom, how much; run in a process of its own so that its peak is its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from .meter import Used

RIVALS = Path(".venv-rivals")
"""Environments of rivals that cannot share ours, below the folder that the bench is started from."""

PATIENCE_S = 1_800
"""After this a child hangs."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is to do."""

    client: str
    base_url: str
    home: str
    """A folder of its own: ledger, prompts, runs, and the result."""
    prompts: int
    concurrency: int = 256
    logprobs: bool = False
    draws: int = 1
    one_before: bool = False
    """Ask one request before, elsewhere and not measured: only that imports the rest of a client's packages."""
    teacher: dict[str, Any] = field(default_factory=dict)
    """Further values of the recipe's teacher, for clients that are ours."""

    @property
    def result(self) -> Path:
        """Where the child leaves what it used."""
        return Path(self.home) / "used.json"


def read_job(text: str) -> Job:
    """A job from a child's command line."""
    return Job(**orjson.loads(text))


def run_job(job: Job, *, profile: Path | None = None) -> Used:
    """What a job used, measured in a child; `profile` gets what cProfile saw of it."""
    job.result.unlink(missing_ok=True)
    begin = [sys.executable, *(["-m", "cProfile", "-o", str(profile)] if profile else [])]
    command = [*begin, "-m", "potstill.bench.teacher_clients", orjson.dumps(asdict(job)).decode()]
    if job.client == "curator":
        command = [str(curator_python()), str(Path(__file__).with_name("teacher_curator.py")), *command[-1:]]
    environment = {name: value for name, value in os.environ.items() if name != "POTSTILL_LEDGER"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    if done.returncode or not job.result.exists():
        raise RuntimeError(f"{job.client} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Used.read(job.result)


def curator_python() -> Path:
    """The interpreter that has bespokelabs-curator, there or not."""
    return RIVALS.resolve() / "curator" / "bin" / "python"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk for as long as the context lasts: a ledger in memory would cost less than a real one."""
    with tempfile.TemporaryDirectory(
        prefix="potstill-bench-", dir="/var/tmp" if Path("/var/tmp").is_dir() else None
    ) as name:
        yield Path(name)
