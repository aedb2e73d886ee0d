"""Exported files of models with names that a stranger chose: they hold the names as text, build, and predict."""

from __future__ import annotations

import ctypes
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import export_graph
from symkeras.graph import Graph, provenance
from symkeras.graph.variable import Variable
from tests.hostile_names import HOSTILE, WORDS, broken_in

COMPILER = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
FILES = ["model", "int", "it's $(touch broken_in)", "*", "a *", "größe", "two\nlines", "sk", "-o", "class", "3d", '"', "??"]


@pytest.fixture(autouse=True)
def _nothing_ran(tmp_path: Path) -> Iterator[None]:
    yield
    assert not broken_in() and not list(tmp_path.glob("**/broken_in"))


def graph_of(names: list[str], title: str, symbol: str = "batch") -> tuple[Graph, list[np.ndarray], list[np.ndarray]]:
    """A graph whose inputs, variables, layers and lines are called like `names`, with rows for it and what it gives for them."""
    inputs, outputs, arrays, expected = [], [], [], []
    for k, name in enumerate(names):
        x, v = ops.placeholder(f"f32[{symbol}, 3]", name), Variable(np.full((3,), k, "float32"), name=name or "v")
        with provenance.layer_scope(name), provenance.at_lines((provenance.Line(f"/tmp/{name}", k),)):
            outputs += [x * v, ops.reshape(ops.sort(x, 1), (ops.shape(x)[0], 3, 1)) * ops.cast(ops.shape(x)[0] * 0 + 1, "float32")]
        rows = np.arange(6, dtype="float32").reshape(2, 3) / (k + 1)
        inputs.append(x)
        arrays.append(rows)
        expected += [rows * k, rows.reshape(2, 3, 1)]
    return Graph([t.node for t in inputs], [t.node for t in outputs], name=title), arrays, expected


def titles() -> list[str]:
    return [*HOSTILE[:12], *HOSTILE[16:26], "\ud800", "x" * 5000]


def test_a_script_holds_every_name_as_text(tmp_path: Path) -> None:
    for k, title in enumerate(titles()):
        graph, arrays, expected = graph_of([*HOSTILE, *WORDS] if k == 0 else HOSTILE[k : k + 2], title, "dims" if k % 2 else "inputs")
        results = [f"{n}{i}" for n in HOSTILE for i in range(99)][: len(graph.outputs)]
        script, _ = export_graph(graph, tmp_path / f"model{k}.py", "numpy", title=title, results=results)
        predict = runpy.run_path(str(script))["predict"]
        for found, wanted in zip(predict(*arrays), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_a_script_may_have_any_file_name(name: str, tmp_path: Path) -> None:
    graph, arrays, expected = graph_of(["x"], "model")
    script, _ = export_graph(graph, tmp_path / f"{name}.py", "numpy")
    np.testing.assert_array_equal(runpy.run_path(str(script))["predict"](*arrays)[0], expected[0])


@pytest.mark.skipif(COMPILER is None, reason="no C compiler found")
def test_a_c_file_holds_every_name_as_text(tmp_path: Path) -> None:
    names = [*HOSTILE, *WORDS, "malloc", "free", "arena", "sizes", "new", "template", "batch", "row", "STEM", "output"]
    graph, arrays, expected = graph_of(names, HOSTILE[0], "memcpy")
    results = [f"{n}{i}" for n in names for i in range(2)]
    source = export_graph(graph, tmp_path / "model.c", "c", title="*/ #error broken in /*", results=results, weights="file")[0]
    library = built(source, tmp_path)
    load = library.model_load
    assert load(str(source.with_suffix(".bin")).encode()) == 0
    found = [np.zeros_like(e) for e in expected]
    pointers = [[ctypes.c_void_p(a.ctypes.data) for a in group] for group in (arrays, found)]
    assert library.model_predict(*pointers[0], ctypes.c_int64(2), *pointers[1]) == 0
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-6)
    for title in titles():
        text = export_graph(graph_of(["x"], title)[0], tmp_path / "other.c", "c", title=title)[0].read_text()
        assert "\n#error" not in text.split("#endif")[0]


@pytest.mark.skipif(COMPILER is None, reason="no C compiler found")
@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_a_c_file_may_have_any_file_name(name: str, tmp_path: Path) -> None:
    graph, arrays, expected = graph_of(["x"], name)
    source, header = export_graph(graph, tmp_path / f"{name}.c", "c")[:2]
    library: Any = built(source, tmp_path)
    stem = header.read_text().split("int ")[1].split("_predict")[0]
    found = [np.zeros_like(e) for e in expected]
    pointers = [[ctypes.c_void_p(a.ctypes.data) for a in group] for group in (arrays, found)]
    assert library[f"{stem}_predict"](*pointers[0], ctypes.c_int64(2), *pointers[1]) == 0
    np.testing.assert_array_equal(found[0], expected[0])


def built(source: Path, folder: Path) -> Any:
    """The library that a C compiler makes of a file, after it was read as C++ would read its header."""
    assert COMPILER is not None
    target = folder / "library.so"
    command = [COMPILER, "-std=c99", "-Wall", "-Wextra", "-Werror", "-O0", "-shared", "-fPIC", f"./{source.name}", "-o", str(target), "-lm"]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(target))
