"""What a process used: CPU seconds and wall seconds of a piece of work, and the most memory the process ever had."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson


@dataclass(slots=True)
class Used:
    """What a piece of work used."""

    cpu_s: float = 0.0
    """User and system time of all threads and of children that ended."""
    wall_s: float = 0.0
    peak_mib: float = 0.0
    """The most that was ever resident, imports included."""
    rows: int = 0
    """Usable answers."""
    notes: dict[str, float] = field(default_factory=dict)
    """What else a client has to say."""

    def write(self, path: Path) -> None:
        """Leave it in a file for the parent."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Used":
        """What a child left."""
        return cls(**orjson.loads(path.read_bytes()))


@contextmanager
def metered() -> Iterator[Used]:
    """Measure what the block uses; `rows` is the block's to fill."""
    used, cpu, wall = Used(), _cpu(), time.perf_counter()
    yield used
    used.cpu_s, used.wall_s = _cpu() - cpu, time.perf_counter() - wall
    used.peak_mib = peak_mib()


def peak_mib() -> float:
    """The most memory of this process. Not `ru_maxrss`: that begins with what the parent had when it started us."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _cpu() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)
