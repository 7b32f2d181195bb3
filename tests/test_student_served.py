"""A served student: its server ends on every way out, its answers keep their order, and vLLM says what transformers says."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import orjson
import pytest
import torch
from aiohttp import web

from potstill.errors import BadStudent
from potstill.store.rows import Message, conversation
from potstill.student.answer import answer_all
from potstill.student.encode import encode
from potstill.student.load import Scratch, Student, load_student, save_student
from potstill.student.measure import parameters
from potstill.student.served import Device, Server, answer_all_served, engine_of, serve, vllm_python
from potstill.student.served_process import free_port, get, last_lines, running, wait_for
from potstill.student.served_speed import time_served
from potstill.student.warm import warm_up
from potstill.teacher.practice.source import practice_prompts

Answer = Callable[[dict], Awaitable[web.StreamResponse]]


def test_the_engine_is_what_is_wanted_and_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POTSTILL_VLLM_PYTHON", "/somewhere/python")
    assert vllm_python() == "/somewhere/python"
    assert engine_of("vllm") == "vllm"
    assert engine_of("transformers") == "transformers"
    assert engine_of("auto") == ("vllm" if torch.cuda.is_available() else "transformers")


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_vllm_that_is_not_there_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("POTSTILL_VLLM_PYTHON", raising=False)
    assert vllm_python() is None
    assert engine_of("auto") == "transformers"
    with pytest.raises(BadStudent, match=r"pip install 'potstill\[vllm\]'.*POTSTILL_VLLM_PYTHON"):
        engine_of("vllm")
    with (
        pytest.raises(BadStudent, match=r"/nowhere/python cannot run vLLM.*No such file"),
        serve(tmp_path, python="/nowhere/python"),
    ):
        pass


SERVER = """
import http.server, subprocess, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(helper.pid).encode())
helper = subprocess.Popen([sys.executable, "-c", "import time, signal; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
"""Like vLLM it starts a process of its own, and that one does not heed a polite word."""


@contextmanager
def helped(log: Path) -> Iterator[int]:
    """A server at work, and the number of the process that it started."""
    port = free_port()
    with running([sys.executable, "-c", SERVER, str(port)], os.environ, log) as child:
        wait_for(f"http://127.0.0.1:{port}", child, log, "serve")
        yield int(get(f"http://127.0.0.1:{port}/health"))


def gone(process: int) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":  # nobody is left to ask how it ended
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("end", [None, KeyboardInterrupt, ValueError])
def test_a_server_ends_with_all_that_it_started(tmp_path: Path, end: type[BaseException] | None) -> None:
    helper = 0
    try:
        with helped(tmp_path / "log") as helper:
            assert Path(f"/proc/{helper}").exists()
            if end:
                raise end
    except (KeyboardInterrupt, ValueError):
        pass
    assert gone(helper)


def test_a_server_ends_when_the_process_that_wanted_it_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\nfrom test_student_served import helped\n"
        "with helped(Path(sys.argv[2])) as helper:\n    print(helper, flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(helper)


def test_a_server_that_dies_says_its_last_words(tmp_path: Path) -> None:
    log, code = tmp_path / "log", "import sys; sys.exit('the model is too large')"
    words = r"(?s)before it could serve m; its last words:.*the model is too large.*"
    with running([sys.executable, "-c", code], os.environ, log) as child, pytest.raises(BadStudent, match=words):
        wait_for(f"http://127.0.0.1:{free_port()}", child, log, "serve m")


def test_the_reason_is_told_even_if_much_came_after_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("start\nValueError: no memory\n" + "after\n" * 50)
    assert last_lines(tmp_path / "log").splitlines() == ["ValueError: no memory"] + ["after"] * 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served") / "model"
    student = load_student("scratch:tiny", Path(), scratch=Scratch(["one two three"] * 9, vocab_size=300, seed=0))
    save_student(student, place)
    return place


@contextmanager
def answering(answer: Answer, folder: Path) -> Iterator[Server]:
    """A server on this machine that answers as the function does."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    port = free_port()

    async def start() -> None:
        app = web.Application()

        async def handle(request: web.Request) -> web.StreamResponse:
            return await answer(await request.json())

        app.router.add_post("/v1/chat/completions", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(start()), loop.run_forever()))
    thread.start()
    ready.wait(10)
    log = folder.parent / "server.log"
    log.write_text("the last line of its log\n")
    device = Device(gpu=False, name="CPU, 1 thread")
    try:
        yield Server(f"http://127.0.0.1:{port}/v1", "student", "vllm 0", folder, 64, device, "float32", log)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def completion(text: str | None, ended: str = "stop") -> web.Response:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": ended}
    return web.json_response({"choices": [choice], "usage": {"completion_tokens": 3}})


def questions(count: int) -> list[tuple[Message, ...]]:
    return [conversation(("user", str(number))) for number in range(count)]


def test_answers_keep_their_order_and_no_more_are_in_flight_than_allowed(folder: Path) -> None:
    in_flight, most, bodies, done = 0, 0, [], []

    async def answer(body: dict) -> web.StreamResponse:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        bodies.append(body)
        number = int(body["messages"][0]["content"])
        await asyncio.sleep(0.002 * (12 - number))
        in_flight -= 1
        return completion(f"answer {number}" if number else None, "length" if number == 5 else "stop")

    with answering(answer, folder) as server:
        answers = answer_all_served(server, questions(12), 9, 3, done.append)
    assert [one.text for one in answers] == ["", *(f"answer {number}" for number in range(1, 12))]
    assert [one.finish_reason for one in answers] == ["stop"] * 5 + ["length"] + ["stop"] * 6
    assert {one.output_tokens for one in answers} == {3}
    assert (most, sum(done)) == (3, 12)
    assert {(body["temperature"], body["repetition_penalty"], body["max_tokens"]) for body in bodies} == {(0, 1, 9)}


def test_a_prompt_without_room_is_not_sent_and_one_with_little_gets_what_is_left(folder: Path) -> None:
    caps = []

    async def answer(body: dict) -> web.StreamResponse:
        caps.append(body["max_tokens"])
        return completion("x", "length")

    long, longer = (conversation(("user", "9" * length)) for length in (50, 500))
    with answering(answer, folder) as server:
        answers = answer_all_served(server, [longer, long], 60, 2, lambda _: None)
    assert (answers[0].text, answers[0].finish_reason, answers[0].output_tokens) == ("", "length", 0)
    assert answers[1].text == "x"
    assert len(caps) == 1
    assert 0 < caps[0] < 14


async def refused(_: dict) -> web.StreamResponse:
    return web.json_response({"error": {"message": "no such thing as top_p"}}, status=400)


async def torn(_: dict) -> web.StreamResponse:
    return completion("half", "abort")


async def dropped(_: dict) -> web.StreamResponse:
    raise asyncio.CancelledError  # the connection is closed without a reply


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refused, "400: .*no such thing"),
        (torn, "(?s)'abort'.*last line of its"),
        (dropped, "(?s)stopped .*last line of"),
    ],
)
def test_a_request_that_fails_is_the_servers_own_words(answer: Answer, says: str, folder: Path) -> None:
    with answering(answer, folder) as server, pytest.raises(BadStudent, match=says):
        answer_all_served(server, questions(3), 4, 2, lambda _: None)


def test_the_first_text_of_a_stream_is_before_its_end(folder: Path) -> None:
    salts = []

    async def answer(body: dict) -> web.StreamResponse:
        salts.append(body["cache_salt"])
        if not body.get("stream"):
            return completion("whole")
        reply = _Stream()
        return reply.of([("", 0.0), ("one", 0.0), (" two", 0.05)])

    with answering(answer, folder) as server:
        speed = time_served(server, questions(3), max_new_tokens=4, batch_size=2, repeats=2)
    assert 0 < (speed.ttft_p50_s or 0) + 0.04 < (speed.p50_s or 0)
    assert (speed.prompts, speed.repeats, speed.mean_output_tokens) == (3, 2, 3)
    assert (speed.engine, speed.peak_bytes) == ("vllm 0", None)
    assert speed.parameters == parameters(load_student(str(folder), Path()).model)
    assert salts[-8:] == ["pass 0"] * 4 + ["pass 1"] * 4


class _Stream(web.StreamResponse):
    """A streamed reply: pieces of text, each after a pause."""

    def of(self, pieces: list[tuple[str, float]]) -> "_Stream":
        self._pieces = pieces
        return self

    async def prepare(self, request: web.BaseRequest):
        writer = await super().prepare(request)
        for text, pause in self._pieces:
            await asyncio.sleep(pause)
            await self._line({"choices": [{"delta": {"content": text}}]})
        await self._line({"choices": [], "usage": {"completion_tokens": 3}})
        await self.write(b"data: [DONE]\n\n")
        await self.write_eof()
        return writer

    async def _line(self, piece: dict) -> None:
        await self.write(b"data: " + orjson.dumps(piece) + b"\n\n")


ROWS, LEARNT_FROM = 1100, 1000
ROLES = (("user", "prompt"), ("assistant", "reference"))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Student, Path]:
    """A student that has learnt a little, so that its answers are words and end."""
    rows = list(practice_prompts(f"practice://skills?rows={ROWS}"))[:LEARNT_FROM]
    texts = [row["prompt"] + row["reference"] for row in rows]
    student = load_student("scratch:tiny", Path(), scratch=Scratch(texts, vocab_size=600, seed=0))
    turns = [[conversation((role, row[key])) for role, key in ROLES] for row in rows]
    warm_up(student, [encode(student.tokenizer, *both) for both in turns], steps=100, seed=0)
    folder = tmp_path_factory.mktemp("learnt") / "model"
    save_student(student, folder)
    return student, folder


@pytest.mark.vllm
def test_vllm_says_what_transformers_says(learnt: tuple[Student, Path]) -> None:
    student, folder = learnt
    rows = list(practice_prompts(f"practice://skills?rows={ROWS}"))[LEARNT_FROM:]
    asked = [conversation(("user", row["prompt"])) for row in rows]
    long = conversation(("user", "9" * 3000))
    told = answer_all(student.model, student.tokenizer, [*asked, long], 48, 32, lambda _: None)
    with serve(folder) as server:
        served = answer_all_served(server, [*asked, long], 48, 16, lambda _: None)
        speed = time_served(server, asked[:20], max_new_tokens=48, batch_size=16, repeats=2)
    pairs = list(zip(told, served, strict=True))
    alike = sum(
        (one.text, one.finish_reason, one.output_tokens) == (other.text, other.finish_reason, other.output_tokens)
        for one, other in pairs
    )
    ended = sum(one.finish_reason == "stop" for one in told)
    print(f"{server.engine} on {server.device.name}: {alike} of {len(pairs)} answers alike, {ended} ended\n{speed}")
    assert alike >= 0.9 * len(pairs)
    assert ended > 0.5 * len(asked)
    assert (served[-1].text, served[-1].finish_reason) == ("", "length")
    assert server.engine.startswith("vllm 0.")
    assert 0 < (speed.ttft_p50_s or 0) < (speed.p50_s or 0)
    with pytest.raises(OSError, match="refused"):
        get(server.base_url.removesuffix("/v1") + "/health")


@pytest.mark.vllm
def test_a_model_that_vllm_cannot_serve_is_said_in_its_words(learnt: tuple[Student, Path]) -> None:
    extra = ["--max-model-len", "100000"]
    with (
        pytest.raises(BadStudent, match=r"(?s)last words:.*max_model_len \(100000\) is greater"),
        serve(learnt[1], extra=extra),
    ):
        pass
