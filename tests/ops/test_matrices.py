"""Decompositions, systems and what is written with them, against NumPy, by their own equations, and symbolically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, ConfigError, DtypeError, GradientError, ShapeError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate
from tests.backends import missing, skip_without
from tests.ops.check_op import check_gradient_of, placeholders

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 3))
POSITIVE = X @ X.swapaxes(-1, -2) + np.eye(3)


def symbolic(function: Callable[..., Any], *arrays: np.ndarray, backend: str = "numpy", batch: bool = False) -> list[np.ndarray]:
    """What a function of matrices gives as a compiled graph."""
    types = [f"f64[{', '.join(['batch', *map(str, a.shape[1:])] if batch else map(str, a.shape))}]" for a in arrays]
    inputs = [ops.placeholder(t, f"x{k}") for k, t in enumerate(types)]
    found = function(*inputs)
    outputs = found if isinstance(found, tuple) else (found,)
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), backend=backend)(*arrays)


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "cholesky": (ops.cholesky, np.linalg.cholesky, (POSITIVE,)),
    "cholesky_upper": (lambda x: ops.cholesky(x, upper=True), lambda x: np.linalg.cholesky(x).swapaxes(-1, -2), (POSITIVE,)),
    "cholesky_inverse": (lambda x: ops.cholesky_inverse(ops.cholesky(x)), np.linalg.inv, (POSITIVE,)),
    "cholesky_inverse_upper": (lambda x: ops.cholesky_inverse(ops.cholesky(x, True), True), np.linalg.inv, (POSITIVE,)),
    "det": (ops.det, np.linalg.det, (X,)),
    "logdet": (ops.logdet, lambda x: np.linalg.slogdet(x)[1], (X,)),
    "slogdet": (lambda x: ops.slogdet(x)[0], lambda x: np.linalg.slogdet(x)[0], (X,)),
    "inv": (ops.inv, np.linalg.inv, (X,)),
    "pinv": (ops.pinv, np.linalg.pinv, (X[:, :, :2],)),
    "solve": (ops.solve, np.linalg.solve, (X, X[..., :2])),
    "solve_vectors": (ops.solve, lambda a, b: np.linalg.solve(a, b[..., None])[..., 0], (X, X[..., 0])),
    "solve_triangular": (ops.solve_triangular, lambda a, b: np.linalg.solve(np.triu(a), b), (X, X)),
    "solve_triangular_lower": (lambda a, b: ops.solve_triangular(a, b, True), lambda a, b: np.linalg.solve(np.tril(a), b), (X, X)),
    "singular_values": (lambda x: ops.svd(x, compute_uv=False), lambda x: np.linalg.svd(x, compute_uv=False), (X[:, :2],)),
    "eigenvalues": (lambda x: ops.eigh(x)[0], lambda x: np.linalg.eigh(x)[0], (POSITIVE,)),
    "from_eigenvectors": (lambda x: (lambda w, v: (v * w[:, None]) @ ops.swapaxes(v, 1, 2))(*ops.eigh(x)), lambda x: x, (POSITIVE,)),  # type: ignore
    "from_svd": (lambda x: (lambda u, s, v: (u * s[:, None]) @ v)(*ops.svd(x, full_matrices=False)), lambda x: x, (X[:, :2],)),
    "from_qr": (lambda x: ops.matmul(*ops.qr(x)), lambda x: x, (X[:, :, :2],)),
    "from_complete_qr": (lambda x: ops.matmul(*ops.qr(x, "complete")), lambda x: x, (X[:, :, :2],)),
    "rank": (lambda x: ops.cast(ops.matrix_rank(x), "float64"), lambda x: np.full(2, 2.0), (X[..., :2] @ X[..., :2, :],)),
}


@pytest.mark.parametrize("name", CASES)
def test_functions_of_matrices_give_what_numpy_gives_at_once_and_compiled(name: str) -> None:
    function, expected, arrays = CASES[name]
    wanted = expected(*arrays)
    np.testing.assert_allclose(function(*arrays), wanted, atol=1e-10)
    np.testing.assert_allclose(symbolic(function, *arrays, batch=True)[0], wanted, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("slogdet", "rank", "from_complete_qr")])
def test_gradients_through_matrices_are_those_of_finite_differences(name: str) -> None:
    function, _, arrays = CASES[name]
    inputs = placeholders(arrays)
    out = function(*inputs)
    check_gradient_of(inputs, ops.sum(out * RNG.normal(size=tuple(map(int, out.dims)))), arrays, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("other", ["jax", "torch", "tensorflow", "pytensor"])
def test_an_engine_gives_them_too(other: str) -> None:
    if missing(other):
        pytest.skip(missing(other))
    for name, (function, expected, arrays) in CASES.items():
        found = symbolic(function, *arrays, backend=other)[0]
        np.testing.assert_allclose(found, expected(*arrays), atol=1e-8, err_msg=f"{name} on {other}")


def test_a_backend_without_lapack_refuses_before_it_compiles() -> None:
    try:
        interface.get("native")
    except BackendError as error:
        pytest.skip(str(error))
    with pytest.raises(BackendError, match=r"native has no function for solve: f64\[2, 3, 3\].*test_matrices.py.*numpy and the interpreter do"):
        symbolic(ops.inv, X, backend="native")


@pytest.mark.parametrize(("function", "x"), [(ops.inv, np.ones((2, 2))), (ops.cholesky, -np.eye(2)), (ops.solve_triangular, np.zeros((2, 2)))])
def test_a_matrix_that_has_none_is_an_error_with_the_line(function: Callable[..., Any], x: np.ndarray, backend: str) -> None:
    given = (x, x) if function is ops.solve_triangular else (x,)
    with pytest.raises(np.linalg.LinAlgError):
        function(*given)
    skip_without(backend, "solve", "solve_triangular", "cholesky")
    with pytest.raises(np.linalg.LinAlgError, match=r"test_matrices.py"):
        symbolic(function, *given, backend=backend)


def test_an_unused_inverse_keeps_its_error_out_of_the_way_and_a_used_one_does_not_lose_it() -> None:
    x = ops.placeholder("f64[2, 2]")
    y = ops.inv(x) * 0.0
    with pytest.raises(np.linalg.LinAlgError):
        compile_graph(Graph([x.node], [y.node]), backend="numpy")(np.zeros((2, 2)))


def test_eig_gives_complex_pairs_that_belong_together() -> None:
    w, v = ops.eig(X)
    assert w.dtype == v.dtype == np.complex128
    np.testing.assert_allclose(X @ v, v * w[:, None], atol=1e-10)
    for own, compiled in zip((w, v), symbolic(ops.eig, X), strict=True):
        np.testing.assert_array_equal(own, compiled)


def test_full_singular_vectors_are_square_and_their_values_have_a_gradient() -> None:
    u, s, vt = ops.svd(X[0, :, :2])
    assert u.shape == (3, 3) and s.shape == (2,) and vt.shape == (2, 2)
    x = ops.placeholder("f64[3, 2]")
    u, s, _ = ops.svd(x)
    check_gradient_of([x], ops.sum(s * np.array([1.0, 2.0])), [X[0, :, :2]])
    with pytest.raises(GradientError, match="full_matrices=False"):
        gradients(ops.sum(u), x)


def test_complete_qr_says_that_it_has_no_gradient() -> None:
    x = ops.placeholder("f64[3, 2]")
    with pytest.raises(GradientError, match="mode='complete'"):
        gradients(ops.sum(ops.qr(x, "complete")[0]), x)


def test_lu_factors_give_the_matrix_with_its_rows_exchanged() -> None:
    both, pivots = ops.lu_factor(X)
    for a, lu, exchanged in zip(X, both, pivots, strict=True):
        rows = a.copy()
        for k, p in enumerate(exchanged):
            rows[[k, p]] = rows[[p, k]]
        np.testing.assert_allclose((np.tril(lu, -1) + np.eye(3)) @ np.triu(lu), rows, atol=1e-12)
    assert np.asarray(ops.lu_factor(np.zeros((2, 2)))[0]).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_lstsq_is_the_shortest_of_the_nearest() -> None:
    a, b = X[0, :, :2], X[1]
    np.testing.assert_allclose(ops.lstsq(a, b), np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-10)
    np.testing.assert_allclose(ops.lstsq(a.T, b[0, :2]), np.linalg.lstsq(a.T, b[0, :2], rcond=None)[0], atol=1e-10)


def test_integers_become_floats_and_float16_is_refused() -> None:
    assert ops.det(np.eye(2, dtype="int32")).dtype == np.float32
    with pytest.raises(DtypeError, match=r"det takes matrices in float32 or float64, received f16\[2, 2\]"):
        ops.det(np.eye(2, dtype="float16"))


def test_shapes_that_do_not_fit_are_refused_where_they_are_written() -> None:
    for function in (ops.cholesky, ops.det, ops.eig, ops.eigh, ops.inv, ops.slogdet, ops.cholesky_inverse):
        with pytest.raises(ShapeError, match="square"):
            function(np.ones((2, 3)))
    for function in (ops.svd, ops.qr, ops.pinv, ops.lu_factor, ops.matrix_rank):
        with pytest.raises(ShapeError, match="last two axes"):
            function(np.ones(3))
    with pytest.raises(ShapeError, match="right sides"):
        ops.solve(np.eye(3), np.ones((2, 2)))
    with pytest.raises(ShapeError, match="lstsq takes one matrix"):
        ops.lstsq(np.eye(3), np.ones(2))
    with pytest.raises(ConfigError, match="'reduced' or 'complete'"):
        ops.qr(np.eye(3), mode="raw")


@pytest.mark.parametrize("order", [2, -2, "nuc"])
@pytest.mark.parametrize("axes", [None, (0, 1), (1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms_of_singular_values_are_those_of_numpy(order: Any, axes: Any, keepdims: bool) -> None:
    x = np.random.default_rng(1).normal(size=(3, 4))
    np.testing.assert_allclose(ops.norm(x, order, axes, keepdims), np.linalg.norm(x, order, axes, keepdims), rtol=1e-6)
    stack = np.stack([x, 2 * x])
    np.testing.assert_allclose(ops.norm(stack, order, (1, 2), keepdims), np.linalg.norm(stack, order, (1, 2), keepdims), rtol=1e-6)


def test_a_norm_of_singular_values_has_a_gradient() -> None:
    x = ops.placeholder("f64[2, 2]")
    (slope,) = gradients(ops.norm(x, "nuc"), [x])
    found = evaluate(Graph([x.node], [slope.node]), [np.diag([3.0, 1.0])])[0][0]
    np.testing.assert_allclose(found, np.eye(2), atol=1e-6)
