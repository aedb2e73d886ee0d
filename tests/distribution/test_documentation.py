"""The examples of docs/distribution.md run, in their order, on several devices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.distribution.processes import ROOT, lines, run

pytest.importorskip("jax", reason="jax is not installed: pip install 'symkeras[jax]'")


def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "distribution.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    (done,) = run("\n".join([*blocks, "print('>', count)"]), devices=4, folder=tmp_path)
    assert lines(done) == ["4"]
    assert (tmp_path / "checkpoint" / "layout.json").exists()
