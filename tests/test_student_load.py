"""A student comes back as it was saved, and one that cannot be trained is refused before anything is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

from potstill.errors import BadStudent
from potstill.student.check import check_student
from potstill.student.load import Scratch, Student, load_base, load_student, save_student
from potstill.student.measure import bytes_on_disk, parameters
from potstill.student.template import turn_end

TEXTS = ["Anna lives in Oslo, phone 482913.", "3 May 2021", "2021-05-03"] * 5


def tiny(seed: int = 0) -> Student:
    return load_student("scratch:tiny", Path(), scratch=Scratch(TEXTS, vocab_size=320, seed=seed))


def logits(student: Student) -> torch.Tensor:
    ids = torch.tensor([student.tokenizer("Anna lives in Oslo")["input_ids"]])
    with torch.inference_mode():
        return student.model(input_ids=ids).logits


def test_saved_and_loaded_gives_identical_logits(tmp_path: Path) -> None:
    student = tiny()
    save_student(student, tmp_path / "model")
    loaded = load_student("model", tmp_path)
    assert loaded.kind == "local"
    assert torch.equal(logits(student), logits(loaded))
    assert loaded.tokenizer.get_chat_template() == student.tokenizer.get_chat_template()
    assert bytes_on_disk(tmp_path / "model") > 4 * parameters(student.model)


def test_a_saved_student_stops_at_its_templates_end_of_turn(tmp_path: Path) -> None:
    student = tiny()
    student.tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_end|>"]}, replace_extra_special_tokens=False)
    student.tokenizer.chat_template = str(student.tokenizer.chat_template).replace("<|end|>", "<|im_end|>")
    student.model.resize_token_embeddings(len(student.tokenizer))
    save_student(student, tmp_path)
    loaded = load_student(str(tmp_path), tmp_path)
    assert loaded.model.generation_config is not None
    assert turn_end(loaded.tokenizer).token in loaded.model.generation_config.eos_token_id


def test_the_same_seed_gives_the_same_start_and_another_another() -> None:
    assert torch.equal(logits(tiny(0)), logits(tiny(0)))
    assert not torch.equal(logits(tiny(0)), logits(tiny(1)))


def test_a_student_is_saved_in_the_number_format_it_came_in(tmp_path: Path) -> None:
    student = tiny()
    student.model.bfloat16().save_pretrained(tmp_path / "half")
    student.tokenizer.save_pretrained(tmp_path / "half")
    loaded = load_student("half", tmp_path)
    assert loaded.model.dtype == torch.float32
    save_student(loaded, tmp_path / "again")
    weights = load_file(tmp_path / "again" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}


def test_a_base_is_found_where_it_was_saved_or_named(tmp_path: Path) -> None:
    student = tiny()
    save_student(student, tmp_path / "base")
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "base.json").write_text('{"spec": "base", "revision": "", "thinking": false}')
    for folder in ("base", "named"):
        assert torch.equal(logits(load_base(tmp_path / folder, tmp_path)), logits(student))


def test_an_unknown_size_names_the_known() -> None:
    with pytest.raises(BadStudent, match="scratch:tiny, scratch:small"):
        check_student("scratch:enormous", Path())


def test_a_tokenizer_without_chat_template_is_refused(tmp_path: Path) -> None:
    student = tiny()
    student.tokenizer.chat_template = None
    student.model.save_pretrained(tmp_path)
    student.tokenizer.save_pretrained(tmp_path)
    for check in (check_student, load_student):
        with pytest.raises(BadStudent, match="no chat template"):
            check(str(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer_config.json", "save the model's"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, missing: str, said: str) -> None:
    save_student(tiny(), tmp_path)
    check_student(str(tmp_path), tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(BadStudent, match=said):
        check_student(str(tmp_path), tmp_path)


def test_a_folder_with_torn_weights_says_what_to_do(tmp_path: Path) -> None:
    save_student(tiny(), tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(BadStudent, match="cannot be loaded"):
        load_student(str(tmp_path), tmp_path)


def test_a_path_that_is_not_there_is_not_taken_for_a_hub_name(tmp_path: Path) -> None:
    with pytest.raises(BadStudent, match="there is no folder"):
        check_student("./students/mine", tmp_path)


def test_a_hub_model_that_is_not_cached_is_refused_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadStudent, match="the Hugging Face Hub says"):
        check_student("someone/some-model", tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadStudent, match="HF_HUB_OFFLINE"):
        check_student("someone/some-model", tmp_path)


def test_preflight_imports_neither_torch_nor_transformers() -> None:
    script = (
        "import sys; from pathlib import Path; import potstill.train.stage; from potstill.student.check import *\n"
        "check_student('scratch:tiny', Path())\n"
        "print({'torch', 'transformers', 'trl', 'datasets', 'peft'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "set()"
