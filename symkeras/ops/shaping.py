"""Primitives that move elements without changing them: reshape, transpose, broadcast, slice, pad, concatenate, flip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes, provenance
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, Op, Sample, apply, as_array, as_tensor, is_symbolic, register
from symkeras.ops.sizes import as_shape


def canonical_axis(axis: int, ndim: int, what: str = "axis") -> int:
    """`axis` counted from the front.

    Raises:
        ShapeError: the axis does not exist.
    """
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{what} {axis} does not exist: the tensor has {ndim} axes")
    return axis % ndim


def canonical_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Sorted distinct axes from None (all), one, or several."""
    if axis is None:
        return tuple(range(ndim))
    axes = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    out = tuple(sorted(canonical_axis(int(a), ndim) for a in axes))
    if len(set(out)) != len(out):
        raise ShapeError(f"axes {axis} name one axis twice")
    return out


class _Movement(Op):
    def flops(self, node: Node) -> dims.Size:
        return 0


@register
class Reshape(_Movement):
    """The same elements in row-major order in another shape."""

    name = "reshape"
    is_view = True
    attributes = {"shape": at.SIZES}
    samples = (
        Sample(("f32[2, 6]",), {"shape": (3, 4)}),
        Sample(("f64[2, 3]",), {"shape": (6,)}),
        Sample(("f32[0, 3]",), {"shape": (3, 0)}),
        Sample(("f32[1]",), {"shape": ()}),
    )

    def infer(self, x: TensorType, *, shape: tuple[Size, ...]) -> TensorType:  # type: ignore[override]
        if not dims.same(dims.product(x.shape), dims.product(shape)):
            raise ShapeError(f"reshape: {x} has {x.size} elements and cannot take shape {shape}")
        return x.with_shape(shape)

    def value(self, x: Any, *, shape: tuple[int, ...]) -> Any:  # type: ignore[override]
        return np.reshape(x, shape)

    def vjp(self, dy: Any, out: Any, x: Any, **_: Any) -> Any:  # type: ignore[override]
        return (reshape(dy, x.dims),)


