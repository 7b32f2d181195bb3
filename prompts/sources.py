"""Where prompts come from: each source is a stream of plain records with the number of the line that held them."""

import csv
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from ..errors import BadPrompts, MissingExtra

Record = Mapping[str, Any]
Numbered = tuple[int, Record]

_BOM = b"\xef\xbb\xbf"
_LARGEST_FIELD = 2**31 - 1
_OWNER_AND_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def read_source(path: str, home: Path) -> Iterator[Numbered]:
    """(line or row number from 1, record) for every row of a source.

    Raises:
        BadPrompts: it is not there, is of no known kind, or a line of it cannot be read.
    """
    if path.startswith("practice://"):
        from ..teacher.practice.source import practice_prompts

        return enumerate(practice_prompts(path), start=1)
    file = home / Path(path).expanduser()
    if file.is_dir():
        return _saved_dataset(file)
    if file.suffix not in READERS:
        if not file.exists() and (not file.suffix or _OWNER_AND_NAME.fullmatch(path)):
            return _hub_dataset(path)
        raise BadPrompts(f"{file}: prompts come from {', '.join(READERS)}, a folder saved by datasets, or the Hub")
    if not file.exists():
        raise BadPrompts(
            f"{file}: there is no such file ('prompts.path' in the recipe, relative to the recipe's folder)"
        )
    return READERS[file.suffix](file)


def _jsonl(file: Path) -> Iterator[Numbered]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.removeprefix(_BOM) if number == 1 else line
            if not text.strip():
                continue
            try:
                record = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise BadPrompts(f"{file}, line {number}: not JSON ({error}); each line is one JSON object") from None
            if not isinstance(record, dict):
                raise BadPrompts(f"{file}, line {number}: a {type(record).__name__}; each line is one JSON object")
            yield number, record


def _csv(file: Path) -> Iterator[Numbered]:
    csv.field_size_limit(_LARGEST_FIELD)  # the module's own limit, 131,072, is less than a long document
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        try:
            for record in reader:
                if None in record or None in record.values():
                    raise BadPrompts(f"{file}, line {reader.line_num}: not as many fields as the header has")
                yield reader.line_num, {name: value for name, value in record.items() if value != ""}
        except csv.Error as error:
            raise BadPrompts(f"{file}, line {reader.line_num}: {error}") from None
        except UnicodeDecodeError:
            raise BadPrompts(
                f"{file}, line {_first_not_utf8(file)}: not UTF-8; save the file as UTF-8 (spreadsheets call it CSV UTF-8)"
            ) from None


def _first_not_utf8(file: Path) -> int:
    """The number of the line: the decoder reads ahead, so where it failed is not where the reader was."""
    with file.open("rb") as lines:
        return next(number for number, line in enumerate(lines, start=1) if not _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parquet(file: Path) -> Iterator[Numbered]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            batches = table.iter_batches(batch_size=1_000)
            rows = itertools.chain.from_iterable(batch.to_pylist() for batch in batches)
            yield from enumerate(rows, start=1)
    except pa.ArrowInvalid as error:
        raise BadPrompts(f"{file}: not a Parquet file ({error})") from None


def _saved_dataset(folder: Path) -> Iterator[Numbered]:
    datasets = _datasets()
    try:
        loaded = datasets.load_from_disk(str(folder))
    except FileNotFoundError:
        raise BadPrompts(f"{folder}: this folder was not saved by datasets.save_to_disk") from None
    return enumerate(_one_split(loaded, str(folder)), start=1)


def _hub_dataset(name: str) -> Iterator[Numbered]:
    datasets = _datasets()
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # noqa: BLE001 - the Hub fails in many ways, and each is the same to the user
        raise BadPrompts(
            f"{name}: no such file, and the Hugging Face Hub says: {type(error).__name__}: {error}"
        ) from None
    return enumerate(_one_split(loaded, name), start=1)


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtra("train", "reading prompts with datasets") from None
    return datasets


def _one_split(loaded: Any, name: str) -> Any:
    """A dataset itself, or its split `train`, or its only split."""
    if not isinstance(loaded, dict):
        return loaded
    if "train" in loaded or len(loaded) == 1:
        return loaded.get("train", next(iter(loaded.values())))
    raise BadPrompts(f"{name}: it has the splits {', '.join(loaded)} and none called train; save the one you mean")


READERS: Mapping[str, Callable[[Path], Iterator[Numbered]]] = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
