"""Prompt templates: Markdown files with named variables, from the library or from the user."""

import hashlib
from collections.abc import Mapping, Sequence
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


def _rendered(name: str, source: str, values: Mapping[str, str]) -> str:
    try:
        return _compiled(source).render(values)
    except Exception as error:  # noqa: BLE001 - a template is a program of the user's, and can fail like any
        raise BadRecipe(f"template {name!r} cannot be filled in: {error}") from None


def load_template(name: str, home: Path) -> Template:
    """A template by its library name, or by the path of a .md file relative to `home`.

    Raises:
        BadRecipe: there is no such template, it uses variables that nobody fills, or it cannot be filled in.
    """
    if name.endswith(".md"):
        path = home / name
        if not path.is_file():
            raise BadRecipe(f"'generate.template' is {name!r}: there is no file {path}")
        return _checked(name, path.read_text(encoding="utf-8"))
    file = resources.files("potstill.prompts.library") / f"{name}.md"
    if not file.is_file():
        raise BadRecipe(
            f"'generate.template' is {name!r}: the library has {', '.join(library())}; or give a path to a .md file"
        )
    return _checked(name, file.read_text(encoding="utf-8"))


def template_files(name: str, home: Path) -> list[Path]:
    """The user's own file behind a template's name; none for one of the library."""
    return [home / name] if name.endswith(".md") else []


def library() -> list[str]:
    """The names of the templates that come with Potstill and stand around a prompt."""
    files = [file for file in resources.files("potstill.prompts.library").iterdir() if file.name.endswith(".md")]
    return sorted(file.name.removesuffix(".md") for file in files if "prompt" in _variables(file.read_text("utf-8")))


def fill_turn(name: str, values: Mapping[str, str]) -> str:
    """A text of the library with its variables filled in: a further turn of a conversation."""
    file = resources.files("potstill.prompts.library") / f"{name}.md"
    return _rendered(name, file.read_text(encoding="utf-8").rstrip("\n"), values)


def _variables(text: str) -> set[str]:
    return meta.find_undeclared_variables(_SANDBOX.parse(text))


def _checked(name: str, text: str) -> Template:
    try:
        used = _variables(text)
    except TemplateSyntaxError as error:
        raise BadRecipe(f"template {name!r}, line {error.lineno}: {error.message}") from None
    if unknown := used - VARIABLES:
        raise BadRecipe(
            f"template {name!r} uses {', '.join(sorted(unknown))}, which nobody fills; there is: {', '.join(sorted(VARIABLES))}"
        )
    if not used:
        raise BadRecipe(f"template {name!r} does not use the prompt: write {{{{ prompt }}}} where it belongs")
    template = Template(name, text.rstrip("\n"))
    _filled(name, template.source, "a prompt")
    return template
