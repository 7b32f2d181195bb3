"""The wheel: it holds `potstill` and nothing else, and every file that the code reads at run time."""

import subprocess
import sys
import zipfile
from pathlib import Path


def test_the_wheel_holds_potstill_alone_and_all_of_it(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    for name in files.stdout.splitlines():
        source = root / name
        if source.is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"potstill"}
    assert not [name for name in names if name.startswith(("potstill/tests", "potstill/bench"))]
    ours = {
        path
        for path in files.stdout.splitlines()
        if path.count("/") and path.split("/")[0] not in ("tests", "bench", "docs", "examples", ".ci")
    }
    wanted = {f"potstill/{path}" for path in ours if not path.startswith(".") and (clone / path).exists()}
    assert wanted <= set(names)
