"""Opening a teacher for a stage: the practice server if it is the practice teacher, the ledger, the connections."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from ..ledger.entries import Payer
from ..ledger.ledger import Ledger
from ..ledger.purse import Purse
from ..recipe import TeacherSection
from ..store.run import Run
from .ask import Teacher
from .buying import Buyer
from .descriptors import allow_connections
from .endpoint import UnreachableTeacherError, check_endpoint, endpoint, proxy_for
from .identity import cap_of, check_replicas, identity, is_practice, tariff
from .options import counts_caps
from .traffic.pace import Limits
from .traffic.traffic import Traffic
from .transport import HttpTransport


@asynccontextmanager
async def open_teacher(run: Run, stage: str, section: TeacherSection | None = None) -> AsyncIterator[Teacher]:
    """The recipe's teacher or another one, ready to be asked; what it answers is billed to the run and the stage, under the run's
    cap.
    """
    section = section or run.recipe.teacher
    check_replicas(section)
    allow_connections(section.concurrency)  # before the practice server starts, which inherits the limit
    payer = Payer(run.recipe.name, stage, run.recipe.digest(), identity(section, run.home))
    cap = cap_of(run.recipe, run.home, section)
    with serving(run, section) as base_url, Ledger(run.ledger) as ledger:
        async with AsyncExitStack() as stack:
            urls = [base_url, *section.replicas]
            transports = [
                await stack.enter_async_context(HttpTransport(endpoint(section, url), proxy_for(section)))
                for url in urls
            ]
            traffic = Traffic(transports, _limits(section))
            greeting = partial(greet, section, urls)
            buyer = Buyer(section, tariff(section, run.home), Purse(ledger, payer, cap), traffic, greeting)
            teacher = Teacher(section, payer.teacher, ledger, buyer, retry_rejected=run.retry_rejected)
            try:
                yield teacher
            finally:
                await teacher.come_home()


def _limits(section: TeacherSection) -> Limits:
    return Limits(
        concurrency=section.concurrency,
        requests_per_minute=section.requests_per_minute,
        tokens_per_minute=section.tokens_per_minute,
        deadline_s=section.deadline_s,
        counts_caps=counts_caps(section),
    )


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a teacher's addresses said before anything was asked."""

    models: list[str]
    """The models that they list; empty where no list is kept."""
    nothing_at: list[str]
    """The addresses that know no list of models (404): they may not be those of an API."""
    down: list[str]
    """Why each replica that cannot be reached is left out."""


async def greet(section: TeacherSection, urls: list[str]) -> Greeting:
    """Look in at every replica; one that is down is no obstacle while another is up. Costs nothing.

    Raises:
        UnreachableTeacherError: all are down.
        BadTeacher: one does not take the key, or does not know the model.
    """
    found = await asyncio.gather(*(check_endpoint(section, url) for url in urls), return_exceptions=True)
    problems = [problem for problem in found if isinstance(problem, BaseException)]
    for problem in problems:
        if len(problems) == len(urls) or not isinstance(problem, UnreachableTeacherError):
            raise problem
    listed = next((models for models in found if isinstance(models, list)), [])
    nothing_at = [url for url, models in zip(urls, found, strict=True) if models is None]
    return Greeting(listed, nothing_at, [str(problem) for problem in problems])


@contextmanager
def serving(run: Run, section: TeacherSection | None = None) -> Iterator[str]:
    """The URL at which the recipe's teacher or another one answers; a practice teacher is started for as long as it is needed."""
    section = section or run.recipe.teacher
    if not is_practice(section):
        yield section.base_url
        return
    from .practice.launch import start_practice
    from .practice.settings import practice_settings

    with start_practice(practice_settings(section.base_url, run.home)) as base_url:
        yield base_url
