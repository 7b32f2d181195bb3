"""Only the answer and its end of turn carry labels, for any conversation and any template that can be trained."""

from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AddedToken, PreTrainedTokenizerFast

from potstill.errors import BadStudent
from potstill.store.rows import Message, conversation
from potstill.student.encode import NOT_TRAINED, encode
from potstill.student.template import NO_THINKING, control_texts, prompt_ids, settle_thinking, template_digest, turn_end
from potstill.student.tokenizer import train_tokenizer

CORPUS = ["Anna lives in Oslo, phone 482913.", '{"name": "Anna", "city": "Oslo"}', "3 May 2021", "2021-05-03"] * 5
SCRATCH = train_tokenizer(CORPUS, vocab_size=320, context=256)

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40)
TURNS = st.tuples(st.booleans(), st.lists(st.tuples(TEXT, TEXT), max_size=2), TEXT, TEXT)


def tokenizer_with(template: str) -> PreTrainedTokenizerFast:
    """The scratch tokenizer under another template, with that template's control tokens."""
    tokenizer = train_tokenizer(CORPUS, vocab_size=320, context=256)
    ends = ["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>"]
    tokenizer.add_tokens([AddedToken(text, special=True) for text in [*ends, "<end_of_turn>", "<start_of_turn>"]])
    tokenizer.bos_token = "<|begin_of_text|>"
    tokenizer.chat_template = template
    return tokenizer


def shipped(name: str) -> PreTrainedTokenizerFast:
    """The tokenizer under a model family's own template, as TRL ships it."""
    return tokenizer_with(files("trl").joinpath("chat_templates", f"{name}.jinja").read_text(encoding="utf-8"))


def trained_text(tokenizer: PreTrainedTokenizerFast, prompt: tuple[Message, ...], answer: str) -> str:
    encoded = encode(tokenizer, prompt, conversation(("assistant", answer)))
    return str(tokenizer.decode([label for label in encoded.labels if label != NOT_TRAINED]))


@settings(max_examples=150, deadline=None)
@given(TURNS)
def test_exactly_the_answer_and_its_end_are_trained(turns: tuple[bool, list[tuple[str, str]], str, str]) -> None:
    with_system, history, question, answer = turns
    prompt = conversation(
        *([("system", "Be brief.")] if with_system else []),
        *(turn for said, replied in history for turn in (("user", said), ("assistant", replied))),
        ("user", question),
    )
    encoded = encode(SCRATCH, prompt, conversation(("assistant", answer)))
    ids, labels = list(encoded.input_ids), encoded.labels
    asked = prompt_ids(SCRATCH, [prompt])[0]
    assert ids[: len(asked)] == asked
    assert len(labels) == len(ids)
    assert [place for place, label in enumerate(labels) if label != NOT_TRAINED] == list(range(len(asked), len(ids)))
    assert labels[len(asked) :] == ids[len(asked) :]
    assert SCRATCH.decode(ids[len(asked) : -1]) == answer
    assert ids[-1] == SCRATCH.eos_token_id
    assert not encoded.change


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("qwen2_5", "<|im_end|>"),
        ("qwen3_instruct_2507", "<|im_end|>"),
        ("llama3", "<|eot_id|>"),
        ("phi3", "<|end|>"),
        ("gemma", "<end_of_turn>"),
    ],
)
def test_templates_of_model_families_train_the_answer_and_their_own_end(name: str, end: str) -> None:
    tokenizer = shipped(name)
    prompt = conversation(("user", "When?"), ("assistant", "May."), ("user", "Which day?"))
    assert trained_text(tokenizer, prompt, "3 May 2021") == "3 May 2021" + end
    assert tokenizer.decode([turn_end(tokenizer).token]) == end


def test_white_space_that_a_template_strips_is_declared() -> None:
    encoded = encode(shipped("llama3"), conversation(("user", "When?")), conversation(("assistant", " 3 May\n")))
    assert encoded.change == "white space"


def test_a_thinking_template_is_told_not_to_think_and_says_so_itself() -> None:
    tokenizer = shipped("qwen3")
    before = template_digest(tokenizer)
    settle_thinking(tokenizer, thinking=False)
    prompt = conversation(("user", "When?"))
    assert trained_text(tokenizer, prompt, "3 May 2021") == "3 May 2021<|im_end|>"
    assert str(tokenizer.decode(prompt_ids(tokenizer, [prompt])[0])).endswith("<think>\n\n</think>\n\n")
    settle_thinking(tokenizer, thinking=False)
    assert str(tokenizer.chat_template).count(NO_THINKING) == 1
    settle_thinking(tokenizer, thinking=True)
    assert template_digest(tokenizer) == before


def test_answers_that_show_their_thinking_keep_it() -> None:
    tokenizer = shipped("qwen3")
    settle_thinking(tokenizer, thinking=True)
    said = "<think>\nMay is the fifth.\n</think>\n\n2021-05-03"
    assert trained_text(tokenizer, conversation(("user", "When?")), said) == said + "<|im_end|>"


def test_an_empty_think_block_that_a_template_inserts_is_declared() -> None:
    tokenizer = shipped("qwen3")
    encoded = encode(tokenizer, conversation(("user", "When?")), conversation(("assistant", "3 May")))
    assert encoded.change == "insertion"


