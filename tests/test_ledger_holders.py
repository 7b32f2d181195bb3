"""Claims: each lasts exactly as long as the process that made it."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from potstill.ledger.ballast import BALLAST_BYTES
from potstill.ledger.entries import Answered, Elsewhere, Reserved
from potstill.ledger.holders import Holder
from potstill.ledger.ledger import Ledger

from .booking import keep, reserved, settle


def test_what_another_process_is_buying_is_not_bought_here_and_what_a_dead_one_was_buying_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    child = _reserving_child(path)
    try:
        with Ledger(path) as ledger:
            assert reserved(ledger, b"a", b"b")[0] == Elsewhere(frozenset(), frozenset({b"a"}))
            assert ledger.bill("run").outcomes == {"open": 1}, "nothing was written for what was not reserved"
            child.kill()
            child.wait()
            taken = reserved(ledger, b"a", b"b")
            assert isinstance(taken[0], Reserved)
            bill = ledger.bill("run")
            assert bill.outcomes == {"killed": 1, "open": 1}
            assert bill.unsettled_usd == 6.0, "what was killed stays on the bill at its worst"
            settle(ledger, taken, answer=Answered(b"{}", {b"a": 0, b"b": 1}, 0.1))
            assert reserved(ledger, b"a")[0] == Elsewhere(frozenset({b"a"}), frozenset())
    finally:
        child.kill()
        child.wait()


def test_opening_marks_what_a_dead_process_left_open(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    child = _reserving_child(path)
    child.kill()
    child.wait()
    with Ledger(path) as ledger:
        assert ledger.bill("run").outcomes == {"killed": 1}
        assert ledger.spent("run")[0] == 3.0
    assert not (tmp_path / "ledger.db.holders").exists()


def _reserving_child(path: Path) -> "subprocess.Popen[str]":
    """A process that has reserved `a` and waits."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from booking import Ledger, reserved\n"
        "ledger = Ledger(Path(sys.argv[2])); reserved(ledger, b'a'); print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(path)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_process_whose_file_was_taken_away_puts_it_back_and_keeps_its_claims(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.db") as first:
        reserved(first, b"a")
        shutil.rmtree(tmp_path / "ledger.db.holders")
        reserved(first, b"b")
        with Ledger(tmp_path / "ledger.db") as second:
            assert reserved(second, b"a", b"b")[0] == Elsewhere(frozenset(), frozenset({b"a", b"b"}))
            assert second.bill("run").outcomes == {"open": 2}


def test_whoever_buys_has_ballast_and_leaves_none_behind(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    holders = tmp_path / "ledger.db.holders"
    with Ledger(path) as ledger:
        (file,) = holders.iterdir()
        assert file.stat().st_size == 0, "to look into a ledger takes no room"
        keep(ledger, b"{}", b"a")
        assert file.stat().st_size == BALLAST_BYTES <= file.stat().st_blocks * 512, "the room is really taken"
    child = _reserving_child(path)
    child.kill()
    child.wait()
    with Ledger(path) as ledger:
        assert [file.stat().st_size for file in holders.iterdir()] == [0], "a dead process needs none"


def test_the_file_of_a_process_that_died_without_claims_goes_too(tmp_path: Path) -> None:
    (tmp_path / "ledger.db.holders").mkdir()
    (tmp_path / "ledger.db.holders" / "0123").write_bytes(b"ballast")
    Ledger(tmp_path / "ledger.db").__exit__()
    assert not (tmp_path / "ledger.db.holders").exists()


def test_the_last_to_leave_takes_the_folder_away_and_whoever_comes_just_then_is_seen_all_the_same(
    tmp_path: Path,
) -> None:
    def come_and_go(times: int) -> None:
        for _ in range(times):
            holder = Holder(tmp_path / "ledger.db")
            assert holder.name in holder.known()
            assert holder.is_alive(holder.name)
            holder.leave()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(come_and_go, [500] * 4))
    assert not (tmp_path / "ledger.db.holders").exists()
