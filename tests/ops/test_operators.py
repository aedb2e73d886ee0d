"""Python's operators, NumPy's ufuncs and functions, and indexing on symbolic tensors: what they build, against NumPy."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import ShapeError, SymbolicValueError
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable

from .check_op import placeholders, run

A = np.array([[1.5, -2.0, 0.5], [3.0, 0.25, -1.0]], "float32")
B = np.array([2.0, -0.5, 4.0], "float32")
I = np.array([[5, -7, 2], [1, 0, 12]], "int32")  # noqa: E741
J = np.array([3, 2, 1], "int32")
P, Q = I > 1, np.array([True, False, True])


def built(function: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    inputs = placeholders(arrays)
    out = ops.as_tensor(function(*inputs))
    assert isinstance(out, Tensor)
    return run(inputs, [out], arrays)[0]


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.eq, operator.ne,
          operator.lt, operator.le, operator.gt, operator.ge]  # fmt: skip


@pytest.mark.parametrize("function", BINARY, ids=lambda f: f.__name__)
def test_operator_on_tensors_arrays_and_numbers_is_numpys(function: Callable[..., Any]) -> None:
    expected = function(A, B)
    np.testing.assert_allclose(built(function, A, B), expected)
    np.testing.assert_allclose(built(lambda x: function(x, B), A), expected)
    np.testing.assert_allclose(built(lambda y: function(A, y), B), expected)
    np.testing.assert_allclose(built(lambda x: function(x, 2), A), function(A, 2))
    np.testing.assert_allclose(built(lambda x: function(2.5, x), A), function(np.float32(2.5), A))


@pytest.mark.parametrize("function", [operator.and_, operator.or_, operator.xor], ids=lambda f: f.__name__)
def test_logic_is_bitwise_on_integers_and_logical_on_booleans(function: Callable[..., Any]) -> None:
    for a, b in ((I, J), (P, Q)):
        out = built(function, a, b)
        assert out.dtype == a.dtype
        np.testing.assert_array_equal(out, function(a, b))
    np.testing.assert_array_equal(built(lambda p: function(p, True), P), function(P, True))


def test_powers_shifts_matrix_products_and_unary_operators() -> None:
    np.testing.assert_allclose(built(lambda x: x**2, A), A**2)
    np.testing.assert_allclose(built(lambda x: 2**x, A), 2**A, rtol=1e-6)
    np.testing.assert_array_equal(built(operator.lshift, I, J), I << J)
    np.testing.assert_array_equal(built(operator.rshift, I, J), I >> J)
    np.testing.assert_allclose(built(operator.matmul, A, B), A @ B)
    np.testing.assert_allclose(built(lambda b: A @ b, B), A @ B)
    np.testing.assert_array_equal(built(operator.neg, A), -A)
    np.testing.assert_array_equal(built(operator.pos, A), A)
    np.testing.assert_array_equal(built(abs, A), abs(A))
    np.testing.assert_array_equal(built(operator.invert, P), ~P)
    np.testing.assert_array_equal(built(operator.invert, I), ~I)


UFUNCS = [np.exp, np.tanh, np.negative, np.abs, np.floor, np.sin, np.sign, np.isnan, np.expm1, np.reciprocal, np.positive, np.cbrt, np.spacing]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_numpy_ufunc_on_a_tensor_builds_a_node_or_says_that_it_cannot(ufunc: np.ufunc) -> None:
    if ufunc is np.spacing:
        with pytest.raises(SymbolicValueError, match=r"np\.spacing has no symbolic form at test_operators.py:\d+"):
            ufunc(ops.placeholder("f32[3]"))
        return
    np.testing.assert_allclose(built(ufunc, A), ufunc(A), rtol=1e-6)


@pytest.mark.parametrize(
    "ufunc", [np.add, np.multiply, np.maximum, np.power, np.true_divide, np.remainder, np.greater, np.matmul, np.arctan2, np.logaddexp]
)
def test_numpy_ufunc_of_two_takes_tensors_beside_arrays(ufunc: np.ufunc) -> None:
    a = np.abs(A)
    with np.errstate(all="ignore"):
        expected = ufunc(a, B)
    np.testing.assert_allclose(built(ufunc, a, B), expected, rtol=1e-6)
    np.testing.assert_allclose(built(lambda y: ufunc(a, y), B), expected, rtol=1e-6)


def test_ufunc_with_out_or_a_method_is_refused() -> None:
    x = ops.placeholder("f32[3]")
    with pytest.raises(SymbolicValueError, match=r"np\.add\.reduce has no symbolic form"):
        np.add.reduce(x)
    with pytest.raises(SymbolicValueError, match=r"np\.exp has no symbolic form"):
        np.exp(x, out=np.zeros(3, "float32"))  # type: ignore[call-overload]


FUNCTIONS: list[Callable[..., Any]] = [
    lambda x: np.sum(x, axis=1), lambda x: np.mean(x), lambda x: np.max(x, axis=0), lambda x: np.transpose(x),
    lambda x: np.reshape(x, (3, 2)), lambda x: np.concatenate([x, x], 1), lambda x: np.stack([x, x]), lambda x: np.expand_dims(x, 0),
    lambda x: np.where(x > 0, x, 0.0), lambda x: np.clip(x, -1.0, 1.0), lambda x: np.zeros_like(x), lambda x: np.argmax(x, axis=1),
    lambda x: np.var(x, axis=0), lambda x: np.swapaxes(x, 0, 1), lambda x: np.tile(x, (2, 1)), lambda x: np.repeat(x, 2, axis=0),
    lambda x: np.moveaxis(x, 0, 1), lambda x: np.dot(x, B), lambda x: np.tensordot(x, x, ((1,), (1,))), lambda x: np.flip(x, 1),
    lambda x: np.cumsum(x, axis=0), lambda x: np.squeeze(np.expand_dims(x, 0)), lambda x: np.outer(x[0], x[1]), lambda x: np.sort(x, axis=1),
    lambda x: np.einsum("ij,j->i", x, B), lambda x: np.broadcast_to(x, (2, 2, 3)), lambda x: np.round(x), lambda x: np.full_like(x, 3.0),
    lambda x: np.ravel(x), lambda x: np.split(x, 3, axis=1)[1], lambda x: np.pad(x, ((1, 0), (0, 2))), lambda x: np.take(x, np.array([1, 0]), axis=1),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS, ids=[str(k) for k in range(len(FUNCTIONS))])
def test_numpy_function_on_a_tensor_means_the_same(function: Callable[..., Any]) -> None:
    expected = function(A)
    found = built(function, A)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_numpy_function_without_a_symbolic_form_names_the_line() -> None:
    with pytest.raises(SymbolicValueError, match=r"np\.convolve has no symbolic form at test_operators.py:\d+"):
        np.convolve(ops.placeholder("f32[3]"), np.ones(2))


def test_methods_of_tensors_are_those_of_arrays() -> None:
    for name in ("sum", "mean", "max", "min", "prod", "std", "var"):
        np.testing.assert_allclose(built(lambda x, name=name: getattr(x, name)(axis=1), A), getattr(A, name)(axis=1), rtol=1e-5)
    np.testing.assert_array_equal(built(lambda x: x.reshape(3, 2), A), A.reshape(3, 2))
    np.testing.assert_array_equal(built(lambda x: x.reshape((3, -1)), A), A.reshape(3, -1))
    np.testing.assert_array_equal(built(lambda x: x.astype("int32"), A), A.astype("int32"))
    np.testing.assert_array_equal(built(lambda x: x.T, A), A.T)


def test_truth_value_of_a_tensor_is_an_error_on_the_users_line() -> None:
    x = ops.placeholder("f32[3]")
    line = 0
    with pytest.raises(SymbolicValueError) as caught:
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        if x > 0:
            pass
    message = str(caught.value)
    assert f"test_operators.py:{line}" in message
    assert "ops.where" in message and "ops.cond" in message and "greater bool[3]" in message


@pytest.mark.parametrize(
    "use", [float, int, len, np.asarray, lambda x: x.numpy(), lambda x: list(range(x))], ids=["float", "int", "len", "asarray", "numpy", "range"]
)
def test_asking_a_tensor_for_its_value_is_an_error(use: Callable[..., Any]) -> None:
    x = ops.placeholder("f32[batch]") if use is len else ops.placeholder("i32[]")
    with pytest.raises(SymbolicValueError, match=r"test_operators.py:\d+"):
        use(x)


def test_comparing_with_none_is_no_tensor() -> None:
    x = ops.placeholder("f32[3]")
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert x in [x] and x not in [None]
    with pytest.raises(TypeError):
        x + None  # type: ignore[operator]
    with pytest.raises(TypeError):
        x + "a"  # type: ignore[operator]


def test_a_number_takes_the_dtype_of_the_tensor() -> None:
    for dtype in ("f16", "f32", "f64"):
        x = ops.placeholder(f"{dtype}[3]")
        for y in (x + 1, x * 2.5, 1 / x, x**2, ops.maximum(x, 0), ops.where(x > 0, x, 0.0)):
            assert y.dtype == x.dtype
    i = ops.placeholder("i32[3]")
    assert (i + 1).dtype == "int32" and (i * 1.5).dtype == "float32" and (i / 2).dtype == "float32"
    assert (ops.placeholder("bool[2]") + 1).dtype == "int32"


def test_variable_takes_part_in_operators_at_its_current_value() -> None:
    v = Variable(B, name="v")
    np.testing.assert_array_equal(v + 1, B + 1)
    np.testing.assert_array_equal(A * v, A * B)
    np.testing.assert_array_equal(np.exp(v), np.exp(B))
    x = ops.placeholder("f32[2, 3]")
    np.testing.assert_array_equal(run([x], [x * v], [A])[0], A * B)
    v.assign(B * 2)
    np.testing.assert_array_equal(run([x], [x * v], [A])[0], A * B * 2)
    assert v == v and v in {v: 1}


X = np.arange(2 * 3 * 4, dtype="float32").reshape(2, 3, 4)
KEYS: list[Any] = [
    0, -1, (0, 1), (0, 1, 2), slice(None), slice(1, None), slice(None, -1), (slice(None), slice(0, 3, 2)), (slice(None), slice(None, None, -1)),
    (..., 0), (0, ..., slice(1, 3)), (None, 0), (slice(None), None, 1), (slice(None), 1, None), (slice(5, 1),), (slice(None), slice(2, 0, -1)),
    (slice(-5, 99),), (..., slice(3, None, -2)), (..., None), (slice(None), np.array([2, 0])), (0, np.array([[1, 1], [2, 0]])),
    (..., np.array([3, 0, 3])),
    (np.array([1, -1]), slice(None), 2), [1, 0], (slice(0, 0),), [], (0, slice(None), np.array([3, 0, 3])), (np.array([[1]]), None, 1),
    (0, ..., [1, 2]), np.array([True, False]), [False, True], (slice(None), np.array([True, False, True])), X > 7.0, (slice(1), X[0] > 7.0),
    (..., np.array([True, False, False, True])), (1, np.zeros(3, bool)), (np.array([True, True]), slice(None), 1), (..., X[0] < 0.0),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing_a_tensor_is_indexing_the_array(key: Any) -> None:
    expected = X[key]
    found = built(lambda x: x[key] + 0.0, X)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "key", [0, -1, slice(1, None), slice(None, -1), slice(1, -1), slice(None, None, 2), slice(None, None, -1), (slice(-2, None), 0)], ids=str
)
def test_indexing_an_axis_of_symbolic_size(key: Any) -> None:
    x = ops.placeholder("f32[batch, 2]")
    out = x[key]
    for n in (3, 4):
        value = np.arange(n * 2, dtype="float32").reshape(n, 2)
        np.testing.assert_array_equal(run([x], [out], [value])[0], value[key])


BOUNDS = [None, 0, 1, 2, 4, -1, -2, -4]
SLICES = [slice(a, b, c) for a in BOUNDS for b in BOUNDS for c in (None, 2, 3) if (a or 0, b) != (0, 1) and (a, b) != (-1, None)]


@pytest.mark.parametrize("first", range(0, len(SLICES), 24), ids=str)
def test_slices_of_an_axis_of_symbolic_size_are_cut_as_numpy_cuts_them_with_their_gradients(first: int, backend: str) -> None:
    """No rows, one, and more than the bounds ask for; a second slice on top of the first."""
    x = ops.placeholder("f32[batch, 2]")
    keys = SLICES[first : first + 24]
    pieces = [x[k] for k in keys] + [x[k][1:] for k in keys]
    outputs = [*pieces, *(gradients(ops.sum(ops.square(p + 1.0)), x) for p in pieces)]
    executable = compile_graph(Graph([x.node], [t.node for t in outputs]), backend=backend)
    for n in (0, 1, 2, 3, 5):
        value = np.arange(n * 2, dtype="float32").reshape(n, 2)
        found = executable(value)
        for k, piece, gradient in zip([(k,) for k in keys] + [(k, slice(1, None)) for k in keys], found, found[len(pieces) :], strict=False):
            expected, rows = value, np.arange(n)
            for key in k:
                expected, rows = expected[key], rows[key]
            np.testing.assert_array_equal(piece, expected, f"{k} of {n} rows")
            slope = np.zeros_like(value)
            slope[rows] = 2 * (expected + 1)
            np.testing.assert_array_equal(gradient, slope, f"the gradient of {k} of {n} rows")


@pytest.mark.parametrize("key", [slice(None, 1), slice(0, 1), slice(-1, None)], ids=str)
def test_the_first_or_last_row_of_a_symbolic_axis_broadcasts_and_must_be_there(key: slice, backend: str) -> None:
    x = ops.placeholder("f32[batch, 2]")
    executable = compile_graph(Graph([x.node], [(x + x[key]).node]), backend=backend)
    for n in (1, 3):
        value = np.arange(n * 2, dtype="float32").reshape(n, 2)
        np.testing.assert_array_equal(executable(value)[0], value + value[key])
    with pytest.raises(ShapeError, match="slice"):
        executable(np.zeros((0, 2), "float32"))


@pytest.mark.parametrize("key", [0, 2, -1, -3])
def test_an_index_beyond_an_axis_of_symbolic_size_is_an_error(key: int, backend: str) -> None:
    x = ops.placeholder("f32[batch]")
    executable = compile_graph(Graph([x.node], [(x[key] + 1.0).node]), backend=backend)
    assert executable(np.arange(3, dtype="float32"))[0] == np.arange(3)[key] + 1
    with pytest.raises(ValueError, match=r"shape|size|broadcast"):
        executable(np.arange(2 if abs(key) > 1 else 0, dtype="float32"))


def test_indexing_by_a_symbolic_index() -> None:
    x, i = ops.placeholder("f32[5, 2]"), ops.placeholder("i32[]")
    value = np.arange(10, dtype="float32").reshape(5, 2)
    assert run([x, i], [x[i]], [value, np.int32(3)])[0].tolist() == [6.0, 7.0]


def test_a_mask_selects_only_where_the_number_of_rows_is_known() -> None:
    x, y = ops.placeholder("f32[batch, 3]"), ops.placeholder("f32[2, 3]")
    for build in (lambda: y[y > 0], lambda: y[:, y[0] > 0], lambda: x[x > 0]):
        with pytest.raises(ShapeError, match=r"symbolic mask .* at test_operators.py:\d+ has as many rows as elements of it are true"):
            build()
    with pytest.raises(ShapeError, match="the sizes must be known"):
        x[np.array([True, False])]
    with pytest.raises(ShapeError, match=r"mask of shape \(3,\) does not fit axes of sizes \(2,\)"):
        y[np.array([True, False, True])]
    with pytest.raises(ShapeError, match="single boolean, True"):
        y[True]


def test_indexing_errors_name_what_was_given() -> None:
    x = ops.placeholder("f32[2, 3]")
    with pytest.raises(ShapeError, match="index 2 is out of range for axis 0 of size 2"):
        x[2]
    with pytest.raises(ShapeError, match="3 indices for a tensor of 2 axes"):
        x[0, 0, 0]
    with pytest.raises(ShapeError, match="more than one integer tensor"):
        x[np.array([0, 1]), np.array([0, 1])]


def test_iterating_a_tensor_gives_its_rows() -> None:
    a, b = ops.placeholder("f32[2, 3]")
    assert a.shape == b.shape == (3,)


def test_a_tensor_has_the_methods_that_rearrange_it() -> None:
    x = ops.placeholder("f32[1, 6]")
    assert (x.reshape((2, 3)).shape, x.reshape(3, 2).shape, x.squeeze().shape, x.squeeze(axis=0).shape) == ((2, 3), (3, 2), (6,), (6,))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "float32"])
def test_logic_on_variables_is_that_of_truth(dtype: str) -> None:
    v = Variable(np.array([0, 1, 2], dtype))
    assert (v & np.array([1, 2, 0], dtype)).tolist() == [False, True, False]
    assert (1 | v).tolist() == [True, True, True]
    assert (v ^ 1).dtype == bool
    assert (v ^ 1).tolist() == [True, False, False]
