"""bfloat16 and numbers of 8 bits: every operation computes in float32 and rounds once, on every backend that has them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, dtypes
from symkeras.graph.types import parse_type
from symkeras.ops.matrices import OfMatrices
from symkeras.ops.op import OPS, Op, Sample
from tests.backends import skip_without_dtype
from tests.ops import numpy_cases
from tests.ops.check_op import as_tuple, check_backend, draw, placeholders, run, same_bits

pytest.importorskip("ml_dtypes")


def is_taken(op: Op) -> bool:
    """LAPACK and Fourier transforms are offered in float32 and float64 alone."""
    return not isinstance(op, OfMatrices) and op.name != "fft"


def is_single(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == np.float32


def in_parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def is_narrowed(name: str, case: numpy_cases.Case) -> bool:
    """Whether a case computes with floats; what gives constants or memory does not."""
    return any(map(is_single, case.inputs)) and name not in ("imag", "isreal", "empty_like")


def narrowed(sample: Sample, short: str = "bf16") -> Sample:
    """A sample whose float32 are of another dtype."""
    attrs = {k: dtypes.LONG[short] if k == "dtype" and v == "float32" else v for k, v in sample.attrs.items()}
    return dataclasses.replace(sample, types=tuple(t.replace("f32", short) for t in sample.types), attrs=attrs)


CASES = [(op, narrowed(s)) for op in OPS.values() if is_taken(op) for s in op.samples if "f32" in str((s.types, s.attrs)).replace("loat", "")]
IDS = [f"{op.name}-{' '.join(s.types)}-{' '.join(f'{k}={v}' for k, v in s.attrs.items())}".replace(", ", ",") for op, s in CASES]
OF_8_BITS = ("f8e4m3fn", "f8e5m2")
EIGHT = {
    op.name: (op, narrowed(s, OF_8_BITS[len(op.name) % 2]))
    for op in OPS.values() if is_taken(op) for s in reversed(op.samples) if "f32" in str(s.types)
}  # fmt: skip
FIRST = {op.name: (op, s) for op, s in reversed(CASES)}


@pytest.mark.parametrize(("op", "sample"), [*CASES, *EIGHT.values()], ids=[*IDS, *(f"{name}-8" for name in EIGHT)])
def test_an_operation_rounds_what_it_computes_in_float32(op: Op, sample: Sample) -> None:
    arrays = draw(sample)
    types = as_tuple(op.infer(*map(parse_type, sample.types), **sample.attrs))
    inputs = placeholders(arrays)
    symbolic = run(inputs, as_tuple(ops.op.apply_symbolic(op, inputs, sample.attrs)), arrays)
    eager = as_tuple(ops.op.compute(op, arrays, sample.attrs))
    for a, b, t in zip(eager, symbolic, types, strict=True):
        assert (a.dtype, a.shape) == (t.dtype, t.shape)
        same_bits(a, b)
    if op.is_composite:
        return
    with np.errstate(all="ignore"):
        attrs = {k: "float32" if isinstance(v, str) and v in dtypes.FOREIGN else v for k, v in sample.attrs.items()}
        wide = as_tuple(op.value(*(dtypes.wide(a) for a in arrays), **attrs))
    for a, w in zip(eager, wide, strict=True):
        same_bits(a, np.asarray(w).astype(a.dtype))


@pytest.mark.parametrize(("op", "sample"), FIRST.values(), ids=FIRST)
def test_a_backend_gives_the_reference_value_and_gradients(op: Op, sample: Sample, backend: str) -> None:
    if not interface.get(backend).takes(op.name) and not op.is_composite:
        pytest.skip(f"{backend} has no {op.name}")
    skip_without_dtype(backend, "bfloat16")
    check_backend(op, sample, backend)


TABLES = {f"{table}-{name}": case for table, cases in numpy_cases.TABLES.items() for name, case in cases.items() if is_narrowed(name, case)}


@pytest.mark.parametrize("name", TABLES)
def test_functions_of_numpy_in_bfloat16_are_near_to_those_in_float32(name: str) -> None:
    case = TABLES[name]
    narrow = [x.astype("bfloat16") if is_single(x) else x for x in case.inputs]
    with np.errstate(all="ignore"):
        found, expected = in_parts(case.call(*narrow)), in_parts(case.call(*map(dtypes.wide, narrow)))
    inputs = placeholders([np.asarray(x) for x in narrow])
    symbolic = in_parts(case.call(*inputs))
    for a, e, t in zip(found, expected, symbolic, strict=True):
        a, e = np.asarray(a), np.asarray(e)
        assert a.dtype == t.dtype == ("bfloat16" if e.dtype == "float32" else e.dtype) and a.shape == e.shape
        scale = np.abs(e[np.isfinite(e)]).max(initial=1.0)
        np.testing.assert_allclose(dtypes.wide(a), e, rtol=0.03, atol=0.03 * float(scale))


def test_what_is_beyond_8_bits_is_what_the_dtype_has_for_it(backend: str) -> None:
    for dtype in dtypes.FLOAT8:
        skip_without_dtype(backend, dtype)
    x = ops.placeholder("f32[6]")
    given = np.float32([463, 464, 465, np.inf, -70000, np.nan])
    run_it = compile_graph(Graph([x.node], [ops.cast(x, d).node for d in dtypes.FLOAT8]), backend)
    for found, expected in zip(run_it(given), ([448, 448, *[np.nan] * 4], [448, 448, 448, np.inf, -np.inf, np.nan]), strict=True):
        np.testing.assert_array_equal(dtypes.wide(found), expected)


def test_storage_of_bfloat16_that_is_dead_is_poisoned_as_that_of_other_floats() -> None:
    x = ops.placeholder("f32[3]")
    narrow = ops.cast(x, "bfloat16")
    run_it = compile_graph(Graph([x.node], [(ops.flip(narrow, 0) * ops.cumsum(narrow)).node]), "numpy", level="O0", poison=True)
    assert dtypes.wide(run_it(np.float32([1, 2, 3]))[0]).tolist() == [3, 6, 6]
