"""Operations as functions of TensorFlow's tensors: the table of the TensorFlow backend.

Constants are NumPy arrays until a function reads them, so that they become constants of the graph that is being traced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.engine.tables import NOTHING, counted
from symkeras.backend.engine.walk import Check, Functions, Here
from symkeras.backend.tensorflow import control, convolution
from symkeras.backend.tensorflow.elementwise import ELEMENTWISE, in_int64
from symkeras.backend.tensorflow.random import random_bits
from symkeras.backend.tensorflow.real import tf
from symkeras.backend.tensorflow.variables import Rows, Table

Tensor = Any


def _reduction(fn: Callable[..., Tensor], of_booleans: Callable[..., Tensor] | None = None) -> Callable[..., Tensor]:
    def call(x: Tensor, axes: Any) -> Tensor:
        return (of_booleans if x.dtype == tf.bool and of_booleans else fn)(x, axis=axes) if axes else tf.identity(x)

    return call


def _sum(x: Tensor, axes: Any) -> Tensor:
    """What is left of a gradient for each channel TensorFlow sums by several threads under another name."""
    if x.dtype == tf.float32 and len(axes) > 0 and tuple(axes) == tuple(range(len(x.shape) - 1)) and 0 not in x.shape:
        return tf.raw_ops.BiasAddGrad(out_backprop=x)
    return _reduction(tf.reduce_sum, tf.reduce_any)(x, axes)


def _pad(x: Tensor, padding: Any, value: Any) -> Tensor:
    fill = tf.constant(np.asarray(value).astype(x.dtype.as_numpy_dtype))
    for axis, (_, _, gap) in enumerate(padding):
        size = x.shape[axis]
        if gap and size > 1:  # a place for each gap behind each element, the last gap cut off
            x = tf.pad(tf.expand_dims(x, axis + 1), [(0, gap * (k == axis + 1)) for k in range(len(x.shape) + 1)], constant_values=fill)
            x = tf.reshape(x, [*x.shape[:axis], size * (gap + 1), *x.shape[axis + 2 :]])
            x = tf.slice(x, [0] * len(x.shape), [s - gap * (k == axis) for k, s in enumerate(x.shape)])
    return _padded_with(x, padding, fill)


def _padded_with(x: Tensor, padding: Any, fill: Tensor) -> Tensor:
    """An axis of no element with a gap is one gap short: its padding tells how many there are in all."""
    pads = [(a, b) if n or not g else (max(a + b - g, 0), 0) for (a, b, g), n in zip(padding, x.shape, strict=True)]
    return tf.pad(x, pads, constant_values=fill) if any(map(any, pads)) else x


# ---- order ---------------------------------------------------------------------------------------------------------


def _rank(x: Tensor) -> Tensor:
    """Signed integers in the order of x, NaN last: `top_k` orders them as NumPy does, equals in their own order."""
    if x.dtype.is_floating:
        x = tf.cast(x, "float32") if x.dtype == tf.float16 else x
        kind, top = ("int32", 2**31 - 1) if x.dtype == tf.float32 else ("int64", 2**63 - 1)
        bits = tf.bitcast(tf.where(tf.equal(x, 0), tf.zeros([], x.dtype), x), kind)
        bits = tf.where(tf.less(bits, 0), tf.bitwise.bitwise_xor(bits, tf.constant(top, kind)), bits)
        return tf.where(tf.math.is_nan(x), tf.constant(top, kind), bits)
    if x.dtype == tf.uint64:
        return tf.bitwise.bitwise_xor(tf.bitcast(x, "int64"), tf.constant(-(2**63), "int64"))
    return tf.cast(x, "int64" if x.dtype in (tf.uint32, tf.int64) else "int32")


def _last(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function along the last axis, along another one."""

    def call(x: Tensor, axis: int) -> Tensor:
        order = [k for k in range(len(x.shape)) if k != axis] + [axis]
        if order[axis] == axis:
            return fn(x)
        return tf.transpose(fn(tf.transpose(x, order)), np.argsort(order))

    return call


def _argsort(x: Tensor) -> Tensor:
    return tf.math.top_k(tf.bitwise.invert(_rank(x)), x.shape[-1]).indices


