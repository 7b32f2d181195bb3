"""Opening a teacher for a stage: the practice server if it is the practice teacher, the ledger, the connection."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from ..ledger.entries import Payer
from ..ledger.ledger import Ledger
from ..store.run import Run
from .ask import Teacher
from .buying import Buyer
from .endpoint import check_endpoint, endpoint, proxy_for
from .identity import identity, is_practice, tariff
from .transport import HttpTransport


@asynccontextmanager
async def open_teacher(run: Run, stage: str) -> AsyncIterator[Teacher]:
    """The recipe's teacher, ready to be asked; what it answers is billed to the run and the stage."""
    section = run.recipe.teacher
    payer = Payer(run.recipe.name, stage, run.recipe.digest(), identity(section, run.home))
    with serving(run) as base_url, Ledger(run.ledger) as ledger:
        where = endpoint(section, base_url)
        async with HttpTransport(where, section.concurrency, section.deadline_s, proxy_for(section)) as transport:
            greet = partial(check_endpoint, section, base_url)
            buyer = Buyer(section, payer, tariff(section), ledger, transport, greet)
            yield Teacher(section, payer.teacher, ledger, buyer)


@contextmanager
def serving(run: Run) -> Iterator[str]:
    """The URL at which the recipe's teacher answers; the practice teacher is started for as long as it is needed."""
    section = run.recipe.teacher
    if not is_practice(section):
        yield section.base_url
        return
    from .practice.launch import start_practice
    from .practice.settings import practice_settings

    with start_practice(practice_settings(section.base_url, run.home)) as base_url:
        yield base_url
