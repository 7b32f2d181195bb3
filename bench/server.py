"""A light OpenAI-compatible server for the benches, simulated throughout: `python -m potstill.bench.server '<settings as JSON>'`.

It answers `GET /v1/models`, `POST /v1/chat/completions`, `GET /stats` and `GET /log`, prints `{"port": …}` and serves until its
standard input closes. An answer costs it about 0.04 ms of CPU, so that what is measured is the client.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import uvloop

from .server_http import Bench, Connection
from .server_settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server of ours is."""

    root: str

    @property
    def base_url(self) -> str:
        """As a recipe names it."""
        return self.root + "/v1"

    def stats(self) -> dict[str, Any]:
        """What it counted so far."""
        return self._get("/stats")

    def log(self) -> list[tuple[str, float, float]]:
        """(name, received, answered or 0) of every accepted request, in the order of arrival."""
        return [tuple(one) for one in self._get("/log")]

    def _get(self, path: str) -> Any:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.root + path) as reply:
            return orjson.loads(reply.read())


@contextmanager
def start_server(settings: ServerSettings) -> Iterator[Address]:
    """A server in a process of its own, at work until the context ends."""
    command = [sys.executable, "-m", "potstill.bench.server", settings.model_dump_json()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield Address(f"http://127.0.0.1:{orjson.loads(child.stdout.readline())['port']}")
        finally:
            child.stdin.close()


async def _serve(settings: ServerSettings) -> None:
    bench = Bench(settings)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(bench), "127.0.0.1", 0, backlog=4096)
    gc.freeze()
    print(orjson.dumps({"port": server.sockets[0].getsockname()[1]}).decode(), flush=True)
    await server.serve_forever()


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    """Serve with the settings in the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process at the terminal; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvloop.run(_serve(ServerSettings.model_validate_json(sys.argv[1])))


if __name__ == "__main__":
    main()
