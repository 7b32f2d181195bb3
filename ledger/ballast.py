"""Ballast: room on the disk that is held for what is paid for, and thrown off when the disk is full."""

import os
import sys
from contextlib import suppress
from typing import IO

BALLAST_BYTES = 16 * 2**20
"""Room for the replies to some thousand requests that were in flight when the disk became full."""


def take_on(file: IO[str]) -> None:
    """Make an empty file heavy; lighter than usual where the disk is nearly full, for half of what is free stays free."""
    disk = os.fstatvfs(file.fileno())
    size = min(BALLAST_BYTES, disk.f_bavail * disk.f_frsize // 2)
    with suppress(OSError):  # no disk is too full to begin on: it will tell soon enough
        if sys.platform == "darwin":  # has no posix_fallocate
            os.pwrite(file.fileno(), bytes(size), 0)
        elif size:
            os.posix_fallocate(file.fileno(), 0, size)


def throw_off(file: IO[str]) -> None:
    """Give the room back to the disk."""
    os.ftruncate(file.fileno(), 0)
