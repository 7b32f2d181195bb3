"""What the light server answers: 300 tokens in a body of about 2 kB, made once; a request picks one by its hash."""

import random
from typing import Any

import orjson

from .server_settings import Counted

INPUT_TOKENS, OUTPUT_TOKENS = 150, 300
"""The usage that every answer states, per choice for the output."""
TEXTS = 64
SYLLABLES = tuple(
    first + vowel + last for first in "bdfgklmnprstvw" for vowel in "aeiou" for last in ("", "n", "r", "st")
)
WORDS = 3000
"""Made-up words, of which a few are frequent and most are rare, so that a text packs about as well as a real one."""


def _words(random_: random.Random) -> list[str]:
    lengths = random_.choices((1, 2, 3), (6, 3, 1), k=WORDS)
    return ["".join(random_.choices(SYLLABLES, k=length)) for length in lengths]


def _tokens(words: list[str], random_: random.Random) -> list[str]:
    frequency = [1 / rank for rank in range(1, WORDS + 1)]
    return [" " + word for word in random_.choices(words, frequency, k=OUTPUT_TOKENS)]


def _logprobs(tokens: list[str], random_: random.Random) -> dict[str, Any]:
    """Log-probabilities as OpenAI sends them: each token with the two likeliest, about 80 kB in all."""

    def entry(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    content = []
    for token in tokens:
        likely, other = -random_.expovariate(4), -1 - random_.expovariate(1)
        top = [entry(token, likely), entry(random_.choice(tokens), other)]
        content.append({**entry(token, likely), "top_logprobs": top})
    return {"content": content, "refusal": None}


class Answers:
    """Ready-made pieces of bodies, so that an answer costs the server a few microseconds."""

    def __init__(self) -> None:
        random_ = random.Random(0)
        words = _words(random_)
        tokens = [_tokens(words, random_) for _ in range(TEXTS)]
        self._texts = ["".join(text).strip().encode() for text in tokens]
        self._logprobs = [orjson.dumps(_logprobs(text, random_)) for text in tokens]

    def body(self, asked: "Asked", number: int) -> bytes:
        """The answer to a request; its text is a function of the request alone, its id is the server's count."""
        choices = b",".join(self._choice(asked, index) for index in range(asked.choices))
        output = OUTPUT_TOKENS * asked.choices
        return (
            b'{"id":"chatcmpl-%012d","object":"chat.completion","created":1750000000,"model":"bench-1","choices":[%s],'
            b'"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":'
            b'{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},'
            b'"service_tier":"default","system_fingerprint":"fp_bench"}'
        ) % (number, choices, INPUT_TOKENS, output, INPUT_TOKENS + output)

    def _choice(self, asked: "Asked", index: int) -> bytes:
        which = (asked.hash + index) % TEXTS
        return (
            b'{"index":%d,"message":{"role":"assistant","content":"%s [%016x %d]","refusal":null,"annotations":[]},'
            b'"logprobs":%s,"finish_reason":"stop"}'
        ) % (index, self._texts[which], asked.hash, index, self._logprobs[which] if asked.logprobs else b"null")


class Asked:
    """What the server reads of a request: who it is, how many choices and tokens at most, whether log-probabilities."""

    __slots__ = ("cap", "choices", "hash", "logprobs", "name", "size")

    def __init__(self, body: bytes, hash_: int) -> None:
        fields = orjson.loads(body)
        self.hash, self.size = hash_, len(body)
        self.choices: int = fields.get("n") or 1
        self.cap: int = fields.get("max_completion_tokens") or fields.get("max_tokens") or OUTPUT_TOKENS
        self.logprobs = bool(fields.get("logprobs"))
        messages = fields.get("messages") or [{}]
        self.name = str(messages[-1].get("content")).partition(":")[0]
        """What stands before the first colon of the last message: the benches' name of a prompt."""

    def takes(self, counted: Counted) -> int:
        """What it takes of a limit that counts this."""
        match counted:
            case "requests":
                return 1
            case "tokens":
                return INPUT_TOKENS + OUTPUT_TOKENS * self.choices
            case "tokens with caps":
                return INPUT_TOKENS + self.cap * self.choices


MODELS = orjson.dumps(
    {"object": "list", "data": [{"id": "bench-1", "object": "model", "created": 0, "owned_by": "potstill bench"}]}
)
