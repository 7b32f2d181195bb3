"""A ledger that is damaged anywhere: verify names it and never breaks off, the other commands say so in words."""

import asyncio
import random
import sqlite3
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.cli.ledger_reading import in_words
from potstill.errors import BadInput, BrokenWorld
from potstill.ledger.bodies import ZSTD, Bodies, UnreadableBodyError
from potstill.ledger.entries import Answered, Charge, Payer, Reservation, Reserved, Settlement
from potstill.ledger.ledger import Ledger
from potstill.ledger.verification import Finding, reading, verify
from potstill.store.screen import PlainScreen

from .asking import ask, completion, make_run, question, serving

Potstill = Callable[..., subprocess.CompletedProcess[str]]
Rows = dict[str, list[Any]]

PAGE = 16384
REPLIES = 300
TABLES = ("replies", "draws", "attempts", "logprobs", "rejections", "claims", "spent")


async def _buy(ledger: Ledger) -> None:
    """Short replies that lie as they came, long compressed ones, and some that fill pages of their own."""
    source = random.Random(7)
    words = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(3000)]

    async def buy(number: int) -> None:
        keys = [source.randbytes(32) for _ in range(1 + number % 2)]
        wanted = Reservation(Payer("ab"[number % 2], "generate", "digest", "teacher"), keys, Charge(100, 50, 0.25))
        text = " ".join(source.choices(words, k=(8, 500, 8, 3000)[number % 4]))
        choices = [{"index": index, "message": {"content": text}} for index in range(len(keys))]
        body = orjson.dumps({"id": "x", "choices": choices})
        logprobs = orjson.dumps([None] * len(keys)) if number % 5 == 0 else b""
        reserved = await ledger.reserve(wanted)
        assert isinstance(reserved, Reserved)
        answer = Answered(body, {key: index for index, key in enumerate(keys)}, 0.5, logprobs)
        await ledger.settle(Settlement(reserved, "ok", Charge(10, 5, 0.01), answer=answer), wanted)

    await asyncio.gather(*map(buy, range(REPLIES)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    with Ledger(path) as ledger:
        asyncio.run(_buy(ledger))
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def damaged(folder: Path, whole: bytes, at: int, garbage: bytes) -> Path:
    path = folder / "ledger.db"
    path.write_bytes((whole[:at] + garbage + whole[at + len(garbage) :])[: len(whole)])
    return path


def findings(path: Path) -> tuple[Finding, ...] | BadInput:
    """What verify says; whatever else it raises fails the test."""
    try:
        with reading(path) as read, PlainScreen().track("verify", 0) as track:
            found = verify(read, track).findings
    except BadInput as error:
        return error
    assert all(one.count and one.where and one.do for one in found)
    return found


def rows(path: Path) -> Rows | None:
    """Everything in a ledger; None where SQLite cannot read all.

    A body that is compressed has a checksum. Of one that is not, a change that leaves it a completion of as many choices has no
    second witness in this file: of those it is how many choices they have.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as read:
            read.text_factory = bytes
            read.create_function("witnessed", 2, _witnessed)
            found = {table: read.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
            found["replies"] = read.execute(
                "SELECT id, created, seconds, usd, witnessed(codec, body) FROM replies"
            ).fetchall()
            return found
    except sqlite3.DatabaseError:
        return None


def _witnessed(codec: Any, body: Any) -> Any:
    try:
        reply = Bodies().reply(codec, body)
        return orjson.dumps(reply) if codec == ZSTD else len(reply["choices"])
    except (UnreadableBodyError, TypeError, AttributeError):
        return body


def leaves(whole: bytes, folder: Path, table: str) -> list[int]:
    """Where the pages begin that hold the rows of a table that has one interior page."""
    with closing(sqlite3.connect(damaged(folder, whole, 0, b""))) as read:
        (root,) = read.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    page = whole[(root - 1) * PAGE : root * PAGE]
    if page[0] not in (2, 5):
        return [(root - 1) * PAGE]
    cells = struct.unpack_from(f">{struct.unpack_from('>H', page, 3)[0]}H", page, 12)
    return [(struct.unpack_from(">I", page, cell)[0] - 1) * PAGE for cell in cells]


def as_bought(folder: Path, whole: bytes) -> Rows | None:
    return rows(damaged(folder, whole, 0, b""))


def is_missed(folder: Path, whole: bytes, at: int, garbage: bytes) -> bool:
    """Whether verify calls a ledger well in which a row is another, or leaves something beside it."""
    path = damaged(folder, whole, at, garbage)
    found = findings(path)
    missed = not found and rows(path) != as_bought(folder, whole)
    return missed or [file.name for file in folder.iterdir()] != ["ledger.db"]


def test_a_ledger_of_this_kind_is_well(folder: Path, whole: bytes) -> None:
    assert len(whole) > 20 * PAGE, "every kind of page is in it"
    assert not findings(damaged(folder, whole, 0, b""))


@pytest.mark.parametrize(
    "garbage",
    [b"\x55" * PAGE, b"\x00" * PAGE, b"\xff" * 100, b"\x55" * 8],
    ids=lambda garbage: f"{len(garbage)} times {garbage[0]}",
)
def test_whichever_page_is_destroyed_is_found(folder: Path, whole: bytes, garbage: bytes) -> None:
    assert not [at for at in range(0, len(whole), PAGE) if is_missed(folder, whole, at, garbage)]


@pytest.mark.parametrize(("length", "step"), [(200, 4_999), (5_000, 9_973)])
def test_whatever_is_overwritten_is_found_where_a_row_has_changed(
    folder: Path, whole: bytes, length: int, step: int
) -> None:
    assert not [at for at in range(0, len(whole), step) if is_missed(folder, whole, at, b"\x55" * length)]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_damage_whatever_breaks_verify_off(folder: Path, whole: bytes, data: st.DataObject) -> None:
    # A byte of a key or of a time has no second witness either, so nothing is said of the verdict here.
    at = data.draw(st.one_of(st.integers(0, 4096), st.integers(0, len(whole) - 1)))
    found = findings(damaged(folder, whole, at, data.draw(st.binary(min_size=1, max_size=300))))
    assert isinstance(found, tuple | BadInput), "it came to its end"


def test_a_damaged_name_of_a_table_breaks_no_command_off(potstill_in: Potstill, tmp_path: Path, whole: bytes) -> None:
    names = [at for at in range(PAGE) if whole.startswith(b"draws", at)]
    assert names
    for at in names:
        path = damaged(tmp_path, whole, at, b"\x80")
        told = [potstill_in("ledger", command, "--ledger", str(path)) for command in ("verify", "stats", "export")]
        assert all(result.returncode in (BadInput.exit_code, BrokenWorld.exit_code) for result in told)
        assert not any("Traceback" in result.stderr for result in told)


def test_no_byte_of_the_header_breaks_verify_off(folder: Path, whole: bytes) -> None:
    assert not [at for at in range(100) if is_missed(folder, whole, at, bytes([whole[at] ^ 0xFF]))]


@pytest.mark.parametrize("table", ["replies", "draws", "attempts"])
@pytest.mark.parametrize("length", [200, 5_000])
def test_every_command_ends_in_words_on_a_damaged_ledger(
    potstill_in: Potstill, tmp_path: Path, whole: bytes, table: str, length: int
) -> None:
    path = damaged(tmp_path, whole, leaves(whole, tmp_path, table)[0], b"\x55" * length)
    told = potstill_in("ledger", "verify", "--ledger", str(path))
    assert told.returncode == BrokenWorld.exit_code, told.stderr
    assert "SQLite finds the file damaged" in told.stdout
    assert "what to do: restore a copy" in told.stdout
    refused = [potstill_in("ledger", command, "--ledger", str(path)) for command in ("stats", "export")]
    assert all("Traceback" not in result.stderr for result in refused)
    assert {result.returncode for result in refused} in ({BrokenWorld.exit_code}, {0, BrokenWorld.exit_code})
    assert all("ledger verify" in result.stderr for result in refused if result.returncode)
    assert not list(tmp_path.glob("ledger.db?*"))


def test_replies_beyond_a_break_in_their_list_are_looked_at_by_the_names_that_attempts_give(
    folder: Path, whole: bytes
) -> None:
    pages = leaves(whole, folder, "replies")
    found = findings(damaged(folder, whole, pages[len(pages) // 2], b"\x00" * PAGE))
    assert not isinstance(found, BadInput)
    (bodies,) = (one for one in found if one.says == "a reply cannot be read")
    assert 0 < bodies.count < REPLIES / 2, "what lies on other pages was read"


@pytest.mark.parametrize("command", ["stats", "verify", "export"])
def test_looking_leaves_nothing_beside_the_ledger(
    potstill_in: Potstill, tmp_path: Path, whole: bytes, command: str
) -> None:
    path = damaged(tmp_path, whole, 0, b"")
    assert potstill_in("ledger", command, "--ledger", str(path)).returncode == 0
    assert not list(tmp_path.glob("ledger.db?*"))
    assert path.read_bytes() == whole


@pytest.mark.parametrize("more", [(), ("--out", "x.jsonl")])
def test_an_export_of_a_run_that_is_not_there_names_those_that_are(
    potstill_in: Potstill, tmp_path: Path, whole: bytes, more: tuple[str, ...]
) -> None:
    path = damaged(tmp_path, whole, 0, b"")
    result = potstill_in("ledger", "export", "--ledger", str(path), "--run", "nope", *more)
    assert (result.returncode, result.stdout) == (BadInput.exit_code, "")
    assert "--run nope: the ledger has no such run; it has a, b" in result.stderr
    assert not list(tmp_path.glob("x.jsonl*"))


def changed(body: bytes) -> bytes:
    """One bit of a compressed text."""
    return body[:-20] + bytes([body[-20] ^ 1]) + body[-19:]


def asking_for_too_much(body: bytes) -> bytes:
    """A zstd header that says that the text has 2 ** 62 bytes."""
    return body[:4] + b"\xe0" + struct.pack("<Q", 1 << 62) + body[5:]


def destroyed(body: bytes) -> bytes:
    return b"\x55" * len(body)


@pytest.mark.parametrize(
    ("text", "harm"),
    [
        ("long " * 1000, changed),
        ("long " * 1000, asking_for_too_much),
        ("short", destroyed),
        ("short", lambda body: body.replace(b'"index":0', b'"index":{}').replace(b"choices", b"chaises")),
        ("short", lambda body: orjson.dumps({**orjson.loads(body), "choices": []})),
        ("short", lambda body: body.decode()),
    ],
    ids=["changed", "asking for too much", "destroyed", "no completion", "no choices", "a text"],
)
def test_a_run_that_meets_a_damaged_reply_ends_and_says_what_to_do(
    tmp_path: Path, text: str, harm: Callable[[bytes], bytes | str]
) -> None:
    with serving(lambda request, number: (200, {}, completion(text, text))) as (base_url, _):
        run = make_run(tmp_path, base_url)
        ask(run, question("one", draws=2))
        with closing(sqlite3.connect(run.ledger)) as write:
            (body,) = write.execute("SELECT body FROM replies").fetchone()
            write.execute("UPDATE replies SET body = ?", (harm(body),))
            write.commit()
        with pytest.raises(BrokenWorld, match=r"cannot be read .* `potstill ledger verify` says"):
            ask(run, question("one", draws=2))


def test_damaged_log_probabilities_end_a_run_in_words(folder: Path, whole: bytes) -> None:
    with closing(sqlite3.connect(damaged(folder, whole, 0, b""))) as write:
        (key,) = write.execute("SELECT key FROM draws JOIN logprobs USING (reply) LIMIT 1").fetchone()
        write.execute("UPDATE logprobs SET body = substr(body, 1, 8)")
        write.commit()
    with Ledger(folder / "ledger.db") as ledger, pytest.raises(BrokenWorld, match="potstill ledger verify"):
        ledger.find_logprobs(key)
    (folder / "ledger.db").unlink()


def test_a_ledger_that_is_held_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BrokenWorld, match=r"cannot be used now \(database is locked\): try again"), in_words(path):
            other.execute("SELECT 1 FROM sqlite_master")
        holder.rollback()
        with (
            pytest.raises(
                BrokenWorld, match=r"cannot be read whole \(no such table: replies\); `potstill ledger verify"
            ),
            in_words(path),
        ):
            other.execute("SELECT 1 FROM replies")


def test_a_ledger_whose_table_of_claims_is_gone_is_not_opened_and_says_what_to_do(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").__exit__()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("DROP TABLE claims")
    with pytest.raises(BrokenWorld, match=r"no such table: claims.*potstill ledger verify"):
        Ledger(tmp_path / "ledger.db")
