r"""The final answer in a text that works towards one, spelled so that math-verify reads what people write.

math-verify takes the last expression of a text, one in `\boxed{}` or behind "final answer is" before all others, and it
reads LaTeX only between its marks. Here a line that is marked as the answer is cut out, and what it would misread is respelled.
"""

import re

LONGEST = 20_000
"""Characters of a text that are looked at, from its end: that is where the answer stands."""

LONGEST_FORMULA = 300

_FINAL = re.compile(r"^[ \t>*_]*(?:####|(?:the\s+)?final\s+answer(?:\s+is)?\s*:)(.*\d.*)$", re.I | re.M)
_ANSWER = re.compile(r"^[ \t>*_]*(?:the\s+)?answer(?:\s+is)?\s*:(.*\d.*)$", re.I | re.M)
_WORKING = re.compile(r"=|(?:[^\W\d_]{2,}\W+(?:\d\S*\W+)?){2}[^\W\d_]{2,}")
"""An equation, or three words: such a line behind `Answer:` is the beginning of the working if more numbers follow."""
_BOXED = "\\boxed{"
_FENCED = re.compile(r"\$|\\\(|\\\[|\\boxed")

_SPELLINGS = (
    (re.compile(r"[−–](?=\s?[\d.\\(])"), "-"),
    (re.compile(r"(?<=\d)\s*[×⋅·]\s*(?=[\d(])"), "*"),
    (re.compile(r"(?<=[\d)])\s*÷\s*(?=[\d(])"), "/"),
    # 59/6. and 5/6**: read as something else
    (re.compile(r"(?<=[\d)])(?:\*\*|__)(?=\W|$)(?!\s*[\d(-])"), ""),
    (re.compile(r"(?<=[\d)])[.!?]+(?=[*_\s]|$)"), ""),
    # (1, 2) behind words: read as 2
    (re.compile(r"(?<![\w$(])(\(\s*-?[\d.]+(?:\s*,(?!\d{3}\b)\s*-?[\d.]+)+\s*\))(?=[\s*_]*$)"), r"$\1$"),
    # 1e5: read as 1
    (re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)[eE]\+?(-?\d{1,4})\b"), r"\1*10^(\2)"),
    # 3 1/2: read as 1
    (re.compile(r"(?<![\w./,-])(\d{1,6}) (\d{1,4}/\d{1,4})(?![\w/])"), r"(\1+\2)"),
    (re.compile(r"(?<![\w./,])-(\d{1,6}) (\d{1,4}/\d{1,4})(?![\w/])"), r"-(\1+\2)"),
    # "to answer 1 question": a number behind the bare word would go before the last one
    (re.compile(r"answer(?!\s*(?:is\b|[:=]))", re.I), "reply"),
)
_PAIR = re.compile(r"(?<![\w:.,])(\d+)\s?:\s?(\d+)(?![\w:])")
"""A time of day or a ratio, of which only the first number would be read."""

_FUNCTION = re.compile(r"\\[A-Za-z]+|sqrt|sin|cos|tan|log|ln|exp|pi")
_WORD = re.compile(r"[^\W\d_]{2}|\d\s+[^\W\d_]")
_OPERATOR = re.compile(r"[\\^=_{}()\[\]+*/<>]")
_BEYOND_ARITHMETIC = re.compile(r"[^\d\s.+*/^%$-]")


def final_part(text: str) -> str:
    """The part of a text that math-verify is to read, respelled; all of it where no line is marked as the answer."""
    text = text[-LONGEST:]
    if _BOXED not in text:
        text = _marked(text)
    text = text.lstrip("=*_ \t\n").rstrip("*_.? \t\n")
    if is_formula(text):
        return f"${text}$"
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text if _FENCED.search(text) else _PAIR.sub(r"$(\1,\2)$", text)


def _marked(text: str) -> str:
    """What stands behind the last mark of an answer; the whole text where there is none."""
    if final := _FINAL.findall(text):
        return final[-1]
    answer = next(reversed([*_ANSWER.finditer(text)]), None)
    if answer is None:
        return text
    if _WORKING.search(answer[1]) and re.search(r"\d", text[answer.end() :]):
        return _ANSWER.sub(r" \1", text)
    return answer[1]


def is_formula(text: str) -> bool:
    r"""Whether a text is nothing but LaTeX without its marks: `x^2 + 1`, `\frac{1}{2}`, `(1, 2)`; not `5 cm`, not `3/4`."""
    if len(text) > LONGEST_FORMULA or "\n" in text or _FENCED.search(text):
        return False
    bare = _FUNCTION.sub("\\\\", text)
    return bool(_OPERATOR.search(bare) and _BEYOND_ARITHMETIC.search(bare)) and not _WORD.search(bare)
