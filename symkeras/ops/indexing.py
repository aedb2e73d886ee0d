"""Reading and writing rows by index: gather with a sparse gradient, take_along_axis, scatter, one_hot."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes, room
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import cast, shape
from symkeras.ops.op import OPS, Op, Sample, apply, as_tensor, dtype_of, is_symbolic, register
from symkeras.ops.shaping import canonical_axis, expand_dims, reshape, slice_axis, squeeze, transpose
from symkeras.ops.sizes import as_shape, as_size


def _check_indices(op: str, indices: TensorType) -> None:
    if not dtypes.is_int(indices.dtype):
        raise DtypeError(f"{op} expects integer indices, received {indices}")


def _added(shape: tuple[int, ...], where: Any, values: Any) -> Any:
    """Zeros with `values` added; in doubles, since one place may get many: 40 000 float32 after each other are off by 1e-4."""
    out = np.zeros(shape, np.float64 if values.dtype.kind == "f" else values.dtype)
    np.add.at(out, where, values)
    return out.astype(values.dtype, copy=False)


def _are_alike(a: tuple[dims.Size, ...], b: tuple[dims.Size, ...]) -> bool:
    """Whether two shapes may be equal."""
    return len(a) == len(b) and all(map(dims.same, a, b))


def check_range(indices: Any, size: int) -> None:
    """Raise IndexError where an index lies outside [-size, size)."""
    if indices.size and (indices.min() < -size or indices.max() >= size):
        bad = int(indices.min()) if indices.min() < -size else int(indices.max())
        raise IndexError(f"index {bad} is out of range for an axis of size {size}")


def positive(indices: Any, size: int) -> Any:
    """Indices in which -1 stands for the last of `size` as those from 0 on, in int64; of a uint64 the bits."""
    indices = indices.astype(np.int64)
    return np.where(indices < 0, indices + size, indices)


class _Indexed(Op):
    """An op that refuses indices out of range."""

    def may_raise(self, node: Node) -> bool:
        return True


@register
class Gather(_Indexed):
    """Rows of a table: `out[i..., :] = table[indices[i...], :]`. Negative indices count from the end."""

    name = "gather"
    moves = True
    samples = (
        Sample(("f32[5, 3]", "i32[2, 4]"), low=(-2.0, 0), high=(2.0, 5)),
        Sample(("f64[5]", "i32[]"), low=(-2.0, 0), high=(2.0, 5)),
        Sample(("f32[4, 2, 2]", "i32[0]"), low=(-2.0, 0), high=(2.0, 4)),
        Sample(("f32[4, 2]", "i64[6]"), low=(-2.0, -4), high=(2.0, 4)),
    )

    def infer(self, table: TensorType, indices: TensorType) -> TensorType:  # type: ignore[override]
        _check_indices("gather", indices)
        if table.ndim == 0:
            raise ShapeError(f"gather expects a table with rows, received {table}")
        return table.with_shape((*indices.shape, *table.shape[1:]))

    def value(self, table: Any, indices: Any) -> Any:  # type: ignore[override]
        check_range(indices, table.shape[0])
        return np.take(table, indices, axis=0)

    def vjp(self, dy: Any, out: Any, table: Any, indices: Any) -> Any:  # type: ignore[override]
        return apply(OPS["scatter_add"], [indices, dy], {"rows": table.dims[0]}), None


@register
class ScatterAdd(_Indexed):
    """A table of `rows` rows, zero but for `values` added at `indices`; what a gather's gradient is."""

    name = "scatter_add"
    attributes = {"rows": at.SIZE}
    samples = (
        Sample(("i32[2, 4]", "f32[2, 4, 3]"), {"rows": 5}, low=(0, -2.0), high=(5, 2.0)),
        Sample(("i32[6]", "f64[6]"), {"rows": 4}, low=(-4, -2.0), high=(4, 2.0)),
        Sample(("i32[0]", "f32[0, 2]"), {"rows": 3}, low=(0, -2.0), high=(3, 2.0)),
    )

    def infer(self, indices: TensorType, values: TensorType, *, rows: dims.Size) -> TensorType:  # type: ignore[override]
        _check_indices("scatter_add", indices)
        if not _are_alike(values.shape[: indices.ndim], indices.shape):
            raise ShapeError(f"scatter_add expects one value row per index, received indices {indices} and values {values}")
        return values.with_shape((rows, *values.shape[indices.ndim :]))

    def value(self, indices: Any, values: Any, *, rows: int) -> Any:  # type: ignore[override]
        check_range(indices, rows)
        return _added((rows, *values.shape[indices.ndim :]), indices, values)

    def vjp(self, dy: Any, out: Any, indices: Any, values: Any, **_: Any) -> Any:  # type: ignore[override]
        return None, apply(OPS["gather"], [dy, indices])


