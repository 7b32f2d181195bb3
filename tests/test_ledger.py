"""The ledger: what is kept is found again, and a file that is not ours is never touched."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from potstill.errors import BadInput, BrokenWorld
from potstill.ledger.entries import Answered, Cap, NoRoom, Refused, Reserved, Stored
from potstill.ledger.file import SCHEMA_VERSION, UPGRADES, connect
from potstill.ledger.ledger import Ledger
from potstill.ledger.network import refuse_network
from potstill.ledger.rows import GIVEN, rows_with, write_rows
from potstill.ledger.settling import COMPRESS_FROM_BYTES

from .booking import find, keep, reserved, settle


def test_what_is_kept_is_found_again_by_every_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.db"
    small, large = b"{}", b"x" * (2 * COMPRESS_FROM_BYTES)
    with Ledger(path) as ledger:
        keep(ledger, small, b"a")
        keep(ledger, large, b"b", b"c")
    with Ledger(path) as ledger:
        found = {key: find(ledger, key) for key in (b"a", b"b", b"c")}
        assert find(ledger, b"d") is None
    assert {key: (one.body, one.choice) for key, one in found.items() if isinstance(one, Stored)} == {
        b"a": (small, 0),
        b"b": (large, 0),
        b"c": (large, 1),
    }


def test_what_is_known_of_many_keys_is_found_by_one_look(tmp_path: Path) -> None:
    keys = [number.to_bytes(2) for number in range(1300)]
    with Ledger(tmp_path / "ledger.db") as ledger:
        for number in range(0, 1300, 100):
            keep(ledger, b"{%d}" % number, *keys[number : number + 50])
        found = ledger.find(reversed(keys))
    assert set(found) == {key for number, key in enumerate(keys) if number % 100 < 50}
    assert all(isinstance(one, Stored) for one in found.values())
    assert {one.body for one in found.values() if isinstance(one, Stored)} == {b"{%d}" % n for n in range(0, 1300, 100)}


def test_log_probabilities_lie_apart_and_come_back_with_their_choice(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        keep(ledger, b"{}", b"a", b"b", logprobs=b"[1, 2]")
        keep(ledger, b"{}", b"c")
        assert [ledger.find_logprobs(key) for key in (b"a", b"b", b"c")] == [(b"[1, 2]", 0), (b"[1, 2]", 1), None]


def test_a_request_is_charged_at_its_worst_before_it_goes_out(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        reservation = reserved(ledger, b"a")
        assert isinstance(reservation[0], Reserved)
        assert ledger.spent("run") == (3.0, 300)
        open_bill = ledger.bill("run")
        assert (open_bill.outcomes, open_bill.usd, open_bill.unsettled_usd) == ({"open": 1}, 3.0, 3.0)
        settle(ledger, reservation, answer=Answered(b"{}", {b"a": 0}, 0.1))
        assert ledger.spent("run") == (0.5, 7)
        bill = ledger.bill("run")
        assert (bill.sent, bill.failed, bill.usd, bill.unsettled_usd) == (1, 0, 0.5, 0.0)
        assert ledger.bill("run", "eval").sent == ledger.bill("another").sent == 0


@pytest.mark.parametrize("cap", [Cap(usd=7.0), Cap(tokens=700)])
def test_what_does_not_fit_under_the_cap_is_not_reserved(tmp_path: Path, cap: Cap) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        first, second = reserved(ledger, b"a", cap=cap), reserved(ledger, b"b", cap=cap)
        full, _ = reserved(ledger, b"c", cap=cap)
        assert full == NoRoom(6.0, 600)
        other_run, _ = reserved(ledger, b"c", cap=cap, run="other")
        assert isinstance(other_run, Reserved), "a cap is one run's"
        settle(ledger, first, answer=Answered(b"{}", {b"a": 0}, 0.1))
        settle(ledger, second, "lost", usd=3.0, settled=False)
        again, _ = reserved(ledger, b"d", cap=cap)
        assert isinstance(again, Reserved)
        assert ledger.spent("run")[0] == 0.5 + 3.0 + 3.0


def test_many_small_charges_add_up_without_drift(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        for number in range(100):
            key = number.to_bytes(2, "big")
            settle(ledger, reserved(ledger, key), usd=0.1, answer=Answered(b"{}", {key: 0}, 0.1))
        assert ledger.spent("run")[0] == 10.0


def test_halves_of_a_billionth_are_summed_up_as_they_are_counted(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        for number, usd in enumerate((2.5e-9, 37.5e-9, 0.5e-9)):
            key = bytes([number])
            settle(ledger, reserved(ledger, key), usd=usd, answer=Answered(b"{}", {key: 0}, 0.1))
        nano = "SELECT sum(CAST(round(usd * 1e9) AS INTEGER)) FROM attempts"
        assert ledger.reader.execute(f"SELECT nanousd, ({nano}) FROM spent").fetchone() == (42, 42)


def test_a_rejection_for_good_is_remembered_until_there_is_an_answer(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        settle(ledger, reserved(ledger, b"a"), "too_long", usd=0.0, refusal=Refused("too_long", "4,000 tokens at most"))
        assert find(ledger, b"a") == Refused("too_long", "4,000 tokens at most")
        assert find(ledger, b"b") is None
        again = reserved(ledger, b"a")
        assert isinstance(again[0], Reserved), "it may be asked again if somebody says so"
        settle(ledger, again, answer=Answered(b"{}", {b"a": 0}, 0.1))
        assert isinstance(find(ledger, b"a"), Stored)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 33, 130, 501])
def test_as_many_rows_are_written_and_found_as_are_given(count: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (name INTEGER, value TEXT)")
        rows = [(number, f"value {number}") for number in range(count)]
        write_rows(connection, f"INSERT INTO t {GIVEN}", rows)
        assert connection.execute("SELECT * FROM t ORDER BY name").fetchall() == rows
        found = rows_with(
            connection, "SELECT value FROM t WHERE name IN (VALUES ?)", [number for number, _ in rows[1:]]
        )
        assert sorted(found) == sorted((value,) for _, value in rows[1:])
        write_rows(connection, "DELETE FROM t WHERE (name, value) IN (VALUES ?)", rows[1:])
        assert connection.execute("SELECT * FROM t").fetchall() == rows[:1]


def test_a_ledger_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as old:
        old.executescript(UPGRADES[0])
        old.execute("INSERT INTO replies VALUES (1, 0, 0.5, 0.25, 0, ?)", (b"{}",))
        old.execute("INSERT INTO draws VALUES (?, 1, 0)", (b"a",))
        row = "(1, 0, 'run', 'generate', 'digest', 'teacher', 'ok', 1, 3, 4, 0.25, 1)"
        old.execute(f"INSERT INTO attempts VALUES {row}")
        old.execute("PRAGMA application_id = 0x504F5453")
        old.execute("PRAGMA user_version = 1")
    old.close()
    with Ledger(path) as ledger:
        found = find(ledger, b"a")
        assert isinstance(found, Stored)
        assert found.body == b"{}"
        assert ledger.spent("run") == (0.25, 7)
        keep(ledger, b"{}", b"b")
        assert ledger.spent("run") == (0.75, 14)


@pytest.mark.parametrize(
    "kind", ["nfs4", "lustre", "gpfs", "beegfs", "glusterfs", "smb2", "fuse.juicefs", "fuse.s3fs", "fuse.of-tomorrow"]
)
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BadInput, match=rf"network file system \({kind}\)"):
        refuse_network(tmp_path / "far" / "deep" / "ledger.db", _mounts(tmp_path, kind))


@pytest.mark.parametrize("kind", ["ext4", "overlay", "9p", "virtiofs", "fuseblk", "fuse.fuse-overlayfs"])
def test_what_is_on_this_machine_is_not_refused(tmp_path: Path, kind: str) -> None:
    refuse_network(tmp_path / "far" / "deep" / "ledger.db", _mounts(tmp_path, kind))
    beside = _mounts(tmp_path, "nfs4")
    refuse_network(tmp_path / "ledger.db", beside)
    assert "nfs4" in beside.read_text(), "a mount beside the ledger's own is nobody's business"


def _mounts(folder: Path, kind: str) -> Path:
    """What the kernel would tell if a file system of this kind were mounted at `far`."""
    (folder / "far").mkdir(exist_ok=True)
    mounts = folder / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/export {folder}/far {kind} rw 0 0\n")
    return mounts


def test_only_its_owner_can_read_it_and_git_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / ".potstill" / "ledger.db"
    with Ledger(path) as ledger:
        keep(ledger, b"1", b"a")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("ledger.db*")}
    assert modes["ledger.db"] == modes["ledger.db-wal"] == 0o600
    assert modes["ledger.db.holders"] == 0o700
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
        keep(ledger, b"1", b"a")
        assert find(ledger, b"a")


def test_whoever_waits_hears_when_it_cannot_be_written(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        with sqlite3.connect(ledger.path) as other:
            other.execute("DROP TABLE attempts")
        with pytest.raises(BrokenWorld, match="cannot be written"):
            keep(ledger, b"1", b"a")
        assert find(ledger, b"a") is None, "what was not written whole is not there at all"


def test_what_is_moved_into_the_file_survives_a_crash_of_the_machine(tmp_path: Path) -> None:
    connection = connect(tmp_path / "ledger.db")
    normal = 1  # the log is synced before it is moved, and the file before the log begins anew
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == normal
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