@register
class Transpose(_Movement):
    """Axes in another order: axis k of the result is axis axes[k] of the input."""

    name = "transpose"
    is_view = True
    attributes = {"axes": at.items(at.integer(0), "axes")}
    samples = (
        Sample(("f32[2, 3, 4]",), {"axes": (2, 0, 1)}),
        Sample(("f64[2, 3]",), {"axes": (1, 0)}),
        Sample(("f32[0, 3]",), {"axes": (1, 0)}),
    )

    def infer(self, x: TensorType, *, axes: tuple[int, ...]) -> TensorType:  # type: ignore[override]
        if sorted(axes) != list(range(x.ndim)):
            raise ShapeError(f"transpose: axes {axes} are no permutation of the {x.ndim} axes of {x}")
        return x.with_shape(tuple(x.shape[a] for a in axes))

    def value(self, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        return np.transpose(x, axes)

    def vjp(self, dy: Any, out: Any, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        return (transpose(dy, tuple(int(a) for a in np.argsort(axes))),)


@register
class BroadcastTo(_Movement):
    """Repeats axes of size 1 (and new leading axes) to reach a shape."""

    name = "broadcast_to"
    is_view = True
    attributes = {"shape": at.SIZES}
    samples = (
        Sample(("f32[3, 1]",), {"shape": (2, 3, 4)}),
        Sample(("f64[]",), {"shape": (2, 2)}),
        Sample(("f32[1, 3]",), {"shape": (0, 3)}),
    )

    def infer(self, x: TensorType, *, shape: tuple[Size, ...]) -> TensorType:  # type: ignore[override]
        new = len(shape) - x.ndim
        if new < 0 or not all(a == 1 or dims.same(a, b) for a, b in zip(x.shape, shape[new:], strict=True)):
            raise ShapeError(f"broadcast_to: {x} does not broadcast to {shape}")
        return x.with_shape(shape)

    def value(self, x: Any, *, shape: tuple[int, ...]) -> Any:  # type: ignore[override]
        return np.broadcast_to(x, shape)

    def vjp(self, dy: Any, out: Any, x: Any, **_: Any) -> Any:  # type: ignore[override]
        return (unbroadcast(dy, x.dims),)


@register
class Slice(_Movement):
    """`x[starts:stops:strides]` on every axis; bounds lie within the axis and strides are positive."""

    name = "slice"
    is_view = True
    attributes = {
        "starts": at.per_axis(at.SIZE, "sizes"), "stops": at.per_axis(at.SIZE, "sizes"), "strides": at.per_axis(at.POSITIVE, "steps"),
    }  # fmt: skip
    samples = (
        Sample(("f32[5, 6]",), {"starts": (1, 0), "stops": (4, 6), "strides": (1, 2)}),
        Sample(("f64[4]",), {"starts": (2,), "stops": (2,), "strides": (1,)}),
        Sample(("f32[7]",), {"starts": (1,), "stops": (6,), "strides": (3,)}),
    )

    def infer(self, x: TensorType, *, starts: Any, stops: Any, strides: Any) -> TensorType:  # type: ignore[override]
        for k, (a, b, n) in enumerate(zip(starts, stops, x.shape, strict=True)):
            if any(isinstance(v - u, int) and v - u < 0 for u, v in ((a, b), (b, n))):
                raise ShapeError(f"slice {a}:{b} of axis {k} of {x}: the bounds lie outside")
        return x.with_shape(tuple(dims.ceil_divide(b - a, s) for a, b, s in zip(starts, stops, strides, strict=True)))

    def value(self, x: Any, *, starts: Any, stops: Any, strides: Any) -> Any:  # type: ignore[override]
        return x[tuple(slice(a, b, s) for a, b, s in zip(starts, stops, strides, strict=True))]

    def may_raise(self, node: Node) -> bool:
        bounds = zip(node.attrs["starts"], node.attrs["stops"], node.inputs[0].shape, strict=True)
        gaps = [dims.least(gap) for a, b, d in bounds for gap in (a, b - a, d - b)]
        return any(gap is None or gap < 0 for gap in gaps)

    def vjp(self, dy: Any, out: Any, x: Any, *, starts: Any, stops: Any, strides: Any) -> Any:  # type: ignore[override]
        padding = []
        for size, kept, start, stride in zip(x.dims, out.dims, starts, strides, strict=True):
            padding.append((start, size - start - (kept - 1) * stride - 1, stride - 1))
        return (apply(OPS["pad"], [dy], {"padding": tuple(padding), "value": 0.0}),)


@register
class Pad(_Movement):
    """Adds a constant before, after and between the elements of each axis: padding is (before, after, between)."""

    name = "pad"
    attributes = {"padding": at.per_axis(at.group(at.SIZE, at.SIZE, at.SIZE), "triples of sizes"), "value": at.NUMBER}
    samples = (
        Sample(("f32[2, 3]",), {"padding": ((1, 2, 0), (0, 1, 0)), "value": 0.0}),
        Sample(("f64[3]",), {"padding": ((0, 1, 2),), "value": 1.5}),
        Sample(("f32[0, 2]",), {"padding": ((1, 1, 0), (0, 0, 0)), "value": 0.0}),
    )

    def infer(self, x: TensorType, *, padding: Any, value: float) -> TensorType:  # type: ignore[override]
        if len(padding) != x.ndim:
            raise ShapeError(f"pad: {x} has {x.ndim} axes, received {len(padding)} pairs")
        if not dtypes.holds(x.dtype, value):
            raise DtypeError(f"pad: {value!r} is no number of dtype {x.dtype}")
        return x.with_shape(tuple(a + n + b + (n - 1) * g if g != 0 else a + n + b for n, (a, b, g) in zip(x.shape, padding, strict=True)))

    def value(self, x: Any, *, padding: Any, value: float) -> Any:  # type: ignore[override]
        shape = tuple(a + n + b + (n - 1) * g for n, (a, b, g) in zip(x.shape, padding, strict=True))
        out = np.full(shape, value, dtype=x.dtype)
        out[pad_window(x.shape, padding)] = x
        return out

    def vjp(self, dy: Any, out: Any, x: Any, *, padding: Any, value: float) -> Any:  # type: ignore[override]
        starts = tuple(a for a, _, _ in padding)
        stops = tuple(a + dims.maximum((n - 1) * (g + 1) + 1, 0) for n, (a, _, g) in zip(x.dims, padding, strict=True))
        return (apply(OPS["slice"], [dy], {"starts": starts, "stops": stops, "strides": tuple(g + 1 for _, _, g in padding)}),)


def pad_window(shape: Sequence[int], padding: Any) -> tuple[slice, ...]:
    """Where the elements of an unpadded array stand in the padded one."""
    return tuple(slice(a, max(a + (n - 1) * (g + 1) + 1, a), g + 1) for n, (a, _, g) in zip(shape, padding, strict=True))


@register
class Concatenate(_Movement):
    """Inputs one after the other along an axis."""

    name = "concatenate"
    attributes = {"axis": at.axis()}
    samples = (
        Sample(("f32[2, 3]", "f32[2, 1]"), {"axis": 1}),
        Sample(("f64[2]", "f64[0]", "f64[3]"), {"axis": 0}),
    )

    def infer(self, first: TensorType, *more: TensorType, axis: int) -> TensorType:  # type: ignore[override]
        types = (first, *more)
        for t in types[1:]:
            if t.dtype != first.dtype:
                raise DtypeError(f"concatenate expects one dtype, received {', '.join(map(str, types))}")
            fits = t.ndim == first.ndim and all(k == axis or dims.same(a, b) for k, (a, b) in enumerate(zip(t.shape, first.shape, strict=True)))
            if not fits:
                raise ShapeError(f"concatenate along axis {axis} expects equal sizes elsewhere, received {', '.join(map(str, types))}")
        total: Size = 0
        for t in types:
            total = total + t.shape[axis]
        return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))

    def value(self, *arrays: Any, axis: int) -> Any:  # type: ignore[override]
        return np.concatenate(arrays, axis)

    def vjp(self, dy: Any, out: Any, *inputs: Any, axis: int) -> Any:  # type: ignore[override]
        pieces, start = [], 0
        for x in inputs:
            stop = start + x.dims[axis]
            pieces.append(slice_axis(dy, axis, start, stop))
            start = stop
        return pieces


