"""The ledger: every reply that was paid for, durable before anyone uses it, and every request, before it is sent."""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import zstandard

from ..errors import BrokenWorld
from .bodies import ZSTD, Bodies, UnreadableBodyError
from .books import Books, Release, bury
from .entries import Bill, Elsewhere, NoRoom, Payer, Refused, Reservation, Reserved, Settlement, Stored
from .faults import UNREADABLE
from .file import connect
from .holders import Holder
from .rows import rows_with
from .settling import Ended
from .writer import Writer

_KNOWN = (
    "WITH wanted (key) AS (VALUES ?)"
    " SELECT draws.key, reply, choice, NULL FROM wanted CROSS JOIN draws USING (key)"
    " UNION ALL SELECT rejections.key, NULL, status, error FROM wanted CROSS JOIN rejections USING (key)"
)
_REPLIES = "SELECT id, codec, body, seconds, usd FROM replies WHERE id IN (VALUES ?)"


class Ledger:
    """The open ledger of a project; a context manager that commits what is waiting when it closes.

    Attempts that a dead process left open are marked `killed` on opening; they stay charged at their worst.

    Raises:
        BadInput: the file is damaged, is something else, was written by a newer Potstill, or lies on a network.
        BrokenWorld: another process holds it and does not let go.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = path.resolve()  # one lock and one folder of holders, whatever name it goes by
        self._reader = connect(path)
        # Keys lie scattered over the table of draws: with 1 MiB more than SQLite's own 2, a replay of 50,000 takes some 5% less.
        self._reader.execute("PRAGMA cache_size = -3072")
        self._holder = Holder(path)
        self._books = Books(self._holder, zstandard.ZstdCompressor(level=3, write_checksum=True))
        self._writer = Writer(path, connect(path), self._books.post, self._holder.make_room, self._books.gathering_s)
        self._bodies = Bodies()
        self._before = -1
        """The last reply that was there when any was first wanted; -1: none was, or commits of ours had come before."""
        try:
            self._bury_the_dead()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()
        self._holder.leave()
        self._reader.close()

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection that reads."""
        return self._reader

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A writing transaction, alone among processes; for use while nothing is being asked."""
        return self._writer.transaction()

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Stored | Refused]:
        """For each key the reply that satisfies it, if that was ever paid for; else why none ever will, if the endpoint said so.

        What another process has put down and may not be on disk yet is left out: whoever reserves it is told that it is there.

        Raises:
            BrokenWorld: the file is damaged there, or the disk fails.
        """
        found: dict[bytes, Stored | Refused] = {}
        draws: dict[bytes, tuple[int, int]] = {}
        try:
            for key, reply, told, error in rows_with(self._reader, _KNOWN, keys):
                if reply is not None:
                    draws[key] = reply, told
                elif key not in draws:  # a draw comes before what was refused of it at another time
                    found[key] = Refused(told, error)
            if draws:
                # The draws of a question often share one.
                replies = self._replies({reply for reply, _ in draws.values()})
                found |= {
                    key: Stored(*replies[reply], choice) for key, (reply, choice) in draws.items() if reply in replies
                }
        except (UnreadableBodyError, *UNREADABLE) as error:
            raise self.damaged(error) from None
        return found

    def find_logprobs(self, key: bytes) -> tuple[bytes, int] | None:
        """The log-probabilities of the reply that satisfies a key, a JSON list, and the key's place in it.

        Raises:
            BrokenWorld: the file is damaged there.
        """
        try:
            row = self._reader.execute(
                "SELECT body, choice FROM draws JOIN logprobs ON logprobs.reply = draws.reply WHERE key = ?", (key,)
            ).fetchone()
            return (self._bodies.unpacked(ZSTD, row[0]), row[1]) if row else None
        except (UnreadableBodyError, *UNREADABLE) as error:
            raise self.damaged(error) from None

    def damaged(self, error: Exception) -> BrokenWorld:
        """What ends a run whose reply is not what was put down."""
        return BrokenWorld(
            f"{self.path}: a reply cannot be read ({error}); `potstill ledger verify` says what is damaged and what to do"
        )

    def reserve(self, wanted: Reservation) -> "asyncio.Future[Reserved | NoRoom | Elsewhere]":
        """Resolved when a request may go out, its worst case charged and on disk; or with why it may not, nothing being charged.

        Raises (from the future):
            BrokenWorld: it could not be written: the disk is full or gone.
        """
        return self._writer.submit(wanted)

    def settle(self, ended: Settlement, wanted: Reservation) -> "asyncio.Future[None]":
        """Resolved when the end of an attempt is on disk, its reply with it.

        Raises (from the future):
            BrokenWorld: it could not be written: the disk is full or gone.
        """
        return self._writer.submit(Ended(ended, wanted))

    def release(self, wanted: Reservation) -> "asyncio.Future[None]":
        """Give back what may have been reserved for a request that was never sent; what was submitted before comes first."""
        return self._writer.submit(Release(wanted))

    def spent(self, run: str) -> tuple[float, int]:
        """Dollars and tokens charged to a run so far, open requests at their worst."""
        row = self._reader.execute("SELECT nanousd / 1e9, tokens FROM spent WHERE run = ?", (run,)).fetchone()
        return row or (0.0, 0)

    def has_bought(self, payer: Payer) -> bool:
        """Whether the teacher has ever answered this stage of the run."""
        bought = "SELECT 1 FROM attempts WHERE run = ? AND stage = ? AND teacher = ? AND outcome = 'ok' LIMIT 1"
        return self._reader.execute(bought, (payer.run, payer.stage, payer.teacher)).fetchone() is not None

    def were_bought_by(self, run: str, stage: str, keys: Sequence[bytes]) -> bool:
        """Whether a stage of a run has bought all of these draws."""
        bought = (
            "SELECT 1 FROM draws WHERE key = ? AND reply IN (SELECT reply FROM attempts WHERE run = ? AND stage = ?)"
        )
        return all(self._reader.execute(bought, (key, run, stage)).fetchone() for key in keys)

    def bill(self, run: str, stage: str | None = None) -> Bill:
        """What a run's attempts, or those of one of its stages, came to in all."""
        ended = self._reader.execute(
            "SELECT outcome, count(*), sum(input_tokens), sum(output_tokens), sum(usd), sum(usd * (settled = 0))"
            " FROM attempts WHERE run = ? AND (? IS NULL OR stage = ?) GROUP BY outcome",
            (run, stage, stage),
        ).fetchall()
        outcomes = {row[0]: row[1] for row in ended}
        sent, asked, answered, usd, unsettled = (sum(row[column] for row in ended) for column in range(1, 6))
        sent -= outcomes.pop("unsent", 0)
        failed = sent - outcomes.get("ok", 0) - outcomes.get("open", 0)
        return Bill(sent, failed, asked, answered, usd, unsettled, outcomes)

    def _replies(self, ids: Iterable[int]) -> dict[int, tuple[bytes, float, float]]:
        """Body, seconds and dollars of replies, as far as they are on disk."""
        durable = self._durable()
        return {
            reply: (self._bodies.unpacked(codec, body), seconds, usd)
            for reply, codec, body, seconds, usd in rows_with(self._reader, _REPLIES, ids)
            if reply <= durable
        }

    def _durable(self) -> int:
        """The last reply that is known to be on disk; for the first who wants one, all are put there.

        From then on nobody who searches waits for the disk.
        """
        if self._before < 0 and self._writer.durable < 0:
            (last,) = self._reader.execute("SELECT coalesce(max(id), 0) FROM replies").fetchone()
            self._writer.sync()
            self._before = last
        return max(self._before, self._writer.durable)

    def _bury_the_dead(self) -> None:
        try:
            if not self._books.dead(self._reader):
                return  # to look into a ledger, nobody's turn is waited for
            with self._writer.transaction() as write:
                for name in self._books.dead(write):
                    bury(write, self._holder, name)
        except UNREADABLE as error:
            raise self._writer.problem(error) from None
