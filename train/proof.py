"""The mask proof: what is trained is exactly the answers and their ends of turn, or nothing is trained.

The encoder makes the masks; this file does not trust it. It renders every prompt again the way a server does, reads
each row's mask back into text, and then holds the collated (and packed) batches of the very trainer against the rows.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import BadStudent
from ..student.encode import BATCH, NOT_TRAINED, Encoded, change_of, encode
from ..student.template import TurnEnd, template_digest, turn_end
from .rows import EncodedRow

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

TRAINED_FROM, TRAINED_TO = "⟦", "⟧"
"""What the example of the report puts around the trained part."""


def prove_rows(tokenizer: PreTrainedTokenizerBase, rows: Sequence[EncodedRow]) -> dict[str, Any]:
    """Prove every row's mask and return what was seen, as JSON.

    Raises:
        BadStudent: a row trains something else than its answer and end of turn; says which, and shows the difference.
    """
    end = turn_end(tokenizer)
    for at in range(0, len(rows), BATCH):
        batch = rows[at : at + BATCH]
        for one, asked in zip(batch, _as_served(tokenizer, batch), strict=True):
            _prove_row(tokenizer, one, asked, end)
    changes = Counter(one.encoded.change for one in rows if one.encoded.change)
    return {
        "rows": len(rows),
        "tokens": sum(len(one.encoded.input_ids) for one in rows),
        "trained_tokens": sum(one.encoded.stop - one.encoded.start for one in rows),
        "template": template_digest(tokenizer),
        "end_of_turn": tokenizer.decode([end.token]),
        "answers_changed": dict(changes),
        "prompts_changed": sum(one.encoded.prompt_changed for one in rows),
        "tokenised_apart": sum(one.encoded.joined for one in rows),
        "example": _example(tokenizer, rows[0].encoded) if rows else "",
    }


def prove_batches(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[EncodedRow], batches: Iterable[Mapping[str, Tensor]]
) -> dict[str, int]:
    """Prove that collated batches hold proved rows, whole, with their masks; return how many batches and rows.

    Raises:
        BadStudent: a collator or a packer cut a row or moved its mask.
    """
    known = {one.encoded.input_ids.tobytes(): one for one in rows}
    seen = Counter(batches=0, rows=0)
    for batch in batches:
        seen["batches"] += 1
        for ids, labels in rows_in(batch):
            seen["rows"] += 1
            one = known.get(_bytes(ids))
            if one is None:
                raise BadStudent(f"a batch holds a row that is none of the proved ones: {tokenizer.decode(ids)!r}")
            if labels != one.encoded.labels:
                _refuse(
                    one.row.id,
                    "its mask in the batch",
                    _shown(tokenizer, ids, labels),
                    _example(tokenizer, one.encoded),
                )
    return dict(seen)


def prove_saved(saved: PreTrainedTokenizerBase, trained: PreTrainedTokenizerBase, row: EncodedRow) -> None:
    """Prove that a tokenizer that was saved and loaded again renders and reads as the one that trained.

    Raises:
        BadStudent: what would be served is not what was trained.
    """
    digests = template_digest(saved), template_digest(trained)
    if digests[0] != digests[1]:
        raise BadStudent(
            f"the student was trained with chat template {digests[1]} and saved with {digests[0]}: a server would render "
            "what it never saw; save the tokenizer with one chat template into a local folder, and give that"
        )
    again = encode(saved, row.row.prompt, row.row.completion)
    if again != row.encoded:
        _refuse(
            row.row.id, "what the saved tokenizer makes of it", _example(saved, again), _example(trained, row.encoded)
        )


def rows_in(batch: Mapping[str, Tensor]) -> Iterator[tuple[list[int], list[int]]]:
    """The (ids, labels) of each row in a collated batch: padded rows, or packed ones that restart at position 0.

    Raises:
        BadStudent: a label other than -100 on padding.
    """
    if "attention_mask" in batch:
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"].bool(), strict=True):
            if (labels[~mask] != NOT_TRAINED).any():
                raise BadStudent("a batch trains on padding")
            yield ids[mask].tolist(), labels[mask].tolist()
        return
    for ids, labels, positions in zip(batch["input_ids"], batch["labels"], batch["position_ids"], strict=True):
        starts = [*(positions == 0).nonzero().flatten().tolist(), len(ids)]
        for start, stop in pairwise(starts):
            yield ids[start:stop].tolist(), labels[start:stop].tolist()


def _as_served(tokenizer: PreTrainedTokenizerBase, batch: Sequence[EncodedRow]) -> list[list[int]]:
    """The ids of each prompt by the tokenizer's own way from messages to ids, which servers use."""
    conversations = [[dict(turn) for turn in one.row.prompt] for one in batch]
    return tokenizer.apply_chat_template(conversations, add_generation_prompt=True, return_dict=False)  # pyright: ignore


