"""The grader `exact`: the same text, character for character."""

from .judgement import Judgement, right, wrong


def exact(answer: str, reference: str) -> Judgement:
    """Right when both are the same text."""
    if answer == reference:
        return right()
    if answer.strip() == reference.strip():
        return wrong("only white space at its ends differs; the grader `normalised` does not mind it")
    return wrong("another text")
