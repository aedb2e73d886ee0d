"""Gather, scatter-add and their like in C against the reference values; also how the tests of these headers build and call them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from symkeras.backend.native.building import toolchain
from symkeras.graph import dtypes
from symkeras.ops import indexing
from symkeras.ops.op import OPS
from tests.ops.check_op import draw, same_bits

pytestmark = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())

BUILDS = {"native": (False, "-DSK_TEAM"), "portable": (True, "-DSK_TEAM"), "serial": (True, "-fno-openmp-simd -USK_LOOPS_AS_SIMD -DSK_NO_INT128")}
"""Whether a build is portable, and its further flags: for this processor, for every one of its kind, and without threads or wide words."""

C_TYPES = {
    "bool": "uint8_t", "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
    "i8": "int8_t", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t", "f32": "float", "f64": "double",
}  # fmt: skip
DTYPES = {s: np.dtype(dtypes.LONG[s]) for s in C_TYPES}
SUFFIXES = {dtype: suffix for suffix, dtype in DTYPES.items()}
INDEX_TYPES = ("i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")

Call = Callable[..., int]


def compiled(folder: Path, build: str, header: str, definitions: Iterable[str], names: Iterable[str]) -> Call:
    """Functions of a header by name, with every warning an error: `call("gather_i32", out, ..., threads(2))`.

    Arrays are passed by address and Python integers as int64_t.
    """
    portable, further = BUILDS[build]
    compiler = toolchain.compiler()
    source = "\n".join([f'#include "symkeras/{header}.h"', *definitions, *(f"void *const at_{n} = (void *)sk_{n};" for n in names), ""])
    target = folder / f"{header}_{build}.so"
    toolchain.build(source, target, compiler, (*toolchain.flags(compiler, portable), "-Wall", "-Wextra", "-Werror", *further.split()))
    library = ctypes.CDLL(str(target))

    def call(name: str, *arguments: Any) -> int:
        passed = [ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else ctypes.c_int64(a) if isinstance(a, int) else a for a in arguments]
        address = ctypes.c_void_p.in_dll(library, f"at_{name}").value
        assert address is not None
        return ctypes.CFUNCTYPE(ctypes.c_int)(address)(*passed)

    return call


threads = ctypes.c_int
"""The last argument of what threads share."""


class Fault(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int64), ("step", ctypes.c_int64), ("index", ctypes.c_int64), ("size", ctypes.c_int64))


def reference(op: str, *arrays: Any, **attrs: Any) -> Any:
    """The value that the op's definition gives."""
    with np.errstate(all="ignore"):
        return OPS[op].value(*arrays, **attrs)


