"""Batched answers are those that each prompt gets alone, in the order in which they were asked."""

from pathlib import Path

import pytest

from potstill.store.rows import Message, conversation
from potstill.student.answer import answer_all
from potstill.student.load import Scratch, Student, load_student
from potstill.student.template import prompt_ids, turn_end

QUESTIONS = [
    "3 May 2021",
    "Anna lives in Oslo, phone 482913.",
    "Who?",
    "On the 12 of June 1999, a Saturday, in the rain",
]


@pytest.fixture(scope="module")
def student() -> Student:
    return load_student("scratch:tiny", Path(), scratch=Scratch(QUESTIONS * 3, vocab_size=320, seed=3))


def asked(count: int = 4) -> list[tuple[Message, ...]]:
    return [conversation(("user", question)) for question in QUESTIONS[:count]]


def test_a_batch_gives_what_each_prompt_gives_alone(student: Student) -> None:
    together = answer_all(student.model, student.tokenizer, asked(), 8, 4, lambda _: None)
    alone = [answer_all(student.model, student.tokenizer, [one], 8, 1, lambda _: None)[0] for one in asked()]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert len({answer.text for answer in together}) > 1


def test_progress_counts_every_answer(student: Student) -> None:
    done: list[int] = []
    answers = answer_all(student.model, student.tokenizer, asked(), 2, 3, done.append)
    assert sum(done) == len(answers) == 4
    assert all(answer.seconds > 0 for answer in answers)


def test_an_answer_that_reaches_the_cap_says_length(student: Student) -> None:
    answer = answer_all(student.model, student.tokenizer, asked(1), 3, 1, lambda _: None)[0]
    assert (answer.finish_reason, answer.output_tokens) == ("length", 3)


def test_an_answer_ends_at_the_end_of_turn_and_does_not_show_it(student: Student) -> None:
    config = student.model.generation_config
    assert config is not None
    config.eos_token_id = list(range(len(student.tokenizer)))
    try:
        answer = answer_all(student.model, student.tokenizer, asked(1), 8, 1, lambda _: None)[0]
    finally:
        config.eos_token_id = turn_end(student.tokenizer).token
    assert (answer.text, answer.finish_reason, answer.output_tokens) == ("", "stop", 1)


def test_a_models_own_sampling_settings_do_not_bend_greedy_answers(student: Student) -> None:
    plain = answer_all(student.model, student.tokenizer, asked(), 8, 4, lambda _: None)
    config = student.model.generation_config
    assert config is not None
    config.repetition_penalty, config.do_sample, config.temperature = 5.0, True, 9.0
    try:
        again = answer_all(student.model, student.tokenizer, asked(), 8, 4, lambda _: None)
    finally:
        config.repetition_penalty, config.do_sample, config.temperature = 1.0, False, 1.0
    assert [answer.text for answer in again] == [answer.text for answer in plain]


@pytest.mark.parametrize("room", [-5, 0, 1, 3])
def test_a_long_prompt_does_not_shorten_the_answers_of_its_neighbours(student: Student, room: int) -> None:
    length = len(prompt_ids(student.tokenizer, [conversation(("user", "9"))])[0]) - 1
    long = conversation(("user", "9" * (student.context - length - room)))
    together = answer_all(student.model, student.tokenizer, [long, *asked(3)], 8, 4, lambda _: None)
    alone = [answer_all(student.model, student.tokenizer, [one], 8, 1, lambda _: None)[0] for one in [long, *asked(3)]]
    assert [(one.text, one.finish_reason) for one in together] == [(one.text, one.finish_reason) for one in alone]
    assert together[0].output_tokens == max(0, room)
    assert [one.output_tokens for one in together[1:]] == [8, 8, 8]


def test_a_prompt_that_fills_the_context_gets_no_answer(student: Student) -> None:
    long = conversation(("user", "9" * 2000))
    answers = answer_all(student.model, student.tokenizer, [long, *asked(1)], 4, 1, lambda _: None)
    assert (answers[0].text, answers[0].finish_reason) == ("", "length")
    assert answers[1].output_tokens > 0
