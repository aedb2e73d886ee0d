"""Names in emitted text: models, layers, inputs, variables, dims and users' lines may be called anything, on every backend that emits code."""

from __future__ import annotations

import ast
import gc
import linecache
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.backend.native.building import toolchain
from symkeras.backend.native.emission import emit as emit_c
from symkeras.backend.native.kernels.table import NativeKernels
from symkeras.backend.native.kernels.table import takes as c_takes
from symkeras.backend.native.text import C
from symkeras.backend.numpy.emission import emit as emit_python
from symkeras.backend.numpy.kernels.table import NumpyKernels
from symkeras.backend.numpy.text import PYTHON, RESERVED
from symkeras.compiler.program import naming
from symkeras.compiler.program.lowering import lower
from symkeras.graph import Graph, Tensor, provenance
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Variable
from symkeras.graph.words import of_a_value
from symkeras.ops.evaluation import evaluate
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS
from tests.hostile_names import HOSTILE, WORDS, broken_in

NEEDS_COMPILER = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())
EMITTING = ["numpy", pytest.param("native", marks=NEEDS_COMPILER)]


@pytest.fixture(autouse=True)
def _nothing_ran() -> Iterator[None]:
    yield
    assert not broken_in()


def assert_computes(graph: Graph, backend: str, arrays: list[np.ndarray]) -> None:
    f = compile_graph(graph, backend)
    for found, expected in zip(f(*arrays), evaluate(graph, arrays)[0], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("emitting", EMITTING)
def test_inputs_variables_layers_and_lines_may_have_any_name(emitting: str) -> None:
    inputs, outputs, arrays = [], [], []
    for k, name in enumerate([*HOSTILE, *WORDS]):
        x, v = ops.placeholder("f32[batch, 3]", name), Variable(np.full((3,), k, "float32"), name=name or "v")
        with provenance.layer_scope(name), provenance.at_lines((provenance.Line(f"/tmp/{name}", k),)):
            y = ops.tanh(x * v)
            outputs += [y, ops.concatenate([ops.matmul(y, np.ones((3, 2), "float32")), y], 1), ops.scan(lambda c, e: (c + e, c * e), y[0], y)[1]]
            outputs.append(ops.sum(ops.sort(y, 1), 0))
        inputs.append(x)
        arrays.append(np.full((2, 3), 1 / (k + 1), "float32"))
    for k, name in enumerate(HOSTILE[:12] if emitting == "native" else HOSTILE):
        graph = Graph([t.node for t in inputs], [t.node for t in outputs], name=name)
        if k == 0:
            assert_computes(graph, emitting, arrays)
        else:
            small = Graph([inputs[0].node], [(inputs[0] * k).node], name=name)
            assert_computes(small, emitting, arrays[:1])


@pytest.mark.parametrize("emitting", EMITTING)
def test_dims_may_have_any_name(emitting: str) -> None:
    names = [n for n in (*WORDS, "größe", "ﬁ", "名前", "x" * 300) if n.isidentifier() and n not in ("class", "lambda", "None")]
    inputs, outputs, arrays = [], [], []
    for k, name in enumerate(names):
        x = Tensor(placeholder_node(TensorType((ops.placeholder(f"f32[{name}]").dims[0], 4), "float32"), name))
        n = ops.shape(x)[0]
        outputs += [
            ops.tanh(x[1:]) + ops.cast(ops.as_tensor(n * 2 + 1), "float32"), ops.softmax(ops.transpose(x)), ops.reshape(x, (n * 2, 2)),
            ops.concatenate([x, x], 0), ops.broadcast_to(ops.exp(x[:1]), (n, 4)), ops.scan(lambda c, e: (c + e, c * e), x[0], x)[1],
        ]  # fmt: skip
        inputs.append(x)
        arrays.append(np.random.default_rng(k).standard_normal((k + 2, 4)).astype("float32"))
    assert_computes(Graph([t.node for t in inputs], [t.node for t in outputs]), emitting, arrays)


def test_no_two_sizes_share_a_variable() -> None:
    names = [*C.words, *PYTHON.words, *WORDS, "dim_dim_int", "batch", "n", "time_2"]
    for language in (C, PYTHON):
        assert len({language.symbol(n) for n in names}) == len(set(names))
        assert language.symbol("batch") == "batch" and not language.words & {language.symbol(n) for n in names}


# ---- the reserved words are all that the text uses ----------------------------------------------------------------------


def sample_graphs() -> Iterator[tuple[str, Graph]]:
    """Every op on its samples, between elementwise steps, the batch unknown where that is possible."""
    for op in OPS.values():
        for sample in op.samples[:3]:
            try:
                inputs = [ops.placeholder(t, f"given{k}") for k, t in enumerate(sample.types)]
                result = [t.node for t in inputs]
                from symkeras.graph.node import make
                from symkeras.ops.op import wrap

                out = wrap(make(op, result, sample.attrs))
            except Exception:  # a sample that is meant to be refused
                continue
            yield op.name, Graph(result, [t.node for t in (out if isinstance(out, tuple) else (out,))])
    x = ops.placeholder("f32[unknown, 6]", "given")
    n = ops.shape(x)[0]
    outputs: list[Any] = [
        ops.softmax(ops.exp(x) * 2), ops.concatenate([x, x], 0), ops.scan(lambda c, e: (ops.tanh(c + e), c), x[0], x)[1], x[1:] + x[:-1],
        ops.while_loop(lambda v: ops.sum(v) < 9, lambda v: v + 1, x), ops.cond(ops.sum(x) > 0, lambda: x, lambda: -x), ops.flip(x, 0) + x,
        ops.as_tensor(n * 2), ops.mean(x, 0), ops.sort(x, 0), ops.broadcast_to(x[:1], (n, 6)), ops.pad(x, 1, constant_values=float("nan")),
    ]  # fmt: skip
    yield "several", Graph([x.node], [t.node for t in outputs], name="several")


def test_what_emitted_python_names_is_reserved() -> None:
    for name, graph in sample_graphs():
        tree = ast.parse(emit_python(lower(graph, NumpyKernels()), poison=True).source)
        names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)} - {"t", "x"}
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        given = {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in n.args}
        assert given <= RESERVED, (name, given - RESERVED)
        free = {n.id for n in names} - stored - functions
        assert free <= PYTHON.words, (name, free - PYTHON.words)