def special(dtype: np.dtype, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Values among which are equal ones and extremes: NaN, both infinities and both zeros, or the ends of an integer type."""
    if dtype.kind == "f":
        pool = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.0, np.finfo(dtype).max, np.finfo(dtype).tiny / 4], dtype)
        return np.where(rng.random(shape) < 0.4, rng.choice(pool, shape), rng.normal(size=shape).astype(dtype))
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    ends = np.iinfo(dtype)
    return np.where(rng.random(shape) < 0.3, rng.choice(np.array([ends.min, ends.max, 0, 1], dtype), shape), rng.integers(0, 5, shape).astype(dtype))


def same_bytes(found: np.ndarray, expected: Any) -> None:
    """As `same_bits`; a bool must be the byte 0 or 1."""
    is_bool = found.dtype == bool
    same_bits(found.view(np.uint8) if is_bool else found, np.asarray(expected).view(np.uint8) if is_bool else expected)


def collapsed(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """The sizes before, at and after an axis."""
    return int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :]))


PAIRS = [(t, i) for t in ("f32", "f64") for i in ("i32", "i64")] + [(t, "i32") for t in ("bool", "u8", "i16", "i64")] + [("f32", "u8")]


@pytest.fixture(scope="module", params=BUILDS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """The functions of indexing.h."""
    lines, names = [], []
    for i in INDEX_TYPES:
        for kind in ("gather", "take_along", "set_rows"):
            lines.append(f"SK_DEFINE_{kind.upper()}({C_TYPES[i]}, {i})")
            names.append(f"{kind}_{i}")
    for t, i in PAIRS:
        for kind in ("scatter_add", "add_along", "combine_rows"):
            lines.append(f"SK_DEFINE_{kind.upper()}({C_TYPES[t]}, {t}, {C_TYPES[i]}, {i})")
            names.append(f"{kind}_{t}_{i}")
    return compiled(tmp_path_factory.mktemp(request.param), request.param, "indexing", lines, names)


def gather(call: Call, table: np.ndarray, indices: np.ndarray, team: int = 1) -> np.ndarray:
    out = np.empty((*indices.shape, *table.shape[1:]), table.dtype)
    row = int(np.prod(table.shape[1:])) * table.itemsize
    fault = Fault()
    assert not call(f"gather_{SUFFIXES[indices.dtype]}", out, table, indices, indices.size, len(table), row, ctypes.byref(fault), threads(team))
    return out


def scatter_add(call: Call, indices: np.ndarray, values: np.ndarray, rows: int, team: int = 1) -> np.ndarray:
    out = np.full((rows, *values.shape[indices.ndim :]), 7).astype(values.dtype)
    width = int(np.prod(out.shape[1:]))
    name = f"scatter_add_{SUFFIXES[values.dtype]}_{SUFFIXES[indices.dtype]}"
    assert not call(name, out, indices, values, indices.size, rows, width, ctypes.byref(Fault()), threads(team))
    return out


def take_along(call: Call, x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    out = np.empty(indices.shape, x.dtype)
    outer, size, inner = collapsed(x.shape, axis)
    name = f"take_along_{SUFFIXES[indices.dtype]}"
    assert not call(name, out, x, indices, outer, size, indices.shape[axis], inner, x.itemsize, ctypes.byref(Fault()))
    return out


def add_along(call: Call, indices: np.ndarray, values: np.ndarray, axis: int, size: int) -> np.ndarray:
    out = np.full((*values.shape[:axis], size, *values.shape[axis + 1 :]), 7).astype(values.dtype)
    outer, count, inner = collapsed(values.shape, axis)
    name = f"add_along_{SUFFIXES[values.dtype]}_{SUFFIXES[indices.dtype]}"
    assert not call(name, out, indices, values, outer, size, count, inner, ctypes.byref(Fault()))
    return out


def combine_rows(call: Call, indices: np.ndarray, values: np.ndarray, rows: int) -> np.ndarray:
    out, scratch = np.empty_like(values), np.full(3 * indices.size, 99, np.int64)
    width = int(np.prod(values.shape[indices.ndim :]))
    call(f"combine_rows_{SUFFIXES[values.dtype]}_{SUFFIXES[indices.dtype]}", out, indices, values, indices.size, rows, width, scratch)
    return out


def set_rows(call: Call, table: np.ndarray, indices: np.ndarray, rows: np.ndarray, guard: np.ndarray | None = None) -> np.ndarray:
    out = table.copy()
    row = int(np.prod(table.shape[1:])) * table.itemsize
    fill = (guard, guard.itemsize) if guard is not None and np.isnan(guard) else (None, 0)
    assert not call(f"set_rows_{SUFFIXES[indices.dtype]}", out, indices, rows, indices.size, len(table), row, *fill, ctypes.byref(Fault()))
    return out


RUN: dict[str, Callable[..., np.ndarray]] = {
    "gather": gather,
    "scatter_add": scatter_add,
    "take_along_axis": take_along,
    "add_along_axis": add_along,
    "combine_rows": combine_rows,
    "set_rows": set_rows,
}


@pytest.mark.parametrize(("op", "k"), [(op, k) for op in RUN for k in range(len(OPS[op].samples))])
def test_samples_give_the_reference_value(call: Call, op: str, k: int) -> None:
    sample = OPS[op].samples[k]
    arrays = draw(sample)
    same_bits(RUN[op](call, *arrays, **sample.attrs), reference(op, *arrays, **sample.attrs))


@pytest.mark.parametrize("kind", INDEX_TYPES)
def test_rows_are_moved_by_indices_of_every_type_and_in_every_size(call: Call, kind: str, rng: np.random.Generator) -> None:
    low = -9 if kind[0] == "i" else 0
    for tail, dtype in (((), "u8"), ((), "i16"), ((), "f32"), ((), "f64"), ((3,), "f32"), ((0,), "f32"), ((2, 33), "f64")):
        table = special(DTYPES[dtype], (9, *tail), rng)
        for shape in ((), (0,), (1,), (4, 3)):
            indices = np.asarray(rng.integers(low, 9, shape)).astype(DTYPES[kind])
            same_bits(gather(call, table, indices), reference("gather", table, indices.astype(np.int64)))
            rows = special(DTYPES[dtype], (*shape, *tail), rng)
            same_bits(set_rows(call, table, indices, rows), reference("set_rows", table, indices.astype(np.int64), rows))
            if dtype[0] == "f":
                for number in (0, np.nan):
                    guard = np.array(number, DTYPES[dtype])
                    same_bits(set_rows(call, table, indices, rows, guard), reference("set_rows", table, indices.astype(np.int64), rows, guard))


@pytest.mark.parametrize("kind", INDEX_TYPES)
def test_elements_are_taken_along_every_axis(call: Call, kind: str, rng: np.random.Generator) -> None:
    low = -4 if kind[0] == "i" else 0
    for dtype in ("bool", "u16", "f32", "i64"):
        for shape, axis, count in (((4,), 0, 6), ((3, 4), 1, 2), ((4, 5), 0, 1), ((2, 4, 3), 1, 7), ((0, 4), 1, 2), ((2, 4), 1, 0)):
            x = special(DTYPES[dtype], shape, rng)
            indices = rng.integers(low, 4, (*shape[:axis], count, *shape[axis + 1 :])).astype(DTYPES[kind])
            same_bits(take_along(call, x, indices, axis), reference("take_along_axis", x, indices, axis=axis))


def _one_after_the_other(shape: tuple[int, ...], where: Any, values: Any) -> Any:
    out = np.zeros(shape, values.dtype)
    np.add.at(out, where, values)
    return out


@contextmanager
def in_order() -> Iterator[None]:
    """Within it the reference adds in the dtype of the values, as native does but for small tables."""
    with mock.patch.object(indexing, "_added", _one_after_the_other):
        yield


@pytest.mark.parametrize(("value", "index"), PAIRS)
def test_sums_are_those_of_the_reference_bit_by_bit(call: Call, value: str, index: str, rng: np.random.Generator) -> None:
    low = -5 if index[0] == "i" else 0
    for shape, tail in (((), ()), ((0,), (2,)), ((1,), (1,)), ((40,), ()), ((40,), (3,)), ((5, 7), (2, 17)), ((3,), (0,))):
        indices = np.asarray(rng.integers(low, 5, shape)).astype(DTYPES[index])
        values = special(DTYPES[value], (*shape, *tail), rng)
        same_bytes(scatter_add(call, indices, values, 5), reference("scatter_add", indices.astype(np.int64), values, rows=5))
        with in_order():
            same_bytes(combine_rows(call, indices, values, 5), reference("combine_rows", indices, values, rows=5))
    for shape, axis in (((8,), 0), ((3, 8), 1), ((8, 3), 0), ((2, 8, 3), 1), ((2, 0), 1), ((0, 3), 1)):
        indices, values = rng.integers(low, 5, shape).astype(DTYPES[index]), special(DTYPES[value], shape, rng)
        with in_order():
            same_bytes(add_along(call, indices, values, axis, 5), reference("add_along_axis", indices, values, axis=axis, size=5))


@pytest.mark.parametrize(("rows", "width"), [(1000, 200), (300000, 1), (40000, 7)])
def test_threads_do_not_change_a_sum(call: Call, rows: int, width: int, rng: np.random.Generator) -> None:
    indices = (rng.integers(-rows, rows, 3000) // rng.integers(1, 50, 3000)).astype(np.int32)
    values = rng.normal(size=(3000, width)).astype(np.float32)
    with in_order():
        expected = reference("scatter_add", indices, values, rows=rows)
    for team in (1, 2, 3):
        same_bits(scatter_add(call, indices, values, rows, team), expected)
        same_bits(gather(call, expected, indices, team), expected[indices])


def test_indices_of_rows_to_combine_are_any_integers(call: Call, rng: np.random.Generator) -> None:
    pool = np.array([-1, 0, 7, 2**40, -(2**63), 2**63 - 1, *range(100, 5000, 64)])
    indices, values = rng.choice(pool, 700), rng.normal(size=(700, 5)).astype(np.float32)
    with in_order():
        same_bits(combine_rows(call, indices, values, 2000), reference("combine_rows", indices, values, rows=2000))


@pytest.mark.parametrize(
    ("kind", "indices", "bad"),
    [("i32", (0, 5, 9), 9), ("i32", (0, -6, 9), -6), ("i8", (-128, 127), -128), ("i64", (-5, 4, 2**62), 2**62), ("u8", (4, 255), 255),
     ("u64", (1, 2**64 - 1), 2**64 - 1), ("i16", (5,), 5), ("u32", (2**32 - 1, 0), 2**32 - 1)],
)  # fmt: skip
def test_an_index_out_of_range_is_reported_before_anything_is_written(call: Call, kind: str, indices: tuple[int, ...], bad: int) -> None:
    where = np.array(indices, DTYPES[kind])
    table, untouched = np.arange(10, dtype=np.float32).reshape(5, 2), np.full((len(where), 2), 3, np.float32)
    with pytest.raises(IndexError, match=f"index {bad} is out of range for an axis of size 5"):
        reference("gather", table, where)
    count, out, before = len(where), untouched.copy(), table.copy()
    faults = [Fault() for _ in range(3)]
    assert call(f"gather_{kind}", out, table, where, count, 5, 8, ctypes.byref(faults[0]), threads(1))
    assert call(f"take_along_{kind}", out, table, where, 1, 5, count, 1, 4, ctypes.byref(faults[1]))
    assert call(f"set_rows_{kind}", table, where, untouched, count, 5, 8, np.full((), np.nan, np.float32), 4, ctypes.byref(faults[2]))
    for fault in faults:
        assert (fault.code, fault.index % 2**64, fault.size) == (1, bad % 2**64, 5)
    np.testing.assert_array_equal(out, untouched)
    np.testing.assert_array_equal(table, before)


def test_sums_report_an_index_out_of_range_too(call: Call) -> None:
    where, values, out = np.array([1, -4], np.int32), np.ones((2, 1), np.float32), np.full(3, 8, np.float32)
    for name, sizes, last in (("scatter_add_f32_i32", (2, 3, 1), [threads(1)]), ("add_along_f32_i32", (1, 3, 2, 1), [])):
        fault = Fault()
        assert call(name, out, where, values, *sizes, ctypes.byref(fault), *last)
        assert (fault.code, fault.index, fault.size) == (1, -4, 3)
    assert out.tolist() == [8, 8, 8]


def test_nothing_may_be_gathered_from_an_empty_table(call: Call) -> None:
    empty, fault = np.empty((0, 2), np.float32), Fault()
    assert gather(call, empty, np.empty(0, np.int32)).shape == (0, 2)
    assert call("gather_i32", np.empty((1, 2), np.float32), empty, np.zeros(1, np.int32), 1, 0, 8, ctypes.byref(fault), threads(1))
    assert (fault.index, fault.size) == (0, 0)


MACROS = {
    "indexing": ["", "SK_DEFINE_GATHER(int32_t, i32)", "SK_DEFINE_SCATTER_ADD(float, f32, int64_t, i64)", "SK_DEFINE_SET_ROWS(uint8_t, u8)"],
    "sorting": ["", "SK_DEFINE_SORT(uint8_t, u8)"],
    "reductions": ["", "SK_DEFINE_ARG(float, f32)", "SK_DEFINE_CUMULATIVE(int32_t, i32)"],
    "random_bits": [""],
    "pooling": ["", "SK_DEFINE_MAX_POOL(float, f32)", "SK_DEFINE_MAX_POOL_GRAD(float, f32)", "SK_DEFINE_SUM_POOL_GRAD(double, f64)"],
}


@pytest.mark.parametrize(("header", "line"), [(header, line) for header, lines in MACROS.items() for line in lines])
def test_each_header_compiles_by_itself_and_where_little_of_it_is_used(tmp_path: Path, header: str, line: str) -> None:
    compiled(tmp_path, "serial", header, [line], [])


def test_headers_compile_together(tmp_path: Path) -> None:
    includes = [f'#include "symkeras/{header}.h"' for header in MACROS]
    compiled(tmp_path, "native", "base", [*includes, *(line for lines in MACROS.values() for line in lines)], [])
