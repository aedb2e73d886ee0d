"""The outputs in `docs/inspecting.md`, made anew: `python -m tests.inspection.tour` writes them."""

from __future__ import annotations

import re
from pathlib import Path

from tests import pages

PAGE = Path(__file__).parent.parent.parent / "docs" / "inspecting.md"
_TIMES = re.compile(r" +\d+\.\d\d(?=  )")
_PARTS = re.compile(r"\d+\.\d\d(?= (ms|passes|lowering|emission|build)\b)")


def made(text: str) -> str:
    """The page with what its commands print now; its python block is the file `train.py`."""
    return pages.made(text, tidy=without_times)


def without_times(text: str) -> str:
    """Milliseconds, which are others each time, as dots."""
    return _TIMES.sub(lambda m: f"{'..':>{len(m[0])}}", _PARTS.sub("..", text))


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text()))
