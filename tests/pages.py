"""Documents whose blocks run, in their order, with one set of names and in a folder of their own; what they print stands behind them.

- A `python` block runs as a part of one script, named after the page. Where a `text` block follows it, that is what it prints.
- In a `pycon` block each `>>>` line runs, in a `console` block each `$ symkeras` line, and what they print stands below.
- In what is printed `...` stands for anything: for times, and for digits that depend on the processor.
- A block that begins below a line such as "*Needs `jax`.*" is left out where that package is not installed.

`python -m tests.pages docs/guide/training.md` writes the outputs of a page anew; with `--check` it compares them.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import linecache
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from symkeras.backend.interface import registered
from symkeras.utils import reset_uids
from tests import backends

_BLOCK = re.compile(
    r"(?P<needs>^\*Needs [^\n]*\n+)?^```(?P<kind>python|pycon|console)\n(?P<body>.*?)^```\n(?P<shown>\n*```text\n(?P<text>.*?)^```\n)?",
    re.M | re.S,
)
_PACKAGE = re.compile(r"`(\w+)`")


def made(text: str, script: str = "train.py", tidy: Callable[[str], str] = str) -> str:
    """The page with what its blocks print now.

    Args:
        text: of the page.
        script: what the file is called that python blocks are parts of.
        tidy: makes of what was printed what stands in the page.
    """
    scope: dict[str, Any] = {"__name__": "__main__"}
    lines: list[str] = []
    reset_uids()

    def run(match: re.Match[str]) -> str:
        needs = match["needs"] or ""
        if any(_is_missing(name) for name in _PACKAGE.findall(needs)):
            return match[0]
        if match["kind"] == "python":
            printed = tidy(_printed(lambda: _part(match["body"], script, lines, scope)))
            if matches(match["text"] or "", printed):
                return match[0]
            return f"{needs}```python\n{match['body']}```\n" + (f"\n```text\n{printed}```\n" if printed else "")
        body = "".join(_answered(line, answer, scope, tidy) for line, answer in _commands(match["body"]))
        return f"{needs}```{match['kind']}\n{body}```\n{match['shown'] or ''}"

    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.path.insert(0, folder)
        try:
            return _BLOCK.sub(run, text)
        finally:
            os.chdir(before)
            sys.path.remove(folder)


def matches(shown: str, printed: str) -> bool:
    """Whether a text with dots is what was printed."""
    first, *parts = shown.split("...")
    if not parts:
        return shown == printed
    place, end = len(first), len(printed) - len(parts[-1])
    for part in parts[:-1]:
        found = printed.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return printed.startswith(first) and printed.endswith(parts[-1]) and place <= end


def _is_missing(name: str) -> bool:
    """Whether there is neither a package nor a backend of a name that runs here."""
    return bool(backends.missing(name)) if name in registered() else find_spec(name) is None


def needed(text: str) -> set[str]:
    """The packages that blocks of a page need."""
    return {name for match in _BLOCK.finditer(text) for name in _PACKAGE.findall(match["needs"] or "")}


def _part(body: str, script: str, lines: list[str], scope: dict[str, Any]) -> None:
    """Run a block with the numbers that its lines have in the script of all blocks."""
    code = compile("\n" * len(lines) + body, script, "exec")
    lines += body.splitlines()
    linecache.cache[script] = (len(body), None, [f"{line}\n" for line in lines], script)
    with ThreadPoolExecutor(1) as alone:  # a thread of its own: none of the lines here is among the callers
        alone.submit(exec, code, scope).result()


def _commands(body: str) -> list[tuple[str, str]]:
    """Each command of a block with what the page says that it prints."""
    found: list[tuple[str, str]] = []
    for line in body.splitlines(keepends=True):
        if line.startswith((">>> ", "$ ")):
            found.append((line.rstrip("\n"), ""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def _answered(line: str, answer: str, scope: dict[str, Any], tidy: Callable[[str], str]) -> str:
    def run() -> None:
        if line.startswith("$ "):
            command = [sys.executable, "-m", "symkeras", *line.removeprefix("$ symkeras ").split()]
            print(subprocess.run(command, capture_output=True, text=True, check=True).stdout, end="")
        else:
            exec(compile(line.removeprefix(">>> "), "<stdin>", "single"), scope)

    printed = tidy(_printed(run))
    return f"{line}\n{answer if matches(answer, printed) else printed}"


def _printed(run: Callable[[], None]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        run()
    return "".join(f"{row.rstrip()}\n" for row in out.getvalue().splitlines())


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    for path in (Path(a) for a in arguments if a != "--check"):
        text = path.read_text()
        found = made(text, f"{path.stem}.py")
        if check and found != text:
            print("".join(difflib.unified_diff(text.splitlines(True), found.splitlines(True), str(path), "what it prints now")))
            return 1
        path.write_text(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
