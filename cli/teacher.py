"""`potstill teacher`: serve the simulated practice teacher, or write practice prompts."""

from pathlib import Path
from typing import Annotated

import typer


def teacher(
    url: Annotated[
        str,
        typer.Option(
            help="Which practice teacher: practice://skills?…, practice://replay?file=… or practice://judge?…"
        ),
    ] = ("practice://skills"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    write_prompts: Annotated[
        int | None, typer.Option(min=1, help="Print so many practice prompts as JSON lines instead of serving.")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --write-prompts: another seed is another sample.")] = 0,
) -> None:
    """Serve the simulated practice teacher until Ctrl-C."""
    if write_prompts is not None:
        _print_prompts(write_prompts, seed)
    else:
        _serve(url, port)


def _print_prompts(rows: int, seed: int) -> None:
    import orjson

    from ..teacher.practice.source import practice_prompts

    for row in practice_prompts(f"practice://skills?rows={rows}&seed={seed}"):
        typer.echo(orjson.dumps(row))


def _serve(url: str, port: int) -> None:
    from ..errors import BadInput
    from ..teacher.practice.serving import serve
    from ..teacher.practice.settings import MODEL, practice_settings

    settings = practice_settings(url, Path.cwd())
    try:
        serve(
            settings,
            port,
            lambda bound: typer.echo(f"simulated teacher at http://127.0.0.1:{bound}/v1 (model {MODEL})"),
        )
    except KeyboardInterrupt:
        typer.echo("simulated teacher ended")
    except OSError as error:
        raise BadInput(f"port {port}: {error.strerror or error}; --port 0 takes a free one") from None