def _prove_row(tokenizer: PreTrainedTokenizerBase, one: EncodedRow, asked: Sequence[int], end: TurnEnd) -> None:
    ids, labels, name = list(one.encoded.input_ids), one.encoded.labels, one.row.id
    trained = [place for place, label in enumerate(labels) if label != NOT_TRAINED]
    if not trained:
        raise BadStudent(f"row {name}: no token of it would be trained: {_shown(tokenizer, ids, labels)!r}")
    if ids[: len(asked)] != list(asked):
        _refuse(name, "its prompt", tokenizer.decode(ids[: len(asked)]), tokenizer.decode(list(asked)))
    if ids[:2] == [tokenizer.bos_token_id] * 2:
        raise BadStudent(f"row {name}: it begins with two {tokenizer.bos_token}; the chat template puts one too many")
    if trained != list(range(len(asked), trained[-1] + 1)):
        _refuse(name, "its mask", _shown(tokenizer, ids, labels), "one span that begins where the prompt ends")
    if any(labels[place] != ids[place] for place in trained):
        _refuse(
            name, "its labels", tokenizer.decode([labels[place] for place in trained]), "the ids of the same places"
        )
    if ids[trained[-1]] != end.token or ids[trained[-1] :].count(end.token) != end.repeats:
        wanted = f"a span that ends with {tokenizer.decode([end.token])!r}"
        _refuse(name, "the end of its mask", _shown(tokenizer, ids, labels), wanted)
    said = str(tokenizer.decode([ids[place] for place in trained[:-1]]))
    try:
        change_of(_plain(one.row.completion[0]["content"]), _plain(said))
    except BadStudent as error:
        raise BadStudent(f"row {name}: {error}") from None


def _refuse(row: str, what: str, got: object, wanted: object) -> None:
    raise BadStudent(
        f"row {row}: {what} is not what it must be, so nothing is trained:\n  is     {got!r}\n  not    {wanted!r}"
    )


def _plain(text: str) -> str:
    """Text up to compatibility forms, which many tokenizers fold."""
    return unicodedata.normalize("NFKC", text)


def _bytes(ids: Sequence[int]) -> bytes:
    return array("i", ids).tobytes()


def _example(tokenizer: PreTrainedTokenizerBase, encoded: Encoded) -> str:
    return _shown(tokenizer, list(encoded.input_ids), encoded.labels)


def _shown(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], labels: Sequence[int]) -> str:
    """The row as text, each trained stretch between ⟦ and ⟧."""
    pieces: list[str] = []
    start = 0
    for place in range(1, len(ids) + 1):
        if place == len(ids) or (labels[place] == NOT_TRAINED) != (labels[start] == NOT_TRAINED):
            text = str(tokenizer.decode(list(ids[start:place])))
            pieces.append(text if labels[start] == NOT_TRAINED else f"{TRAINED_FROM}{text}{TRAINED_TO}")
            start = place
    return "".join(pieces)
