"""File descriptors: every request in flight is a connection, and the shell's usual limit is below what a recipe may ask for."""

import resource

from ..errors import BadInput

SPARE = 256
"""For the ledger, the files of the run, the practice server and what libraries open."""


def allow_connections(concurrency: int) -> None:
    """Let this process, and those that it starts from now on, have this many connections open at once.

    Raises:
        BadInput: the system does not allow it.
    """
    needed = concurrency + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (OSError, ValueError):  # above the hard limit, or above what macOS lets a process have
        raise BadInput(
            f"teacher.concurrency is {concurrency:,}, which takes {needed:,} open files, and this shell allows {soft:,} and "
            f"{hard:,} at most: lower teacher.concurrency to {max(hard - SPARE, 1):,}, or let an administrator raise the "
            f"limit (`ulimit -Hn`) and run `ulimit -n {needed}` before potstill"
        ) from None