def _top_k(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    order = tf.math.top_k(_rank(x), k).indices
    return tf.gather(x, order, batch_dims=len(x.shape) - 1), order


def _sort(x: Tensor) -> Tensor:
    return tf.gather(x, _argsort(x), batch_dims=len(x.shape) - 1)


def _extreme(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The first NaN is the extreme one."""

    def call(x: Tensor, axis: int) -> Tensor:
        x = tf.cast(x, "int32") if x.dtype == tf.bool else x
        out = fn(x, axis, output_type="int32")
        if not x.dtype.is_floating:
            return out
        is_nan = tf.math.is_nan(x)
        return tf.where(tf.reduce_any(is_nan, axis), tf.argmax(tf.cast(is_nan, "int32"), axis, output_type="int32"), out)

    return call


# ---- indices -------------------------------------------------------------------------------------------------------


def _positive(indices: Tensor, size: int) -> Tensor:
    """Indices from 0 on, of a dtype that has room for the size."""
    indices = tf.cast(indices, "int64") if indices.dtype not in (tf.int32, tf.int64) else indices
    if size > np.iinfo(indices.dtype.as_numpy_dtype).max:
        indices = tf.cast(indices, "int64")
    return tf.where(tf.less(indices, 0), indices + size, indices)


def _within(indices: Tensor, size: int) -> Tensor:
    """Indices held within an axis: those out of range are found by their extent."""
    return tf.clip_by_value(_positive(indices, size), 0, max(size - 1, 0))


def _gather(table: Tensor | Table, indices: Tensor) -> Tensor:
    if table.shape[0] == 0:
        return tf.zeros([*indices.shape, *table.shape[1:]], table.dtype)
    indices = _within(indices, table.shape[0])
    return table.rows(indices) if isinstance(table, Table) else tf.gather(table, indices)


def _scatter_add(indices: Tensor, values: Tensor, rows: int) -> Tensor:
    if rows == 0 or 0 in values.shape:
        return tf.zeros([rows, *values.shape[len(indices.shape) :]], values.dtype)
    return tf.math.unsorted_segment_sum(values, _within(indices, rows), rows)


def _combine_rows(indices: Tensor, values: Tensor, rows: int) -> Tensor:
    if 0 in values.shape:
        return values
    which, place = tf.unique(tf.reshape(_positive(indices, rows), [-1]))
    each = tf.reshape(values, [-1, *values.shape[len(indices.shape) :]])
    total = tf.math.unsorted_segment_sum(each, place, tf.size(which))
    return tf.reshape(tf.gather(total, place), values.shape)


def _set_rows(table: Tensor | Table, indices: Tensor, rows: Tensor, guard: Tensor | None = None) -> Tensor | Rows:
    if isinstance(table, Table):
        return Rows(_within(indices, table.shape[0]), rows, guard, table.shape)
    if guard is not None:
        table = tf.where(tf.math.is_nan(guard), guard, table)
    if 0 in table.shape or 0 in rows.shape:
        return tf.identity(table)
    places = tf.reshape(_within(indices, table.shape[0]), [-1, 1])  # one index alone is taken for an axis of rows
    return tf.tensor_scatter_nd_update(table, places, tf.reshape(rows, [-1, *table.shape[1:]]))


def _flat_places(indices: Tensor, axis: int, size: int) -> Tensor:
    """Where indices along an axis point to in a flattened tensor with `size` there."""
    shape = [*indices.shape[:axis], size, *indices.shape[axis + 1 :]]
    steps = [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    others = sum(k * s for a, (k, s) in enumerate(zip(np.ogrid[tuple(map(slice, indices.shape))], steps, strict=True)) if a != axis)
    return tf.cast(_within(indices, size), "int64") * steps[axis] + np.asarray(others, "int64")


def _take_along_axis(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    if 0 in x.shape:
        return tf.zeros(indices.shape, x.dtype)
    return tf.gather(tf.reshape(x, [-1]), _flat_places(indices, axis, x.shape[axis]))


def _add_along_axis(indices: Tensor, values: Tensor, axis: int, size: int) -> Tensor:
    shape = [*values.shape[:axis], size, *values.shape[axis + 1 :]]
    if 0 in shape or 0 in values.shape:
        return tf.zeros(shape, values.dtype)
    return tf.reshape(tf.math.unsorted_segment_sum(values, _flat_places(indices, axis, size), int(np.prod(shape))), shape)


def _matmul(a: Tensor, b: Tensor, **attrs: Any) -> Tensor:
    if a.dtype == tf.bool:
        return tf.cast(tf.matmul(tf.cast(a, "int32"), tf.cast(b, "int32"), **attrs), "bool")
    if a.dtype.is_integer and a.dtype not in (tf.int32, tf.int64):
        return in_int64(tf.matmul)(a, b, **attrs)
    return tf.matmul(a, b, **attrs)


def _counted(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return counted(fn, tf.cast, tf.bool)


def _on_tensors(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes constants, too."""
    return lambda *x, **attrs: fn(*control.tensors(x), **attrs)


def _solve_triangular(a: Tensor, b: Tensor, lower: bool, transpose: bool) -> Tensor:
    """By the general solver, which refuses a zero on the diagonal."""
    return tf.linalg.solve(tf.linalg.band_part(a, *((-1, 0) if lower else (0, -1))), b, adjoint=transpose)


def _cholesky(here: Here) -> Callable[..., Any]:
    """TensorFlow gives NaN for a matrix that has none: a check says where finite numbers became such."""
    here.checks.append(Check(here.node, 0, 0))

    def run(x: Any) -> Any:
        (x,) = control.tensors([x])
        out = tf.linalg.cholesky((x + tf.linalg.matrix_transpose(x)) / 2)
        is_refused = tf.reduce_all(tf.math.is_finite(x)) & ~tf.reduce_all(tf.math.is_finite(out))
        return out, [tf.cast(tf.stack([is_refused, is_refused]), "int64")]

    return run


def _svd(x: Tensor, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    s, u, v = tf.linalg.svd(x, full_matrices=full)
    return u, s, tf.linalg.matrix_transpose(v)


def _fft(real: Tensor, imaginary: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
    """With the other sign by the transform of the numbers with real and imaginary parts exchanged."""
    if 0 in real.shape:
        return real, imaginary
    if inverse:
        return _fft(imaginary, real, False)[::-1]
    y = tf.signal.fft(tf.complex(real, imaginary))
    return tf.math.real(y), tf.math.imag(y)


MATRICES: dict[str, Callable[..., Any]] = {
    "solve": tf.linalg.solve, "solve_triangular": _solve_triangular, "det": tf.linalg.det, "slogdet": lambda x: tuple(tf.linalg.slogdet(x)),
    "pinv": lambda x, rcond: tf.linalg.pinv(x, rcond=rcond), "svd": _svd, "eig": lambda x: tuple(tf.linalg.eig(x)),
    "eigh": lambda x: tuple(tf.linalg.eigh((x + tf.linalg.matrix_transpose(x)) / 2)),
    "qr": lambda x, complete: tuple(tf.linalg.qr(x, full_matrices=complete)),
}  # fmt: skip
"""Decompositions; not `lu`, of which TensorFlow gives no row exchanges."""


class TensorFlowFunctions(Functions):
    """See `symkeras.backend.engine.walk.Functions`."""

    plain = {name: _on_tensors(fn) for name, fn in {
        **NOTHING, **ELEMENTWISE,
        "reshape": lambda x, shape: tf.reshape(x, shape), "transpose": lambda x, axes: tf.transpose(x, axes),
        "broadcast_to": lambda x, shape: tf.broadcast_to(x, shape), "flip": lambda x, axes: tf.reverse(x, axes),
        "slice": lambda x, starts, stops, strides: tf.strided_slice(x, starts, stops, strides), "pad": _pad,
        "concatenate": lambda *x, axis: tf.concat(x, axis),
        "sum": _sum, "prod": _reduction(tf.reduce_prod, tf.reduce_all),
        "max": _reduction(tf.reduce_max, tf.reduce_any), "min": _reduction(tf.reduce_min, tf.reduce_all),
        "any": _reduction(tf.reduce_any), "all": _reduction(tf.reduce_all),
        "argmax": _extreme(tf.argmax), "argmin": _extreme(tf.argmin),
        "cumsum": _counted(lambda x, axis: tf.cumsum(x, axis)), "cumprod": _counted(lambda x, axis: tf.math.cumprod(x, axis)),
        "sort": _last(_sort), "argsort": _last(_argsort), "top_k": _top_k,
        "gather": _gather, "scatter_add": _counted(_scatter_add), "combine_rows": _combine_rows, "set_rows": _set_rows,
        "take_along_axis": _take_along_axis, "add_along_axis": _counted(_add_along_axis), "matmul": _matmul,
        **{n: getattr(convolution, n) for n in (
            "conv", "conv_input_grad", "conv_filter_grad", "max_pool", "max_pool_grad", "max_pool_select", "sum_pool", "sum_pool_grad")},
        "random_bits": random_bits, **MATRICES, "fft": _fft,
    }.items()}  # fmt: skip
    special = {"scan": control.scan, "cond": control.cond, "while_loop": control.while_loop, "cholesky": _cholesky}

    def named(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        scope = f"v{name}" if name.startswith("_") else name

        def run(*inputs: Any, **attrs: Any) -> Any:
            with tf.name_scope(scope):
                return function(*inputs, **attrs)

        return run

    def constant(self, array: Any) -> Any:
        return np.asarray(array)

    def extent(self, indices: Any) -> Tensor:
        indices = tf.cast(tf.convert_to_tensor(indices), "int64")
        return tf.stack([tf.reduce_min(indices), tf.reduce_max(indices)])


FUNCTIONS = TensorFlowFunctions()
