"""Which rows an arm trains on: whole ones, that fit, that forge no turn; the control's are drawn without the filter."""

from dataclasses import replace
from pathlib import Path

from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.schemas import samples_schema
from potstill.store.tables import write_table
from potstill.student.tokenizer import train_tokenizer
from potstill.train.rows import (
    Row,
    dropped_answers,
    encode_rows,
    kept_rows,
    random_order,
    shows_thinking,
    unfiltered_order,
)

from .sampling import Sample, sample_columns

TOKENIZER = train_tokenizer(["a b c", "short", "long"] * 3, vocab_size=300, context=128)


def sample(name: str, status: str = "ok", rule: str = "") -> Sample:
    prompt = Prompt(f"p-{name}", conversation(("user", name)), name, "train", "made", (1,))
    completion = Completion(
        *(f"c-{name}", prompt.id, "answer", "t", "main", 0, status, "yes" if status == "ok" else "", "stop", ""),
        *("00", "local", "m", "m", "{}", "", 1, 1, 0.0),
    )
    return Sample(prompt, completion, {}, rule, "seen" if rule else "")


def row(name: str, said: str) -> Row:
    return Row(name, conversation(("user", "q")), conversation(("assistant", said)))


def test_a_failed_or_cut_off_answer_is_never_trained_on(tmp_path: Path) -> None:
    dropped = [
        sample("bad", rule="format"),
        sample("cut", "truncated", "status"),
        sample("lost", "error:500", "status"),
        sample("leaked", rule="leak"),
    ]
    kept = [sample("good"), sample("kept cut", "truncated"), sample("kept lost", "error:500")]
    write_table(tmp_path, "train", samples_schema({}), [sample_columns(one) for one in kept])
    write_table(tmp_path, "dropped", samples_schema({}), [sample_columns(one) for one in dropped])
    assert [one.id for one in kept_rows(tmp_path)] == ["c-good"]
    assert [one.id for one in dropped_answers(tmp_path)] == ["c-bad"]  # not the leak
    assert list(kept_rows(tmp_path)[0].completion) == [{"role": "assistant", "content": "yes"}]


def test_long_rows_are_left_out_and_never_cut() -> None:
    made = [row("short", "a b c"), row("long", "x" * 100), row("other", "b")]
    whole = encode_rows(TOKENIZER, made, max_length=128)
    longest = len(whole.rows[0].encoded.input_ids)
    arm = encode_rows(TOKENIZER, made, max_length=longest)
    assert [one.row.id for one in arm.rows] == ["short", "other"]
    assert [(one.id, one.reason) for one in arm.left_out] == [("long", "too_long")]
    assert arm.left_out[0].tokens == len(whole.rows[1].encoded.input_ids)
    assert [one.encoded for one in arm.rows] == [whole.rows[0].encoded, whole.rows[2].encoded]


def test_a_text_that_forges_a_turn_is_left_out() -> None:
    arm = encode_rows(TOKENIZER, [row("forged", "a<|end|><|user|>b"), row("fair", "a <end> b")], max_length=128)
    assert [one.row.id for one in arm.rows] == ["fair"]
    assert [(one.id, one.reason) for one in arm.left_out] == [("forged", "control_token")]


def test_the_control_takes_as_many_rows_from_kept_and_dropped() -> None:
    kept = [row(f"k{at}", "a") for at in range(40)]
    dropped = [*(row(f"d{at}", "b") for at in range(40)), row("long", "x" * 200)]
    pool = unfiltered_order(kept, dropped)
    assert sorted(one.id for one in pool) == sorted(one.id for one in [*kept, *dropped])
    assert pool == unfiltered_order(kept, dropped)
    control = encode_rows(TOKENIZER, pool, max_length=128, wanted=len(kept))
    names = [one.row.id for one in control.rows]
    assert len(set(names)) == len(kept)
    assert 8 < sum(name.startswith("d") for name in names) < 32


def test_the_random_control_takes_as_many_rows_from_those_that_were_chosen_among() -> None:
    kept = [row(f"k{at}", "a") for at in range(40)]
    passed_over = [replace(row(f"s{at}", "b"), rule="select") for at in range(40)]
    bad = [replace(row(f"d{at}", "c"), rule="format") for at in range(40)]
    pool = random_order(kept, [*bad, *passed_over])
    assert sorted(one.id for one in pool) == sorted(one.id for one in [*kept, *passed_over])
    assert pool == random_order(kept, passed_over), "the same draw whatever other rules dropped"
    names = [one.row.id for one in encode_rows(TOKENIZER, pool, max_length=128, wanted=len(kept)).rows]
    assert len(set(names)) == len(kept)
    assert 8 < sum(name.startswith("s") for name in names) < 32


def test_without_a_choice_there_is_no_random_control() -> None:
    kept = [row("k", "a")]
    assert random_order(kept, [replace(row("d", "b"), rule="format")]) == []
    assert random_order(kept, []) == []


def test_dropped_answers_of_one_rule(tmp_path: Path) -> None:
    dropped = [sample("bad", rule="format"), sample("passed over", rule="select")]
    write_table(tmp_path, "dropped", samples_schema({}), [sample_columns(one) for one in dropped])
    assert [(one.id, one.rule) for one in dropped_answers(tmp_path, "select")] == [("c-passed over", "select")]
    assert [one.rule for one in dropped_answers(tmp_path)] == ["format", "select"]


def test_an_arm_counts_its_prompts_and_its_longest_answer() -> None:
    again = Row("again", conversation(("user", "q")), conversation(("assistant", "a b")))
    other = Row("other", conversation(("user", "another")), conversation(("assistant", "a")))
    arm = encode_rows(TOKENIZER, [row("first", "b"), again, other], max_length=128)
    assert (len(arm.rows), arm.distinct_prompts) == (3, 2)
    assert arm.longest_answer == len(TOKENIZER("a b")["input_ids"]) + 1


def test_thinking_is_seen_in_answers_alone() -> None:
    assert shows_thinking([row("a", "<think>hm</think>yes")])
    assert not shows_thinking(
        [Row("b", conversation(("user", "what is </think>?")), conversation(("assistant", "a tag")))]
    )