DROPPING = (
    "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}<|im_end|>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)


def test_thinking_that_a_template_drops_is_declared() -> None:
    answer = conversation(("assistant", "<think>May is the fifth.</think>2021-05-03"))
    assert encode(tokenizer_with(DROPPING), conversation(("user", "When?")), answer).change == "reasoning"


def test_an_answer_that_is_nothing_but_dropped_thinking_is_refused() -> None:
    answer = conversation(("assistant", "<think>May is the fifth.</think>"))
    with pytest.raises(BadStudent, match="into ''"):
        encode(tokenizer_with(DROPPING), conversation(("user", "When?")), answer)


def test_a_thinking_tag_that_the_template_puts_into_the_prompt_is_declared() -> None:
    opening = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n<think>{% endif -%}"
    )
    said = "<think>May is the fifth.</think>2021-05-03"
    encoded = encode(tokenizer_with(opening), conversation(("user", "When?")), conversation(("assistant", said)))
    assert encoded.change == "reasoning"


@pytest.mark.parametrize("said", ["3 May", "<think>May is the fifth of the twelve months.</think>3 May"])
def test_words_that_a_template_puts_before_an_answer_are_refused(said: str) -> None:
    speaking = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ 'As your assistant I say: ' if m.role == 'assistant' }}"
        "{{ m.content.split('</think>')[-1] }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
    )
    with pytest.raises(BadStudent, match="into 'As your assistant I say: 3 May'"):
        encode(tokenizer_with(speaking), conversation(("user", "When?")), conversation(("assistant", said)))


def test_a_prompt_that_a_template_changes_is_declared() -> None:
    trimming = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
    )
    tokenizer, answer = tokenizer_with(trimming), conversation(("assistant", "May"))
    assert encode(tokenizer, conversation(("user", " When? ")), answer).prompt_changed
    assert not encode(tokenizer, conversation(("user", "When?")), answer).prompt_changed


def test_an_answer_that_merges_with_the_prompt_is_tokenised_as_it_is_served() -> None:
    merging = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant on {% endif -%}"
    )
    template = merging.replace("{{ m.role }} ", "{{ m.role }}{{ ' on ' if m.role == 'assistant' else ' ' }}")
    tokenizer = train_tokenizer([*CORPUS, *["assistant on  May"] * 20], vocab_size=320, context=256)
    tokenizer.add_tokens([AddedToken(text, special=True) for text in ("<|im_start|>", "<|im_end|>")])
    tokenizer.chat_template = template
    prompt = conversation(("user", "When?"))
    encoded = encode(tokenizer, prompt, conversation(("assistant", " May")))
    asked = prompt_ids(tokenizer, [prompt])[0]
    assert list(encoded.input_ids)[: len(asked)] == asked
    assert tokenizer.decode(encoded.input_ids[len(asked) : -1].tolist()) == " May"


def test_a_generation_prompt_that_is_no_prefix_is_refused() -> None:
    unlike = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n<think>{% endif -%}"
    )
    with pytest.raises(BadStudent, match="trained on what it never sees"):
        encode(tokenizer_with(unlike), conversation(("user", "When?")), conversation(("assistant", "May")))


def test_a_template_that_alters_the_answer_is_refused() -> None:
    shouting = (
        "{%- for m in messages -%}<|im_start|>{{ m.role }}\n"
        "{{ m.content | upper if m.content != 'Zq7' else m.content }}<|im_end|>{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
    )
    with pytest.raises(BadStudent, match="turns the answer 'May' into 'MAY'"):
        encode(tokenizer_with(shouting), conversation(("user", "When?")), conversation(("assistant", "May")))


def test_a_template_without_an_end_of_turn_is_refused() -> None:
    endless = "{%- for m in messages -%}{{ m.role }}: {{ m.content }}\n{%- endfor -%}assistant:"
    with pytest.raises(BadStudent, match="never learn to stop"):
        encode(tokenizer_with(endless), conversation(("user", "When?")), conversation(("assistant", "May")))


def test_a_template_that_does_not_take_the_conversation_says_so() -> None:
    with pytest.raises(BadStudent, match="system, user"):
        encode(shipped("gemma"), conversation(("system", "s"), ("user", "u")), conversation(("assistant", "a")))


def test_a_completion_of_several_turns_is_refused() -> None:
    with pytest.raises(BadStudent, match="one assistant turn"):
        encode(SCRATCH, conversation(("user", "u")), conversation(("assistant", "a"), ("user", "b")))


def test_control_texts_are_those_of_the_template_too() -> None:
    assert {"<|end|>", "<|user|>", "<|im_end|>"} <= set(control_texts(tokenizer_with(str(SCRATCH.chat_template))))


def test_a_tokenizer_of_the_same_texts_is_the_same() -> None:
    again = train_tokenizer(CORPUS, vocab_size=320, context=256)
    assert again.get_vocab() == SCRATCH.get_vocab()
    assert again.tokenize("12 May 2021 ☕") == SCRATCH.tokenize("12 May 2021 ☕")
    assert again.tokenize("482") == ["4", "8", "2"]
