"""The outputs in `docs/inspecting.md`, made anew: `python -m tests.inspection.tour` writes them."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from symkeras.utils import reset_uids

PAGE = Path(__file__).parent.parent.parent / "docs" / "inspecting.md"
_BLOCK = re.compile(r"^```(python|pycon|console)\n(.*?)^```\n", re.M | re.S)
_TIMES = re.compile(r" +\d+\.\d\d(?=  )")
_PARTS = re.compile(r"\d+\.\d\d(?= (ms|passes|lowering|emission|build)\b)")


def made(text: str) -> str:
    """The page with what its commands print now. Python blocks are the file `train.py`; `>>>` and `$ symkeras` run in a folder of their own."""
    scope: dict[str, Any] = {}
    reset_uids()

    def run(match: re.Match[str]) -> str:
        kind, body = match[1], match[2]
        if kind == "python":
            with ThreadPoolExecutor(1) as alone:  # a thread of its own: none of the lines here is among the callers
                alone.submit(exec, compile(body, "train.py", "exec"), scope).result()
            return match[0]
        lines = [line for line in body.splitlines() if line.startswith((">>> ", "$ "))]
        return f"```{kind}\n{''.join(f'{line}{chr(10)}{_output(line, scope)}' for line in lines)}```\n"

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return _BLOCK.sub(run, text)
        finally:
            os.chdir(before)


def _output(line: str, scope: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if line.startswith("$ "):
            command = [sys.executable, "-m", "symkeras", *line.removeprefix("$ symkeras ").split()]
            out.write(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        else:
            exec(compile(line.removeprefix(">>> "), "<stdin>", "single"), scope)
    return "".join(f"{row.rstrip()}\n" for row in without_times(out.getvalue()).splitlines())


def without_times(text: str) -> str:
    """Milliseconds, which are others each time, as dots."""
    return _TIMES.sub(lambda m: f"{'..':>{len(m[0])}}", _PARTS.sub("..", text))


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
