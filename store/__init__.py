"""What travels between stages and where it rests: row types, Parquet tables, run folder, manifests."""

import os

# Read by Arrow when it is first imported. Its own default keeps 12 to 17 MiB more than the system's allocator for the little
# that is in Arrow at a time.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
