"""Values that are written where they are read: pieces of a concatenation, seen in other shapes."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate


@pytest.mark.parametrize("poison", [False, True])
def test_a_piece_of_a_concatenation_is_read_in_another_shape(backend_native: object, poison: bool) -> None:
    x, k = ops.placeholder("f32[n, 6]"), ops.placeholder("f32[12, 4]")
    piece = ops.tanh(x) * 2.0
    seen = ops.reshape(piece, (x.shape[0], 2, 3))
    whole = ops.concatenate([piece, ops.sin(x)], 1)
    results = [ops.exp(seen) + ops.sum(seen, 2, keepdims=True), ops.matmul(whole, k), ops.transpose(seen, (0, 2, 1)) * 3.0]
    f = compile_graph(Graph([x.node, k.node], [t.node for t in results]), "native", poison=poison)
    assert "copy" not in [s.kind for s in f.program.all_steps()]
    for rows in (0, 1, 5, 400):
        arrays = [np.random.default_rng(0).standard_normal(shape).astype("float32") for shape in ((rows, 6), (12, 4))]
        for found, expected in zip(f(*arrays), evaluate(f.source_graph, arrays)[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
