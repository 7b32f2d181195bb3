"""The practice teacher's tokens: pieces of at most four characters that, put together, are the text again."""

import re

# Every character falls in exactly one alternative: letters (and a blank before them), a digit, white space, the rest.
_PIECES = re.compile(r" ?[^\W\d]{1,3}|\d|\s|[^\w\s]")

TOKENS_PER_MESSAGE = 4
"""What the role and the marks around a message count."""


def pieces(text: str) -> list[str]:
    """The tokens of a text."""
    return _PIECES.findall(text)
