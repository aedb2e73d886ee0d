"""Scripts as Keras' users write them, with tf.GradientTape, tf.data and tf functions, run as they are by `symkeras run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from symkeras import keras_alias
from symkeras.cli import run_script

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_kerass_kind_runs_to_its_end(script: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        assert run_script(str(script)) == 0, capsys.readouterr().err
    finally:
        keras_alias.uninstall()
