"""Layers that merge several tensors into one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import errors, layers
from symkeras.layers import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 2, 3, 4))
VECTOR = RNG.normal(size=(2, 4))
M = [np.array([[True, True, False], [True, False, False]]), np.array([[True, False, False], [True, True, False]])]
KEEP = [m[..., None] for m in M]

TABLE = [
    (Add, [A, B, C], A + B + C), (Subtract, [A, B], A - B), (Multiply, [A, B, C], A * B * C), (Average, [A, B, C], (A + B + C) / 3),
    (Maximum, [A, B, C], np.maximum(A, np.maximum(B, C))), (Minimum, [A, B], np.minimum(A, B)),
    (Add, [A, VECTOR], A + VECTOR[:, None]), (Multiply, [VECTOR, A], A * VECTOR[:, None]), (Add, [A, B[:, :1]], A + B[:, :1]), (Add, [A], A),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "inputs", "expected"), TABLE)
def test_merges_compute_element_by_element(cls: Any, inputs: list[np.ndarray], expected: np.ndarray) -> None:
    check_layer(cls, {}, inputs, expected)


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Add, A + B),
        (Average, (A + B) / 2),
        (Multiply, np.where(KEEP[0], A, 1) * np.where(KEEP[1], B, 1) * (KEEP[0] | KEEP[1])),
        (Maximum, np.where(KEEP[0] & KEEP[1], np.maximum(A, B), np.where(KEEP[0], A, np.where(KEEP[1], B, A)))),
        (Minimum, np.where(KEEP[0] & KEEP[1], np.minimum(A, B), np.where(KEEP[0], A, np.where(KEEP[1], B, A)))),
    ],
)
def test_a_step_is_kept_where_any_input_keeps_it(cls: Any, expected: np.ndarray) -> None:
    from symkeras import ops
    from symkeras.graph.graph import Graph
    from tests.backends import evaluate_on_all

    xs = [ops.placeholder("f64[batch, 3, 4]") for _ in range(2)]
    masks = [ops.placeholder("bool[batch, 3]") for _ in range(2)]
    for x, m in zip(xs, masks, strict=True):
        x._keras_mask = m
    out = cls(dtype="float64")(xs)
    (value, mask), _ = evaluate_on_all(Graph([t.node for t in (*xs, *masks)], [out.node, out._keras_mask.node]), [A, B, *M])
    np.testing.assert_allclose(value, expected)
    np.testing.assert_array_equal(mask, M[0] | M[1])
    xs[1]._keras_mask = None
    assert cls(dtype="float64")(xs)._keras_mask is None


@pytest.mark.parametrize("axis", [-1, 1, 2, -2, 0])
def test_concatenate_puts_inputs_side_by_side(axis: int) -> None:
    check_layer(Concatenate, {"axis": axis}, [A, B], np.concatenate([A, B], axis))


@pytest.mark.parametrize(("axis", "expected"), [(1, np.concatenate(M, 1)), (-1, M[0] | M[1])])
def test_concatenate_joins_masks(axis: int, expected: np.ndarray) -> None:
    check_layer(Concatenate, {"axis": axis}, [A, B], mask=M, expected_mask=expected, gradient=False)


def test_concatenate_counts_an_input_without_a_mask_as_kept() -> None:
    check_layer(Concatenate, {"axis": 1}, [A, B], mask=[M[0], None], expected_mask=np.concatenate([M[0], M[1] | True], 1), gradient=False)


DOTS = [
    (1, VECTOR, VECTOR[::-1], np.sum(VECTOR * VECTOR[::-1], 1, keepdims=True)),
    (2, A, B, np.einsum("bik,bjk->bij", A, B)),
    (1, A, B, np.einsum("bki,bkj->bij", A, B)),
    (-1, A, VECTOR, np.einsum("bik,bk->bi", A, VECTOR)),
    ((1, 2), VECTOR, A, np.einsum("bk,bik->bi", VECTOR, A)),
    ((1, 1), A[..., None] * A[:, :, None], B, np.einsum("bkij,bkl->bijl", A[..., None] * A[:, :, None], B)),
]


@pytest.mark.parametrize(("axes", "x", "y", "expected"), DOTS)
def test_dot_sums_over_one_axis_of_each(axes: Any, x: np.ndarray, y: np.ndarray, expected: np.ndarray) -> None:
    check_layer(Dot, {"axes": axes}, [x, y], expected)


def test_dot_of_normalised_inputs_is_the_cosine() -> None:
    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    check_layer(Dot, {"axes": 2, "normalize": True}, [A, B], np.einsum("bik,bjk->bij", unit(A), unit(B)))


@pytest.mark.parametrize(
    ("layer", "inputs", "words"),
    [
        (Add(), A, "list"),
        (Subtract(), [A, B, C], "exactly 2"),
        (Add(), [A, A[:1]], "one batch size"),
        (Add(), [A, A[:, :2]], "broadcast"),
        (Concatenate(), [A, A[:, :2]], "equal sizes elsewhere"),
        (Concatenate(axis=5), [A, A], "equal sizes elsewhere"),
        (Dot(1), [A], "exactly 2"),
        (Dot((1, 2)), [A, B], "equal sizes"),
        (Dot(0), [A, B], "batch axis"),
        (Dot(4), [A, B], "do not exist"),
    ],
)
def test_inputs_that_do_not_merge_are_refused(layer: Any, inputs: Any, words: str) -> None:
    with pytest.raises(errors.ShapeError, match=words):
        layer(inputs)


def test_each_merge_has_a_function() -> None:
    for name in ("add", "subtract", "multiply", "average", "maximum", "minimum"):
        np.testing.assert_array_equal(getattr(layers, name)([A, B]), getattr(layers, name.capitalize())()([A, B]))
    assert layers.concatenate([A, B], axis=1).shape == (2, 6, 4)
    assert layers.dot([A, B], axes=2, normalize=True).shape == (2, 3, 3)


@pytest.mark.parametrize("layer", [Add(), Maximum(), Concatenate()])
def test_masks_of_merged_inputs_come_in_a_list_of_equal_length(layer: Any) -> None:
    assert layer.compute_mask([A, B], mask=[None, None]) is None
    wrong = ([A, B], M[0], "`mask` should be a list"), (A, [None, None], "`inputs` should be a list"), ([A, B], [None], "1 masks for 2 inputs")
    for inputs, mask, words in wrong:
        with pytest.raises(errors.ShapeError, match=words):
            layer.compute_mask(inputs, mask)
