"""Writing lines to a file that appears whole or not at all, or to standard output."""

from collections.abc import Iterable
from pathlib import Path

import typer


def write_lines(out: Path | None, lines: Iterable[bytes]) -> None:
    """Write the lines under a temporary name beside `out` and rename; None is standard output.

    Raises:
        BadInput: nothing can be written there.
    """
    from ..errors import BadInput

    if out is None:
        for line in lines:
            typer.echo(line, nl=False)
        return
    if out.is_dir():
        raise BadInput(f"--out {out}: this is a folder; name a file")
    temporary = out.with_name(out.name + ".tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        file = temporary.open("wb")
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BadInput(f"--out {out}: {error.strerror}: {error.filename}; write to another place") from None
    try:
        with file:
            file.writelines(lines)
        temporary.rename(out)
    finally:
        temporary.unlink(missing_ok=True)
