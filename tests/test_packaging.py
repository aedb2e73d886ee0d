"""What is installed is what is here: the wheel holds every module once, the backends under symkeras/backend."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_holds_every_module_and_the_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, prefix in ((ROOT / "symkeras", "symkeras"), (ROOT / "backend", "symkeras/backend")):
        for path in folder.rglob("*.py"):
            relative = path.relative_to(folder)
            if relative.parts[0] != "backend":
                assert f"{prefix}/{relative.as_posix()}" in names
    assert {"symkeras/data/digits.npz", "symkeras/data/ATTRIBUTION.md", "symkeras/py.typed"} <= names
    assert not any(name.startswith(("backend/", "tests/", "benchmarks/")) for name in names)
