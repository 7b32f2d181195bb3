"""Open files: a shell's usual limit is raised as far as it has to be, and where that is not allowed the run says what is."""

import subprocess
import sys

import pytest

from potstill.teacher.descriptors import SPARE

CODE = (
    "import resource, sys; from potstill.teacher.descriptors import allow_connections; from potstill.errors import BadInput\n"
    "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))\n"
    "try: allow_connections(int(sys.argv[3]))\n"
    "except BadInput as error: sys.exit(str(error))\n"
    "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


def allowed(soft: int, hard: int, concurrency: int) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose hard limit can be lowered: that is not to be undone."""
    numbers = map(str, (soft, hard, concurrency))
    return subprocess.run([sys.executable, "-P", "-c", CODE, *numbers], capture_output=True, text=True)


@pytest.mark.parametrize(("soft", "after"), [(128, 200 + SPARE), (500, 500)])
def test_a_low_limit_is_raised_and_one_that_is_enough_is_left_alone(soft: int, after: int) -> None:
    assert allowed(soft, 500, 200).stdout.split() == [str(after), "500"]


def test_where_it_may_not_be_raised_the_run_says_what_can_be_had() -> None:
    refused = allowed(300, 500, 1000)
    assert refused.returncode == 1
    assert "teacher.concurrency is 1,000" in refused.stderr
    assert f"ulimit -n {1000 + SPARE}" in refused.stderr
    assert f"lower teacher.concurrency to {500 - SPARE}," in refused.stderr
