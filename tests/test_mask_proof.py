"""The proof refuses every mask that is not the answer with its end of turn, in rows and in the trainer's batches."""

from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from trl.data_utils import pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from potstill.errors import BadStudent
from potstill.store.rows import conversation
from potstill.student.encode import Encoded
from potstill.student.load import load_tokenizer
from potstill.student.tokenizer import PAD, train_tokenizer
from potstill.train.proof import prove_batches, prove_rows, prove_saved
from potstill.train.rows import EncodedRow, Row, encode_rows

PAIRS = [("Anna lives in Oslo.", "Oslo"), ("3 May 2021", "2021-05-03"), ("Who?", ""), ("Ünïcode ☕", "日本 \n ok")]
TOKENIZER = train_tokenizer([text for pair in PAIRS for text in pair] * 3, vocab_size=300, context=256)
PAD_ID = TOKENIZER.get_vocab()[PAD]


def rows() -> list[EncodedRow]:
    made = [
        Row(f"row{at}", conversation(("system", "Short."), ("user", asked)), conversation(("assistant", said)))
        for at, (asked, said) in enumerate(PAIRS)
    ]
    return list(encode_rows(TOKENIZER, made, max_length=256).rows)


def batch_of(encoded: list[EncodedRow]) -> dict[str, Any]:
    collate = DataCollatorForLanguageModeling(pad_token_id=PAD_ID)
    features = [{"input_ids": list(one.encoded.input_ids), "labels": one.encoded.labels} for one in encoded]
    return collate(features)


def test_good_rows_are_proved_and_described() -> None:
    proof = prove_rows(TOKENIZER, rows())
    assert proof["rows"] == len(PAIRS)
    assert proof["example"] == "<|system|>Short.<|end|><|user|>Anna lives in Oslo.<|end|><|assistant|>⟦Oslo<|end|>⟧"
    assert proof["answers_changed"] == {}
    assert 0 < proof["trained_tokens"] < proof["tokens"]


def test_good_rows_are_read_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    decode = TOKENIZER.decode
    monkeypatch.setattr(TOKENIZER, "decode", lambda ids, **how: (read.append(ids), decode(ids, **how))[1])
    good = rows() * 10
    prove_rows(TOKENIZER, good)
    assert len(good) <= len(read) < 1.2 * len(good)


def test_a_saved_tokenizer_is_the_one_that_trained(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    prove_saved(load_tokenizer(tmp_path), TOKENIZER, rows()[1])
    other = train_tokenizer(["Anna lives in Oslo."], vocab_size=300, context=256)
    with pytest.raises(BadStudent, match="row1: what the saved tokenizer makes of it"):
        prove_saved(other, TOKENIZER, rows()[1])
    (tmp_path / "chat_template.jinja").write_text(str(TOKENIZER.chat_template) + "{# #}", encoding="utf-8")
    with pytest.raises(BadStudent, match="a server would render what it never saw"):
        prove_saved(load_tokenizer(tmp_path), TOKENIZER, rows()[1])


def without_end(encoded: Encoded) -> Encoded:
    return replace(encoded, stop=encoded.stop - 1)


def with_prompt(encoded: Encoded) -> Encoded:
    return replace(encoded, start=encoded.start - 1)


def without_beginning(encoded: Encoded) -> Encoded:
    return replace(encoded, start=encoded.start + 1)


def without_anything(encoded: Encoded) -> Encoded:
    return replace(encoded, start=encoded.stop)


def cut(encoded: Encoded) -> Encoded:
    return replace(encoded, input_ids=encoded.input_ids[:-2], stop=encoded.stop - 2)


def another_answer(encoded: Encoded) -> Encoded:
    ids = array("i", encoded.input_ids)
    ids[encoded.start] = TOKENIZER.get_vocab()["z"]
    return replace(encoded, input_ids=ids)


def another_prompt(encoded: Encoded) -> Encoded:
    ids = array("i", encoded.input_ids)
    ids[1] = TOKENIZER.get_vocab()["z"]
    return replace(encoded, input_ids=ids)


@pytest.mark.parametrize(
    "broken", [without_end, with_prompt, without_beginning, without_anything, cut, another_answer, another_prompt]
)
def test_a_broken_mask_is_refused_with_its_row(broken: Callable[[Encoded], Encoded]) -> None:
    good = rows()
    bad = [*good[:1], replace(good[1], encoded=broken(good[1].encoded)), *good[2:]]
    with pytest.raises(BadStudent, match="row1"):
        prove_rows(TOKENIZER, bad)


def test_a_second_bos_is_refused() -> None:
    tokenizer = train_tokenizer([text for pair in PAIRS for text in pair] * 3, vocab_size=300, context=256)
    tokenizer.bos_token = "<|system|>"
    tokenizer.chat_template = "<|system|><|system|>" + str(tokenizer.chat_template)
    made = [Row("twice", conversation(("user", "Who?")), conversation(("assistant", "I")))]
    with pytest.raises(BadStudent, match="twice: it begins with two"):
        prove_rows(tokenizer, encode_rows(tokenizer, made, max_length=256).rows)


def test_padded_batches_are_proved() -> None:
    assert prove_batches(TOKENIZER, rows(), [batch_of(rows())]) == {"batches": 1, "rows": len(PAIRS)}


def test_packed_batches_are_proved_row_by_row() -> None:
    columns = [{"input_ids": list(one.encoded.input_ids), "labels": one.encoded.labels} for one in rows()]
    packed = pack_dataset(Dataset.from_list(columns), 64, "bfd")
    assert len(packed) < len(PAIRS)
    collate = DataCollatorForLanguageModeling(pad_token_id=PAD_ID, padding_free=True)
    batch = collate([packed[at] for at in range(len(packed))])
    assert prove_batches(TOKENIZER, rows(), [batch]) == {"batches": 1, "rows": len(PAIRS)}


def test_a_batch_that_trains_on_padding_is_refused() -> None:
    batch = batch_of(rows())
    batch["labels"][batch["attention_mask"] == 0] = 0
    with pytest.raises(BadStudent, match="padding"):
        prove_batches(TOKENIZER, rows(), [batch])


def test_a_batch_with_another_mask_is_refused_with_its_row() -> None:
    batch = batch_of(rows()[:1])
    batch["labels"][0] = batch["input_ids"][0]
    with pytest.raises(BadStudent, match="row0: its mask in the batch"):
        prove_batches(TOKENIZER, rows(), [batch])


def test_a_packer_that_cuts_is_refused() -> None:
    columns = [{"input_ids": list(one.encoded.input_ids), "labels": one.encoded.labels} for one in rows()]
    packed = pack_dataset(Dataset.from_list(columns), 12, "bfd")
    collate = DataCollatorForLanguageModeling(pad_token_id=PAD_ID, padding_free=True)
    with pytest.raises(BadStudent, match="none of the proved ones"):
        prove_batches(TOKENIZER, rows(), [collate([packed[at] for at in range(len(packed))])])
