"""Ops at the edges of dtypes, sizes and windows: against NumPy, on every backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import Graph, dtypes
from symkeras.ops.evaluation import evaluate

from ..tolerances import assert_alike
from .check_op import run, same_bits

INF = math.inf


def compiled(inputs: list[Any], outputs: list[Any], arrays: list[Any], backend: str) -> list[np.ndarray]:
    """What a backend gives at O0 and O2, which is what the reference gives."""
    graph = Graph([t.node for t in inputs], [t.node for t in outputs])
    expected = evaluate(graph, arrays)[0]
    for level in ("O0", "O2"):
        for found, wanted in zip(compile_graph(graph, backend=backend, level=level)(*arrays), expected, strict=True):
            assert_alike(found, wanted, "layer", backend, level)
    return expected


@pytest.mark.parametrize("shape", [(2, 2, 1), (1, 4, 2), (3, 3, 1)], ids=str)
@pytest.mark.parametrize("fill", [-INF, math.nan, 1.0])
@pytest.mark.parametrize(("size", "strides"), [(3, 1), (2, 2), (3, 2)])
def test_gradient_of_max_pooling_stays_in_the_image(shape: tuple[int, ...], fill: float, size: int, strides: int, backend: str) -> None:
    """Also of windows in which all is -inf, as padding is, or NaN; and the gradient of that."""
    value = np.full((2, *shape), fill, "float32")
    value[1, 0, 0] = 3.0
    x = ops.placeholder(f"f32[2, {', '.join(map(str, shape))}]")
    y = ops.max_pool(x, size, strides, padding="same")
    dx = gradients(ops.sum(y * 2.0), x)
    ddx = gradients(ops.sum(dx * np.arange(1, value.size + 1, dtype="float32").reshape(value.shape)), x)
    found = compiled([x], [y, dx, *([] if ddx is None else [ddx])], [value], backend)
    assert found[1].sum() == 2 * y.node.tensor_type.size


@pytest.mark.parametrize("height", [1, 2, 5])
@pytest.mark.parametrize("pool", [ops.average_pool, ops.max_pool])
def test_pooling_of_unknown_height_is_that_of_the_known_one(pool: Any, height: int, backend: str) -> None:
    value = np.random.default_rng(0).normal(size=(2, height, 3, 2)).astype("float32")
    x, known = ops.placeholder("f32[batch, height, width, 2]"), ops.placeholder(f"f32[2, {height}, 3, 2]")
    y = pool(x, 2, padding="same")
    found = compiled([x], [y, gradients(ops.sum(y * y), x)], [value], backend)
    z = pool(known, 2, padding="same")
    for a, b in zip(found, run([known], [z, gradients(ops.sum(z * z), known)], [value]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
@pytest.mark.parametrize("classes", [1, 2, 127, 128, 129, 256, 300])
def test_one_hot_has_a_place_for_every_class_whatever_the_dtype_of_the_labels(dtype: str, classes: int, backend: str) -> None:
    labels = np.array([0, 1, 44, 127], dtype)
    x = ops.placeholder(f"{ {'uint8': 'u8', 'int8': 'i8', 'int32': 'i32', 'int64': 'i64'}[dtype]}[4]")
    expected = (labels[:, None].astype("int64") == np.arange(classes)).astype("float32")
    np.testing.assert_array_equal(compiled([x], [ops.one_hot(x, classes)], [labels], backend)[0], expected)
    np.testing.assert_array_equal(ops.one_hot(labels, classes), expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_scatter_counts_negative_coordinates_from_the_end_of_each_axis(depth: int, backend: str) -> None:
    shape = (2, 3, 4)
    rng = np.random.default_rng(depth)
    indices = np.stack([rng.integers(-d, d, 9) for d in shape[:depth]], -1).astype("int32")
    values = rng.normal(size=(9, *shape[depth:])).astype("float32")
    expected = np.zeros(shape, "float32")
    np.add.at(expected, tuple(indices.T), values)
    i, v = ops.placeholder(f"i32[9, {depth}]"), ops.placeholder(f"f32[{', '.join(map(str, values.shape))}]")
    np.testing.assert_allclose(compiled([i, v], [ops.scatter(i, v, shape)], [indices, values], backend)[0], expected, rtol=1e-6)


@pytest.mark.parametrize("coordinates", [[0, 3], [2, 0], [-3, 0], [0, -4]], ids=str)
def test_scatter_outside_of_one_axis_is_an_error_though_the_flat_place_exists(coordinates: list[int], backend: str) -> None:
    i = ops.placeholder("i32[1, 2]")
    executable = compile_graph(Graph([i.node], [ops.scatter(i, np.float32([1.0]), (2, 3)).node]), backend=backend)
    with pytest.raises(IndexError, match="out of range"):
        executable(np.array([coordinates], "int32"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfinv_undoes_erf_to_the_last_digits(dtype: str, backend: str) -> None:
    eps = np.finfo(dtype).eps
    x = np.array([0.0, -0.0, 1e-30, 1e-9, 1e-3, 0.3, 0.5, 0.84, 0.86, 0.99, 0.9999, 1 - 8 * eps, 1 - eps / 2, -0.7, 1.0, -1.0, 1.5, math.nan], dtype)
    y = ops.erfinv(x)
    for v, w in zip(x.tolist(), y.tolist(), strict=True):
        if abs(v) < 1:
            slope = 2 / math.sqrt(math.pi) * math.exp(-w * w)
            error = (math.erf(w) - v) / slope if abs(v) < 0.5 else math.copysign(1, v) * ((1 - abs(v)) - math.erfc(abs(w))) / slope
            assert abs(error) <= 6 * eps * abs(w), (v, w)
    np.testing.assert_array_equal(y[-4:], [INF, -INF, math.nan, math.nan])
    t = ops.placeholder(f"{'f32' if dtype == 'float32' else 'f64'}[{len(x)}]")
    compiled([t], [ops.erfinv(t)], [x], backend)


def test_sums_and_means_of_many_float16_are_not_taken_in_float16() -> None:
    x = np.random.default_rng(0).uniform(0, 0.5, 70_000).astype("float16")
    t = ops.placeholder("f16[70000]")
    exact = x.astype("float64")
    for value in (x, t):
        results = [ops.sum(value), ops.mean(value), ops.var(value), ops.cumsum(value)[-1]]
        found = results if value is x else compile_graph(Graph([t.node], [r.node for r in results]), backend="numpy")(x)
        for a, b in zip(found, [exact.sum(), exact.mean(), exact.var(), exact.sum()], strict=True):
            assert a.dtype == np.float16
            np.testing.assert_allclose(a, b, rtol=6e-4)


@pytest.mark.parametrize(("dtype", "value"), [("bool", 2), ("bool", 0.5), ("u8", 256), ("u8", -1), ("u8", 0.5), ("i32", 2.0**31), ("i32", math.nan)])
def test_padding_with_a_number_that_the_dtype_has_not_is_refused(dtype: str, value: float) -> None:
    x = ops.placeholder(f"{dtype}[2]")
    for given in (x, np.zeros(2, x.dtype)):
        with pytest.raises(DtypeError, match=f"is no number of dtype {x.dtype}"):
            ops.pad(given, 1, constant_values=value)


@pytest.mark.parametrize(("dtype", "value"), [("bool", True), ("bool", 1.0), ("u8", 255), ("i64", 2**62 + 1), ("i32", -(2**31)), ("f32", INF)])
def test_padding_keeps_every_digit(dtype: str, value: float, backend: str) -> None:
    x = ops.placeholder(f"{dtype}[2]")
    given = np.ones(2, x.dtype)
    np.testing.assert_array_equal(compiled([x], [ops.pad(x, (1, 2), constant_values=value)], [given], backend)[0],
                                  np.pad(given, (1, 2), constant_values=value))  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("exponent", [0.5, 2.0, -1.0, 1.0, 0.0, 1.5, 3.0, -0.5])
def test_power_does_not_depend_on_how_its_exponent_is_stored(dtype: str, exponent: float, backend: str) -> None:
    """NumPy takes the square root for one exponent of 0.5, which is NaN of -inf, and C's pow for many, which is inf."""
    x = np.array([-INF, -0.0, 0.0, 4.0, -1.0, INF, math.nan], dtype)
    t = ops.placeholder(f"{'f32' if dtype == 'float32' else 'f64'}[7]")
    many = np.full(7, exponent, dtype)
    found = compiled([t], [t**exponent, t**many], [x], backend)
    with np.errstate(all="ignore"):
        for a in found:
            same_bits(a, np.power(x, many))
    for level in ("O0", "O2"):
        for y in (t**exponent, t**many):
            a = compile_graph(Graph([t.node], [y.node]), backend=backend, level=level)(x)[0]
            np.testing.assert_array_equal(np.isfinite(a), np.isfinite(found[1]))
            np.testing.assert_array_equal(a[~np.isfinite(a)], found[1][~np.isfinite(a)])


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, 40])
def test_powers_of_integers_keep_every_digit_and_wrap_around(dtype: str, exponent: int, backend: str) -> None:
    x = np.array([0, 1, 2, 3, 117, 3000001 % np.iinfo(dtype).max, *([-1, -7] if dtype[0] == "i" else [])], dtype)
    t = ops.placeholder(f"{ {'uint8': 'u8', 'int32': 'i32', 'int64': 'i64'}[dtype]}[{len(x)}]")
    e = ops.placeholder(f"{ {'uint8': 'u8', 'int32': 'i32', 'int64': 'i64'}[dtype]}[]")
    for found in compiled([t, e], [t**exponent, t**e], [x, np.asarray(exponent, dtype)], backend):
        np.testing.assert_array_equal(found, np.power(x, np.asarray(exponent, dtype)))
    np.testing.assert_array_equal(ops.power(x, exponent), np.power(x, np.asarray(exponent, dtype)))


