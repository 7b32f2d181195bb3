"""The prompts of the benches: distinct, about 150 tokens each, named by what stands before their first colon."""

from collections.abc import Iterator
from pathlib import Path

import orjson

SENTENCE = (
    "Explain to a reader who knows the subject well, but not this corner of it, what follows from the case above for "
    "somebody who has to decide by tomorrow; give the reasons in the order of their weight, say which of them you are sure "
    "of and which you only suppose, name what could be measured to settle the matter, and end with one plain sentence that "
    "could stand alone. Do not repeat the question, do not apologise, and do not use a list where a sentence would do. "
)


def prompt(number: int) -> str:
    """The text of a prompt."""
    return f"case {number:06d}: a plant of size {number * 7919 % 10_007}, in year {1900 + number % 120}. {SENTENCE}"


def name_of(text: str) -> str:
    """The name of a prompt, which is also the light server's name of the request for it."""
    return text.partition(":")[0]


def write_prompts(path: Path, count: int, first: int = 0) -> None:
    """A file of `count` prompts, as `prompts.path` takes it, numbered from `first`."""
    with path.open("wb") as file:
        for number in range(first, first + count):
            file.write(orjson.dumps({"prompt": prompt(number)}) + b"\n")


def messages(count: int) -> Iterator[list[dict[str, str]]]:
    """The same prompts as chat messages."""
    for number in range(count):
        yield [{"role": "user", "content": prompt(number)}]
