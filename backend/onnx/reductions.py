"""Reductions, running sums, orders and products of matrices as ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend.onnx.elementwise import choose
from symkeras.backend.onnx.movement import transposed
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dims, dtypes
from symkeras.graph.node import Node

_SUMMED = ("float16", "float32", "float64", "int32", "int64")
"""Dtypes in which ONNX Runtime sums, counts and orders; integers of others are brought to int64, whose bits wrap around alike."""
_HIGHEST_BIT = np.int64(-(2**63))


def _wide(x: Term) -> Term:
    return x if x.dtype in _SUMMED else x.cast("int64")


def _comparable(w: Writer, x: Term) -> Term:
    """What has the order of `x`, in a dtype that ONNX Runtime orders: large numbers of uint64 would be negative in int64."""
    return w.op("BitwiseXor", x.cast("int64"), _HIGHEST_BIT) if x.dtype == "uint64" else _wide(x)


def _compared(w: Writer, found: Term, dtype: str) -> Term:
    """An element of what `_comparable` gave, as it was."""
    return (w.op("BitwiseXor", found, _HIGHEST_BIT) if dtype == "uint64" else found).cast(dtype)


def reduced(w: Writer, kind: str, x: Term, axes: Any) -> Term:
    return w.op(kind, x, np.array(axes, np.int64), keepdims=0)


def _total(kind: str, exactly: Callable[[Any], Any]) -> Expression:
    def write(w: Writer, n: Node, x: Term) -> Term:
        axes = n.attrs["axes"]
        if not axes:
            return x
        if x.dtype not in ("int64", "uint64"):
            return reduced(w, kind, _wide(x), axes).cast(n.dtype)
        whole = x.cast("int64")  # ONNX Runtime adds and multiplies them as doubles, which have fewer digits
        return w.expand(lambda x: exactly(_rows(x, axes)), [n.inputs[0].tensor_type.with_dtype("int64")], [whole]).cast(n.dtype)

    return write


def _rows(x: Any, axes: Any) -> Any:
    """Some axes of a tensor as its last one."""
    kept = [k for k in range(len(x.dims)) if k not in axes]
    return ops.reshape(ops.transpose(x, [*kept, *axes]), [*(x.dims[k] for k in kept), dims.product([x.dims[k] for k in axes])])


def _sum_of_rows(x: Any) -> Any:
    """By a product with ones."""
    return ops.squeeze(ops.matmul(ops.expand_dims(x, -2), ops.ones((x.dims[-1], 1), x.dtype)), (-2, -1))


def _product_of_rows(x: Any) -> Any:
    return ops.scan(lambda c, e: (c * e, e), ops.ones(x.dims[:-1], x.dtype), ops.moveaxis(x, -1, 0))[0]


def _of_some(w: Writer, n: Node, found: Term) -> Term:
    """The largest or smallest that a graph within found; where there was none, an index that ONNX Runtime refuses, as the reference refuses it."""
    sizes = [d for a in n.attrs["axes"] if not isinstance(d := n.inputs[0].shape[a], int)]
    if n not in w.within_bodies or not sizes:
        return found
    one = w.op("Gather", w.constant(np.ones(1, np.int64)), w.size(dims.product(sizes)).equals(0).cast("int64"), axis=0)
    return w.op("Reshape", found, w.sizes(n.shape) * one, allowzero=1)


def _extremum(kind: str) -> Expression:
    def write(w: Writer, n: Node, x: Term) -> Term:
        return _of_some(w, n, extremum(w, n, x))

    def extremum(w: Writer, n: Node, x: Term) -> Term:
        axes = n.attrs["axes"]
        if not axes:
            return x
        if x.dtype == "bool":
            return reduced(w, kind, x.cast("int32"), axes).cast("bool")
        found = _compared(w, reduced(w, kind, _comparable(w, x), axes), n.dtype)
        if not dtypes.is_float(x.dtype) or not w.is_exact:
            return found
        has_nan = reduced(w, "ReduceMax", is_nan(w, x).cast("uint8"), axes).cast("bool")
        return choose(w, has_nan, np.nan, found)

    return write


def is_nan(w: Writer, x: Term) -> Term:
    return w.op("IsNaN", x, dtype="bool")


def is_number(w: Writer, x: Term) -> Term:
    """Whether a scalar is neither NaN nor infinite."""
    return (x - x).equals(0)


def _count(w: Writer, x: Term, axes: Any) -> Term:
    """How many of some booleans are true."""
    return reduced(w, "ReduceSum", x.cast("int32"), axes)


def _any(w: Writer, n: Node, x: Term) -> Term:
    return _count(w, x, n.attrs["axes"]) > 0 if n.attrs["axes"] else x


def _all(w: Writer, n: Node, x: Term) -> Term:
    return _count(w, ~x, n.attrs["axes"]).equals(0) if n.attrs["axes"] else x


def _place(kind: str) -> Expression:
    def write(w: Writer, n: Node, x: Term) -> Term:
        axis = n.attrs["axis"]
        found = w.op(kind, _comparable(w, x), dtype="int64", axis=axis, keepdims=0)
        if dtypes.is_float(x.dtype) and w.is_exact:  # the first NaN, where there is one
            nan = is_nan(w, x).cast("int32")
            has_nan = reduced(w, "ReduceMax", nan, [axis]) > 0
            found = choose(w, has_nan, w.op("ArgMax", nan, dtype="int64", axis=axis, keepdims=0), found)
        return found.cast("int32")

    return write


def _cumsum(w: Writer, n: Node, x: Term) -> Term:
    return w.op("CumSum", _wide(x), np.array(n.attrs["axis"], np.int64)).cast(x.dtype)


def _cumprod(w: Writer, n: Node, x: Term) -> Term:
    def by_steps(x: Any) -> Any:
        steps = ops.moveaxis(x, n.attrs["axis"], 0)
        start = ops.ones(steps.dims[1:], x.dtype)
        return ops.moveaxis(ops.scan(lambda c, e: (c * e, c * e), start, steps)[1], 0, n.attrs["axis"])

    return w.expand(by_steps, [n.inputs[0].tensor_type], [x])


# ---- orders ------------------------------------------------------------------------------------------------------------


def _order(w: Writer, x: Term, size: Any, axis: int, is_falling: bool) -> Term:
    """Indices (int64) in the order of the elements, equal ones in their own; NaN counts as the largest."""
    x = _comparable(w, x)
    options = {"axis": axis, "largest": int(is_falling), "sorted": 1}
    count = w.size(size)
    if not dtypes.is_float(x.dtype):
        return w.ops("TopK", x, count, dtypes=(None, "int64"), **options)[1]
    nan = is_nan(w, x)
    order = w.ops("TopK", choose(w, nan, np.inf, x), count, dtypes=(None, "int64"), **options)[1]
    among = w.op("GatherElements", nan.cast("int32"), order, axis=axis)
    last = w.ops("TopK", among, count, dtypes=(None, "int64"), **options)[1]
    return w.op("GatherElements", order, last, axis=axis)


def _argsort(w: Writer, n: Node, x: Term) -> Term:
    axis = n.attrs["axis"]
    return _order(w, x, n.inputs[0].shape[axis], axis, False).cast("int32")


def _sort(w: Writer, n: Node, x: Term) -> Term:
    axis = n.attrs["axis"]
    return w.op("GatherElements", x, _order(w, x, n.shape[axis], axis, False), axis=axis)


def _top_k(w: Writer, n: Node, x: Term) -> tuple[Term, Term]:
    axis, shape, k = n.inputs[0].ndim - 1, n.inputs[0].shape, n.attrs["k"]
    order = _order(w, x, shape[axis], axis, True)
    order = w.op("Slice", order, *(np.array([v], np.int64) for v in (0, k, axis)))
    if not isinstance(shape[axis], int):  # rows that have fewer are an error, where this runs
        order = w.op("Reshape", order, w.sizes((*shape[:axis], k)), allowzero=1)
    return w.op("GatherElements", x, order, axis=axis), order.cast("int32")


# ---- products ----------------------------------------------------------------------------------------------------------


def product(w: Writer, a: Term, b: Term) -> Term:
    """The product of matrices; integers for which ONNX Runtime has no kernel are multiplied in int64."""
    if a.dtype in ("int8", "int16", "uint8", "uint16", "bool"):
        return w.op("MatMul", a.cast("int64"), b.cast("int64")).cast(a.dtype)
    return w.op("MatMul", a, b)


def _matmul(w: Writer, n: Node, a: Term, b: Term) -> Term:
    (x, y), (flip_a, flip_b) = n.inputs, (n.attrs["transpose_a"], n.attrs["transpose_b"])
    if x.ndim == y.ndim == 2 and (flip_a or flip_b) and dtypes.is_float(x.dtype) and 0 not in (*x.shape, *y.shape):
        return w.op("Gemm", a, b, transA=int(flip_a), transB=int(flip_b))
    return product(w, _swapped(w, a, x.ndim) if flip_a else a, _swapped(w, b, y.ndim) if flip_b else b)


def _swapped(w: Writer, x: Term, ndim: int) -> Term:
    return transposed(w, x, [*range(ndim - 2), ndim - 1, ndim - 2])


TABLE: dict[str, Expression] = {
    "sum": _total("ReduceSum", _sum_of_rows), "prod": _total("ReduceProd", _product_of_rows),
    "max": _extremum("ReduceMax"), "min": _extremum("ReduceMin"), "any": _any, "all": _all,
    "argmax": _place("ArgMax"), "argmin": _place("ArgMin"), "cumsum": _cumsum, "cumprod": _cumprod, "argsort": _argsort, "sort": _sort,
    "top_k": _top_k, "matmul": _matmul,
}  # fmt: skip
