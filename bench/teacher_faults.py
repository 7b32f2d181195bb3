"""What becomes of some 2,000 prompts when the server fails, and how often a slow answer is given up that would have come.

Faults: 2% of attempts end in a 500, 1% in a reset, 1% in torn JSON, 0.5% hang for 65 s; the deadline's floor is set to 5 s.
2,500 prompts are split, those for training go through the stage `generate`, and what counts as kept is a row of its tables on
the disk whose status is `ok`.

False timeouts: latency is lognormal, σ = 1.5. Time runs ten times faster than in the case that it stands for: the median is
0.1 s instead of 1 s, the deadline's floor 6 s instead of the default 60 s. Every request that the client leaves before its
answer counts.
"""

from pathlib import Path

from potstill.store.tables import read_table

from .claims import Claim, Effort, at_most, none_of, print_table
from .server import start_server
from .server_settings import Faults, ServerSettings
from .teacher_job import Job, run_job, scratch
from .teacher_prompts import write_prompts

FAULTY = ServerSettings(faults=Faults(error_500=0.02, reset=0.01, torn=0.01, hang=0.005))
SLOW = ServerSettings(latency_s=0.1, sigma=1.5)


def measure(effort: Effort) -> list[Claim]:
    """The claims about faults and about deadlines."""
    return [*_faults(300 if effort.quick else 2_500), _deadlines(500 if effort.quick else 20_000)]


def _faults(count: int) -> list[Claim]:
    with start_server(FAULTY) as server, scratch() as home:
        write_prompts(home / "prompts.jsonl", count)
        run_job(Job("prompts", server.base_url, str(home), count))
        used = run_job(Job("generate", server.base_url, str(home), count, teacher={"deadline_s": 5.0}))
        seen = server.stats()
        asked, kept = _rows(home, "prompts", "side", "train"), _rows(home, "completions", "status", "ok")
    rows = [(asked, kept, seen["accepted"], seen["rebought"], used.wall_s)]
    print_table(f"Faults {seen['faults']}:", ("prompts", "kept", "requests", "whole answers beyond one", "s"), rows)
    return [none_of("fault_lost", asked - kept, asked), at_most("fault_seconds", used.wall_s, 30)]


def _rows(home: Path, table: str, column: str, value: str) -> int:
    """How many rows of a table on the disk have this value."""
    return sum(row[column] == value for row in read_table(home / "runs" / "bench" / table, table))


def _deadlines(count: int) -> Claim:
    with start_server(SLOW) as server, scratch() as home:
        used = run_job(Job("potstill", server.base_url, str(home), count, teacher={"deadline_s": 6.0}))
        seen = server.stats()
    rows = [(seen["accepted"], used.rows, seen["abandoned"], used.wall_s)]
    print_table("Lognormal latency, σ = 1.5:", ("requests", "kept", "given up", "s"), rows)
    return at_most("false_timeouts", seen["abandoned"] / seen["accepted"], 0.001)
