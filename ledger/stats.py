"""What a ledger holds and what its attempts came to, by run, stage and teacher."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """The attempts of one run, stage and teacher, but for those that were given back unsent."""

    run: str
    stage: str
    teacher: str
    sent: int = 0
    ok: int = 0
    open: int = 0
    """Not ended: a living process waits for them."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Those that brought no answer, by how they ended."""
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unsettled: int = 0
    """Attempts that are charged at their worst, open ones among them."""
    unsettled_usd: float = 0.0
    """Their part of `usd`."""


@dataclass(frozen=True, slots=True)
class Stats:
    """A ledger in numbers."""

    bytes: int
    """On disk, with what is not yet merged into the main file."""
    replies: int
    draws: int
    rejections: int
    """Requests that an endpoint will never answer."""
    open: int
    shared: int
    """Replies that fill several draws."""
    unused: int
    """Replies that fill none: another process had bought the same first."""
    unused_usd: float
    lines: tuple[Line, ...]


def stats(path: Path, read: sqlite3.Connection) -> Stats:
    """Count a ledger that is open for reading."""

    def one(query: str) -> tuple[int, ...]:
        return read.execute(query).fetchone()

    filled = "SELECT reply, count(*) AS draws FROM draws GROUP BY reply"
    unused, unused_usd = one("SELECT count(*), total(usd) FROM replies WHERE id NOT IN (SELECT reply FROM draws)")
    lines = _lines(read)
    return Stats(
        bytes=size_on_disk(path),
        replies=one("SELECT count(*) FROM replies")[0],
        draws=one("SELECT count(*) FROM draws")[0],
        rejections=one("SELECT count(*) FROM rejections WHERE key NOT IN (SELECT key FROM draws)")[0],
        open=sum(line.open for line in lines),
        shared=one(f"SELECT count(*) FROM ({filled}) WHERE draws > 1")[0],  # noqa: S608 - our own words
        unused=unused,
        unused_usd=unused_usd,
        lines=lines,
    )


def size_on_disk(path: Path) -> int:
    """Bytes of a ledger's file and of its write-ahead log."""
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _lines(read: sqlite3.Connection) -> tuple[Line, ...]:
    rows = read.execute(
        "SELECT run, stage, teacher, outcome, count(*), sum(input_tokens), sum(output_tokens), sum(usd),"
        " sum(settled = 0), total(usd * (settled = 0)) FROM attempts"
        " WHERE outcome <> 'unsent' GROUP BY run, stage, teacher, outcome ORDER BY run, stage, teacher, outcome"
    )
    lines: dict[tuple[str, str, str], Line] = {}
    for run, stage, teacher, outcome, *numbers in rows:
        before = lines.get((run, stage, teacher), Line(run, stage, teacher))
        lines[run, stage, teacher] = _add(before, outcome, numbers)
    return tuple(lines.values())


def _add(line: Line, outcome: str, numbers: list[float]) -> Line:
    count, asked, answered, usd, unsettled, unsettled_usd = numbers
    ended_badly = {} if outcome in ("ok", "open") else {outcome: int(count)}
    return Line(
        run=line.run,
        stage=line.stage,
        teacher=line.teacher,
        sent=line.sent + int(count),
        ok=line.ok + int(count) * (outcome == "ok"),
        open=line.open + int(count) * (outcome == "open"),
        failed={**line.failed, **ended_badly},
        input_tokens=line.input_tokens + int(asked),
        output_tokens=line.output_tokens + int(answered),
        usd=line.usd + usd,
        unsettled=line.unsettled + int(unsettled),
        unsettled_usd=line.unsettled_usd + unsettled_usd,
    )
