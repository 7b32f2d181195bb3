"""`potstill ledger`: what it shows is what was bought, damage is found and named, and what is owed is set right to the cent."""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.errors import BadInput, BrokenWorld
from potstill.ledger.entries import Answered, Charge, Payer, Refused, Reservation, Reserved, Settlement
from potstill.ledger.exporting import Selection, lines, select
from potstill.ledger.file import APPLICATION_ID, UPGRADES
from potstill.ledger.funds import NANO, nanousd
from potstill.ledger.ledger import Ledger
from potstill.ledger.reconciliation import Which, owed, part_billed, reconcile
from potstill.ledger.relations import RECKON_SPENT
from potstill.ledger.stats import stats
from potstill.ledger.verification import Verified, open_to_read, verify
from potstill.store.screen import PlainScreen

Potstill = Callable[..., subprocess.CompletedProcess[str]]

WORST = Charge(1000, 500, 0.25)
PAID = Charge(100, 50, 0.01)


def payer(run: str = "small", stage: str = "generate", teacher: str = "api.example.com/m") -> Payer:
    return Payer(run, stage, "digest", teacher)


def completion(*texts: str, logprobs: bool = False) -> bytes:
    choices = [{"index": index, "message": {"content": text}} for index, text in enumerate(texts)]
    told = [{**choice, "logprobs": {"content": []}} for choice in choices] if logprobs else choices
    return orjson.dumps({"id": "x", "choices": told})


def key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


def spend(
    ledger: Ledger, keys: list[bytes], *, who: Payer | None = None, worst: Charge = WORST, **ended: object
) -> Reserved:
    """Reserve, and settle unless nothing is said of the end."""

    async def work() -> Reserved:
        wanted = Reservation(who or payer(), keys, worst)
        reserved = await ledger.reserve(wanted)
        assert isinstance(reserved, Reserved)
        if ended:
            await ledger.settle(Settlement(reserved, **ended), wanted)  # type: ignore[arg-type]
        return reserved

    return asyncio.run(work())


