"""An endpoint as the openai package configures it: URL, authentication and headers, and the questions that cost nothing."""

import difflib
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import openai

from ..errors import BadTeacher
from ..recipe import TeacherSection
from .identity import is_own

NO_KEY = "none"
"""What is sent to one's own hosts, which ask for no key."""
NAME_A_VARIABLE = "export it, and name its variable in the recipe under teacher.api_key_env"


class UnreachableTeacherError(BadTeacher):
    """Nothing answers at the address."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go and what travels with each."""

    base_url: str
    headers: dict[str, str] = field(repr=False)
    """Holds the key: never logged, never stored, not even in a traceback."""
    secret: str = field(repr=False)
    """The key itself, to strike it out of whatever an endpoint says back; empty where there is none, or only a word."""


def api_key(section: TeacherSection) -> str:
    """The key from the environment; a stand-in for one's own hosts when no variable is named.

    Raises:
        BadTeacher: the variable is not set.
    """
    variable = section.api_key_env or (None if is_own(section) else "OPENAI_API_KEY")
    if variable is None:
        return NO_KEY
    key = os.environ.get(variable, "").strip()
    if not key:
        raise BadTeacher(
            f"no key for {section.base_url}: the environment variable {variable} is not set. "
            f"export {variable}=…, or name another in the recipe under teacher.api_key_env"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadTeacher(
            f"the environment variable {variable} holds more than a key: a blank, a line break or a character that is not "
            "ASCII is in it; set it anew"
        )
    return key


def endpoint(section: TeacherSection, base_url: str) -> Endpoint:
    """The endpoint of a teacher that answers at `base_url`."""
    client = _client(section, base_url)
    headers = {name: value for name, value in client.default_headers.items() if isinstance(value, str)}
    key = api_key(section)
    return Endpoint(str(client.base_url).rstrip("/"), headers | client.auth_headers, key if is_secret(key) else "")


def is_secret(key: str) -> bool:
    """Whether a key is one, and not a word that a gateway takes for one (`ollama`, `token`, `not-needed`).

    Striking such a word out of what comes back would spoil answers that use it.
    """
    return len(key) >= 16 or (len(key) >= 8 and any(map(str.isdigit, key)) and any(map(str.isalpha, key)))


def proxy_for(section: TeacherSection) -> str | None:
    """The proxy that the environment names for a foreign host; one's own hosts are reached directly."""
    if is_own(section):
        return None
    parts = urlsplit(section.base_url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


async def check_endpoint(section: TeacherSection, base_url: str) -> list[str] | None:
    """The models that the endpoint lists; empty if it keeps no list; None if nothing is where one should be. Costs nothing.

    Raises:
        UnreachableTeacherError: it cannot be reached.
        BadTeacher: it does not take the key, or does not know the model.
    """
    try:
        models = await _list_models(section, base_url)
    except openai.AuthenticationError:
        if api_key(section) == NO_KEY:
            raise BadTeacher(f"{base_url} wants a key (401), and none was sent: {NAME_A_VARIABLE}") from None
        variable = section.api_key_env or "OPENAI_API_KEY"
        raise BadTeacher(f"{base_url} does not take the key in {variable} (401): check it, or the account") from None
    except openai.APIConnectionError as error:
        raise UnreachableTeacherError(
            f"{base_url} cannot be reached ({error.__cause__ or error}): "
            "is it running, is the port right, is there a proxy between?"
        ) from None
    except openai.NotFoundError:
        return None
    except (openai.OpenAIError, AttributeError, TypeError, ValueError):
        return []  # it keeps no list, or not one that we can read; the first request will tell
    if models and section.model not in models:
        near = difflib.get_close_matches(section.model, models, n=3, cutoff=0.3) or models[:5]
        raise BadTeacher(f"{base_url} has no model {section.model!r}; it has: {', '.join(near)}")
    return models


async def _list_models(section: TeacherSection, base_url: str) -> list[str]:
    async with _client(section, base_url) as client:
        return [model.id async for model in client.models.list()]


def _client(section: TeacherSection, base_url: str) -> openai.AsyncOpenAI:
    # Certificates are read only where they are needed: they take 20 ms and some MiB for each client.
    encrypted = base_url.startswith("https:")
    direct = openai.DefaultAsyncHttpxClient(trust_env=False, verify=encrypted) if is_own(section) else None
    # Retries are tenacity's alone.
    return openai.AsyncOpenAI(
        base_url=base_url, api_key=api_key(section), max_retries=0, timeout=20, http_client=direct
    )
