"""`symkeras run` of the two models of the tutorial, on every backend by `SYMKERAS_BACKEND`: the scripts print the same losses."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from tests.backend.engines.engines import TRAINING, each, in_a_process

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SCRIPTS = ("tutorial_mlp.py", "tutorial_news.py")


SEEDED = """
import runpy, sys
from keras.utils import set_random_seed
set_random_seed(1)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@functools.cache
def printed(script: str, backend: str) -> str:
    """What a script prints that begins with weights known to all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seeded.py")
        path.write_text(SEEDED)
        return in_a_process("-m", "symkeras", "run", str(path), str(EXAMPLES / script), backend=backend)


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"\d+\.\d+", text)]


@pytest.mark.parametrize("engine", ["native", *each(TRAINING)])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_the_tutorial_prints_the_same_losses_on_every_backend(script: str, engine: str) -> None:
    expected, found = printed(script, "numpy"), printed(script, engine)
    assert re.sub(r"\d+\.\d+", "N", found) == re.sub(r"\d+\.\d+", "N", expected), "the same words, and the same classes"
    np.testing.assert_allclose(numbers(found), numbers(expected), atol=2e-3)


@pytest.mark.parametrize("engine", each(("onnxruntime",)))
def test_what_does_not_train_says_so_and_names_what_does(engine: str) -> None:
    env = {**os.environ, "SYMKERAS_BACKEND": engine}
    done = subprocess.run([sys.executable, "-m", "symkeras", "run", str(EXAMPLES / SCRIPTS[0])], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 1
    assert re.search("predicts and evaluates, it does not train. Those that do: .*numpy", done.stderr)
