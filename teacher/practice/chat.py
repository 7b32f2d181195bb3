"""The reply to one request: its choices, log-probabilities and usage."""

import math
import time
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

from .draws import Drawn, at_most, random_of, replay_draw, skills_draw
from .judging import judge_draw
from .replay import Recorded, one_line, read_recorded
from .settings import MODEL, PracticeSettings
from .tokens import TOKENS_PER_MESSAGE, pieces
from .wire import ApiError, Asked

ALTERNATIVES = (*'0123456789-,.:"{}', " a", "an", "er", "in")
"""Pieces that the simulated log-probabilities name beside the one that was drawn."""

Draws = Callable[[str, str | None], Drawn | None]
"""The answer to a prompt for the draw of that name (None: temperature 0); None where there is none."""


def draws_of(settings: PracticeSettings) -> Draws:
    """What answers under these settings.

    Raises:
        BadRecipe: recorded answers that cannot be read.
    """
    if settings.kind == "judge":
        return lambda prompt, draw: judge_draw(settings, prompt, draw)
    if settings.file is None:
        return lambda prompt, draw: skills_draw(settings, prompt, draw)
    recorded: Recorded = read_recorded(settings.file, settings.prompt, settings.answer)

    def replayed(prompt: str, draw: str | None) -> Drawn | None:
        answers = recorded.get(one_line(prompt))
        return replay_draw(settings, answers, one_line(prompt), draw) if answers else None

    return replayed


class Chat:
    """Answers requests; counts the draws of each prompt, so that two without a seed of their own are two draws."""

    def __init__(self, settings: PracticeSettings, fingerprint: str) -> None:
        self._settings, self._fingerprint = settings, fingerprint
        self._draws = draws_of(settings)
        self._drawn: dict[str, int] = {}
        self._ids = count()

    def reply(self, asked: Asked) -> dict[str, Any] | ApiError:
        """The body of the reply."""
        drawn = [self._draws(asked.prompt, name) for name in self._names(asked)]
        answers = [at_most(answer, asked.max_tokens) for answer in drawn if answer is not None]
        if len(answers) < asked.n:
            return ApiError(400, "not_recorded", f"No answer is recorded for {asked.prompt!r}.", "messages")
        return {
            "id": f"chatcmpl-simulated-{next(self._ids)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "system_fingerprint": self._fingerprint,
            "choices": [self._choice(asked, index, *answer) for index, answer in enumerate(answers)],
            "usage": usage(asked.texts, sum(len(tokens) for _, tokens in answers)),
        }

    def _names(self, asked: Asked) -> list[str | None]:
        if asked.greedy:
            return [None] * asked.n
        if asked.seed is not None:
            return [f"{asked.seed} {index}" for index in range(asked.n)]
        first = self._drawn.get(asked.prompt, 0)
        self._drawn[asked.prompt] = first + asked.n
        return [f"unseeded {first + index}" for index in range(asked.n)]

    def _choice(self, asked: Asked, index: int, drawn: Drawn, tokens: Sequence[str]) -> dict[str, Any]:
        logprobs = None
        if asked.top_logprobs is not None:
            random = random_of(self._settings, "logprobs", drawn.text)
            told = [_token_logprobs(token, asked.top_logprobs, random) for token in tokens]
            logprobs = {"content": [] if drawn.refusal else told, "refusal": told if drawn.refusal else None}
        text, refusal = (None, drawn.text) if drawn.refusal else (drawn.text, None)
        message = {"role": "assistant", "content": text, "refusal": refusal}
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": drawn.finish_reason}


def usage(texts: Sequence[str], completion_tokens: int) -> dict[str, Any]:
    """Tokens of prompt and answers; nothing is ever cached, nothing is reasoned."""
    prompt_tokens = sum(TOKENS_PER_MESSAGE + len(pieces(text)) for text in texts)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _token_logprobs(token: str, alternatives: int, random: Random) -> dict[str, Any]:
    """A simulated distribution: the token has at least 0.6, each alternative half of what is left."""
    probability = 0.6 + 0.399 * random.random()
    told = [_one(token, probability)]
    left = 1 - probability
    others = [piece for piece in ALTERNATIVES if piece != token]
    for piece in random.sample(others, max(alternatives - 1, 0)):
        left /= 2
        told.append(_one(piece, left))
    return {**told[0], "top_logprobs": told[:alternatives]}


def _one(token: str, probability: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(probability), "bytes": list(token.encode())}
