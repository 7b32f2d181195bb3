"""What can be known to be wrong with a student without loading it: cheap, offline, before the first request."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from ..errors import BadStudent
from .sizes import PREFIX, size_named

Kind = Literal["scratch", "local", "hub"]

_HUB_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")
PACKAGES = ("torch", "transformers", "trl", "datasets", "peft", "accelerate")
"""What training and running a student needs: the extra `train`."""


def kind_of(spec: str, home: Path) -> Kind:
    """Where a student comes from: a named size, a folder (relative to `home`), or the Hugging Face Hub.

    Raises:
        BadStudent: it is none of the three.
    """
    if spec.startswith(PREFIX):
        return "scratch"
    if local_folder(spec, home).is_dir():
        return "local"
    if not _HUB_NAME.fullmatch(spec):
        raise BadStudent(f"train.student is {spec!r}: there is no folder {local_folder(spec, home)}")
    return "hub"


def local_folder(spec: str, home: Path) -> Path:
    """The folder that a spec would mean."""
    return home / Path(spec).expanduser()


SMALL = 32 * 2**20
"""Bytes up to which a file of a local student is read at every command that asks whether something changed."""


def model_files(spec: str, home: Path) -> list[Path]:
    """Config, tokenizer, template, index: the files of a local student below 32 MB; none for any other student.

    Larger ones are weights, and reading them would make `status` slow. Weights that are saved anew over the old ones
    without any other change are not noticed: a new student wants a new folder.
    """
    if kind_of(spec, home) != "local":
        return []
    folder = local_folder(spec, home)
    found = sorted([*folder.iterdir(), *folder.glob("additional_chat_templates/*")])
    return [path for path in found if path.is_file() and path.stat().st_size < SMALL]


def weights_mark(spec: str, home: Path) -> list[Any]:
    """What tells a student's weights from others under the same spec without reading them; empty for one from scratch.

    Of a folder the names, sizes and times of its large files; of the hub the commit that would be loaded now.
    """
    kind = kind_of(spec, home)
    if kind == "local":
        small = model_files(spec, home)
        files = [path for path in sorted(local_folder(spec, home).iterdir()) if path.is_file() and path not in small]
        return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    return [_commit(spec)] if kind == "hub" else []


def _commit(spec: str) -> str | None:
    from huggingface_hub import HfApi, constants, try_to_load_from_cache

    if not constants.HF_HUB_OFFLINE:
        try:
            return HfApi(endpoint=constants.ENDPOINT).model_info(spec, timeout=10).sha
        except Exception:  # noqa: BLE001, S110 - the Hub fails in many ways, and then what the cache has is loaded
            pass
    cached = try_to_load_from_cache(spec, "config.json")
    return Path(cached).parent.name if isinstance(cached, str) else None


def check_student(spec: str, home: Path) -> Kind:
    """Find out what is wrong with a student before anything is asked, and return where it comes from.

    A model on the hub is looked up in the local cache alone; what is not there is the hub's to say later.

    Raises:
        BadStudent: an unknown size, a folder that is no model, a model without a chat template.
    """
    kind = kind_of(spec, home)
    if kind == "scratch":
        size_named(spec)
    elif kind == "local":
        _check_folder(local_folder(spec, home))
    else:
        _check_cache(spec)
    return kind


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise BadStudent(f"{folder}: no config.json: this is not a model saved by transformers (save_pretrained)")
    if not [*folder.glob("*.safetensors"), *folder.glob("*.bin")]:
        raise BadStudent(f"{folder}: no weights (*.safetensors); save the model there with save_pretrained")
    if not (folder / "tokenizer_config.json").is_file():
        raise BadStudent(f"{folder}: no tokenizer_config.json; save the model's tokenizer there with save_pretrained")
    if not _has_template(folder):
        raise no_template(str(folder))


def _has_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "additional_chat_templates").is_dir():
        return True
    settings: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_bytes())
    return bool(settings.get("chat_template"))


def _check_cache(spec: str) -> None:
    """Judge a hub model by the local cache, which says nothing of models that were never loaded here."""
    from huggingface_hub import constants, try_to_load_from_cache

    config, settings, template = (
        try_to_load_from_cache(spec, name) for name in ("config.json", "tokenizer_config.json", "chat_template.jinja")
    )
    if constants.HF_HUB_OFFLINE and not isinstance(config, str):
        raise BadStudent(
            f"student {spec!r} is not in the local cache and HF_HUB_OFFLINE is set: unset it, "
            "or download the model once and give its folder"
        )
    if not isinstance(config, str):
        _check_hub(spec)
    known_without = template is not None and not isinstance(template, str)
    if isinstance(settings, str) and known_without and not _has_template(Path(settings).parent):
        raise no_template(spec)


def _check_hub(spec: str) -> None:
    """Ask the Hub whether there is such a model that may be downloaded, before a teacher is paid for it."""
    from huggingface_hub import HfApi, constants

    try:
        HfApi(endpoint=constants.ENDPOINT).model_info(spec, timeout=10)
    except Exception as error:  # noqa: BLE001 - the Hub fails in many ways, and each is the same to the user
        raise BadStudent(
            f"student {spec!r} is not in the local cache, and the Hugging Face Hub says: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else ''}. Check the name, the network and HF_TOKEN, "
            "or give a local folder"
        ) from None


def no_template(where: str) -> BadStudent:
    """The error for a tokenizer that does not know how a conversation looks."""
    return BadStudent(
        f"student {where}: its tokenizer has no chat template, so it is not said how a conversation looks; take the "
        "model's instruct version, or set tokenizer.chat_template and save the tokenizer into a local folder"
    )