def test_what_emitted_c_names_is_reserved() -> None:
    for name, graph in sample_graphs():
        if not all(c_takes(n.op.name) for n in graph.nodes):
            continue
        source = emit_c(lower(graph, NativeKernels()), poison=True).source
        code = re.sub(r"/\*.*?\*/|#include.*|\"[^\"]*\"|\d[\w.]*|(\.|->)\s*\w+", " ", source, flags=re.DOTALL)
        for function in re.split(r"^}", code, flags=re.MULTILINE):
            values: set[str] = set()  # those of the graph, which no size is named after
            if re.search(r"symkeras_run|static void (samples|rows)\w*\(", function):
                values = set(re.findall(r"(?:const )?\w+ \*?(?:const )?\*?(\w+) =", function))
            for word in set(re.findall(r"\b[A-Za-z_]\w*\b", function)) - values:
                if not re.fullmatch(r"unknown|c_\w+|table\w*|(loop|copy|total|samples|rows)(_\w*)?", word):
                    assert C.symbol(word) != word, f"{name}: a dim called {word!r} is taken for something else"


@NEEDS_COMPILER
def test_no_dim_and_no_value_is_named_like_a_macro_of_the_headers(tmp_path: Path) -> None:
    headers = sorted(p.name for p in (toolchain.INCLUDE / "symkeras").glob("*.h") if p.name not in ("team.h",))
    source = tmp_path / "macros.c"
    source.write_text("".join(f'#include "symkeras/{name}"\n' for name in ("team.h", *headers)))
    compiler = toolchain.compiler()
    command = [*compiler.command, *toolchain.flags(compiler), "-I", str(toolchain.INCLUDE), "-dM", "-E", str(source)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    macros = re.findall(r"^#define (\w+) ", output, re.MULTILINE)  # one with arguments is one only before a parenthesis, where no name of ours is
    assert len(macros) > 300
    assert [m for m in macros if C.symbol(m) == m] == []
    assert [m for m in macros if m == naming.identifier(m) and of_a_value(m) == m and m not in C.words] == []


def test_lines_of_emitted_text_are_found_as_long_as_their_function_lives() -> None:
    def emitted() -> list[str]:
        return [name for name in linecache.cache if name.startswith("<symkeras")]

    gc.collect()
    before = len(emitted())
    x = ops.placeholder("f32[batch, 2]", "x")
    functions = [compile_graph(Graph([x.node], [ops.exp(x * k).node], name="to\nbe: forgotten"), "numpy") for k in range(5)]
    for f in functions:
        f(np.ones((1, 2), "float32"))
    now = emitted()
    assert len(now) == before + 5 and "to_be_forgotten" in now[-1] and linecache.getline(now[-1], 1).startswith('"""')
    del functions, f
    gc.collect()
    assert len(emitted()) == before
