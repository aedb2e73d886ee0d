"""Backends of others: found by entry point, run as ours are, and where they cannot be loaded the error says what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import symkeras
from symkeras.backend_names import EXTRAS, is_older

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "backend_on_lists"
DOCUMENT = ROOT / "docs" / "writing_a_backend.md"
TRAINING = """
import numpy as np
from symkeras import Input, Sequential, layers, utils

def losses(backend):
    utils.set_random_seed(3)
    model = Sequential([Input((4,)), layers.Dense(8, activation="tanh"), layers.Dropout(0.3), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", backend=backend)
    x, y = np.random.default_rng(0).standard_normal((20, 4)).astype("float32"), np.arange(20) % 3
    found = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0).history["loss"]
    return found, str(model.executable("train")), model.executable("train").source

expected, found = losses("numpy")[0], losses("lists")
np.testing.assert_allclose(found[0], expected, rtol=1e-5)
print(found[1])
print(found[2])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example package was installed into."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")  # building leaves files beside the source
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--target", str(folder / "site"), str(folder / "source")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, and with what is installed in a folder."""
    path = os.pathsep.join([str(Path(symkeras.__file__).parents[1]), str(site)])
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})


def test_the_example_trains_as_numpy_does(installed: Path) -> None:
    done = run(installed, "-c", TRAINING)
    assert done.returncode == 0, done.stderr
    assert "on lists, level O2" in done.stdout and "matmul(" in done.stdout and "relu" not in done.stdout


def test_the_example_passes_the_op_suite(installed: Path) -> None:
    ops = "test_backend_gives and (matmul or divide or maximum or softmax or sum or conv- or random or gather)"
    wanted = ["--backend", "lists", "-k", f"({ops}) or (test_control and lists)", "tests/ops/test_every_op.py", "tests/ops/test_control.py"]
    done = run(installed, "-m", "pytest", "-p", "no:cacheprovider", *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 100


def test_the_list_of_backends_says_what_the_example_does_itself(installed: Path) -> None:
    done = run(installed, "-m", "symkeras", "backends")
    row = next(line for line in done.stdout.splitlines() if line.startswith("lists"))
    own, expanded, borrowed, missing = map(int, row.split()[2:6])
    assert row.split()[1] == "0.1.0" and 10 < own < 30 and expanded >= 30 and borrowed > 80 and missing == 0


def registered(folder: Path, module: str, requires: str = "") -> Path:
    """A folder with an installed package "abacus 2.5" that registers a backend of this name: a module with this text."""
    info = folder / "abacus-2.5.dist-info"
    info.mkdir()
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: abacus\nVersion: 2.5\n{needs}")
    (info / "entry_points.txt").write_text("[symkeras.backends]\nabacus = abacus_backend:Abacus\n")
    (folder / "abacus_backend.py").write_text(module)
    return folder


HINT = "; what it needs is installed by: pip install abacus$"
BROKEN: dict[str, tuple[str, str, str]] = {
    "a module that is missing": ("import beads_and_wires", "", r"cannot be loaded \(No module named 'beads_and_wires'\)" + HINT),
    "a name that is missing": ("from math import beads", "", r"cannot be loaded \(ImportError: cannot import name 'beads' .*\)" + HINT),
    "no such class": ("", "", r"cannot be loaded \(AttributeError: .*'Abacus'.*\)" + HINT),
    "code that fails": ("1 / 0", "", r"cannot be loaded \(ZeroDivisionError: division by zero\)" + HINT),
    "no backend": ("Abacus = dict", "", r"is no symkeras.backend.interface.Backend, its entry gives \{\}$"),
    "an engine too old": ("1 / 0", "numpy>=1000.2", r"needs numpy>=1000.2, and \d+\.\d+\S* is installed" + HINT),
}
"""What is wrong -> the module, what the package requires, and the end of the error."""


ASKING = """
from symkeras.backend import interface, inventory

try:
    interface.get("abacus")
except ValueError as error:
    print(error)
interface.registered = lambda: ["abacus", "numpy"]
print(inventory.report())
"""


@pytest.mark.parametrize("what", BROKEN)
def test_a_plug_in_that_cannot_be_loaded_says_what_to_install_and_spoils_no_list(what: str, tmp_path: Path) -> None:
    module, requires, expected = BROKEN[what]
    done = run(registered(tmp_path, module, requires), "-c", ASKING)
    assert done.returncode == 0, done.stderr
    assert re.search("^backend 'abacus' of abacus 2.5 " + expected, done.stdout, re.MULTILINE), done.stdout
    assert re.search("^abacus +" + expected, done.stdout, re.MULTILINE) and re.search("^numpy .* cpu$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", EXTRAS)
def test_an_engine_that_is_too_old_is_named_before_it_is_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    from symkeras.backend import interface

    engine = "onnxruntime" if name == "onnxruntime" else name
    version: Callable[[str], str] = metadata.version
    monkeypatch.setattr(metadata, "version", lambda d: "0.0.9+cpu" if d == engine else version(d))
    monkeypatch.setattr(metadata, "requires", lambda d: [f'{engine}>=1.17; extra == "{EXTRAS[name]}"', 'numpy>=9999; extra == "others"'])
    monkeypatch.setattr(interface, "_loaded", {})
    expected = rf"^backend '{name}' needs {engine}>=1.17, and 0.0.9\+cpu is installed; .*: pip install \"symkeras\[{EXTRAS[name]}\]\"$"
    with pytest.raises(symkeras.errors.BackendError, match=expected):
        interface.get(name)


def test_versions_are_compared_by_their_numbers() -> None:
    assert is_older("0.9", "0.10") and is_older("2", "2.0.1") and is_older("3.0rc1", "3.1") and is_older("", "1")
    assert not any(is_older(a, b) for a, b in [("2.13.0+cpu", "2.6"), ("3", "3.0"), ("0.10.2", "0.7"), ("2.6", "2.6")])


def test_the_document_shows_the_example_as_it_is() -> None:
    source = (EXAMPLE / "symkeras_lists.py").read_text() + (EXAMPLE / "pyproject.toml").read_text()
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) > 4 and [b for b in blocks if b not in source] == []
