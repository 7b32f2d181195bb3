"""Whether memory grows with the number of prompts: the peak of the stage `generate` over 5,000 and over 50,000 of them.

The peak is the process's, imports and tables included. `generate` runs as `potstill generate` does, in a process of its
own over the table that `prompts` wrote; the plain asking and both stages in one process are shown beside it.
"""

from pathlib import Path

from .claims import Claim, Effort, at_most, print_table
from .server import Address, start_server
from .server_settings import ServerSettings
from .teacher_job import Job, run_job, scratch
from .teacher_prompts import write_prompts

CASES = ("potstill", "generate", "prompts+generate")
NAMES = ("ask only", "`generate`", "`prompts` and `generate` in one process")


def measure(effort: Effort) -> list[Claim]:
    """Both claims about memory."""
    few, many = (500, 2_000) if effort.quick else (5_000, 50_000)
    with start_server(ServerSettings(latency_s=0.005)) as server, scratch() as home:
        peaks = {case: [_peak(server, home, case, count) for count in (few, many)] for case in CASES}
    head = ("what", f"peak MiB at {few:,}", f"at {many:,}", "growth")
    rows = [(name, *peaks[case], peaks[case][1] / peaks[case][0]) for case, name in zip(CASES, NAMES, strict=True)]
    print_table("Memory:", head, rows)
    least, most = peaks["generate"]
    return [at_most("peak_mib", least, 150), at_most("peak_growth", most / least, 1.10)]


def _peak(server: Address, home: Path, case: str, count: int) -> float:
    folder = home / f"{case}-{count}"
    folder.mkdir()
    write_prompts(folder / "prompts.jsonl", count)
    job = Job(case, server.base_url, str(folder), count)
    if case == "generate":
        run_job(Job("prompts", server.base_url, str(folder), count))
    return run_job(job).peak_mib
