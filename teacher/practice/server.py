"""The practice teacher as a child process: `python -m potstill.teacher.practice.server '<settings as JSON>'`.

It prints one line of JSON, `{"port": …}` or `{"error": …}`, and serves until its standard input closes: the kernel
closes it even for a parent that was killed.
"""

import os
import signal
import sys
import threading

import orjson


def main() -> None:
    """Serve with the settings in the first argument."""
    # Ctrl-C reaches every process at the terminal; whether to end is the parent's choice.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The imports come late so that Ctrl-C is ignored from the first moment.
    from ...errors import BadRecipe
    from .serving import serve
    from .settings import PracticeSettings

    try:
        serve(PracticeSettings.model_validate_json(sys.argv[1]), 0, lambda port: _say({"port": port}))
    except BadRecipe as error:
        _say({"error": str(error)})
        sys.exit(error.exit_code)


def _say(line: dict[str, int | str]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    # Not sys.stdin: its lock, held by a waiting thread, would abort an interpreter that ends by itself.
    while os.read(0, 4096):
        pass
    # Nothing here needs saving, and a thread cannot end the interpreter politely.
    os._exit(0)


if __name__ == "__main__":
    main()
