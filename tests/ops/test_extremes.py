"""Elementwise ops where numbers end: NaN, infinities, both zeros, the largest and the smallest; and shapes of size 0 and 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, TensorType
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS, Op, apply_symbolic, compute
from tests.tolerances import assert_alike

from .check_op import placeholders, run, same_bits

INF, NAN = math.inf, math.nan


def extremes(dtype: str) -> np.ndarray:
    """The values where floating arithmetic is special."""
    f = np.finfo(dtype)
    some = [0.0, 1.0, 0.5, 2.0, 20.0, 800.0, float(f.max), float(f.tiny), float(f.smallest_subnormal), float(f.eps), INF]
    return np.array([*some, *(-v for v in some), NAN], dtype)


FLOAT_ELEMENTWISE = [op for op in OPS.values() if op.is_elementwise and any(set(s.types) == {"f32[2, 3]"} and not s.attrs for s in op.samples)]
COMPOSITES = [op for op in OPS.values() if op.is_composite and op.samples[0].types == ("f32[2, 3]",) and not op.samples[0].attrs]


def crossed(op: Op, dtype: str, denormals: str = "keep") -> list[np.ndarray]:
    """Every pair (or every single one) of extreme values; those whose meaning flushing changes only where they are kept."""
    values = extremes(dtype)
    if denormals == "flush":
        values = values[~((values != 0) & (np.abs(values) < np.finfo(dtype).tiny))]
    arity = len(op.samples[0].types)
    return [np.ascontiguousarray(a.ravel()) for a in np.meshgrid(*[values] * arity)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("denormals", ["keep", "flush"])
@pytest.mark.parametrize("op", [*FLOAT_ELEMENTWISE, *COMPOSITES], ids=lambda op: op.name)
def test_backend_keeps_extreme_values(op: Op, dtype: str, denormals: str, backend: str) -> None:
    if denormals not in interface.get(backend).denormals():
        pytest.skip(f"{backend} cannot {denormals} denormals")
    arrays = crossed(op, dtype, denormals)
    inputs = placeholders(arrays)
    result = apply_symbolic(op, inputs, {})
    expected = compute(op, arrays, {})
    same_bits(run(inputs, [result], arrays)[0], expected)
    graph = Graph([t.node for t in inputs], [result.node], name=op.name)
    actual = compile_graph(graph, backend=backend, level="O2", denormals=denormals)(*arrays)[0]
    assert_alike(actual, expected, "op", "" if denormals == "flush" else backend, f"{op.name} on {backend}")
    infinite = ~np.isfinite(expected)
    np.testing.assert_array_equal(actual[infinite], expected[infinite])


@pytest.mark.parametrize("op", COMPOSITES, ids=lambda op: op.name)
def test_composite_makes_no_nan_of_a_number(op: Op) -> None:
    x = extremes("float64")
    out = compute(op, [x], {})
    finite = np.isfinite(x) & ((x < 0) | (op.samples[0].high > 0))  # some are for negative numbers alone
    assert np.isfinite(out[finite & (np.abs(x) < 1e100)]).all(), dict(zip(x.tolist(), out.tolist(), strict=True))
    assert np.isnan(out[np.isnan(x)]).all()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
@pytest.mark.parametrize("op", [op for op in COMPOSITES if op.name not in ("hard_tanh",)], ids=lambda op: op.name)
def test_composite_that_gives_floats_takes_whole_numbers_for_them(op: Op, dtype: str) -> None:
    """The negative of 3 in uint8 is 253; of booleans there is none."""
    x = np.array([0, 1, 3, 9]).astype(dtype)
    found = np.asarray(compute(op, [x], {}))
    if found.dtype.kind == "f":
        expected = compute(op, [x.astype("float64")], {})
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# op, inputs, value, gradients (None: not asked)
KNOWN: list[tuple[Any, tuple[float, ...], float, tuple[float | None, ...]]] = [
    (ops.softplus, (800.0,), 800.0, (1.0,)),
    (ops.softplus, (-800.0,), 0.0, (0.0,)),
    (ops.softplus, (INF,), INF, (1.0,)),
    (ops.softplus, (-INF,), 0.0, (0.0,)),
    (ops.sigmoid, (800.0,), 1.0, (0.0,)),
    (ops.sigmoid, (-800.0,), 0.0, (0.0,)),
    (ops.sigmoid, (-INF,), 0.0, (0.0,)),
    (ops.log_sigmoid, (-800.0,), -800.0, (1.0,)),
    (ops.log_sigmoid, (800.0,), 0.0, (0.0,)),
    (ops.tanh, (INF,), 1.0, (0.0,)),
    (ops.relu, (0.0,), 0.0, (0.0,)),
    (ops.relu, (NAN,), NAN, (None,)),
    (ops.relu6, (INF,), 6.0, (0.0,)),
    (ops.elu, (-INF,), -1.0, (0.0,)),
    (ops.elu, (INF,), INF, (1.0,)),
    (ops.leaky_relu, (-INF,), -INF, (0.2,)),
    (ops.silu, (-800.0,), 0.0, (0.0,)),
    (ops.silu, (800.0,), 800.0, (1.0,)),
    (ops.gelu, (800.0,), 800.0, (1.0,)),
    (ops.gelu, (-800.0,), 0.0, (0.0,)),
    (ops.absolute, (0.0,), 0.0, (0.0,)),
    (ops.absolute, (-INF,), INF, (-1.0,)),
    (ops.sqrt, (0.0,), 0.0, (INF,)),
    (ops.sqrt, (-1.0,), NAN, (None,)),
    (ops.log, (0.0,), -INF, (INF,)),
    (ops.exp, (-INF,), 0.0, (0.0,)),
    (ops.expm1, (1e-300,), 1e-300, (1.0,)),
    (ops.log1p, (1e-300,), 1e-300, (1.0,)),
    (ops.logaddexp, (800.0, 800.0), 800.0 + math.log(2), (0.5, 0.5)),
    (ops.logaddexp, (-INF, 3.0), 3.0, (0.0, 1.0)),
    (ops.maximum, (1.0, 1.0), 1.0, (1.0, 0.0)),
    (ops.maximum, (NAN, 1.0), NAN, (None, None)),
    (ops.minimum, (1.0, 1.0), 1.0, (1.0, 0.0)),
    (ops.power, (0.0, 0.0), 1.0, (0.0, None)),
    (ops.power, (0.0, 1.0), 0.0, (1.0, 0.0)),
    (ops.power, (0.0, 2.0), 0.0, (0.0, 0.0)),
    (ops.power, (-2.0, 3.0), -8.0, (12.0, None)),
    (ops.power, (2.0, -1.0), 0.5, (-0.25, 0.5 * math.log(2))),
    (ops.divide, (1.0, 0.0), INF, (INF, None)),
    (ops.reciprocal, (-0.0,), -INF, (-INF,)),
    (ops.square, (-INF,), INF, (-INF,)),
    (ops.erf, (INF,), 1.0, (0.0,)),
    (ops.erfinv, (1.0,), INF, (None,)),
    (ops.erfinv, (1.5,), NAN, (None,)),
    (ops.rint, (2.5,), 2.0, (None,)),
    (ops.arctan2, (0.0, -1.0), math.pi, (-1.0, 0.0)),
]


@pytest.mark.parametrize(("function", "inputs", "value", "expected"), KNOWN, ids=lambda v: getattr(v, "__name__", str(v)))
def test_value_and_gradient_at_the_edge(function: Any, inputs: tuple[float, ...], value: float, expected: tuple[float | None, ...]) -> None:
    arrays = [np.float64(v) for v in inputs]
    xs = placeholders([np.asarray(a) for a in arrays])
    y = function(*xs)
    np.testing.assert_allclose(run(xs, [y], arrays)[0], value, rtol=1e-14)
    np.testing.assert_allclose(function(*arrays), value, rtol=1e-14)
    for x, e in zip(xs, expected, strict=True):
        if e is not None:
            gradient = gradients(y, x)
            np.testing.assert_allclose(run(xs, [gradient], arrays)[0], e, rtol=1e-12, atol=1e-300)


ROWS_OF_LOGITS = [
    ([1000.0, 0.0], [0.0, -1000.0]),
    ([-1000.0, -1000.0], [-math.log(2)] * 2),
    ([0.0, -INF], [0.0, -INF]),
    ([-INF, 0.0], [-INF, 0.0]),
    ([7.0], [0.0]),
]


@pytest.mark.parametrize(("row", "expected"), ROWS_OF_LOGITS)
def test_softmax_family_is_finite_where_its_value_is(row: list[float], expected: list[float]) -> None:
    x = np.array([row])
    np.testing.assert_allclose(ops.log_softmax(x), [expected], rtol=1e-14)
    np.testing.assert_allclose(ops.softmax(x), np.exp([expected]), rtol=1e-14)
    np.testing.assert_allclose(ops.logsumexp(x, axis=1), [row[0] - expected[0] if row[0] > -INF else row[1] - expected[1]], rtol=1e-14)


def test_logsumexp_of_infinities_is_infinite_not_nan() -> None:
    x = np.array([[-INF, -INF], [INF, 1.0], [NAN, 0.0]])
    np.testing.assert_array_equal(ops.logsumexp(x, axis=1), [-INF, INF, NAN])


def test_integers_divide_and_take_remainders_as_numpy_does() -> None:
    a, b = (v.ravel().astype("int32") for v in np.meshgrid(np.arange(-7, 8), [-3, -2, -1, 1, 2, 3]))
    for function, expected in (
        (ops.floor_divide, a // b),
        (ops.mod, a % b),
        (ops.maximum, np.maximum(a, b)),
        (ops.divide, (a / b).astype("float32")),
    ):
        xs = placeholders([a, b])
        same_bits(function(a, b), expected)
        same_bits(run(xs, [function(*xs)], [a, b])[0], expected)


SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()), ((), (3,)), ((1,), (1,)), ((1, 1), ()), ((0,), ()), ((0,), (1,)), ((1, 0), (2, 1)), ((3, 1), (1, 2)),
    ((2, 1, 3), (4, 1)), ((1, 1, 1), (0, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_shapes_of_ones_zeros_and_scalars_broadcast_as_in_numpy(left: tuple[int, ...], right: tuple[int, ...], backend: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(1, 2, left), rng.uniform(1, 2, right)
    xs = placeholders([a, b])
    outputs = [ops.add(*xs), ops.divide(*xs), ops.less(*xs), ops.where(xs[0] > 1.5, xs[0], xs[1]), ops.sum(ops.multiply(*xs))]
    outputs += gradients(outputs[-1], xs)
    graph = Graph([t.node for t in xs], [t.node for t in outputs])
    expected = evaluate(graph, [a, b])[0]
    for found, formula in zip(expected, [a + b, a / b, a < b, np.where(a > 1.5, a, b), np.sum(a * b)], strict=False):
        assert found.shape == np.shape(formula)
        np.testing.assert_allclose(found, formula)
    assert expected[5].shape == left and expected[6].shape == right
    for x, e in zip(compile_graph(graph, backend=backend, level="O2")(a, b), expected, strict=True):
        assert_alike(x, e, "op", backend)


@pytest.mark.parametrize("shape", [(1, 1), (0, 2), (2, 0), (1, 0, 3), (1, 4, 1)], ids=str)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_of_thin_and_empty_tensors_are_those_of_numpy(shape: tuple[int, ...], axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    t = ops.placeholder(TensorType(shape, "float64"))
    with np.errstate(all="ignore"):
        for name in ("sum", "prod", "max", "min", "mean", "var", "std"):
            if not x.size and name not in ("sum", "prod"):
                continue
            expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
            for found in (
                getattr(ops, name)(x, axis=axis, keepdims=keepdims),
                run([t], [getattr(ops, name)(t, axis=axis, keepdims=keepdims)], [x])[0],
            ):
                assert found.shape == np.shape(expected), name
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_reductions_carry_nan_and_infinity() -> None:
    x = np.array([[1.0, NAN], [INF, -INF], [INF, 1.0], [-0.0, -0.0]], "float32")
    with np.errstate(all="ignore"):
        for name in ("sum", "max", "min", "prod", "mean"):
            np.testing.assert_array_equal(getattr(ops, name)(x, axis=1), getattr(np, name)(x, axis=1))
        np.testing.assert_array_equal(ops.cumsum(x, axis=1), np.cumsum(x, axis=1))
    assert ops.argmax(x, axis=1).tolist() == [1, 0, 0, 0]


def test_mean_of_nothing_is_nan() -> None:
    assert np.isnan(ops.mean(np.zeros((0,), "float32")))


def test_gradient_of_a_product_is_exact_where_factors_are_zero() -> None:
    x = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0], [2.0, 3.0, 4.0]])
    t = ops.placeholder("f64[3, 3]")
    gradient = gradients(ops.sum(ops.prod(t, axis=1)), t)
    assert run([t], [gradient], [x])[0].tolist() == [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0], [12.0, 8.0, 6.0]]


def test_gradient_of_a_running_product_is_exact_where_factors_are_zero() -> None:
    x = np.array([2.0, 0.0, 3.0])
    t = ops.placeholder("f64[3]")
    gradient = gradients(ops.sum(ops.cumprod(t, axis=0)), t)
    assert run([t], [gradient], [x])[0].tolist() == [1.0, 8.0, 0.0]


def test_gradient_of_an_extremum_is_shared_by_ties() -> None:
    t = ops.placeholder("f64[4]")
    gradient = gradients(ops.max(t), t)
    assert run([t], [gradient], [np.array([1.0, 3.0, 3.0, 2.0])])[0].tolist() == [0.0, 0.5, 0.5, 0.0]
