"""A student's speed is that of a process which does nothing else; what is not measured is None, and what died says why."""

from math import inf
from pathlib import Path

import pytest
from scipy.stats import t

from potstill.errors import BadStudent
from potstill.store.rows import Message, conversation
from potstill.student import speed as limits
from potstill.student.answer import answer_all, answer_alone, voice_of
from potstill.student.load import Scratch, Student, load_student, save_student
from potstill.student.measure import bytes_on_disk, parameters
from potstill.student.speed import Facts, Pass, Speed, Timing, quantile, speed_of, t_interval, time_student, until_late

QUESTIONS = ["3 May 2021", "Anna lives in Oslo, phone 482913.", "Who?"]
CAP = 6
FACTS = Facts("transformers 0", "CPU, 1 thread", "float32", 10, 40, 1000, "process", 8)


def asked(count: int = 3) -> list[tuple[Message, ...]]:
    return [conversation(("user", question)) for question in QUESTIONS[:count]]


@pytest.fixture(scope="module")
def student() -> Student:
    return load_student("scratch:tiny", Path(), scratch=Scratch(QUESTIONS * 3, vocab_size=320, seed=3))


@pytest.fixture(scope="module")
def folder(student: Student, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("speed") / "model"
    save_student(student, place)
    return place


def timed(folder: Path, **given: object) -> Speed:
    settings = {"home": folder, "max_new_tokens": CAP, "batch_size": 4, "repeats": 3, "threads": 1, **given}
    return time_student(folder, asked(), **settings)  # pyright: ignore[reportArgumentType]


def test_a_student_is_timed_in_a_process_of_its_own_whatever_others_print(
    student: Student, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text('raise SystemExit("this file is the user\'s own")\n')
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import atexit\nprint('{')\natexit.register(print, '}')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    ballast = b"x" * 2**30
    speed = timed(folder)
    said = answer_all(student.model, student.tokenizer, asked(), CAP, 1, lambda _: None)
    assert speed.mean_output_tokens == pytest.approx(sum(one.output_tokens for one in said) / len(said))
    assert (speed.prompts, speed.batch_size, speed.repeats) == (3, 4, 3)
    assert (speed.device, speed.dtype, speed.engine.split()[0]) == ("CPU, 1 thread", "float32", "transformers")
    assert (speed.parameters, speed.bytes) == (parameters(student.model), bytes_on_disk(folder))
    assert speed.peak_of == "process"
    assert speed.bytes < (speed.peak_bytes or inf) < len(ballast), "what the parent holds is not the student's"
    assert 0 < (speed.ttft_p50_s or 0) < (speed.p50_s or 0)
    assert speed.ttft_p95_s is speed.p95_s is None, "three prompts have no 95th percentile"
    assert (
        (speed.seconds_per_request_low or inf)
        < (speed.seconds_per_request or 0)
        < (speed.seconds_per_request_high or 0)
    )
    assert (speed.tokens_per_second or 0) > 0


def test_with_nothing_to_ask_the_size_is_measured_and_no_time(student: Student, folder: Path) -> None:
    speed = time_student(folder, [], home=folder, max_new_tokens=CAP, batch_size=4)
    assert speed.parameters == parameters(student.model)
    assert (speed.prompts, speed.repeats) == (0, 0)
    assert speed.ttft_p50_s is speed.p50_s is speed.tokens_per_second is speed.seconds_per_request is None
    assert speed.seconds_per_request_low is speed.mean_output_tokens is None


def test_a_folder_that_is_no_model_is_refused_in_the_words_of_loading(tmp_path: Path) -> None:
    with pytest.raises(BadStudent, match=r"^\S+: no config\.json"):
        timed(tmp_path)


def test_a_process_that_dies_says_its_last_words(folder: Path) -> None:
    with pytest.raises(BadStudent, match=r"(?s)ended with status 1; its last words:.*ZeroDivisionError"):
        timed(folder, batch_size=0)


def test_an_answer_alone_is_that_of_the_batch_and_is_told_token_by_token(student: Student) -> None:
    voice, told = voice_of(student.model, student.tokenizer), []
    together = answer_all(student.model, student.tokenizer, asked(), CAP, 3, lambda _: None)
    for messages, batched in zip(asked(), together, strict=True):
        told.clear()
        answer = answer_alone(voice, messages, CAP, lambda: told.append(1))
        assert (answer.text, answer.finish_reason) == (batched.text, batched.finish_reason)
        assert len(told) == answer.output_tokens


def test_a_prompt_without_room_is_answered_alone_with_nothing(student: Student) -> None:
    told: list[int] = []
    long = conversation(("user", "9" * 2000))
    answer = answer_alone(voice_of(student.model, student.tokenizer), long, CAP, lambda: told.append(1))
    assert (answer.text, answer.finish_reason, answer.output_tokens, told) == ("", "length", 0, [])


def test_figures_are_those_of_the_timings() -> None:
    alone = [Timing(number / 100, number / 10, number) for number in range(20, 0, -1)]
    speed = speed_of(FACTS, alone, [Pass(2.0, 8, 100), Pass(4.0, 8, 100)])
    assert (speed.ttft_p50_s, speed.ttft_p95_s) == (0.10, 0.19)
    assert (speed.p50_s, speed.p95_s) == (1.0, 1.9)
    assert speed.mean_output_tokens == 10.5
    assert speed.tokens_per_second == (50 + 25) / 2
    assert speed.seconds_per_request == 0.375
    assert speed.seconds_per_request_low == 0 < 0.375 < (speed.seconds_per_request_high or 0)


def test_the_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 3.0]
    expected = t.interval(0.95, 3, loc=2.5, scale=(5 / 3 / 4) ** 0.5)
    assert t_interval(values) == pytest.approx(expected)
    assert t_interval([1.0]) == (None, None)


def test_a_tail_of_few_values_is_not_told() -> None:
    values = [float(value) for value in range(20)]
    assert (quantile(values, 0.95), quantile(values[:19], 0.95)) == (18.0, None)
    assert (quantile([7.0], 0.5), quantile([], 0.5)) == (7.0, None)


def test_measuring_ends_when_it_is_late_but_not_before_the_fewest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(until_late(range(5))) == [0, 1, 2, 3, 4]
    monkeypatch.setattr(limits, "MOST_SECONDS", -1)
    assert list(until_late(range(5), 2)) == [0, 1]
    assert list(until_late(range(5))) == [0]
