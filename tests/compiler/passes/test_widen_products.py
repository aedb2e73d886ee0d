"""`widen-products`: what NumPy multiplies in float16."""

from __future__ import annotations

import numpy as np

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph.graph import Graph
from tests.compiler.passes.check_pass import check_pass

PLAIN = "transpose_a=False, transpose_b=False"


def test_products_of_half_floats_are_widened_and_others_left_alone() -> None:
    check_pass(
        "widen-products",
        f"""
        graph g(%a: f16[batch, 3], %b: f16[3, 4], %c: f32[4, 2]) {{
          %d = matmul(%a, %b, {PLAIN}): f16[batch, 4]
          %e = cast(%d, dtype='float32'): f32[batch, 4]
          %f = matmul(%e, %c, {PLAIN}): f32[batch, 2]
          return %f
        }}
        """,
        f"""
        graph g(%a: f16[batch, 3], %b: f16[3, 4], %c: f32[4, 2]) {{
          %a2 = cast(%a, dtype='float32'): f32[batch, 3]
          %b2 = cast(%b, dtype='float32'): f32[3, 4]
          %w = matmul(%a2, %b2, {PLAIN}): f32[batch, 4]
          %d = cast(%w, dtype='float16'): f16[batch, 4]
          %e = cast(%d, dtype='float32'): f32[batch, 4]
          %f = matmul(%e, %c, {PLAIN}): f32[batch, 2]
          return %f
        }}
        """,
    )


def test_numpy_multiplies_half_floats_as_single_ones_and_rounds_once() -> None:
    x, y = ops.placeholder("f16[6, 5]", name="x"), ops.placeholder("f16[5, 3]", name="y")
    compiled = compile_graph(Graph([x.node, y.node], [ops.matmul(x, y).node]), "numpy")
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=s).astype("float16") for s in ((6, 5), (5, 3)))
    found = np.asarray(compiled(a, b)[0])
    assert found.dtype == np.float16 and np.array_equal(found, (a.astype("float32") @ b.astype("float32")).astype("float16"))
    assert {n.dtype for n in compiled.graph.nodes if n.op.name == "matmul"} == {"float32"}
