"""einsum, tensordot, dot and matmul against NumPy's, eager and symbolic, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ShapeError
from symkeras.graph import Graph
from tests.tolerances import assert_alike

from .check_op import check_gradient_of, placeholders, run, weighted_sum

SIZES = {"b": 2, "i": 3, "j": 4, "k": 5, "h": 2, "t": 3, "s": 4, "d": 3}

CASES = [
    "ij,jk->ik", "ij,kj->ik", "ji,jk->ki", "ij,ij->", "ij->ji", "ij->i", "ij->", "i,j->ij", "i,i->", "ij,j->i", "bij,bjk->bik", "bij,jk->bik",
    "bthd,bshd->bhts", "bhts,bshd->bthd", "bij,bij->bi", "ij,jk,kd->id", "ij,jk", "ji", "bi,i->b", "ij,jk->", "i,ij,j->", "ij,k->k", "bij,bik->jk",
    "...ij,...jk->...ik", "...i->i...", "i...,i...->...", "b...,->b...", "ij , jk -> ik", "bthd,hdk->btk",
]  # fmt: skip


def operands(subscripts: str) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    terms = subscripts.replace(" ", "").split("->")[0].split(",")
    return [rng.normal(size=tuple(SIZES[c] for c in term.replace("...", "b"))) for term in terms]


@pytest.mark.parametrize("subscripts", CASES)
def test_einsum_is_numpys(subscripts: str, backend: str) -> None:
    arrays = operands(subscripts)
    expected = np.einsum(subscripts, *arrays)
    np.testing.assert_allclose(ops.einsum(subscripts, *arrays), expected, rtol=1e-12, atol=1e-12)
    inputs = placeholders(arrays)
    out = ops.einsum(subscripts, *inputs)
    assert out.shape == expected.shape
    reference = run(inputs, [out], arrays)[0]
    np.testing.assert_allclose(reference, expected, rtol=1e-12, atol=1e-12)
    graph = Graph([t.node for t in inputs], [out.node])
    assert_alike(compile_graph(graph, backend=backend, level="O2")(*arrays)[0], reference, "layer", backend)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "bthd,bshd->bhts", "ij,jk,kd->id", "i,ij,j->", "ij->", "ij,k->k", "...ij,...jk->...ik"])
def test_gradient_of_einsum_is_that_of_finite_differences(subscripts: str) -> None:
    arrays = operands(subscripts)
    inputs = placeholders(arrays)
    loss = weighted_sum([ops.einsum(subscripts, *inputs)], 1)
    assert loss is not None
    check_gradient_of(inputs, loss, arrays, atol=1e-7)


def test_einsum_takes_a_symbolic_batch() -> None:
    x, w = ops.placeholder("f32[batch, time, 3]"), np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
    out = ops.einsum("btd,dhk->bhtk", x, w)
    assert out.shape == (None, 2, None, 4)
    value = np.random.default_rng(1).normal(size=(2, 5, 3)).astype("float32")
    np.testing.assert_allclose(run([x], [out], [value])[0], np.einsum("btd,dhk->bhtk", value, w), rtol=1e-5, atol=1e-6)


def test_einsum_says_what_it_does_not_take() -> None:
    x = np.zeros((2, 2))
    for subscripts, given, words in (("ij,jk->ik", (x,), "2 operands, received 1"), ("ijk->i", (x,), "names 3 axes")):
        with pytest.raises(ShapeError, match=words):
            ops.einsum(subscripts, *given)
    with pytest.raises(ShapeError, match="the axis 'j' has sizes 2 and 3"):
        ops.einsum("ij,jk->ik", x, np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="no operand has"):
        ops.einsum("ij->ik", x)


SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,)), ((2, 3), (5, 3, 4)),
          ((5, 1, 2, 3), (4, 3, 2)), ((1, 3), (3, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((3,), (2, 3, 4))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_matmul_and_dot_are_numpys(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=left), rng.normal(size=right)]
    for function, reference in ((ops.matmul, np.matmul), (ops.dot, np.dot)):
        expected = reference(*arrays)
        inputs = placeholders(arrays)
        for found in (function(*arrays), run(inputs, [function(*inputs)], arrays)[0]):
            assert found.shape == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    loss = weighted_sum([ops.matmul(*(inputs := placeholders(arrays)))], 1)
    assert loss is not None
    check_gradient_of(inputs, loss, arrays, atol=1e-7)


@pytest.mark.parametrize("axes", [0, 1, 2, ((1,), (0,)), ((0, 1), (1, 0)), ([2], [1])], ids=str)
def test_tensordot_is_numpys(axes: Any) -> None:
    rng = np.random.default_rng(4)
    shapes = {0: ((2,), (3,)), 1: ((2, 3), (3, 4)), 2: ((5, 2, 3), (2, 3, 4))}.get(axes if isinstance(axes, int) else -1)
    if shapes is None:
        shapes = {"((1,), (0,))": ((2, 3), (3, 4)), "((0, 1), (1, 0))": ((2, 3, 4), (3, 2)), "([2], [1])": ((2, 3, 4), (5, 4))}[str(axes)]
    a, b = rng.normal(size=shapes[0]), rng.normal(size=shapes[1])
    inputs = placeholders([a, b])
    expected = np.tensordot(a, b, axes)
    np.testing.assert_allclose(ops.tensordot(a, b, axes), expected, rtol=1e-12)
    np.testing.assert_allclose(run(inputs, [ops.tensordot(*inputs, axes)], [a, b])[0], expected, rtol=1e-12)


@pytest.mark.parametrize("axes", [1, [[0], [1]], [[0, 1], [1]]], ids=str)
def test_axes_of_tensordot_that_do_not_fit_are_named_with_the_shapes(axes: Any) -> None:
    arrays = [np.ones((2, 3)), np.ones((4, 5))]
    for given in (arrays, placeholders(arrays)):
        with pytest.raises(ShapeError, match=r"tensordot: axes .* of shape \(2, 3\) and axes .* of shape \(4, 5\)"):
            ops.tensordot(*given, axes)


def test_einsum_takes_diagonals_of_squares_alone() -> None:
    with pytest.raises(ShapeError, match="sizes 2 and 3 in one operand"):
        ops.einsum("ii->i", np.ones((2, 3)))


def test_bytes_are_summed_in_32_bits() -> None:
    x = np.full((2, 8), 100, "int8")
    out = ops.einsum("ij,kj->ik", x, x)
    assert out.dtype == np.int32
    np.testing.assert_array_equal(out, np.full((2, 2), 80_000))
    assert ops.einsum("ij->i", x).tolist() == [800, 800]


def test_products_of_bytes_are_summed_in_32_bits() -> None:
    x = np.full((2, 8), 100, "int8")
    out = ops.matmul(x, x.T)
    assert out.dtype == np.int32
    np.testing.assert_array_equal(out, np.full((2, 2), 80_000))
    assert ops.matmul(x, np.ones((8, 2), "bool")).dtype == ops.dot(x, x.T).dtype == np.int8
