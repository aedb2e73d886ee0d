"""Scripts as Keras' users write them, with tf.GradientTape, tf.data and tf functions, run as they are by `symkeras run`.

Each runs in a process of its own: where TensorFlow is installed, the first that asks for a name of its own imports the real Keras.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from symkeras import keras_alias

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_of_kerass_kind_runs_to_its_end(script: Path, tmp_path: Path) -> None:
    if script.stem == "loop" and keras_alias.has_tensorflow():
        pytest.skip("it watches a tensor of TensorFlow's own")
    command = [sys.executable, "-m", "symkeras", "run", str(script)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