@register
class Flip(_Movement):
    """Elements in reverse order along axes."""

    name = "flip"
    is_view = True
    attributes = {"axes": at.axes()}
    samples = (Sample(("f32[2, 3]",), {"axes": (1,)}), Sample(("f64[0, 3]",), {"axes": (0, 1)}))

    def infer(self, x: TensorType, *, axes: tuple[int, ...]) -> TensorType:  # type: ignore[override]
        return x

    def value(self, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        return np.flip(x, axes)

    def vjp(self, dy: Any, out: Any, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        return (flip(dy, axes),)


def reshape(x: Any, newshape: Any) -> Any:
    """`x` in another shape; one size may be -1, and None stands for a symbolic size that is kept.

    >>> reshape(np.arange(6), (2, -1)).shape
    (2, 3)
    """
    newshape = as_shape(newshape)
    if not is_symbolic(x) and not any(isinstance(d, dims.Dim) for d in newshape):
        return np.reshape(as_array(x), tuple(-1 if d is None else int(d) for d in newshape))
    x = as_tensor(x)
    target = resolve_shape(x.dims, newshape)
    return x if target == x.dims else apply(OPS["reshape"], [x], {"shape": target})


def resolve_shape(old: tuple[Size, ...], new: Sequence[Any]) -> tuple[Size, ...]:
    """`new` with its one -1 (or None) worked out from the sizes of `old`."""
    sizes = [d if isinstance(d, dims.Dim) else -1 if d is None else int(d) for d in new]
    unknown = [k for k, d in enumerate(sizes) if isinstance(d, int) and d == -1]
    if len(unknown) > 1:
        raise ShapeError(f"reshape to {tuple(new)}: only one size can be -1 or None")
    if unknown:
        known = dims.product(d for k, d in enumerate(sizes) if k != unknown[0])
        total = dims.product(old)
        if isinstance(known, int) and known == 0:
            raise ShapeError(f"reshape of {old} to {tuple(new)}: the -1 is ambiguous beside a size of 0")
        missing = dims.floor_divide(total, known)
        if isinstance(total, int) and isinstance(known, int) and missing * known != total:
            raise ShapeError(f"reshape: {total} elements of shape {old} do not divide into {tuple(new)}")
        sizes[unknown[0]] = missing
    return tuple(sizes)


def transpose(x: Any, axes: Any = None) -> Any:
    """Axes in the order `axes`; reversed when None.

    >>> transpose(np.zeros((2, 3, 4)), (0, 2, 1)).shape
    (2, 4, 3)
    """
    x = as_tensor(x) if is_symbolic(x) else as_array(x)
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(canonical_axis(int(a), x.ndim) for a in axes)
    if order == tuple(range(x.ndim)):
        return x
    return apply(OPS["transpose"], [x], {"axes": order})


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape` by NumPy's rule."""
    shape = as_shape(shape)
    if is_symbolic(x) or any(isinstance(d, dims.Dim) for d in shape):
        x = as_tensor(x)
        return x if x.dims == shape else apply(OPS["broadcast_to"], [x], {"shape": shape})
    return apply(OPS["broadcast_to"], [x], {"shape": tuple(int(d) for d in shape)})


def slice_axis(x: Any, axis: int, start: Size, stop: Size, stride: int = 1) -> Any:
    """`x[..., start:stop:stride, ...]` on one axis; bounds must lie within it."""
    sizes = shape(x)
    if start == 0 and stop == sizes[axis] and stride == 1:
        return x
    n = len(sizes)
    starts = tuple(start if k == axis else 0 for k in range(n))
    stops = tuple(stop if k == axis else sizes[k] for k in range(n))
    return apply(OPS["slice"], [x], {"starts": starts, "stops": stops, "strides": tuple(stride if k == axis else 1 for k in range(n))})


def concatenate(xs: Any, axis: int = 0) -> Any:
    """`xs` joined along an axis; dtypes are promoted."""
    xs = list(xs)
    if not xs:
        raise ShapeError("concatenate needs at least one tensor")
    xs = promoted("numeric", *xs)
    ndim = len(shape(xs[0]))
    if len(xs) == 1:
        return xs[0]
    return apply(OPS["concatenate"], xs, {"axis": canonical_axis(axis, ndim)})


def flip(x: Any, axis: Any = None) -> Any:
    """`x` in reverse order along `axis` (all axes when None)."""
    axes = canonical_axes(axis, len(shape(x)))
    return apply(OPS["flip"], [x], {"axes": axes}) if axes else x


def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1 at the positions `axis` of the result."""
    sizes = list(shape(x))
    axes = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    for a in sorted(canonical_axis(int(a), len(sizes) + len(axes)) for a in axes):
        sizes.insert(a, 1)
    return reshape(x, tuple(sizes))


def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without axes of size 1 (those of `axis`, or all)."""
    sizes = shape(x)
    if axis is None:
        axes = [k for k, d in enumerate(sizes) if isinstance(d, int) and d == 1]
    else:
        axes = list(canonical_axes(axis, len(sizes)))
    for a in axes:
        if not dims.same(sizes[a], 1):
            raise ShapeError(f"squeeze: axis {a} has size {sizes[a]}, not 1")
    return reshape(x, tuple(d for k, d in enumerate(sizes) if k not in axes))


def stack(x: Any, axis: int = 0) -> Any:
    """`x`, a list of tensors of one shape, along a new axis."""
    xs = list(x)
    axis = canonical_axis(axis, len(shape(xs[0])) + 1)
    return concatenate([expand_dims(e, axis) for e in xs], axis)


def unbroadcast(dy: Any, target: tuple[Size, ...]) -> Any:
    """`dy` summed over the axes along which `target` was broadcast."""
    from symkeras.ops.reductions import sum

    if dy.dims == target:
        return dy
    extra = dy.ndim - len(target)
    axes = tuple(range(extra)) + tuple(
        k + extra for k, d in enumerate(target) if isinstance(d, int) and d == 1 and dy.dims[k + extra] != 1
    )
    return reshape(sum(dy, axis=axes) if axes else dy, target)


def getitem(x: Any, key: Any) -> Any:
    """`x[key]` by NumPy's rules, for ints, slices, None, Ellipsis, and one array or tensor of integers or array of booleans.

    Raises:
        ShapeError: an index out of range, more than one array, or a selection by booleans of which nobody knows how many hold.
    """
    sizes = shape(x)
    keys = _expanded([_index_key(k) for k in (key if isinstance(key, tuple) else (key,))], len(sizes))
    starts, stops, strides, flips, new_shape, gathers, advanced = [], [], [], [], [], [], []
    axis = 0
    for position, k in enumerate(keys):
        if k is None:
            new_shape.append(1)
            continue
        if isinstance(k, slice):
            start, stop, stride, reverse = _slice_bounds(k, sizes[axis])
            if reverse:
                flips.append(axis)
            new_shape.append(dims.ceil_divide(stop - start, stride))
        elif isinstance(k, (int, dims.Dim)):
            start = _index(k, sizes[axis], axis)
            stop, stride = start + 1, 1
            advanced.append(position)
        else:
            indices, count = _rows_of_mask(k, sizes[axis : axis + k.ndim]) if _is_mask(k) else (k, 1)
            gathers.append((len(new_shape), indices))
            advanced.append(position)
            new_shape.append(dims.product(sizes[axis : axis + count]))
            starts += [0] * (count - 1)
            stops += sizes[axis : axis + count - 1]
            strides += [1] * (count - 1)
            axis += count - 1
            start, stop, stride = 0, sizes[axis], 1
        starts.append(start)
        stops.append(stop)
        strides.append(stride)
        axis += 1
    out = x
    if any(s != 0 for s in starts) or any(b != d for b, d in zip(stops, sizes, strict=True)) or any(s != 1 for s in strides):
        out = apply(OPS["slice"], [out], {"starts": tuple(starts), "stops": tuple(stops), "strides": tuple(strides)})
    if flips:
        out = flip(out, tuple(flips))
    out = reshape(out, tuple(new_shape))
    if len(gathers) > 1:
        raise ShapeError("indexing with more than one integer tensor is not supported: use ops.take_along_axis or ops.take on one axis at a time")
    for position, indices in gathers:
        from symkeras.ops.indexing import take

        out = take(out, indices, axis=position)
        if advanced[-1] - advanced[0] >= len(advanced):  # numbers and an array with a slice between them: NumPy puts their axes first
            n, count = len(shape(out)), len(shape(indices))
            own = range(position, position + count)
            out = transpose(out, (*own, *(k for k in range(n) if k not in own)))
    return out


def _index_key(k: Any) -> Any:
    """One part of an index: None, Ellipsis, a slice, an int, a dim, a tensor of integers, or an array."""
    if k is None or k is Ellipsis or isinstance(k, (slice, dims.Dim)):
        return k
    if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
        return int(k)
    if is_symbolic(k):
        k = as_tensor(k)
        if k.dtype == "bool":
            raise ShapeError(
                f"a selection by the symbolic mask {k!r} at {provenance.user_line()} has as many rows as elements of it are true, which nobody "
                "knows before the function runs: use ops.where(mask, x, 0), or an array of booleans"
            )
        return k
    return as_array(k) if shape(k) != (0,) else np.zeros(0, "int32")


def _is_mask(key: Any) -> bool:
    return isinstance(key, np.ndarray) and key.dtype.kind == "b"


def _expanded(keys: list[Any], ndim: int) -> list[Any]:
    """`keys` with the Ellipsis, written or not, as slices."""
    consumed = sum(0 if k is None or k is Ellipsis else k.ndim if _is_mask(k) else 1 for k in keys)
    if consumed > ndim:
        raise ShapeError(f"{consumed} indices for a tensor of {ndim} axes")
    place = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    if any(k is Ellipsis for k in keys[place + 1 :]):
        raise ShapeError("an index can hold only one Ellipsis")
    return [*keys[:place], *[slice(None)] * (ndim - consumed), *keys[place + 1 :]]


def _rows_of_mask(mask: Any, sizes: tuple[Size, ...]) -> tuple[Any, int]:
    """The places, in row-major order over the axes that a mask covers, where it holds; and the number of those axes."""
    if mask.ndim == 0:
        raise ShapeError(f"an index of a single boolean, {bool(mask)}, is not supported: use None for a new axis")
    if any(not isinstance(d, int) for d in sizes):
        raise ShapeError(f"a mask of shape {mask.shape} cannot select from axes of sizes {sizes}: the sizes must be known")
    if mask.shape != sizes:
        raise ShapeError(f"a mask of shape {mask.shape} does not fit axes of sizes {sizes}")
    return np.flatnonzero(mask).astype("int32"), mask.ndim


def _index(k: Any, size: Size, axis: int) -> Size:
    if isinstance(k, dims.Dim):
        return k
    if isinstance(size, int) and not -size <= k < size:
        raise ShapeError(f"index {k} is out of range for axis {axis} of size {size}")
    return size + k if k < 0 else k


def _slice_bounds(k: slice, size: Size) -> tuple[Size, Size, int, bool]:
    step = 1 if k.step is None else int(k.step)
    if isinstance(size, int) and not isinstance(k.start, dims.Dim) and not isinstance(k.stop, dims.Dim):
        start, stop, step = k.indices(size)
        count = max(0, -(-(stop - start) // step) if step > 0 else -(-(start - stop) // -step))
        if step > 0:
            return start, start + (count - 1) * step + 1 if count else start, step, False
        last = start + (count - 1) * step
        return (last, start + 1, -step, True) if count else (0, 0, 1, False)
    if step < 0:
        if k.start is None and k.stop is None and step == -1:
            return 0, size, 1, True
        raise ShapeError("a slice with a negative step over a symbolic size must be [::-1]")

    def place(v: Any, default: Size) -> Size:
        v = default if v is None else v if isinstance(v, dims.Dim) else int(v)
        return size + v if isinstance(v, int) and v < 0 else v

    first, last = place(k.start, 0), place(k.stop, size)
    if last - first == 1 and (first == 0 or last == size):  # [:1] and [-1:] are written for the row they hold, which broadcasts
        return first, last, 1, False
    low, high = dims.maximum(first, 0), dims.minimum(last, size)
    start = dims.minimum(low, size)
    return start, start + dims.maximum(high - low, 0), step, False