def bought(*texts: str, logprobs: bytes = b"") -> Answered:
    return Answered(completion(*texts), {key(text): index for index, text in enumerate(texts)}, 0.5, logprobs)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a reply for one draw, a reply for two, a refusal, a torn reply, one without a usage."""
    path = tmp_path / ".potstill" / "ledger.db"
    with Ledger(path) as ledger:
        spend(ledger, [key("a")], outcome="ok", charge=PAID, answer=bought("a"))
        both = bought("b", "c", logprobs=b'[{"content":[1]},null]')
        spend(ledger, [key("b"), key("c")], outcome="ok", charge=PAID, answer=both)
        refused = Refused("content_filter", "no")
        spend(ledger, [key("d")], outcome="content_filter", charge=Charge(), refusal=refused)
        spend(ledger, [key("e")], who=payer("other", "eval"), outcome="torn", charge=WORST, settled=False)
        long = Answered(completion("e" * 3000), {key("e"): 0}, 0.5)
        spend(ledger, [key("e")], outcome="ok", charge=WORST, settled=False, answer=long)
    return path


@contextmanager
def in_use(path: Path) -> Iterator[subprocess.Popen[str]]:
    """The ledger, held by another process that waits for the answer to one request; and ends when it is told."""
    code = (
        "import asyncio, sys; from pathlib import Path; from potstill.ledger.ledger import Ledger\n"
        "from potstill.ledger.entries import Charge, Payer, Reservation\n"
        "async def work(ledger):\n"
        "    payer = Payer('small', 'generate', 'digest', 'api.example.com/m')\n"
        "    await ledger.reserve(Reservation(payer, [b'k' * 32], Charge(10, 10, 0.5)))\n"
        "with Ledger(Path(sys.argv[1])) as ledger:\n"
        "    asyncio.run(work(ledger)); print('open', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-P", "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


def version_1(path: Path) -> None:
    """A ledger as the first release wrote it: one reply in two draws, and one attempt that ended without a usage."""
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript(UPGRADES[0])
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("PRAGMA journal_mode = WAL")
    body = zstandard.ZstdCompressor().compress(completion("b", "c"))
    connection.execute("INSERT INTO replies VALUES (1, 1e9, 0.5, 0.01, 1, ?)", (body,))
    connection.executemany("INSERT INTO draws VALUES (?, 1, ?)", [(key("b"), 0), (key("c"), 1)])
    who = ("small", "generate", "digest", "api.example.com/m")
    attempts = [(1, 1e9, *who, "ok", 1, 100, 50, 0.01, 1), (2, 1e9, *who, "lost", None, 1000, 500, 0.25, 0)]
    connection.executemany("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", attempts)
    connection.commit()
    connection.close()


def looked_through(path: Path) -> Verified:
    read = open_to_read(path)
    with PlainScreen().track("verify", 0) as track:
        found = verify(read, track)
    read.close()
    return found


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.executescript(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("command", ["stats", "verify", "export", "reconcile"])
def test_where_there_is_no_ledger_none_is_made(potstill_in: Potstill, tmp_path: Path, command: str) -> None:
    result = potstill_in("ledger", command, "--ledger", "new/ledger.db")
    assert (result.returncode, result.stdout) == (2, "")
    assert "there is no ledger" in result.stderr
    assert not (tmp_path / "new").exists()


def test_the_ledger_lies_beside_the_recipe_or_where_the_environment_says(
    potstill_in: Potstill, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "job.yaml"
    recipe.write_text("teacher: {base_url: 'practice://skills', model: m}\nprompts: {path: p.jsonl}\n")
    beside = json.loads(potstill_in("ledger", "stats", "--recipe", "job.yaml", "--json").stdout)
    assert beside["ledger"] == str(path)
    monkeypatch.setenv("POTSTILL_LEDGER", str(tmp_path / "elsewhere.db"))
    assert "elsewhere.db: there is no ledger" in potstill_in("ledger", "stats", "--recipe", "job.yaml").stderr


def test_stats_count_every_attempt_once_by_run_stage_and_teacher(potstill_in: Potstill, path: Path) -> None:
    found = json.loads(potstill_in("ledger", "stats", "--ledger", str(path), "--json").stdout)
    assert (found["replies"], found["draws"], found["rejections"], found["shared"], found["unused"]) == (3, 4, 1, 1, 0)
    assert found["bytes"] >= path.stat().st_size > 0
    other, small = found["lines"]
    assert (other["run"], other["stage"], other["failed"], other["unsettled"]) == ("other", "eval", {"torn": 1}, 1)
    assert (small["sent"], small["ok"], small["failed"]) == (4, 3, {"content_filter": 1})
    assert (small["usd"], small["unsettled_usd"], small["input_tokens"]) == (0.27, 0.25, 1200)
    told = potstill_in("ledger", "stats", "--ledger", str(path)).stdout
    assert "other / eval / api.example.com/m" in told
    assert "0.2700" in told
    assert "torn 1" in told


def test_what_was_given_back_unsent_was_neither_sent_nor_did_it_fail(path: Path) -> None:
    with Ledger(path) as ledger:
        spend(ledger, [key("f")], outcome="unsent", charge=Charge())
        (line,) = (line for line in stats(path, ledger.reader).lines if line.run == "small")
        bill = ledger.bill("small")
    assert (line.sent, sum(line.failed.values())) == (bill.sent, bill.failed) == (4, 1)


def test_a_reply_that_fills_no_draw_is_told_with_what_it_cost(potstill_in: Potstill, path: Path) -> None:
    change(path, "INSERT INTO replies VALUES (9, 1e9, 0.1, 0.5, 0, CAST('{\"choices\": []}' AS BLOB))")
    assert "bought by two at once: 1 ($0.5000)" in potstill_in("ledger", "stats", "--ledger", str(path)).stdout
    assert not looked_through(path).findings


def test_a_whole_ledger_is_well_and_verifying_changes_nothing(potstill_in: Potstill, path: Path) -> None:
    before = path.read_bytes()
    result = potstill_in("ledger", "verify", "--ledger", str(path), "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["ok"], found["findings"]) == (True, [])
    assert (found["counts"]["replies"], found["counts"]["attempts"], found["counts"]["logprobs"]) == (3, 5, 1)
    assert path.read_bytes() == before
    assert ": well (" in potstill_in("ledger", "verify", "--ledger", str(path)).stdout


DAMAGES = {
    "UPDATE replies SET body = x'00' WHERE id = 3": "reply cannot be read",
    "UPDATE replies SET body = CAST('{\"error\": 1}' AS BLOB) WHERE id = 1": "reply cannot be read",
    "UPDATE replies SET body = CAST(body AS TEXT) WHERE id = 1": "reply cannot be read",
    "UPDATE replies SET seconds = -1 WHERE id = 1": "a time or a price that cannot be",
    "UPDATE replies SET created = 'x' WHERE id = 1": "a time or a price that cannot be",
    "UPDATE replies SET usd = 0.02 WHERE id = 1": "differ in price",
    "UPDATE draws SET key = x'00' WHERE reply = 1": "a key that no request has",
    "UPDATE attempts SET teacher = x'ff' WHERE id = 1": "what should be text is not",
    "UPDATE attempts SET teacher = CAST(x'ff' AS TEXT) WHERE id = 1": "what should be text is not",
    "PRAGMA user_version = 1": "older than a table in it",
    "PRAGMA user_version = -1": "older than a table in it",
    "UPDATE replies SET codec = 7 WHERE id = 1": "reply cannot be read",
    "UPDATE logprobs SET body = x'00'": "log-probabilities of a reply cannot be read",
    "DELETE FROM replies WHERE id = 1": "draw points to a reply that is not there",
    "UPDATE draws SET choice = 2 WHERE choice = 1": "draw points to a choice",
    "UPDATE draws SET choice = -1 WHERE choice = 1": "draw points to a choice",
    "UPDATE attempts SET reply = 99 WHERE id = 1": "attempt points to a reply",
    "UPDATE attempts SET input_tokens = -1 WHERE id = 1": "charge that cannot be",
    "UPDATE attempts SET outcome = 'open' WHERE id = 1": "open and settled at once",
    "UPDATE attempts SET outcome = 'open', settled = 0 WHERE id = 1": "no process has claimed",
    "INSERT INTO claims VALUES (x'01', 1, 'x')": "claim belongs to an attempt that is not open",
    "INSERT INTO logprobs VALUES (77, x'00')": "log-probabilities belong to a reply that is not there",
    "UPDATE attempts SET usd = 0.02 WHERE id = 1": "what the cap counts",
    "UPDATE spent SET tokens = tokens + 1": "what the cap counts",
    "DELETE FROM spent WHERE run = 'other'": "what the cap counts",
    "INSERT INTO spent VALUES ('nobody', 5, 5)": "what the cap counts",
    "DROP TABLE claims": "table is missing",
}


@pytest.mark.parametrize(("damage", "says"), DAMAGES.items())
def test_every_kind_of_damage_is_found_and_says_what_to_do(path: Path, damage: str, says: str) -> None:
    change(path, damage)
    findings = looked_through(path).findings
    assert any(says in finding.says for finding in findings), findings
    assert all(finding.do and finding.where and finding.count >= 1 for finding in findings)


def test_damage_ends_the_command_with_its_own_exit_code(potstill_in: Potstill, path: Path) -> None:
    change(path, "UPDATE replies SET body = x'00' WHERE id = 3")
    result = potstill_in("ledger", "verify", "--ledger", str(path))
    assert result.returncode == BrokenWorld.exit_code
    assert "1 × a reply cannot be read\n    3: cannot be unpacked" in result.stdout
    exported = potstill_in("ledger", "export", "--ledger", str(path), "--out", "x.jsonl")
    assert exported.returncode == BrokenWorld.exit_code
    assert "reply 3 of the ledger is damaged" in exported.stderr
    assert not list(path.parent.parent.glob("x.jsonl*"))


def test_a_destroyed_page_is_damage_and_no_crash(potstill_in: Potstill, path: Path) -> None:
    whole = bytearray(path.read_bytes())
    page = 16384
    assert len(whole) > 3 * page
    for number in range(1, len(whole) // page):
        whole[number * page : number * page + 400] = b"\xff" * 400
    path.write_bytes(whole)
    result = potstill_in("ledger", "verify", "--ledger", str(path), "--json")
    assert result.returncode == BrokenWorld.exit_code, result.stderr
    assert any("SQLite finds" in finding["says"] for finding in json.loads(result.stdout)["findings"])


@pytest.mark.parametrize("content", [b"these are my holiday pictures" * 99, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_ledger_is_told_apart_from_a_damaged_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    with pytest.raises(BadInput, match="no ledger, or its beginning is destroyed"):
        open_to_read(tmp_path / "ledger.db")


def test_what_to_do_about_a_wrong_sum_sets_it_right(path: Path) -> None:
    change(path, "UPDATE spent SET nanousd = 0; INSERT INTO spent VALUES ('nobody', 5, 5)")
    assert looked_through(path).findings
    change(path, RECKON_SPENT)
    assert not looked_through(path).findings


def test_a_reply_that_is_strange_json_is_no_damage(path: Path) -> None:
    strange = b'{"choices": [{"message": {"content": "\\ud800"}, "x": Infinity}]}'
    with Ledger(path) as ledger:
        answer = Answered(strange, {key("s"): 0}, 0.1)
        spend(ledger, [key("s")], outcome="ok", charge=PAID, answer=answer)
        empty = Answered(b'{"choices": []}', {key("n"): 0}, 0.1)
        spend(ledger, [key("n")], outcome="ok", charge=PAID, answer=empty)
        select(ledger.reader, Selection())
        assert [orjson.loads(line)["key"] for line in lines(ledger.reader, Selection())].count(key("s").hex()) == 1
    assert not looked_through(path).findings


def test_an_export_has_each_draw_once_and_its_lines_add_up_to_the_bill(potstill_in: Potstill, path: Path) -> None:
    out = potstill_in("ledger", "export", "--ledger", str(path)).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["key"] for row in rows] == [key(text).hex() for text in "abce"]
    assert [row["choice"] for row in rows] == [0, 0, 1, 0]
    assert sum(row["usd"] for row in rows) == pytest.approx(2 * PAID.usd + WORST.usd)
    assert rows[2]["body"]["choices"][rows[2]["choice"]]["message"]["content"] == "c"
    assert all(row["created"].endswith("+00:00") for row in rows)
    assert (rows[0]["run"], rows[0]["stage"], rows[0]["teacher"]) == ("small", "generate", "api.example.com/m")
    assert "logprobs" not in out


def test_an_export_to_a_file_is_whole_of_one_run_and_with_logprobs_if_wanted(
    potstill_in: Potstill, path: Path, tmp_path: Path
) -> None:
    options = ("ledger", "export", "--ledger", str(path), "--logprobs", "--out", "deep/x.jsonl", "--json")
    said = json.loads(potstill_in(*options, "--run", "small").stdout)
    assert said["draws"] == 4
    rows = [json.loads(line) for line in (tmp_path / "deep/x.jsonl").read_text().splitlines()]
    assert [choice["logprobs"] for choice in rows[1]["body"]["choices"]] == [{"content": [1]}, None]
    assert "logprobs" not in rows[0]["body"]["choices"][0]
    assert json.loads(potstill_in(*options, "--run", "other").stdout)["draws"] == 0
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["x.jsonl"]


def test_an_export_reads_on_where_a_batch_ends_also_within_a_reply(tmp_path: Path) -> None:
    number = 2_500
    with Ledger(tmp_path / "ledger.db") as ledger:
        with ledger.transaction() as write:
            replies = [(index, completion("x", "y", "z")) for index in range(number // 3 + 1)]
            write.executemany("INSERT INTO replies VALUES (?, 1e9, 0.1, 0, 0, ?)", replies)
            draws = [(key(str(index)), index // 3, index % 3) for index in range(number)]
            write.executemany("INSERT INTO draws VALUES (?, ?, ?)", draws)
        assert select(ledger.reader, Selection()) == number
        exported = [orjson.loads(line) for line in lines(ledger.reader, Selection())]
    assert [row["key"] for row in exported] == [key(str(index)).hex() for index in range(number)]
    assert {row["run"] for row in exported} == {None}, "nobody bought these, and they are there all the same"


def test_a_bill_is_spread_over_the_unsettled_in_proportion_and_the_budget_counts_it(
    potstill_in: Potstill, path: Path
) -> None:
    with Ledger(path) as ledger:
        spend(
            ledger,
            [key("f")],
            worst=Charge(3000, 1500, 0.75),
            outcome="lost",
            charge=Charge(3000, 1500, 0.75),
            settled=False,
        )
    command = ("ledger", "reconcile", "--ledger", str(path), "--run", "small")
    shown = json.loads(potstill_in(*command, "--json").stdout)
    assert shown["reconciled"] is False
    assert [(run["attempts"], run["before_usd"], run["settled_usd"]) for run in shown["runs"]] == [(2, 1.0, 0.02)]
    asked = potstill_in(*command, "--billed", "0.12")
    assert (asked.returncode, asked.stdout.count("0.100000")) == (2, 1), "nobody is there to say yes"
    assert "give --yes" in asked.stderr
    done = potstill_in(*command, "--billed", "0.12", "--yes")
    assert done.returncode == 0, done.stderr
    with Ledger(path) as ledger:
        bill = ledger.bill("small")
        assert (bill.usd, bill.unsettled_usd) == (pytest.approx(0.12), 0)
        assert ledger.spent("small") == (0.12, 200 + 100 + 400 + 200)
        read = ledger.reader.execute("SELECT usd FROM attempts WHERE outcome = 'lost'").fetchone()
        assert read[0] == pytest.approx(0.075)
        assert ledger.reader.execute("SELECT usd FROM replies WHERE id = 3").fetchone()[0] == pytest.approx(0.025)
        assert ledger.bill("other").unsettled_usd == WORST.usd
    assert not looked_through(path).findings
    assert "nothing to reconcile" in potstill_in(*command, "--as-nothing").stdout


def test_what_was_not_billed_costs_nothing(potstill_in: Potstill, path: Path) -> None:
    result = potstill_in("ledger", "reconcile", "--ledger", str(path), "--as-nothing", "--yes", "--json")
    assert json.loads(result.stdout)["reconciled"] is True
    with Ledger(path) as ledger:
        assert ledger.spent("other") == (0.0, 0)
        assert ledger.spent("small") == (2 * PAID.usd, 2 * 150)
    assert not looked_through(path).findings


@pytest.mark.parametrize(
    ("billed", "says"), [("0.019", "--as-nothing"), ("0.2701", "at most"), ("nan", "--billed"), ("inf", "--billed")]
)
def test_a_bill_that_cannot_be_is_refused_and_changes_nothing(
    potstill_in: Potstill, path: Path, billed: str, says: str
) -> None:
    command = ("ledger", "reconcile", "--ledger", str(path), "--run", "small", "--billed", billed, "--yes")
    result = potstill_in(*command)
    assert result.returncode == 2
    assert says in result.stderr
    with Ledger(path) as ledger:
        assert ledger.bill("small").unsettled_usd == WORST.usd


def test_only_the_teacher_that_sent_the_bill_is_reconciled(path: Path) -> None:
    judge = payer(teacher="judge.example.com/j")
    with Ledger(path) as ledger:
        spend(ledger, [key("j")], who=judge, outcome="lost", charge=WORST, settled=False)
        which = Which("small", "judge.example.com/j")
        found = owed(ledger.reader, which)
        assert [(one.attempts, one.settled_nanousd) for one in found] == [(1, 0)]
        with ledger.transaction() as write:
            reconcile(write, which, found, part_billed(found, 0.1))
        lines = {line.teacher: line for line in stats(path, ledger.reader).lines if line.run == "small"}
    assert lines["judge.example.com/j"].usd == pytest.approx(0.1)
    assert lines["api.example.com/m"].unsettled_usd == WORST.usd
    assert not looked_through(path).findings


def test_a_ledger_that_changed_since_it_was_shown_is_not_reconciled(path: Path) -> None:
    with Ledger(path) as ledger:
        found = owed(ledger.reader, Which())
        spend(ledger, [key("f")], outcome="lost", charge=WORST, settled=False)
        with pytest.raises(BadInput, match="changed meanwhile"), ledger.transaction() as write:
            reconcile(write, Which(), found, Fraction(0))
        assert ledger.bill("other").unsettled_usd == WORST.usd


unsettled = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3 * NANO), st.integers(0, 9000)), max_size=12)


@given(unsettled, st.fractions(0, 1))
@settings(max_examples=40, deadline=None)
def test_whatever_is_owed_a_bill_comes_out_to_the_nanodollar_and_nothing_above_its_worst(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[tuple[str, int, int]], part: Fraction
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with Ledger(path) as ledger:
        for index, (run, nano, tokens) in enumerate(attempts):
            worst = Charge(tokens, tokens, nano / NANO)
            spend(ledger, [key(str(index))], who=payer(run), worst=worst, outcome="lost", charge=worst, settled=False)
        worst_of = [nano for _, nano, _ in attempts]
        billed = int(sum(worst_of) * part) / NANO
        found = owed(ledger.reader, Which())
        with ledger.transaction() as write:
            reconcile(write, Which(), found, part_billed(found, billed))
        charged = ledger.reader.execute("SELECT usd, input_tokens, settled FROM attempts ORDER BY id").fetchall()
        assert sum(nanousd(usd) for usd, _, _ in charged) == nanousd(billed)
        assert all(0 <= nanousd(row[0]) <= worst for row, worst in zip(charged, worst_of, strict=True))
        assert all(0 <= row[1] <= tokens and row[2] for row, (_, _, tokens) in zip(charged, attempts, strict=True))
        assert sum(nanousd(ledger.spent(run)[0]) for run in "ab") == nanousd(billed)
    assert not looked_through(path).findings


def test_a_ledger_in_use_is_shown_and_what_is_in_flight_is_never_touched(potstill_in: Potstill, path: Path) -> None:
    at = ("--ledger", str(path))
    with in_use(path) as process:
        assert json.loads(potstill_in("ledger", "stats", *at, "--json").stdout)["open"] == 1
        assert potstill_in("ledger", "verify", *at).returncode == 0
        assert len(potstill_in("ledger", "export", *at).stdout.splitlines()) == 4
        refused = potstill_in("ledger", "reconcile", *at, "--billed", "0.1", "--yes")
        assert (refused.returncode, "requests in flight: 1." in refused.stderr) == (2, True)
        assert potstill_in("ledger", "reconcile", *at, "--as-nothing", "--yes").returncode == 0
        found = json.loads(potstill_in("ledger", "stats", *at, "--json").stdout)
        assert (found["open"], sum(line["unsettled_usd"] for line in found["lines"])) == (1, 0.5)
        process.kill()
        process.wait()
        found = json.loads(potstill_in("ledger", "stats", *at, "--json").stdout)
        assert (found["open"], found["lines"][1]["failed"]) == (0, {"content_filter": 1, "killed": 1})
    assert potstill_in("ledger", "reconcile", *at, "--as-nothing", "--yes").returncode == 0
    with Ledger(path) as ledger:
        assert ledger.spent("small") == (2 * PAID.usd, 2 * 150)


def test_a_ledger_of_the_first_version_is_verified_as_it_is_and_used_after_an_upgrade(
    potstill_in: Potstill, tmp_path: Path
) -> None:
    path = tmp_path / ".potstill" / "ledger.db"
    version_1(path)
    at = ("--ledger", str(path))
    before = path.read_bytes()
    assert potstill_in("ledger", "verify", *at).returncode == 0
    assert path.read_bytes() == before
    found = json.loads(potstill_in("ledger", "stats", *at, "--json").stdout)
    assert (found["draws"], found["shared"], found["lines"][0]["unsettled_usd"]) == (2, 1, 0.25)
    rows = [json.loads(line) for line in potstill_in("ledger", "export", *at).stdout.splitlines()]
    assert [row["usd"] for row in rows] == [0.005, 0.005]
    assert potstill_in("ledger", "reconcile", *at, "--billed", "0.11", "--yes").returncode == 0
    with Ledger(path) as ledger:
        assert ledger.spent("small") == (0.11, 150 + 400 + 200)
    assert potstill_in("ledger", "verify", *at).returncode == 0


def test_a_run_or_a_teacher_that_the_ledger_does_not_know_is_named(potstill_in: Potstill, path: Path) -> None:
    command = ("ledger", "reconcile", "--ledger", str(path), "--run", "nope")
    assert "there is no request of run 'nope'; `potstill ledger stats`" in potstill_in(*command).stderr
    assert "of run 'nope' to teacher 'x'; " in potstill_in(*command, "--teacher", "x").stderr
