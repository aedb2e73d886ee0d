"""Names in the emitted text: sizes, inputs and layers may be called like words of C, its library or ours."""

from __future__ import annotations

import re

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.backend.native.text import RESERVED, symbol
from symkeras.errors import GraphError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate

AWKWARD = [
    "int", "begin", "what", "b", "c", "e", "chunk", "member", "rows", "call", "threads", "NULL", "x0", "y1", "tanh_0", "sk_min", "size_int", "k",
]  # fmt: skip


@pytest.mark.parametrize("name", AWKWARD)
def test_dims_and_inputs_may_have_any_name(backend_native: object, name: str) -> None:
    x = ops.placeholder(f"f32[{name}, 6, 8]", name)
    y = ops.matmul(ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1)))), x)
    results = [ops.tanh(y) + 1, ops.sum(ops.tanh(y), (0, 1)), ops.concatenate([y, x], 0), ops.softmax(ops.transpose(ops.reshape(x, (48, -1))[:10]))]
    f = compile_graph(Graph([x.node], [t.node for t in results]), "native")
    for rows in (0, 1, 300):
        array = np.random.default_rng(0).standard_normal((rows, 6, 8)).astype("float32")
        for found, expected in zip(f(array), evaluate(f.source_graph, [array])[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_no_two_sizes_share_a_variable() -> None:
    names = [*RESERVED, *AWKWARD, "size_size_int", "batch", "n", "time_2"]
    assert len({symbol(n) for n in names}) == len(set(names))
    assert symbol("batch") == "batch" and not RESERVED & {symbol(n) for n in names}


def test_numpy_says_which_names_it_needs() -> None:
    x = ops.placeholder("f32[kernels, 2]")
    with pytest.raises(GraphError, match="no dim can be named 'kernels' on numpy"):
        compile_graph(Graph([x.node], [ops.exp(x).node]), "numpy")


def test_a_word_of_python_is_no_dim() -> None:
    with pytest.raises(GraphError, match=re.escape("not a dim: 'lambda'")):
        ops.placeholder("f32[lambda]")
