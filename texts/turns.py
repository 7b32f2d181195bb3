"""Conversations as columns: what was asked, and under which system message."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import pc


def asked(messages: pa.ListArray) -> pa.StringArray:
    """The text of each conversation, its turns joined by line breaks, system messages left out; shape (conversations,)."""
    return _joined(messages, system=False)


def under(messages: pa.ListArray) -> pa.StringArray:
    """The system messages of each conversation, joined by line breaks; empty where it has none."""
    return _joined(messages, system=True)


def _joined(messages: pa.ListArray, *, system: bool) -> pa.StringArray:
    turns = messages.flatten()
    is_system = pc.equal(pc.struct_field(turns, "role"), "system")
    wanted = np.asarray(is_system if system else pc.invert(is_system))
    contents = pc.struct_field(turns, "content").filter(pa.array(wanted))
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(_ends(messages, wanted)), contents), "\n")


def _ends(messages: pa.ListArray, wanted: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Where each conversation's wanted turns begin and end among all wanted ones."""
    before = np.concatenate(([0], np.cumsum(wanted)))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(messages), 0))
    return before[np.concatenate(([0], np.cumsum(lengths)))].astype(np.int32)
