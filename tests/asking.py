"""Asking in tests: a run against a local server, questions for it, and servers whose every answer the test decides."""

import asyncio
import json
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from potstill.ledger.key import Draw
from potstill.recipe import Recipe
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.ask import Teacher
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher
from potstill.teacher.reply import Question, Reply

OPTIONS = {"max_tokens": 64}


def make_run(folder: Path, base_url: str, **teacher: object) -> Run:
    section = {"base_url": base_url, "model": "practice-1", "attempts": 8, "name": "the teacher", **teacher}
    recipe = Recipe.model_validate({"name": "r", "teacher": section, "prompts": {"path": "practice://skills?rows=9"}})
    return Run(recipe, folder, folder / "runs" / "r", PlainScreen())


def ask(run: Run, *questions: Question, then: Callable[[Teacher], None] = lambda teacher: None) -> list[list[Reply]]:
    async def work() -> list[list[Reply]]:
        async with open_teacher(run, "generate") as teacher:
            replies = await asyncio.gather(*(teacher.ask(question) for question in questions), return_exceptions=True)
            then(teacher)
            for reply in replies:
                if isinstance(reply, BaseException):
                    raise reply
            return [reply for reply in replies if not isinstance(reply, BaseException)]

    return run_async(work())


def question(text: str, draws: int = 1, **options: object) -> Question:
    return Question(conversation(("user", text)), OPTIONS | options, [Draw(index=index) for index in range(draws)])


def stats(base_url: str) -> dict:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        return json.load(reply)


def texts(replies: list[list[Reply]]) -> list[list[str]]:
    return [[reply.text for reply in draws] for draws in replies]


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(answer: Callable[[dict[str, Any], int], Answer]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server of the test's own: `answer` gives (status, headers, body) for a request and its number."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(request)
            status, headers, body = answer({**request, "authorization": self.headers["authorization"]}, len(asked))
            self._send(status, headers, body)

        def do_GET(self) -> None:
            self._send(405, {}, b"")

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *parts: object) -> None:  # noqa: A002 - the name that it has above
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        server.shutdown()
        server.server_close()


def completion(*texts: Any, usage: Any = None) -> bytes:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    counted = {"prompt_tokens": 10, "completion_tokens": 5 * len(texts)} if usage is None else usage
    return json.dumps({"model": "m", "choices": choices, "usage": counted}).encode()


def ask_until_killed(folder: str, base_url: str) -> None:
    async def work() -> None:
        async with open_teacher(make_run(Path(folder), base_url, concurrency=16), "generate") as teacher:

            async def one(number: int) -> None:
                (reply,) = await teacher.ask(question(f"Date: {number}"))
                sys.stdout.write(reply.key + "\n")
                sys.stdout.flush()

            await asyncio.gather(*map(one, range(3000)))

    run_async(work())