def test_integers_to_negative_powers_are_refused_as_numpy_refuses_them() -> None:
    for base in (ops.placeholder("i32[2]"), np.int32([1, 2])):
        for exponent in (-1, np.int32([2, -1])):
            with pytest.raises(ValueError, match="integers to negative integer powers are not allowed"):
                ops.power(base, exponent)
    assert ops.power(np.float32([2.0]), -1).tolist() == [0.5]


@pytest.mark.parametrize("number", [-1, 300, -(2**40)])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64"])
def test_integers_are_compared_with_numbers_that_their_dtype_does_not_have(number: int, dtype: str, backend: str) -> None:
    value = np.array([0, 1, 100], dtype)
    x = ops.placeholder(f"{dtypes.SHORT[dtype]}[3]", name="x")
    for compare in (ops.less, ops.greater_equal, ops.equal, ops.not_equal):
        wanted = getattr(np, compare.__name__)(value.astype("int64"), number)
        assert compare(value, number).tolist() == wanted.tolist()
        assert compiled([x], [compare(x, number), compare(number, x)], [value], backend)[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("make", [
    lambda x: x + 300, lambda x: ops.maximum(x, -1), lambda x: ops.clip(x, -2, 3), lambda x: ops.where(x > 1, x, 256), lambda x: ops.full_like(x, -1),
    lambda x: ops.cast(300, x.dtype), lambda x: ops.cast(math.nan, x.dtype), lambda x: ops.as_tensor([1, 300], x.dtype),
])  # fmt: skip
def test_a_number_that_a_dtype_does_not_have_is_refused(make: Any) -> None:
    with pytest.raises(DtypeError, match="no number of dtype uint8"):
        make(ops.placeholder("u8[3]", name="x"))


def test_modes_of_padding_and_parts_that_do_not_fit_are_our_errors() -> None:
    x = ops.placeholder("f32[3]", name="x")
    with pytest.raises(ConfigError, match="linear_ramp"):
        ops.pad(x, 1, mode="linear_ramp")
    with pytest.raises(ShapeError, match="equal parts"):
        ops.split(x, 2)


@pytest.mark.parametrize("function", [ops.floor_divide, ops.mod, ops.power])
def test_arithmetic_that_booleans_do_not_have_is_that_of_int32(function: Any, backend: str) -> None:
    x, y = (ops.placeholder("bool[3]", name=n) for n in "xy")
    a, b = np.array([True, False, True]), np.array([True, True, True])
    wanted = getattr(np, {"mod": "remainder"}.get(function.__name__, function.__name__))(a.astype("int32"), b.astype("int32"))
    assert compiled([x, y], [function(x, y)], [a, b], backend)[0].tolist() == wanted.tolist() and function(x, y).dtype == "int32"


@pytest.mark.parametrize("use", [lambda x: x - x, lambda x: -x, ops.sign])
@pytest.mark.parametrize("x", [ops.placeholder("bool[3]", name="x"), np.ones(3, bool)], ids=["tensor", "array"])
def test_booleans_have_no_sign(use: Any, x: Any) -> None:
    with pytest.raises(TypeError):
        use(x)


LARGE = np.array([[2**63 + 5, 3, 2**64 - 1, 2**63 - 1], [0, 2**63, 7, 2**62]], "uint64")


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_large_whole_numbers_are_added_and_multiplied_to_the_last_digit(name: str, axis: int | None, backend: str) -> None:
    """Doubles have 53 bits."""
    value = np.array([[2**62 + 1, 3, -7], [1, 2**53, 1], [2**40 + 1, 2**20 + 1, 1]])
    x = ops.placeholder("i64[batch, 3]")
    y = getattr(ops, name)(x, axis=axis)
    compiled([x], [y, getattr(ops, name)(ops.cast(x, "uint64"), axis=axis)], [value], backend)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin", "sort", "argsort", "top_k", "sum", "cumsum", "as float64", "shifted"])
def test_numbers_that_have_64_bits_keep_their_order(name: str, backend: str) -> None:
    """As negative ones of int64 they would be the least."""
    functions: dict[str, Any] = {
        "top_k": lambda x: ops.top_k(x, 2)[0], "as float64": lambda x: ops.cast(x, "float64"), "shifted": lambda x: ops.right_shift(x, np.uint64(60)),
    }  # fmt: skip
    x = ops.placeholder("u64[2, 4]")
    compiled([x], [functions[name](x) if name in functions else getattr(ops, name)(x, axis=1)], [LARGE], backend)


@pytest.mark.parametrize("name", ["maximum", "minimum", "less", "less_equal", "greater", "greater_equal", "equal", "floor_divide", "mod", "multiply"])
def test_numbers_that_have_64_bits_are_compared_and_divided_as_such(name: str, backend: str) -> None:
    x, y = ops.placeholder("u64[2, 4]"), ops.placeholder("u64[2, 4]")
    compiled([x, y], [getattr(ops, name)(x, y)], [LARGE, LARGE[::-1, ::-1] | np.uint64(1)], backend)
