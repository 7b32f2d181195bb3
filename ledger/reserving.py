"""Reserving: the attempts of requests that are about to go out, with a claim on every draw that they are to fill."""

import sqlite3
import time
from collections.abc import Callable, Sequence

from .entries import Elsewhere, NoRoom, Reservation, Reserved
from .funds import Funds
from .holders import Holder
from .rows import GIVEN, rows_with, write_rows


def reserve(
    write: sqlite3.Connection,
    wanted: Sequence[Reservation],
    holder: Holder,
    bury: Callable[[sqlite3.Connection, Holder, str], None],
) -> list[Reserved | NoRoom | Elsewhere]:
    """Claim the keys and charge the worst case of each that can be; of the others nothing is written, and the list says why.

    Args:
        write: inside a transaction.
        wanted: in the order in which they get what room there is.
        holder: who claims.
        bury: what is done about a process that claimed a key and has died.
    """
    if not wanted:
        return []
    bought = {key for (key,) in rows_with(write, "SELECT key FROM draws WHERE key IN (VALUES ?)", _keys(wanted))}
    held = _held(write, wanted, holder, bury)
    funds, now = Funds(write), time.time()
    (last,) = write.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()
    results: list[Reserved | NoRoom | Elsewhere] = []
    attempts, claims = [], []
    for one in wanted:
        no = _elsewhere(one, bought, held) or funds.no_room(one)
        if no:
            results.append(no)
            continue
        last += 1
        funds.charge(one.payer.run, one.worst)
        attempts.append(_row(last, now, one))
        claims += [(key, last, holder.name) for key in one.keys]
        held.update(one.keys)
        results.append(Reserved(last))
    write_rows(
        write,
        "INSERT INTO attempts (id, created, run, stage, recipe, teacher, outcome, input_tokens, output_tokens, usd, settled) "
        + GIVEN,
        attempts,
    )
    write_rows(write, f"INSERT INTO claims (key, attempt, holder) {GIVEN}", claims)
    funds.put_down()
    return results


def _keys(wanted: Sequence[Reservation]) -> list[bytes]:
    return [key for one in wanted for key in one.keys]


def _held(
    write: sqlite3.Connection,
    wanted: Sequence[Reservation],
    holder: Holder,
    bury: Callable[[sqlite3.Connection, Holder, str], None],
) -> set[bytes]:
    """The keys that a living process is buying."""
    claimed = dict(rows_with(write, "SELECT key, holder FROM claims WHERE key IN (VALUES ?)", _keys(wanted)))
    dead = {name for name in set(claimed.values()) if not holder.is_alive(name)}
    for name in dead:
        bury(write, holder, name)
    return {key for key, name in claimed.items() if name not in dead}


def _elsewhere(one: Reservation, bought: set[bytes], held: set[bytes]) -> Elsewhere | None:
    has, gets = bought.intersection(one.keys), held.intersection(one.keys)
    return Elsewhere(frozenset(has), frozenset(gets)) if has or gets else None


def _row(attempt: int, now: float, one: Reservation) -> tuple[object, ...]:
    payer, worst = one.payer, one.worst
    who = (payer.run, payer.stage, payer.recipe, payer.teacher)
    return (attempt, now, *who, "open", worst.input_tokens, worst.output_tokens, worst.usd, 0)
