"""Arrow's functions over columns."""

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
"""`pyarrow.compute` makes its functions when it is imported, so that no type checker sees them."""
