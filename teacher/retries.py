"""How often and how soon a request is tried again that failed for the moment."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from .failures import PassingError

OUTAGE_S = 60.0
"""A teacher that has answered before may say 5xx to a request for so long: that costs nothing."""
_BACKOFF = wait_random_exponential(multiplier=0.25, max=20)


def retries(
    attempts: int, has_answered: Callable[[], bool], sleep: Callable[[float], Awaitable[None]]
) -> AsyncRetrying:
    """Tries after a `PassingError`, which is raised in the end.

    Args:
        attempts: tries in all; where it is more than one, 5xx are borne for OUTAGE_S at least, and only other failures count.
        has_answered: whether the teacher has answered any request yet.
        sleep: waits so many seconds, or until there is no reason to.
    """
    borne = 0

    def is_enough(state: RetryCallState) -> bool:
        nonlocal borne
        error = _error(state)
        if attempts == 1 or error is None or not error.is_5xx or not has_answered():
            return state.attempt_number - borne >= attempts
        if (state.seconds_since_start or 0.0) < OUTAGE_S:
            borne += 1
            return False
        return state.attempt_number >= attempts

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
