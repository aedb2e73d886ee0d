"""Whole scripts of their time, run as they are by `symkeras run`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_of_2017_run_as_they_are(script: Path) -> None:
    ran = subprocess.run([sys.executable, "-m", "symkeras", "run", str(script)], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stderr
