"""A plain loop over what a ledger has, beside which a replay is measured: no prompts to read, no keys to make, no checks."""

import sqlite3
from pathlib import Path

from .meter import Used, metered
from .teacher_job import Job

ASK = "SELECT replies.id, body, choice, seconds, usd FROM draws JOIN replies ON replies.id = reply WHERE key = ?"


def bare_loop(job: Job) -> Used:
    """Every reply that the completions name, fetched, unpacked, parsed once, and its text written as Parquet."""
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    from potstill.store.tables import ROWS_PER_GROUP, parts

    table = parts(Path(job.home) / "runs" / "bench" / "completions", "completions")
    keys = [bytes.fromhex(key) for part in table for key in pq.read_table(part, columns=["key"])["key"].to_pylist()]
    schema = pa.schema([("key", pa.binary()), ("text", pa.string()), ("seconds", pa.float64()), ("usd", pa.float64())])
    with metered() as used, pq.ParquetWriter(Path(job.home) / "bare.parquet", schema, compression="zstd") as file:
        ledger, unpack = sqlite3.connect(Path(job.home) / ".potstill" / "ledger.db"), zstandard.ZstdDecompressor()
        last, reply = None, {}
        for first in range(0, len(keys), ROWS_PER_GROUP):
            rows = []
            ledger.execute("BEGIN")
            for key in keys[first : first + ROWS_PER_GROUP]:
                which, body, choice, seconds, usd = ledger.execute(ASK, (key,)).fetchone()
                if which != last:
                    last, reply = which, orjson.loads(unpack.decompress(body))
                rows.append((key, reply["choices"][choice]["message"]["content"], seconds, usd))
            ledger.execute("COMMIT")
            file.write_batch(pa.record_batch([pa.array(column) for column in zip(*rows, strict=True)], schema=schema))
            used.rows += len(rows)
        ledger.close()
    return used
