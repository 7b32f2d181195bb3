"""The ledger: what is kept is found again, and a file that is not ours is never touched."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from potstill.errors import BadInput, BrokenWorld
from potstill.ledger.entries import Attempt, Entry, Payer
from potstill.ledger.file import SCHEMA_VERSION, connect
from potstill.ledger.ledger import COMPRESS_FROM_BYTES, Ledger

PAYER = Payer("run", "generate", "digest", "teacher")


def entry(body: bytes, *keys: bytes, usd: float = 0.5, outcome: str = "ok", settled: bool = True) -> Entry:
    attempt = Attempt(PAYER, outcome, input_tokens=3, output_tokens=4, usd=usd, settled=settled)
    return Entry(attempt, body, 0.25, {key: index for index, key in enumerate(keys)})


def keep(ledger: Ledger, *entries: Entry) -> None:
    async def work() -> None:
        await asyncio.gather(*map(ledger.keep, entries))

    asyncio.run(work())


def test_what_is_kept_is_found_again_by_every_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.db"
    small, large = b"{}", b"x" * (2 * COMPRESS_FROM_BYTES)
    with Ledger(path) as ledger:
        keep(ledger, entry(small, b"a"), entry(large, b"b", b"c"))
    with Ledger(path) as ledger:
        found = {key: ledger.find(key) for key in (b"a", b"b", b"c")}
        assert ledger.find(b"d") is None
    assert {key: (one.body, one.choice) for key, one in found.items() if one} == {
        b"a": (small, 0),
        b"b": (large, 0),
        b"c": (large, 1),
    }


def test_the_first_answer_to_a_key_stays(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, entry(b"first", b"a"))
        keep(ledger, entry(b"second", b"a"))
        found = ledger.find(b"a")
        assert found
        assert found.body == b"first"
        assert ledger.bill("run").sent == 2, "both were paid, and both are on the bill"


def test_the_bill_adds_up_all_attempts(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, entry(b"1", b"a"), entry(b"", usd=2.0, outcome="lost", settled=False))
        bill = ledger.bill("run")
        assert (bill.sent, bill.failed, bill.usd, bill.unsettled_usd) == (2, 1, 2.5, 2.0)
        assert (bill.input_tokens, bill.output_tokens) == (6, 8)
        assert ledger.bill("run", "eval").sent == ledger.bill("another").sent == 0


def test_only_its_owner_can_read_it_and_git_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / ".potstill" / "ledger.db"
    with Ledger(path) as ledger:
        keep(ledger, entry(b"1", b"a"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("ledger.db*")}
    assert modes["ledger.db"] == modes["ledger.db-wal"] == 0o600
    assert (path.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"these are my holiday pictures" * 99), "cannot be read"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE mine (a)"), "not a ledger of Potstill"),
        (lambda path: _newer(path), "a newer Potstill wrote this ledger"),
    ],
)
def test_a_file_that_is_not_ours_is_never_touched(tmp_path: Path, make: object, says: str) -> None:
    path = tmp_path / "ledger.db"
    make(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(BadInput, match=says):
        Ledger(path)
    assert path.read_bytes() == before


def _newer(path: Path) -> None:
    Ledger(path).__exit__()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()


def test_a_ledger_whose_making_was_cut_short_is_made(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with Ledger(path) as ledger:
        keep(ledger, entry(b"1", b"a"))
        assert ledger.find(b"a")


def test_whoever_waits_hears_when_it_cannot_be_written(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        with sqlite3.connect(ledger.path) as other:
            other.execute("DROP TABLE attempts")
        with pytest.raises(BrokenWorld, match="cannot be written"):
            keep(ledger, entry(b"1", b"a"))
        assert ledger.find(b"a") is None, "what was not written whole is not there at all"


def test_a_commit_survives_a_crash_of_the_machine(tmp_path: Path) -> None:
    connection = connect(tmp_path / "ledger.db")
    full = 2
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == full
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
