"""`check_op`: everything an op promises about itself, checked on one of its samples."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor, TensorType, dtypes
from symkeras.graph.types import parse_type
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import Composite, Op, Sample, apply_symbolic, compute
from tests.tolerances import assert_alike

STEP = 1e-5
FINITE_DIFFERENCES = {"rtol": 1e-6, "atol": 1e-8}


def seed_of(*words: Any) -> int:
    """A seed that is the same in every run."""
    return zlib.crc32(repr(words).encode())


def draw_one(type: TensorType, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Random values of a static type between `low` and `high` (integers below it)."""
    shape = tuple(int(d) for d in type.shape)
    if type.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtypes.is_int(type.dtype):
        return np.asarray(rng.integers(int(low), max(int(high), int(low) + 1), shape)).astype(type.dtype)
    return np.asarray(rng.uniform(low, high, shape)).astype(type.dtype)


def draw(sample: Sample, seed: int = 0) -> list[np.ndarray]:
    """Inputs for a sample."""
    rng = np.random.default_rng(seed_of(sample.types, str(sample.attrs), seed))
    n = len(sample.types)
    low, high = ((b if isinstance(b, tuple) else (b,) * n) for b in (sample.low, sample.high))
    return [draw_one(parse_type(t), a, b, rng) for t, a, b in zip(sample.types, low, high, strict=True)]


