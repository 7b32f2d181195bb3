"""Using a ledger in tests without a teacher: reserve, settle, both at once."""

import asyncio
from dataclasses import replace
from typing import Any

from potstill.ledger.entries import Answered, Cap, Charge, Payer, Refused, Reservation, Settlement, Stored
from potstill.ledger.ledger import Ledger

PAYER = Payer("run", "generate", "digest", "teacher")
WORST = Charge(100, 200, 3.0)


def reserved(ledger: Ledger, *keys: bytes, worst: Charge = WORST, cap: Cap = Cap(), run: str = "run") -> Any:  # noqa: B008
    """What the ledger says to a reservation, and the reservation."""
    wanted = Reservation(replace(PAYER, run=run), keys, worst, cap)

    async def work() -> Any:
        return await ledger.reserve(wanted)

    return asyncio.run(work()), wanted


def find(ledger: Ledger, key: bytes) -> Stored | Refused | None:
    return ledger.find([key]).get(key)


def settle(ledger: Ledger, reservation: Any, outcome: str = "ok", usd: float = 0.5, **ended: Any) -> None:
    got, wanted = reservation

    async def work() -> None:
        await ledger.settle(Settlement(got, outcome, Charge(3, 4, usd), **ended), wanted)

    asyncio.run(work())


def keep(ledger: Ledger, body: bytes, *keys: bytes, logprobs: bytes = b"") -> None:
    """Reserve and settle at once."""
    choices = {key: index for index, key in enumerate(keys)}
    settle(ledger, reserved(ledger, *keys), answer=Answered(body, choices, 0.25, logprobs))
