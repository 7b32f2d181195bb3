"""Settling: how attempts ended, the replies that they brought, and their claims given back."""

import sqlite3
import time
from collections.abc import Sequence
from typing import NamedTuple

import zstandard

from .entries import Answered, Reservation, Settlement
from .funds import Funds
from .rows import GIVEN, write_rows

COMPRESS_FROM_BYTES = 1024


class Ended(NamedTuple):
    """How an attempt ended, and what was reserved for it."""

    how: Settlement
    wanted: Reservation


def settle(write: sqlite3.Connection, ended: Sequence[Ended], compressor: zstandard.ZstdCompressor) -> None:
    """Put them all down, inside a transaction."""
    if not ended:
        return
    replies = _keep(write, [one for one in ended if one.how.answer], compressor)
    funds = Funds(write)
    funds.take_back([one.how.reserved.attempt for one in ended])
    for one in ended:
        funds.charge(one.wanted.payer.run, one.how.charge)
    write_rows(
        write,
        "UPDATE attempts SET outcome = told.column2, reply = told.column3, input_tokens = told.column4,"
        " output_tokens = told.column5, usd = told.column6, settled = told.column7"
        " FROM (VALUES ?) AS told WHERE attempts.id = told.column1",
        [_row(one.how, replies.get(one.how.reserved.attempt)) for one in ended],
    )
    _free(write, ended)
    _remember(write, ended)
    funds.put_down()


def _row(how: Settlement, reply: int | None) -> tuple[object, ...]:
    charge = how.charge
    spent = (charge.input_tokens, charge.output_tokens, charge.usd)
    return (how.reserved.attempt, how.outcome, reply, *spent, int(how.settled))


def _keep(write: sqlite3.Connection, ended: Sequence[Ended], compressor: zstandard.ZstdCompressor) -> dict[int, int]:
    """Store the replies, and say which attempt brought which."""
    if not ended:
        return {}
    now = time.time()
    (last,) = write.execute("SELECT coalesce(max(id), 0) FROM replies").fetchone()
    numbers = {one.how.reserved.attempt: last + place for place, one in enumerate(ended, 1)}
    answers = {numbers[one.how.reserved.attempt]: one.how.answer for one in ended if one.how.answer}
    bodies = _packed([answer.body for answer in answers.values()], compressor)
    rows = [
        (numbers[one.how.reserved.attempt], now, _seconds(one), one.how.charge.usd, *body)
        for one, body in zip(ended, bodies, strict=True)
    ]
    write_rows(write, f"INSERT INTO replies (id, created, seconds, usd, codec, body) {GIVEN}", rows)
    probable = {reply: answer.logprobs for reply, answer in answers.items() if answer.logprobs}
    packed = _compressed(list(probable.values()), compressor)
    write_rows(write, f"INSERT INTO logprobs (reply, body) {GIVEN}", list(zip(probable, packed, strict=True)))
    # A key is satisfied once: the first answer stays, whoever bought it.
    draws = [(key, reply, choice) for reply, answer in answers.items() for key, choice in answer.choices.items()]
    write_rows(write, f"INSERT OR IGNORE INTO draws (key, reply, choice) {GIVEN}", draws)
    return numbers


def _seconds(one: Ended) -> float:
    return one.how.answer.seconds if isinstance(one.how.answer, Answered) else 0.0


def _packed(bodies: Sequence[bytes], compressor: zstandard.ZstdCompressor) -> list[tuple[int, bytes]]:
    """Each body with its codec: 0 as it is, 1 compressed; long ones are compressed in one call."""
    long = [body for body in bodies if len(body) >= COMPRESS_FROM_BYTES]
    packed = iter(_compressed(long, compressor))
    return [(1, next(packed)) if len(body) >= COMPRESS_FROM_BYTES else (0, body) for body in bodies]


def _compressed(texts: Sequence[bytes], compressor: zstandard.ZstdCompressor) -> list[bytes]:
    return [segment.tobytes() for segment in compressor.multi_compress_to_buffer([*texts])] if texts else []


def _free(write: sqlite3.Connection, ended: Sequence[Ended]) -> None:
    """Give claims back; one that another process has taken over meanwhile is not ours any more."""
    claims = [(key, one.how.reserved.attempt) for one in ended for key in one.wanted.keys]
    write_rows(write, "DELETE FROM claims WHERE (key, attempt) IN (VALUES ?)", claims)


def _remember(write: sqlite3.Connection, ended: Sequence[Ended]) -> None:
    now = time.time()
    rows = [
        (key, now, one.how.refusal.status, one.how.refusal.error)
        for one in ended
        if one.how.refusal
        for key in one.wanted.keys
    ]
    write_rows(write, f"INSERT OR REPLACE INTO rejections (key, created, status, error) {GIVEN}", rows)
