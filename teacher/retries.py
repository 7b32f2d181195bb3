"""How often and how soon a request is tried again that failed for the moment."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from .failures import PassingError

OUTAGE_S = 60.0
"""A teacher that has answered before may say 5xx for so long before a request is given up: that costs nothing."""
_BACKOFF = wait_random_exponential(multiplier=0.25, max=20)


def retries(
    attempts: int, has_answered: Callable[[], bool], sleep: Callable[[float], Awaitable[None]]
) -> AsyncRetrying:
    """Tries after a `PassingError`, which is raised in the end.

    Args:
        attempts: tries in all; more than one are made for OUTAGE_S at least where the teacher says 5xx.
        has_answered: whether the teacher has answered any request yet.
        sleep: waits so many seconds, or until there is no reason to.
    """

    def is_enough(state: RetryCallState) -> bool:
        error = _error(state)
        fails = attempts > 1 and error is not None and error.outcome.startswith("http_5") and has_answered()
        return state.attempt_number >= attempts and not (fails and (state.seconds_since_start or 0.0) < OUTAGE_S)

    return AsyncRetrying(
        stop=is_enough, wait=_wait, sleep=sleep, retry=retry_if_exception_type(PassingError), reraise=True
    )


def _wait(state: RetryCallState) -> float:
    """What the server asks for, else a random exponential delay."""
    error = _error(state)
    return _BACKOFF(state) if error is None or error.retry_after is None else error.retry_after


def _error(state: RetryCallState) -> PassingError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, PassingError) else None
