"""What can go wrong, as one tree; each kind has the exit code that the command ends with.

    PotstillError
    ├── BadInput          2   the recipe, a file, the environment: nothing was asked yet
    │   ├── BadRecipe         a field of the recipe
    │   ├── BadPrompts        a row or a file of prompts
    │   ├── BadTeacher        the endpoint, its key, its model
    │   ├── BadStudent        a model or a tokenizer that cannot be trained
    │   └── MissingExtra      an optional part of Potstill is not installed
    ├── BudgetReached     3   the cap was reached; a raised cap goes on
    ├── GateNotPassed     4   the student did not pass its gate
    └── BrokenWorld       5   going on would cost money for nothing

A message says what was wrong, where, and what to do. None of them ever holds a secret.
"""


class PotstillError(Exception):
    """Any failure that Potstill explains; `exit_code` is the command's."""

    exit_code = 1


class BadInput(PotstillError):
    """Something the user gave does not hold; found before any request goes out."""

    exit_code = 2


class BadRecipe(BadInput):
    """A recipe that cannot be used: unknown key, value out of bounds, contradiction."""


class BadPrompts(BadInput):
    """A file of prompts that cannot be read, or a row in it that says nothing."""


class BadTeacher(BadInput):
    """A teacher that cannot be asked: no key, no answer, no such model."""


class BadStudent(BadInput):
    """A student that cannot be trained: no chat template, masks that do not prove."""


class MissingExtra(BadInput):
    """An optional part of Potstill is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs an extra that is not installed: pip install 'potstill[{extra}]'")


class BudgetReached(PotstillError):
    """The next request does not fit under the cap."""

    exit_code = 3


class GateNotPassed(PotstillError):
    """The evaluation says no."""

    exit_code = 4


class BrokenWorld(PotstillError):
    """The teacher, the disk or the quota is broken for every request, not for one row."""

    exit_code = 5