def in_float64(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The arrays, float ones in double precision."""
    return [a.astype("float64") if a.dtype.kind == "f" else a for a in arrays]


def placeholders(arrays: Sequence[np.ndarray]) -> list[Tensor]:
    """A symbolic input for each array."""
    return [ops.placeholder(TensorType(a.shape, dtypes.standardize(a.dtype)), f"x{k}") for k, a in enumerate(arrays)]


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def run(inputs: Sequence[Tensor], outputs: Sequence[Tensor], arrays: Sequence[Any]) -> list[np.ndarray]:
    """The reference values of symbolic outputs."""
    return evaluate(Graph([t.node for t in inputs], [t.node for t in outputs]), arrays)[0]


def same_bits(a: Any, b: Any) -> None:
    """Same shape, dtype, bits and signs of zero; any NaN is like any other."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    a, b = dtypes.wide(a), dtypes.wide(b)
    np.testing.assert_array_equal(a, b)
    if a.dtype.kind == "f":
        numbers = ~np.isnan(a)
        np.testing.assert_array_equal(np.signbit(a)[numbers], np.signbit(b)[numbers], "the sign of a zero differs")


def check_inference(op: Op, sample: Sample) -> None:
    """The inferred type is that of the reference value, eager and symbolic values are the same bits."""
    arrays = draw(sample)
    types = as_tuple(op.infer(*map(parse_type, sample.types), **sample.attrs))
    with np.errstate(all="ignore"):
        values = as_tuple(op.value(*arrays, **sample.attrs))
    assert len(values) == len(types)
    for v, t in zip(values, types, strict=True):
        assert np.shape(v) == t.shape, f"{op.name} infers {t}, its value has shape {np.shape(v)}"
        assert np.asarray(v).dtype == t.dtype, f"{op.name} infers {t}, its value has dtype {np.asarray(v).dtype}"
    inputs = placeholders(arrays)
    symbolic = run(inputs, as_tuple(apply_symbolic(op, inputs, sample.attrs)), arrays)
    for a, b in zip(as_tuple(compute(op, arrays, sample.attrs)), symbolic, strict=True):
        same_bits(a, b)
    if isinstance(op, Composite):
        expanded = run(inputs, as_tuple(op.decompose(*inputs, **sample.attrs)), arrays)
        for a, b in zip(expanded, symbolic, strict=True):
            same_bits(a, b)


def weighted_sum(outputs: Sequence[Tensor], seed: int) -> Tensor | None:
    """A scalar in which every element of the floating outputs has another weight."""
    rng = np.random.default_rng(seed)
    terms = [ops.sum(t * rng.uniform(0.5, 1.5, tuple(int(d) for d in t.dims))) for t in outputs if dtypes.is_float(t.dtype)]
    return sum(terms[1:], terms[0]) if terms else None


def finite_differences(function: Callable[..., float], arrays: Sequence[np.ndarray], wanted: Sequence[int], step: float = STEP) -> list[np.ndarray]:
    """The gradient of a function of arrays by central differences."""
    found = []
    for k in wanted:
        gradient = np.zeros(arrays[k].shape)
        for place in np.ndindex(*arrays[k].shape):
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[k][place] += sign * step
                ends.append(function(*moved))
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        found.append(gradient)
    return found


def check_gradient_of(inputs: Sequence[Tensor], loss: Tensor, arrays: Sequence[np.ndarray], **tolerance: float) -> list[Tensor | None]:
    """The symbolic gradient of a scalar against finite differences; the gradients, None where there is no dependence."""
    wanted = [k for k, a in enumerate(arrays) if a.dtype == np.float64]
    found = gradients(loss, [inputs[k] for k in wanted])
    graph = Graph([t.node for t in inputs], [loss.node])
    expected = finite_differences(lambda *a: float(evaluate(graph, a)[0][0]), arrays, wanted)
    present = [g for g in found if g is not None]
    values = iter(run(inputs, present, arrays))
    for k, g, e in zip(wanted, found, expected, strict=True):
        actual = np.zeros(arrays[k].shape) if g is None else next(values)
        assert actual.dtype == np.float64 and actual.shape == arrays[k].shape
        np.testing.assert_allclose(actual, e, **{**FINITE_DIFFERENCES, **tolerance}, err_msg=f"gradient for input {k}")
    return found


def check_gradient(op: Op, sample: Sample, second: bool) -> None:
    """First (and second) derivatives against finite differences in double precision."""
    arrays = in_float64(draw(sample))
    inputs = placeholders(arrays)
    loss = weighted_sum(as_tuple(apply_symbolic(op, inputs, sample.attrs)), 1)
    if loss is None:
        return
    found = [g for g in check_gradient_of(inputs, loss, arrays) if g is not None]
    if second and found:
        again = weighted_sum(found, 2)
        assert again is not None
        check_gradient_of(inputs, again, arrays)


def with_gradients(op: Op, sample: Sample, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of an op and, where it has them, its first and second gradients: what a backend must compute."""
    outputs = list(as_tuple(apply_symbolic(op, inputs, sample.attrs)))
    floats = [t for t in inputs if dtypes.is_float(t.dtype)]
    results = list(outputs)
    for order in (1, 2):
        loss = _sum_in_own_dtype(results, order) if sample.grad and floats else None
        if loss is None:
            break
        results = [g for g in gradients(loss, floats) if g is not None]
        outputs += results
    return outputs


def _sum_in_own_dtype(tensors: Sequence[Tensor], seed: int) -> Tensor | None:
    rng = np.random.default_rng(seed)
    floats = [t for t in tensors if dtypes.is_float(t.dtype)]
    terms = [ops.sum(t * rng.uniform(0.5, 1.5, tuple(int(d) for d in t.dims)).astype(t.dtype)) for t in floats]
    terms = [ops.cast(t, "float32") for t in terms] if len({t.dtype for t in terms}) > 1 else terms
    return sum(terms[1:], terms[0]) if terms else None


def check_backend(op: Op, sample: Sample, backend: str, level: str = "O2") -> None:
    """A backend gives the reference values of an op and of its first two gradients."""
    arrays = draw(sample)
    inputs = placeholders(arrays)
    outputs = with_gradients(op, sample, inputs)
    graph = Graph([t.node for t in inputs], [t.node for t in outputs], name=op.name)
    expected = evaluate(graph, arrays)[0]
    actual = compile_graph(graph, backend=backend, level=level)(*arrays)
    for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
        assert_alike(a, e, "layer" if k else "op", backend, f"result {k} of {op.name} on {backend}")