@register
class TakeAlongAxis(_Indexed):
    """`out[i, j, k] = x[i, indices[i, j, k], k]` for axis 1, and so on; the other sizes are equal."""

    name = "take_along_axis"
    moves = True
    attributes = {"axis": at.axis()}
    samples = (
        Sample(("f32[3, 4]", "i32[3, 2]"), {"axis": 1}, low=(-2.0, 0), high=(2.0, 4)),
        Sample(("f64[4, 2]", "i32[3, 2]"), {"axis": 0}, low=(-2.0, 0), high=(2.0, 4)),
    )

    def infer(self, x: TensorType, indices: TensorType, *, axis: int) -> TensorType:  # type: ignore[override]
        _check_indices("take_along_axis", indices)
        if x.ndim != indices.ndim or not all(k == axis or dims.same(a, b) for k, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True))):
            raise ShapeError(f"take_along_axis along {axis} expects equal sizes elsewhere, received {x} and {indices}")
        return x.with_shape(indices.shape)

    def value(self, x: Any, indices: Any, *, axis: int) -> Any:  # type: ignore[override]
        check_range(indices, x.shape[axis])
        return np.take_along_axis(x, indices, axis)

    def vjp(self, dy: Any, out: Any, x: Any, indices: Any, *, axis: int) -> Any:  # type: ignore[override]
        return apply(OPS["add_along_axis"], [indices, dy], {"axis": axis, "size": x.dims[axis]}), None


