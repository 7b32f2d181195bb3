"""Prompt templates: Markdown files with named variables, from the library or from the user."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import BadRecipe
from ..store.rows import Message

VARIABLES = frozenset({"prompt"})
_NOTHING_AROUND = ("", "")
_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)


@dataclass(frozen=True, slots=True)
class Template:
    """A template around the last user message: the teacher sees it, the student is trained on the plain prompt."""

    name: str
    source: str

    @property
    def digest(self) -> str:
        """Sixteen hex digits over the text: another wording is another question."""
        return hashlib.blake2b(self.source.encode(), digest_size=8).hexdigest()

    def apply(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The messages as they are asked: `prompt` in the template stands for the last user message."""
        last = len(messages) - 1
        while messages[last]["role"] != "user":
            last -= 1
        asked = _filled(self.name, self.source, messages[last]["content"])
        if asked is messages[last]["content"]:
            return tuple(messages)
        return (*messages[:last], {**messages[last], "content": asked}, *messages[last + 1 :])


@cache
def _compiled(source: str) -> Compiled:
    # Compiling costs a millisecond; a run applies one template to every prompt.
    return _SANDBOX.from_string(source)


@cache
def _pieces(source: str) -> tuple[str, ...] | None:
    """The texts around the prompts in a template that is nothing but texts and prompts; None for any other."""
    pieces = [""]
    for output in _SANDBOX.parse(source).body:
        for node in output.nodes if isinstance(output, nodes.Output) else [output]:
            if isinstance(node, nodes.TemplateData):
                pieces[-1] += node.data
            elif isinstance(node, nodes.Name) and node.name == "prompt":
                pieces.append("")
            else:
                return None
    return tuple(pieces)


def _filled(name: str, source: str, prompt: str) -> str:
    # Joining takes a microsecond where rendering takes ten, and nearly every template is that plain.
    pieces = _pieces(source)
    if pieces == _NOTHING_AROUND:
        return prompt
    return _rendered(name, source, {"prompt": prompt}) if pieces is None else prompt.join(pieces)


def _rendered(name: str, source: str, values: Mapping[str, object]) -> str:
    try:
        return _compiled(source).render(values)
    except Exception as error:  # noqa: BLE001 - a template is a program of the user's, and can fail like any
        raise BadRecipe(f"template {name!r} cannot be filled in: {error}") from None


@dataclass(frozen=True, slots=True)
class Turn:
    """A text with named variables: a whole turn of a conversation."""

    name: str
    source: str
    variables: frozenset[str]
    """Those that it uses."""

    def fill(self, values: Mapping[str, object]) -> str:
        """The text with its variables filled in; more values than it uses are no harm.

        Raises:
            BadRecipe: it uses variables that have no value (the message lists them), or cannot be filled in.
        """
        if missing := self.variables - values.keys():
            raise BadRecipe(
                f"template {self.name!r} uses {_listed(missing)}, which nobody fills; there is: {_listed(values)}"
            )
        return _rendered(self.name, self.source, values)


def load_template(name: str, home: Path) -> Template:
    """A template by its library name, or by the path of a .md file relative to `home`.

    Raises:
        BadRecipe: there is no such template, it uses variables that nobody fills, or it cannot be filled in.
    """
    turn = _turn(name, _text(name, home, "generate.template", library()))
    if unknown := turn.variables - VARIABLES:
        raise BadRecipe(
            f"template {name!r} uses {_listed(unknown)}, which nobody fills; there is: {_listed(VARIABLES)}"
        )
    if not turn.variables:
        raise BadRecipe(f"template {name!r} does not use the prompt: write {{{{ prompt }}}} where it belongs")
    _filled(name, turn.source, "a prompt")
    return Template(name, turn.source)


def load_turn(name: str, home: Path, where: str, values: Mapping[str, object], needed: Sequence[str]) -> Turn:
    """A text with named variables, by its library name, or by the path of a .md file relative to `home`.

    Args:
        name: the template.
        home: the recipe's folder.
        where: the recipe's field that names it.
        values: an example of what it will be filled with; it is tried at once.
        needed: variables that it must use.

    Raises:
        BadRecipe: there is none, it uses variables that nobody fills or lacks one that is needed, or it cannot be filled in.
    """
    turn = _turn(name, _text(name, home, where, ()))
    turn.fill(values)
    if lacking := set(needed) - turn.variables:
        raise BadRecipe(
            f"template {name!r} does not use {_listed(lacking)}: write {{{{ {min(lacking)} }}}} where it belongs"
        )
    return turn


def _text(name: str, home: Path, where: str, names: Sequence[str]) -> str:
    """The text of a template; `names` are those of the library that are worth naming in an error."""
    if name.endswith(".md"):
        path = home / Path(name).expanduser()
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BadRecipe(f"'{where}' is {name!r}: there is no file {path}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadRecipe(f"'{where}' is {name!r}: {path} cannot be read: {error}") from None
    file = resources.files("potstill.prompts.library") / f"{name}.md"
    if not file.is_file():
        known = f"the library has {', '.join(names)}; or" if names else "the library has no such text;"
        raise BadRecipe(f"'{where}' is {name!r}: {known} give a path to a .md file")
    return file.read_text(encoding="utf-8")


def template_files(name: str, home: Path) -> list[Path]:
    """The user's own file behind a template's name; none for one of the library."""
    return [home / Path(name).expanduser()] if name.endswith(".md") else []


def library() -> list[str]:
    """The names of the templates that come with Potstill and stand around a prompt."""
    files = [file for file in resources.files("potstill.prompts.library").iterdir() if file.name.endswith(".md")]
    return sorted(file.name.removesuffix(".md") for file in files if _variables(file.read_text("utf-8")) == VARIABLES)


def fill_turn(name: str, values: Mapping[str, str]) -> str:
    """A text of the library with its variables filled in: a further turn of a conversation."""
    file = resources.files("potstill.prompts.library") / f"{name}.md"
    return _rendered(name, file.read_text(encoding="utf-8").rstrip("\n"), values)


def _variables(text: str) -> set[str]:
    return meta.find_undeclared_variables(_SANDBOX.parse(text))


def _turn(name: str, text: str) -> Turn:
    try:
        return Turn(name, text.rstrip("\n"), frozenset(_variables(text)))
    except TemplateSyntaxError as error:
        raise BadRecipe(f"template {name!r}, line {error.lineno}: {error.message}") from None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
