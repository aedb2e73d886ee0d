"""`ops.jvp`: the derivative along a direction."""

from __future__ import annotations

import numpy as np
import pytest

import symkeras
from symkeras import ops
from symkeras.errors import GradientError, GraphError, ShapeError

A, B = np.linspace(-1, 1, 12).reshape(3, 4), np.linspace(0, 2, 8).reshape(4, 2)
DA, DB = np.cos(A), np.sin(B)


def test_a_product_with_the_jacobian_is_that_of_calculus() -> None:
    (product, total), (moved, grown) = ops.jvp(lambda a, b: (ops.matmul(a, b), ops.sum(ops.exp(a))), (A, B), (DA, DB))
    np.testing.assert_allclose(product, A @ B)
    np.testing.assert_allclose(moved, DA @ B + A @ DB, rtol=1e-12)
    np.testing.assert_allclose((total, grown), (np.exp(A).sum(), (np.exp(A) * DA).sum()), rtol=1e-12)


def test_a_product_with_the_jacobian_is_compiled_in_a_function() -> None:
    step = symkeras.function(lambda a, da: ops.jvp(lambda x: {"square": x * x}, [a], [da]))
    value, slope = step(A, DA)
    np.testing.assert_allclose(value["square"], A * A)
    np.testing.assert_allclose(slope["square"], 2 * A * DA)


@pytest.mark.parametrize("fun, expected", [
    (lambda x: ops.conv(x, np.ones((2, 2, 1, 3))), lambda x, d: ops.conv(d, np.ones((2, 2, 1, 3)))),
    (lambda x: ops.take(x, [1, 1], 1), lambda x, d: np.take(d, [1, 1], 1)),
    (lambda x: ops.max_pool(x, 2), lambda x, d: d[:, 1::2, 1::2]),
    (lambda x: ops.scan(lambda c, e: (c * e, c), ops.ones((), "float64"), ops.ravel(x))[0], lambda x, d: x.prod() * (d / x).sum()),
    (lambda x: ops.argmax(x), lambda x, d: np.zeros(())),
    (lambda x: ops.ones((2,)), lambda x, d: np.zeros(2)),
])  # fmt: skip
def test_windows_picks_loops_and_constants_have_a_derivative(fun, expected) -> None:
    x = np.linspace(1, 2, 16).reshape(1, 4, 4, 1)
    direction = np.cos(x)
    np.testing.assert_allclose(ops.jvp(fun, (x,), (direction,))[1], expected(x, direction), rtol=1e-6, atol=1e-12)


def test_what_a_function_reads_beside_its_arguments_stands_still() -> None:
    def mixed(x):
        return ops.jvp(lambda a: ops.jvp(lambda b: a * b * b, (x,), (1.0,))[1], (x,), (1.0,))[1]

    assert float(mixed(3.0)) == 6.0
    assert float(symkeras.function(mixed)(np.float32(3.0))) == 6.0


def test_products_with_jacobians_nest_and_lie_under_tapes() -> None:
    def cube(x):
        return x * x * x

    def slope(x):
        return ops.jvp(cube, (x,), (1.0,))[1]

    assert [float(v) for v in ops.jvp(slope, (2.0,), (1.0,))] == [12.0, 12.0]
    w = symkeras.Variable([1.0, 2.0])
    with symkeras.GradientTape() as tape:
        total = ops.sum(ops.jvp(cube, (w,), (np.ones(2, "float32"),))[1])
    assert tape.gradient(total, w).tolist() == [6.0, 12.0]


def test_the_derivative_is_that_of_the_stable_form() -> None:
    slope = symkeras.function(lambda x: ops.jvp(lambda a: ops.log(1.0 - ops.sigmoid(a)), (x,), (ops.ones_like(x),))[1])
    np.testing.assert_allclose(slope(np.array([50.0], "float32")), [-1.0])


def test_what_is_handed_on_comes_third() -> None:
    value, slope, aux = ops.jvp(lambda x: (2 * x, "as it is"), (1.0,), (3.0,), has_aux=True)
    assert (float(value), float(slope), aux) == (2.0, 6.0, "as it is")


@pytest.mark.parametrize("primals, tangents, has_aux, error", [
    (1.0, (1.0,), False, GraphError), ((1.0,), (1.0, 2.0), False, GraphError), ((1.0,), (np.ones(2),), False, ShapeError),
    ((1,), (1,), False, GradientError), ((1.0,), (1.0,), True, GraphError),
])  # fmt: skip
def test_products_with_jacobians_refuse_what_does_not_fit(primals, tangents, has_aux, error) -> None:
    with pytest.raises(error, match="jvp"):
        ops.jvp(lambda x: x, primals, tangents, has_aux)