@register
class AddAlongAxis(_Indexed):
    """Zeros of `size` along `axis`, with `values` added where `indices` point: the gradient of take_along_axis."""

    name = "add_along_axis"
    attributes = {"axis": at.axis(), "size": at.SIZE}
    samples = (
        Sample(("i32[3, 2]", "f32[3, 2]"), {"axis": 1, "size": 4}, low=(0, -2.0), high=(4, 2.0)),
        Sample(("i32[3, 2]", "f64[3, 2]"), {"axis": 0, "size": 4}, low=(0, -2.0), high=(4, 2.0)),
    )

    def infer(self, indices: TensorType, values: TensorType, *, axis: int, size: dims.Size) -> TensorType:  # type: ignore[override]
        _check_indices("add_along_axis", indices)
        if not _are_alike(indices.shape, values.shape):
            raise ShapeError(f"add_along_axis expects an index for each value, received indices {indices} and values {values}")
        return values.with_shape((*values.shape[:axis], size, *values.shape[axis + 1 :]))

    def value(self, indices: Any, values: Any, *, axis: int, size: int) -> Any:  # type: ignore[override]
        check_range(indices, size)
        where = list(np.ogrid[tuple(slice(n) for n in values.shape)])
        where[axis] = indices
        return _added((*values.shape[:axis], size, *values.shape[axis + 1 :]), tuple(where), values)

    def vjp(self, dy: Any, out: Any, indices: Any, values: Any, *, axis: int, **_: Any) -> Any:  # type: ignore[override]
        return None, apply(OPS["take_along_axis"], [dy, indices], {"axis": axis})


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements of `x` at `indices` along `axis` (of the flattened tensor when None).

    >>> take(np.array([10, 20, 30]), np.array([2, 0])).tolist()
    [30, 10]
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    ndim = len(shape(x))
    axis = canonical_axis(axis, ndim)
    indices = _integers(indices)
    if axis == 0:
        return apply(OPS["gather"], [x, indices])
    front = transpose(x, (axis, *(k for k in range(ndim) if k != axis)))
    out = apply(OPS["gather"], [front, indices])
    count = len(shape(indices))
    order = (*range(count, count + axis), *range(count), *range(count + axis, count + ndim - 1))
    return transpose(out, order)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements of `x` chosen along `axis` separately for every position of `indices`; sizes of 1 broadcast.

    >>> take_along_axis(np.array([[1, 2], [3, 4]]), np.array([[1], [0]]), axis=1).tolist()
    [[2], [3]]
    """
    if axis is None:
        return take(x, indices, None)
    from symkeras.ops.elementwise import broadcast_shapes
    from symkeras.ops.shaping import broadcast_to

    indices = _integers(indices)
    axis = canonical_axis(axis, len(shape(x)))

    def rest(t: Any) -> tuple[Any, ...]:
        return tuple(1 if k == axis else d for k, d in enumerate(shape(t)))

    common = broadcast_shapes(rest(x), rest(indices), what="take_along_axis")

    def spread(t: Any) -> Any:
        return broadcast_to(t, tuple(shape(t)[k] if k == axis else d for k, d in enumerate(common)))

    return apply(OPS["take_along_axis"], [spread(x), spread(indices)], {"axis": axis})


def _integers(indices: Any) -> Any:
    dtype = dtypes.result_type(dtype_of(indices))
    return cast(indices, "int32") if not dtypes.is_int(dtype) or (not is_symbolic(indices) and not hasattr(indices, "dtype")) else indices


def one_hot(x: Any, num_classes: Any, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the position each integer names, 0 elsewhere; integers out of range give all zeros. The number of classes may be symbolic.

    Args:
        x: integers.
        num_classes: how many there are.
        axis: where the new axis is.
        dtype: of the result; `floatx` when None.
        sparse: must be False.

    Raises:
        ShapeError: `sparse` is asked for.

    >>> one_hot(np.array([0, 2]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if sparse:
        raise ShapeError("symkeras has dense tensors only: sparse must be False")
    x = _integers(x)
    ndim = len(shape(x)) + 1
    axis = canonical_axis(axis, ndim)
    num_classes = as_size(num_classes)
    form = [num_classes if k == axis else 1 for k in range(ndim)]
    if isinstance(num_classes, dims.Dim):
        from symkeras.ops.numpy import arange

        hot = ew.equal(expand_dims(cast(x, "int32"), axis), reshape(arange(num_classes), form))
        return cast(hot, dtypes.standardize(dtype))
    if num_classes - 1 > np.iinfo(dtype_of(x)).max:
        x = cast(x, "int32" if num_classes <= 1 << 31 else "int64")
    room.take((num_classes,), dtype_of(x), "an array")
    classes = np.arange(num_classes, dtype=dtype_of(x))
    hot = ew.equal(expand_dims(x, axis), classes.reshape(form))
    return cast(hot, dtypes.standardize(dtype))


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of `shape` with `values` added at `indices`, whose last axis holds one coordinate per leading axis of `shape`.

    Negative coordinates count from the end.

    >>> scatter(np.array([[0, -1]]), np.float32([7.0]), (2, 3)).tolist()
    [[0.0, 0.0, 7.0], [0.0, 0.0, 0.0]]
    """
    target = as_shape(shape)
    columns = _columns(_integers(indices), target)
    lead = target[: len(columns)]
    flat = columns[0] if len(lead) == 1 else _flat_indices(columns, lead)
    return reshape(apply(OPS["scatter_add"], [flat, values], {"rows": dims.product(lead)}), target)


def _columns(indices: Any, target: tuple[Any, ...]) -> list[Any]:
    """The coordinates along each axis."""
    *lead, depth = shape(indices) or (0,)
    if not isinstance(depth, int) or not 0 < depth <= len(target):
        raise ShapeError(f"scatter: indices of shape {(*lead, depth)} hold {depth} coordinates for shape {target}")
    return [squeeze(slice_axis(indices, len(lead), k, k + 1), -1) for k in range(depth)]


