"""A saved student behind vLLM on this machine: the engine chosen, the server started and ended, its answers read.

Nothing here is paid for, so nothing here meets the ledger.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from ..errors import BadStudent
from ..store.rows import Message
from .answer import LocalAnswer, context_of
from .load import load_tokenizer
from .served_process import free_port, get, running, wait_for
from .served_requests import Completion, client, completed
from .speed import cpu
from .template import prompt_ids

PYTHON_VARIABLE = "POTSTILL_VLLM_PYTHON"
"""Names an interpreter that has vLLM, where it is installed apart from Potstill."""

MODEL = "student"
"""The name that every model is served under."""

LONGEST_CONTEXT: Mapping[bool, int] = {True: 32_768, False: 8_192}
"""Tokens of context at most, with and without a GPU: vLLM refuses a model whose whole context does not fit into memory."""

Engine = Literal["vllm", "transformers"]


@dataclass(frozen=True, slots=True)
class Device:
    """What vLLM runs on."""

    gpu: bool
    name: str


@dataclass(frozen=True, slots=True)
class Server:
    """A vLLM at work on this machine."""

    base_url: str
    """`http://127.0.0.1:PORT/v1`."""
    model: str
    engine: str
    """`vllm` and its version."""
    folder: Path
    context: int
    """Tokens of prompt and answer together that it takes."""
    device: Device
    dtype: str
    """The number format that it computes in, as it says itself."""
    log: Path


def vllm_python() -> str | None:
    """The interpreter that has vLLM: `POTSTILL_VLLM_PYTHON`, else this one if it has; None where there is none."""
    if named := os.environ.get(PYTHON_VARIABLE):
        return named
    return sys.executable if find_spec("vllm") else None


def engine_of(wanted: Literal["auto", "vllm", "transformers"]) -> Engine:
    """What is to run local models; `auto` is vLLM where it is installed and there is a GPU, else transformers.

    Raises:
        BadStudent: vLLM is wanted and not installed.
    """
    if wanted == "transformers":
        return "transformers"
    if wanted == "vllm":
        _installed()
        return "vllm"
    return "vllm" if vllm_python() and _has_gpu() else "transformers"


def _installed() -> str:
    python = vllm_python()
    if python is None:
        raise BadStudent(
            "vLLM is to run the student and is not installed: pip install 'potstill[vllm]', or name the interpreter of "
            f"another environment in {PYTHON_VARIABLE}; `eval.engine: transformers` does without vLLM"
        )
    return python


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@contextmanager
def serve(
    folder: Path, *, python: str | None = None, log: Path | None = None, extra: Sequence[str] = ()
) -> Iterator[Server]:
    """A vLLM that serves the model saved in a folder, for as long as the context lasts and this process lives.

    Args:
        folder: written by `save_student`.
        python: an interpreter that has vLLM; `vllm_python()` if not given.
        log: where the server writes; a temporary file if not given.
        extra: further arguments to vLLM, which win over ours.

    Raises:
        BadStudent: vLLM is not installed, or the server did not come up.
    """
    python = python or _installed()
    device = _device(python)
    context = min(_context(folder), LONGEST_CONTEXT[device.gpu])
    port = free_port()
    with TemporaryDirectory(prefix="potstill-vllm-") as scratch:
        log = log or Path(scratch) / "server.log"
        command = [python, *_arguments(folder, port, device.gpu, context), *extra]
        with running(command, _surroundings(device.gpu), log) as child:
            root = f"http://127.0.0.1:{port}"
            wait_for(root, child, log, f"serve {folder}")
            engine = f"vllm {json.loads(get(f'{root}/version'))['version']}"
            dtype = re.search(r"dtype=torch\.(\w+)", log.read_text(errors="replace"))
            yield Server(f"{root}/v1", MODEL, engine, folder, context, device, dtype[1] if dtype else "auto", log)


def _arguments(folder: Path, port: int, gpu: bool, context: int) -> list[str]:
    """What vLLM is told. It keeps what prompts have in common (prefix caching) and stops at the saved end of turn by itself."""
    arguments = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(folder.resolve())]
    arguments += ["--served-model-name", MODEL, "--host", "127.0.0.1", "--port", str(port)]
    arguments += ["--max-model-len", str(context)]
    # On a CPU 32 bits, as transformers runs it there, and nothing that has to be compiled first.
    return arguments + (["--dtype", "auto"] if gpu else ["--dtype", "float32", "--enforce-eager"])


def _surroundings(gpu: bool) -> dict[str, str]:
    """The server's environment: no downloads, no reports of use, no key to ask for, none of the user's own modules."""
    quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONSAFEPATH": "1"}
    small = {} if gpu else {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    own = {name: value for name, value in os.environ.items() if name != "VLLM_API_KEY"}
    return {**small, **own, **quiet}


_LOOK = """
import json, torch
from vllm.platforms import current_platform as here
gpu = here.device_type != "cpu"
print(json.dumps([gpu, here.get_device_name() if gpu else torch.get_num_threads()]))
"""


@cache
def _device(python: str) -> Device:
    """What vLLM in that interpreter would run on."""
    try:
        told = subprocess.run(
            [python, "-c", _LOOK], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONSAFEPATH": "1"}
        )
    except (OSError, subprocess.CalledProcessError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1:]
        raise BadStudent(
            f"{python} cannot run vLLM: {' '.join(words)}; install vLLM there, or name another interpreter in "
            f"{PYTHON_VARIABLE}"
        ) from None
    gpu, name = json.loads(told.stdout.splitlines()[-1])
    return Device(gpu, name if gpu else cpu(name))


def _context(folder: Path) -> int:
    from transformers import AutoConfig

    return min(context_of(AutoConfig.from_pretrained(str(folder))), load_tokenizer(folder).model_max_length)


def answer_all_served(
    server: Server,
    conversations: Sequence[Sequence[Message]],
    max_new_tokens: int,
    concurrency: int,
    on_done: Callable[[int], None],
) -> list[LocalAnswer]:
    """One greedy answer for each conversation, in their order: one chat completion each, so many at once.

    A prompt that leaves no room in the server's context gets an empty answer with `length`, as from `answer_all`.
    The seconds of an answer are its share of the time that all took.

    Raises:
        BadStudent: the server refused a request or stopped answering.
    """
    began = time.monotonic()
    said = asyncio.run(_answer_all(server, conversations, max_new_tokens, concurrency, on_done))
    share = (time.monotonic() - began) / max(1, len(said))
    return [LocalAnswer(one.text, one.output_tokens, one.finish_reason, share) for one in said]


async def _answer_all(
    server: Server,
    conversations: Sequence[Sequence[Message]],
    max_new_tokens: int,
    concurrency: int,
    on_done: Callable[[int], None],
) -> list[Completion]:
    gate = asyncio.Semaphore(concurrency)

    async def one(messages: Sequence[Message], due: int) -> Completion:
        async with gate:
            said = await completed(session, server, messages, due) if due else Completion("", 0, "length")
        on_done(1)
        return said

    dues = dues_of(server, conversations, max_new_tokens)
    async with client() as session:
        asking = [asyncio.ensure_future(one(*pair)) for pair in zip(conversations, dues, strict=True)]
        try:
            return await asyncio.gather(*asking)
        finally:
            for task in asking:
                task.cancel()


def dues_of(server: Server, conversations: Sequence[Sequence[Message]], max_new_tokens: int) -> list[int]:
    """The tokens that each answer may have: under the cap, and the server's context must hold the prompt as well."""
    asked = prompt_ids(load_tokenizer(server.folder), conversations)
    return [max(0, min(max_new_tokens, server.context - len(ids))) for ids in asked]
