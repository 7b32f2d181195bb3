"""Runs a server and ends it, with every process that it started, when this process's standard input closes.

A server that holds a GPU must not outlive the command that started it, however that ended:
`python -m potstill.student.served_child COMMAND…`, in a session of its own, with a pipe as standard input.
"""

import os
import signal
import subprocess
import sys
import threading

SECONDS_TO_END = 10


def main() -> None:
    """Run the command in the arguments until it ends or standard input closes; then end the whole process group."""
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as server:
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        status = server.wait()
    sys.stderr.write(f"the server ended with status {status}\n")
    sys.stderr.flush()
    os.killpg(0, signal.SIGKILL)


def _end_with_parent(server: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    server.terminate()
    try:
        server.wait(SECONDS_TO_END)
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