def _flat_indices(columns: list[Any], sizes: tuple[dims.Size, ...]) -> Any:
    """The places in a flat table that coordinates over `sizes` name; behind its end where a coordinate is out of its range."""
    total = dims.product(sizes)
    wide = "int64" if not isinstance(total, int) or total >= 1 << 31 else "int32"
    flat, is_inside = 0, np.bool_(True)
    for column, size in zip(columns, sizes, strict=True):
        column, size = cast(column, wide), cast(size, wide)
        is_inside = ew.logical_and(is_inside, ew.logical_and(ew.greater_equal(column, ew.negative(size)), ew.less(column, size)))
        flat = ew.add_(ew.multiply(flat, size), ew.where(ew.less(column, 0), ew.add_(column, size), column))
    return ew.where(is_inside, flat, cast(total, wide))


def as_indices(x: Any) -> Any:
    """`x` as an integer tensor."""
    return as_tensor(_integers(x))


@register
class CombineRows(Op):
    """For every index of a table of `rows` rows the sum of all value rows that share it: indices of one row get equal rows."""

    name = "combine_rows"
    attributes = {"rows": at.SIZE}
    samples = (
        Sample(("i32[6]", "f32[6, 2]"), {"rows": 4}, low=(-4, -2.0), high=(4, 2.0), grad=False),
        Sample(("i32[2, 3]", "f64[2, 3, 2]"), {"rows": 4}, low=(0, -2.0), high=(4, 2.0), grad=False),
    )

    def infer(self, indices: TensorType, values: TensorType, *, rows: dims.Size) -> TensorType:  # type: ignore[override]
        _check_indices("combine_rows", indices)
        if not _are_alike(values.shape[: indices.ndim], indices.shape):
            raise ShapeError(f"combine_rows expects one value row per index, received indices {indices} and values {values}")
        return values

    def value(self, indices: Any, values: Any, *, rows: int) -> Any:  # type: ignore[override]
        unique, where = np.unique(positive(indices, rows).ravel(), return_inverse=True)
        each = values.reshape(indices.size, *values.shape[indices.ndim :])
        return _added((len(unique), *each.shape[1:]), where, each)[where].reshape(values.shape)


@register
class SetRows(_Indexed):
    """`table` with the rows at `indices` replaced; equal indices must come with equal rows.

    A fourth input, a number, says by being NaN that all other rows are NaN.
    """

    name = "set_rows"
    moves = True
    samples = (
        Sample(("f32[5, 2]", "i32[1]", "f32[1, 2]"), low=(-2.0, 0, -2.0), high=(2.0, 5, 2.0), grad=False),
        Sample(("f32[5, 2]", "i32[1]", "f32[1, 2]", "f32[]"), low=(-2.0, 0, -2.0, 0.0), high=(2.0, 5, 2.0, 1.0), grad=False),
    )

    def infer(self, table: TensorType, indices: TensorType, rows: TensorType, guard: TensorType | None = None) -> TensorType:  # type: ignore[override]
        _check_indices("set_rows", indices)
        if table.ndim == 0 or table.dtype != rows.dtype or not _are_alike(rows.shape, (*indices.shape, *table.shape[1:])):
            raise ShapeError(f"set_rows expects a row of the table for each index, received table {table}, indices {indices} and rows {rows}")
        if guard is not None and (guard.shape != () or guard.dtype != table.dtype or not dtypes.is_float(table.dtype)):
            raise ShapeError(f"set_rows expects a floating guard of the table's dtype and no axes, received table {table} and guard {guard}")
        return table

    def value(self, table: Any, indices: Any, rows: Any, guard: Any = None) -> Any:  # type: ignore[override]
        check_range(indices, table.shape[0])
        out = np.array(table) if guard is None or not np.isnan(guard) else np.full_like(table, np.nan)
        out[indices] = rows
        return out
