"""Complex numbers: what has a meaning for them is computed, and what has none is refused where it is written, on every backend."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, DtypeError
from symkeras.graph import Graph, dtypes
from symkeras.graph.types import parse_type
from symkeras.ops.evaluation import evaluate
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS, Op, Sample, apply_symbolic, compute
from tests.ops.check_op import as_tuple, placeholders, run
from tests.tolerances import assert_alike

ORDER_AND_ROUND = (
    "less", "less_equal", "greater", "greater_equal", "maximum", "minimum", "max", "min", "argmax", "argmin", "sort", "argsort", "top_k",
    "max_pool", "floor", "ceil", "rint", "trunc", "floor_divide", "mod", "arctan2", "logaddexp", "erf", "erfinv",
)  # fmt: skip
BUILT_OF_THEM = ("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "softplus", "hard_sigmoid", "softmax", "log_softmax", "sparsemax", "threshold")


def sample_of(name: str) -> Sample | None:
    """The first sample of floats with elements, with complex numbers in their place."""
    for s in OPS[name].samples:
        if any(re.match(r"f(32|64)\[[1-9]", t) for t in s.types):
            return Sample(tuple(re.sub(r"^f(32|64)", lambda m: {"32": "c64", "64": "c128"}[m[1]], t) for t in s.types), s.attrs)
    return None


def arrays_of(sample: Sample) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    found = []
    for t in map(parse_type, sample.types):
        shape = tuple(int(d) for d in t.shape)
        parts = rng.uniform(0.2, 0.8, (2, *shape))
        drawn = parts[0] + 1j * parts[1] if t.dtype in dtypes.COMPLEX else parts[0] > 0.5 if t.dtype == "bool" else np.ones(shape)
        found.append(np.asarray(drawn).astype(t.dtype))
    return found


@pytest.mark.parametrize("name", [*ORDER_AND_ROUND, *BUILT_OF_THEM])
def test_what_orders_or_rounds_refuses_complex_numbers_where_it_is_written(name: str) -> None:
    sample = sample_of(name)
    assert sample is not None
    nodes = [placeholder_node(parse_type(t), "x") for t in sample.types]
    with pytest.raises(DtypeError, match=r"\w+ takes real numbers, received c(64|128)\["):
        apply_symbolic(OPS[name], [ops.as_tensor(n) for n in nodes], dict(sample.attrs))
    with pytest.raises(DtypeError, match="takes real numbers, received c"):
        compute(OPS[name], arrays_of(sample), dict(sample.attrs))


def test_every_op_refuses_complex_numbers_when_it_is_written_or_computes_with_them() -> None:
    refused = set()
    for name, op in OPS.items():
        sample = sample_of(name) if not op.is_leaf else None
        if sample is None or name == "cast":  # NumPy warns that it drops a part
            continue
        arrays = arrays_of(sample)
        try:
            types = as_tuple(op.type_of(*map(parse_type, sample.types), **sample.attrs))
        except DtypeError:
            refused.add(name)
            continue
        for value, t in zip(as_tuple(compute(op, arrays, dict(sample.attrs))), types, strict=True):
            assert (value.shape, value.dtype) == (t.shape, t.dtype), name
    assert refused >= {*ORDER_AND_ROUND, *BUILT_OF_THEM}


@pytest.mark.parametrize("call", [
    lambda x: x // 2, lambda x: x % 2, lambda x: x < x, lambda x: x >= 1, lambda x: ops.clip(x, 0, 1), lambda x: ops.round(x), lambda x: np.floor(x),
    lambda x: ops.amax(x), lambda x: ops.median(x), lambda x: ops.sort(x), lambda x: np.maximum(x, 0),
])  # fmt: skip
def test_operators_and_functions_of_numpy_refuse_them_too(call: Any) -> None:
    x = ops.placeholder("c64[3]", "x")
    with pytest.raises(DtypeError, match=r"takes real numbers, received c64\["):
        call(x)


def taken(name: str) -> bool:
    """Whether an op that is no composite takes complex numbers."""
    op, sample = OPS[name], sample_of(name)
    if op.is_leaf or op.is_composite or op.is_random or sample is None:
        return False
    try:
        return bool(op.type_of(*map(parse_type, sample.types), **sample.attrs))
    except DtypeError:
        return False


NOT_ASKED = ("cast", "conv", "conv_filter_grad", "conv_input_grad", "gather_unique")
"""NumPy warns of a cast, PyTorch has no such convolutions on a processor, and passes of one backend alone make the last."""
ALGEBRA = [op for name, op in OPS.items() if name not in NOT_ASKED and taken(name)]


@pytest.mark.parametrize("op", ALGEBRA, ids=lambda op: op.name)
def test_a_backend_computes_with_complex_numbers_or_refuses_the_graph(op: Op, backend: str) -> None:
    sample = sample_of(op.name)
    assert sample is not None
    arrays = arrays_of(sample)
    inputs = placeholders(arrays)
    outputs = as_tuple(apply_symbolic(op, inputs, dict(sample.attrs)))
    graph = Graph([t.node for t in inputs], [t.node for t in outputs], name=op.name)
    if backend in ("native", "onnxruntime"):
        with pytest.raises((BackendError, DtypeError), match=r"c64|c128|complex"):
            compile_graph(graph, backend=backend)
        return
    for found, expected in zip(compile_graph(graph, backend=backend)(*arrays), evaluate(graph, arrays)[0], strict=True):
        assert_alike(found, expected, "op", backend, f"{op.name} on {backend}")


def test_the_absolute_value_is_real_and_so_is_its_gradient_along_every_step() -> None:
    x = ops.placeholder("c128[3]", "x")
    size = ops.absolute(x)
    assert size.dtype == "float64" and ops.absolute(np.complex64(3 + 4j)).dtype == "float32"
    (slope,) = run([x], [gradients(ops.sum(ops.square(ops.absolute(x * (2 - 1j)))), x)], [at := np.array([1 + 2j, 0, -0.5j])])
    for step in (1e-6, 1e-6j):
        there, here = (np.sum(np.abs((at + s) * (2 - 1j)) ** 2) for s in (step, 0))
        np.testing.assert_allclose(np.sum(slope * step).real, there - here, rtol=1e-5)
