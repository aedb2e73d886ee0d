"""Ops with NumPy's names against NumPy: eager, symbolic, compiled, with symbolic sizes, and their gradients."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, DataError, DtypeError, ShapeError
from symkeras.graph import Graph, TensorType, dtypes, symbol
from symkeras.ops.evaluation import evaluate
from tests.backends import kept
from tests.tolerances import assert_alike

from .check_op import check_gradient_of, in_float64, placeholders, run, weighted_sum
from .numpy_cases import MIXED, TABLES, Case

CASES = {f"{table}: {name}": case for table, cases in TABLES.items() for name, case in cases.items()}


def several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def expected_of(case: Case) -> list[np.ndarray]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = case.expected(*case.inputs)
    many = isinstance(found, (list, tuple)) and len(found) and isinstance(found[0], np.ndarray)
    dtype = case.dtype or np.asarray(case.inputs[0]).dtype
    return [np.asarray(v).astype(dtype) for v in (found if many else [found])]


@pytest.mark.parametrize("name", CASES)
def test_an_op_gives_what_numpy_gives(name: str) -> None:
    case = CASES[name]
    for found, expected in zip(several(case.call(*case.inputs)), expected_of(case), strict=True):
        assert isinstance(found, (np.ndarray, np.generic))
        assert_alike(found, expected, "op", note=name)


@pytest.mark.parametrize("name", CASES)
def test_symbolic_tensors_give_the_same(name: str) -> None:
    case = CASES[name]
    arrays = [np.asarray(x) for x in case.inputs]
    tensors = placeholders(arrays)
    outputs = [ops.as_tensor(t) for t in several(case.call(*tensors))]
    eager = several(case.call(*arrays))
    for found, t, expected in zip(run(tensors, outputs, arrays), outputs, eager, strict=True):
        assert (t.shape, t.dtype) == (np.shape(expected), dtypes.standardize(np.asarray(expected).dtype))
        assert_alike(found, np.asarray(expected), "op", note=name)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.free and np.ndim(case.inputs[0])])
def test_sizes_may_be_symbolic(name: str) -> None:
    case = CASES[name]
    if "diag of a vector" in name:
        pytest.skip("these sizes are in the shape")
    first, *rest = (np.asarray(x) for x in case.inputs)
    dims = tuple(symbol(f"d{k}") if k < case.free else d for k, d in enumerate(first.shape))
    shapes = [dims, *(dims if x.shape == first.shape else x.shape for x in rest)]
    tensors = [
        ops.placeholder(TensorType(s, dtypes.standardize(a.dtype)), f"x{k}") for k, (s, a) in enumerate(zip(shapes, [first, *rest], strict=True))
    ]
    outputs = [ops.as_tensor(t) for t in several(case.call(*tensors))]
    for found, expected in zip(run(tensors, outputs, [first, *rest]), several(case.call(first, *rest)), strict=True):
        assert_alike(found, np.asarray(expected), "op", note=name)


@pytest.mark.parametrize("table", TABLES)
def test_backends_give_what_the_reference_gives(table: str, backend: str) -> None:
    inputs, outputs, arrays = [], [], []
    for case in TABLES[table].values():
        own = [np.asarray(x) for x in case.inputs]
        tensors = [ops.placeholder(TensorType(a.shape, dtypes.standardize(a.dtype)), f"x{len(inputs) + k}") for k, a in enumerate(own)]
        found = [ops.as_tensor(t) for t in several(case.call(*tensors))]
        inputs, outputs, arrays = inputs + tensors, outputs + found, arrays + own
    graph = Graph([t.node for t in inputs], [t.node for t in outputs], name=table)
    reference = evaluate(graph, arrays)[0]
    for k, (found, expected) in enumerate(zip(compile_graph(graph, backend=backend, **kept(backend))(*arrays), reference, strict=True)):
        assert_alike(found, expected, "layer", backend, f"{outputs[k].node} on {backend}")


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.grad])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    case = CASES[name]
    arrays = in_float64([np.asarray(x) for x in case.inputs])
    tensors = placeholders(arrays)
    loss = weighted_sum(several(case.call(*tensors)), 1)
    assert loss is not None
    check_gradient_of(tensors, loss, arrays, rtol=1e-4, atol=1e-6)


def test_numbers_beyond_half_precision_become_its_largest() -> None:
    found = ops.saturate_cast(np.array([1e5, -1e5, 2, np.nan]), "float16")
    assert_alike(found, np.array([65504, -65504, 2, np.nan], "float16"), "op")


REFUSALS: dict[str, tuple[Any, type[Exception], str]] = {
    "nonzero": (lambda x: ops.nonzero(x), ConfigError, "nonzero of a symbolic tensor has a shape that depends on its values"),
    "bincount": (lambda x: ops.bincount(x), ConfigError, "bincount of a symbolic tensor"),
    "unique": (lambda x: ops.unique(x), ConfigError, "unique of a symbolic tensor"),
    "segments": (lambda x: ops.segment_sum(x, ops.cast(x[:, 0], "int32")), ConfigError, "num_segments"),
    "view": (lambda x: ops.view(x, "int32"), ConfigError, "view reads the bits of arrays"),
    "polar": (lambda x: ops.polar(x, x), AttributeError, "tensors hold real numbers"),
    "view_as_complex": (lambda x: ops.view_as_complex(x), AttributeError, "tensors hold real numbers"),
    "polar by its area": (lambda x: ops.nn.polar(x, x), AttributeError, "tensors hold real numbers"),
    "real": (lambda x: ops.real(np.zeros(2, "complex64")), DtypeError, "real takes real numbers, received complex64"),
    "gcd": (lambda x: ops.gcd(x, 2), DtypeError, "gcd works on integers"),
    "ldexp": (lambda x: ops.ldexp(x, x), DtypeError, "the exponents are integers"),
    "quantile": (lambda x: ops.quantile(x, 2.0), DataError, "between 0 and 1"),
    "method": (lambda x: ops.quantile(x, 0.5, method="best"), ConfigError, "received 'best'"),
    "window": (lambda x: ops.hanning(x), ConfigError, "the length of a window is a number"),
    "cross": (lambda x: ops.cross(x[:, :1], x), ShapeError, "vectors of 2 or 3 elements"),
    "diagonal": (lambda x: ops.diagonal(x, axis1=1, axis2=-1), ShapeError, "takes two axes"),
    "tril": (lambda x: ops.tril(x[0]), ShapeError, "takes matrices"),
    "scatter_update": (lambda x: ops.scatter_update(x, [[0, 0]], [1.0], "mean"), ConfigError, "received 'mean'"),
    "repeat": (lambda x: ops.repeat(x, [1, 2], 1), ShapeError, "one for each of 3 elements"),
    "unstack": (lambda x: ops.unstack(x, 3), ShapeError, "not num=3"),
    "rot90": (lambda x: ops.rot90(x, axes=(0, -2)), ShapeError, "two different axes"),
    "signature": (lambda x: ops.vectorize(ops.dot, signature="(n,(n)"), ConfigError, "a signature is such as"),
    "histogram": (lambda x: ops.histogram(x[0], 0), ConfigError, "from 1 on"),
    "correlate": (lambda x: ops.correlate(x, x), ShapeError, "two vectors"),
    "average": (lambda x: ops.average(x, weights=np.ones(3)), ShapeError, "one for each element"),
    "extract_sequences": (lambda x: ops.extract_sequences(x, 9, 1), ShapeError, "no sequence of 9"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_says_so(name: str) -> None:
    call, error, message = REFUSALS[name]
    with pytest.raises(error, match=message):
        call(ops.placeholder("f32[2, 3]"))


def test_an_update_out_of_range_is_an_error() -> None:
    with pytest.raises(IndexError):
        ops.scatter_update(np.zeros(3, "float32"), [[3]], [1.0])


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_windows_are_numpys(name: str, count: int) -> None:
    assert_alike(getattr(ops, name)(count), getattr(np, name)(count).astype("float32"), "op")


@pytest.mark.parametrize("count", [0, 1, 6])
def test_the_window_of_kaiser_takes_a_symbolic_beta(count: int) -> None:
    expected = np.kaiser(count, 8.6).astype("float32")
    assert_alike(ops.kaiser(count, 8.6), expected, "op")
    beta = ops.placeholder("f32[]")
    if count > 1:
        assert_alike(run([beta], [ops.kaiser(count, beta)], [np.float32(8.6)])[0], expected, "layer")


def test_what_depends_on_values_is_computed_on_arrays() -> None:
    x = np.array([[3, 0, 1], [3, 3, 0]])
    for found, expected in zip(ops.nonzero(x), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(ops.bincount(x.ravel(), minlength=6), np.bincount(x.ravel(), minlength=6))
    np.testing.assert_array_equal(ops.bincount(x), [[1, 1, 0, 1], [1, 0, 0, 2]])
    np.testing.assert_array_equal(ops.bincount(np.array([0, 2]), weights=np.float32([0.5, 2])), np.float32([0.5, 0, 2]))
    values, index, inverse, counts = ops.unique(x, return_index=True, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values, [0, 1, 3])
    np.testing.assert_array_equal(index, [1, 2, 0])
    np.testing.assert_array_equal(values[inverse], x)
    np.testing.assert_array_equal(counts, [2, 1, 3])
    np.testing.assert_array_equal(ops.unique(x, size=5), [0, 1, 3, 0, 0])
    np.testing.assert_array_equal(ops.unique(x, size=2), [0, 1])
    np.testing.assert_array_equal(ops.unique(x, axis=1), np.unique(x, axis=1))
    np.testing.assert_array_equal(ops.view(np.float32([1, -2]), "int32"), np.float32([1, -2]).view("int32"))
    with pytest.raises(DataError, match="from 0 on"):
        ops.bincount(np.array([-1]))


EMPTY = np.zeros((0, 3), "float32")
OF_NOTHING: dict[str, Any] = {
    **{name: getattr(ops, name) for name in ("cbrt", "fabs", "sinc", "signbit", "nan_to_num", "angle", "erfc", "i0")},
    **{name: getattr(ops, name) for name in ("nansum", "nancumsum", "tril", "fliplr", "diagonal", "trace", "normalize")},
    **{name: lambda x, name=name: getattr(ops, name)(x, x) for name in ("hypot", "fmod", "nextafter", "cross", "cdist")},
    **{f"{name} {axis}": lambda x, name=name, axis=axis: getattr(ops, name)(x, axis=axis)
       for axis, names in ((0, ("median", "nanmedian", "diff", "trapezoid", "count_nonzero")), (1, ("median", "nanmean", "nanmax", "ptp", "average")))
       for name in names},
    "isin": lambda x: ops.isin(x, [1.0]),
    "roll": lambda x: ops.roll(x, 1, 0),
    "kron": lambda x: ops.kron(x, np.float32(2)),
    "digitize": lambda x: ops.digitize(x, [1.0, 2.0]),
    "argpartition": lambda x: ops.argpartition(x, 1),
    "array_split": lambda x: ops.array_split(x, 2)[1],
    "unstack": lambda x: ops.unstack(x, axis=1)[0],
    "segment_max": lambda x: ops.segment_max(x, np.zeros(0, "int32"), 2),
    "scatter_update": lambda x: ops.scatter_update(x[:, 0], np.zeros((0, 1), "int32"), np.zeros(0, "float32")),
}


@pytest.mark.parametrize("name", OF_NOTHING)
def test_of_nothing_shapes_and_dtypes_are_those_of_inference(name: str) -> None:
    x = ops.placeholder("f32[0, 3]")
    t = ops.as_tensor(OF_NOTHING[name](x))
    found = OF_NOTHING[name](EMPTY)
    assert (t.shape, t.dtype) == (np.shape(found), str(np.asarray(found).dtype))
    assert_alike(run([x], [t], [EMPTY])[0], np.asarray(found), "op")


DTYPES: dict[str, dict[str, str]] = {
    "hypot": {"int32": "float32", "bool": "float32", "float16": "float16", "float64": "float64"},
    "fmax": {"int32": "int32", "bool": "bool", "uint8": "uint8", "float16": "float16"},
    "heaviside": {"int32": "float32", "float64": "float64"},
    "logaddexp2": {"int32": "float32", "float16": "float16"},
    "nansum": {"bool": "int32", "uint8": "uint32", "int32": "int32", "float16": "float16"},
    "nanmean": {"bool": "float32", "int32": "float32", "float16": "float16"},
    "median": {"int32": "float32", "float16": "float16", "float64": "float64"},
    "average": {"bool": "float32", "int64": "float32", "float64": "float64"},
    "count_nonzero": {"bool": "int32", "float32": "int32"},
    "diff": {"bool": "bool", "uint8": "uint8", "float16": "float16"},
    "angle": {"int32": "float32", "float64": "float64"},
    "tril": {"bool": "bool", "uint8": "uint8", "float16": "float16"},
    "trace": {"bool": "int32", "int8": "int32", "float16": "float16"},
    "cdist": {"int32": "float32", "float64": "float64"},
}


@pytest.mark.parametrize(("name", "given"), [(n, d) for n, table in DTYPES.items() for d in table])
def test_dtypes_are_promoted_as_keras_does(name: str, given: str) -> None:
    function, x = getattr(ops, name), np.ones((2, 2), given)
    inputs = [x] * (2 if name in ("hypot", "fmax", "heaviside", "logaddexp2", "cdist") else 1)
    assert np.asarray(function(*inputs)).dtype == DTYPES[name][given]
    assert function(*[ops.placeholder(TensorType((2, 2), given)) for _ in inputs]).dtype == DTYPES[name][given]


def test_the_areas_have_exactly_the_names_of_keras() -> None:
    from symkeras.ops import linalg, nn, numpy
    from symkeras.ops.namespaces import NAMES

    for module, area in ((numpy, "numpy"), (nn, "nn"), (linalg, "linalg")):
        there = [name for name in NAMES[area] if hasattr(ops, name)]
        assert dir(module) == sorted(there)
        assert all(getattr(module, name) is getattr(ops, name) for name in there)
        with pytest.raises(AttributeError, match=f"symkeras.ops.{area}"):
            _ = module.no_such_name
    assert {*NAMES["numpy"]} - {*dir(numpy)} <= {"slogdet"}
    assert all(callable(getattr(ops, name)) for name in dir(numpy))


def test_the_functions_of_numpy_build_nodes() -> None:
    x = ops.placeholder("f32[2, 3]")
    for function in (lambda x: np.nanmean(x, axis=1), np.tril, lambda x: np.hypot(x, x), lambda x: np.roll(x, 1)):
        np.testing.assert_allclose(run([x], [function(x)], [MIXED])[0], function(MIXED), rtol=1e-6)


BY_NAME: dict[str, Any] = {
    "exp": (lambda x: ops.exp(x=x), np.exp),
    "add": (lambda x: ops.add(x1=x, x2=1), lambda x: x + 1),
    "divide": (lambda x: ops.divide(x, x2=2), lambda x: x / 2),
    "softmax": (lambda x: ops.softmax(x, 0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "relu": (lambda x: ops.relu(x=x), lambda x: np.maximum(x, 0)),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.5), lambda x: np.where(x > 0, x, x / 2)),
    "median": (lambda x: ops.median(x=x, axis=0), lambda x: np.median(x, 0)),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_arguments_may_be_given_by_name_and_by_place(name: str) -> None:
    call, expected = BY_NAME[name]
    x = ops.placeholder("f32[2, 3]")
    assert_alike(call(MIXED), expected(MIXED), "op")
    assert_alike(run([x], [call(x)], [MIXED])[0], expected(MIXED), "op")


def test_an_argument_too_many_or_too_few_is_an_error() -> None:
    for args, words in (((), {}), ((MIXED, 0, 1), {}), ((MIXED, 0), {"axis": 1}), ((MIXED,), {"axes": 0})):
        for function in (ops.softmax, ops.add, ops.median):
            with pytest.raises(TypeError):
                function(*args, **words, x1=0)
            with pytest.raises(TypeError):
                function(*((*args, 0, 0) if args else ()), **words)


def test_the_largest_of_nothing_is_the_number_given() -> None:
    nothing = np.zeros((2, 0), "float32")
    assert float(ops.max(nothing, initial=1)) == float(ops.min(nothing, initial=1)) == 1
    assert ops.max(nothing, axis=1, initial=-2).tolist() == [-2, -2] and ops.min(nothing, axis=1, keepdims=True, initial=3).tolist() == [[3], [3]]
    with pytest.raises(ShapeError, match="of nothing"):
        ops.max(nothing)


def test_without_an_axis_all_elements_are_sorted() -> None:
    x = np.array([[2, 1], [0, 5]])
    assert ops.sort(x, axis=None).tolist() == [0, 1, 2, 5] and ops.argsort(x, axis=None).tolist() == [2, 1, 0, 3]
    assert ops.argsort(np.array(7)).shape == ()


def test_sizes_that_are_none_are_refused() -> None:
    with pytest.raises(DtypeError, match="eye"):
        ops.eye(3.0)
    with pytest.raises(ShapeError, match="non-negative"):
        ops.reshape(np.zeros(20), (-2, 5))


def test_moments_of_halves_are_taken_in_single_precision() -> None:
    x = np.array([-741.0, 353.2, 1099.0, -1807.0], "float16")
    mean, variance = ops.moments(x, [0])
    assert mean.dtype == variance.dtype == np.float16
    assert abs(float(mean) - np.mean(x.astype("float32"))) < 0.5 and float(variance) == 65504


def test_a_dtype_of_torch_is_known_by_its_name() -> None:
    assert ops.cast(np.ones(2), "torch.float16").dtype == np.float16
