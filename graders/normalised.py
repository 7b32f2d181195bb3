"""The grader `normalised`: the same text but for case, width, composition and spacing."""

import unicodedata

from .judgement import Judgement, right, wrong


def normalise(text: str) -> str:
    """NFKC, casefolded, with each run of white space as one space and none at the ends."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Case folding can undo the composition: `İ` becomes `i` and a loose dot.
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def normalised(answer: str, reference: str) -> Judgement:
    """Right when both are the same after `normalise`."""
    return right() if normalise(answer) == normalise(reference) else wrong("another text, case and spacing apart")
