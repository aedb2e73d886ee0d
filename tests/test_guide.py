"""The guide's blocks run in their order, each page by itself, and print what the page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import matches, needed

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "guide"
WARNINGS = ("-W", "error", "-W", "ignore:__array__ implementation:DeprecationWarning")
"""Keras 3.15 hands its variables to NumPy in a way that NumPy means to drop."""
PAGES = sorted(GUIDE.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_and_print_what_it_shows(page: Path) -> None:
    command = [sys.executable, *WARNINGS, "-m", "tests.pages", "--check", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_begins_with_a_whole_example(page: Path) -> None:
    text = page.read_text()
    (first, second) = text.index("```python\n"), text.index("\n## ")
    assert first < second and re.match(r"import |from ", text[first + len("```python\n") :])


def test_packages_that_blocks_need_are_named_above_them() -> None:
    text = "*Needs `jax` and `onnx`.*\n\n```python\nimport jax\n```\n\n```python\nx = `1`\n```\n"
    assert needed(text) == {"jax", "onnx"}


DOTS = [("a...c", "abc", True), ("a...b...c", "abc", True), ("...", "", True), ("...", "x", True), ("ab...bc", "abc", False), ("a", "ab", False)]


@pytest.mark.parametrize(("shown", "printed", "same"), DOTS)
def test_dots_stand_for_anything(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same
