"""Primitives that move elements without changing them: reshape, transpose, broadcast, slice, pad, concatenate, flip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.elementwise import promoted
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, Op, Sample, apply, as_array, as_tensor, is_recorded, is_symbolic, register
from symkeras.ops.sizes import as_shape, listed, whole


def canonical_axis(axis: int, ndim: int, what: str = "axis") -> int:
    """`axis` counted from the front.

    Raises:
        ShapeError: the axis does not exist.
    """
    axis = whole(axis, what)
    if not -ndim <= axis < ndim:
        raise ShapeError(f"{what} {axis} is out of bounds: the tensor has {ndim} axes")
    return axis % ndim


def canonical_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Sorted distinct axes from None (all), one, or several."""
    if axis is None:
        return tuple(range(ndim))
    out = tuple(sorted(canonical_axis(a, ndim) for a in listed(axis, "axis")))
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
        return x.reshape(shape)

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
            if any(isinstance(gap, int) and gap < 0 for gap in (a, b - a, n - b)):
                raise ShapeError(f"slice {a}:{b} of axis {k} of size {x.shape[k]}: the bounds lie outside")
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
    moves = True
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

    Args:
        newshape: sizes; one may be -1, for what is left.

    Raises:
        ShapeError: another number of elements.

    >>> reshape(np.arange(6), (2, -1)).shape
    (2, 3)
    """
    newshape = as_shape(newshape)
    if not is_symbolic(x) and not any(isinstance(d, dims.Dim) for d in newshape):
        array = as_array(x)
        if is_recorded(array) or any(d is not None and d < -1 for d in newshape):
            return apply(OPS["reshape"], [array], {"shape": resolve_shape(array.shape, newshape)})
        try:
            return array.reshape([-1 if d is None else int(d) for d in newshape])
        except ValueError as error:
            raise ShapeError(f"reshape of {array.shape} to {tuple(newshape)}: {error}") from error
    x = as_tensor(x)
    target = resolve_shape(x.dims, newshape)
    return x if target == x.dims else apply(OPS["reshape"], [x], {"shape": target})


def resolve_shape(old: tuple[Size, ...], new: Sequence[Any]) -> tuple[Size, ...]:
    """`new` with its one -1 (or None) worked out from the sizes of `old`."""
    sizes = [d if isinstance(d, dims.Dim) else -1 if d is None else int(d) for d in new]
    unknown = [k for k, d in enumerate(sizes) if isinstance(d, int) and d == -1]
    if any(isinstance(d, int) and d < -1 for d in sizes):
        raise ShapeError(f"reshape to {tuple(new)}: a size is a non-negative integer, or -1 for the one that follows from the others")
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
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(canonical_axis(a, x.ndim) for a in listed(axes, "axis"))
    if order == tuple(range(x.ndim)):
        return x
    return apply(OPS["transpose"], [x], {"axes": order})


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape` by NumPy's rule.

    >>> broadcast_to(np.array([1, 2]), (2, 2)).tolist()
    [[1, 2], [1, 2]]
    """
    shape = as_shape(shape)
    if is_symbolic(x) or any(isinstance(d, dims.Dim) for d in shape):
        x = as_tensor(x)
        return x if x.dims == shape else apply(OPS["broadcast_to"], [x], {"shape": shape})
    return apply(OPS["broadcast_to"], [x], {"shape": tuple(int(d) for d in shape)})


def slice_axis(x: Any, axis: int, start: Size, stop: Size, stride: int = 1) -> Any:
    """`x[..., start:stop:stride, ...]` on one axis; bounds must lie within it."""
    sizes = shape(x)
    n = len(sizes)
    axis = canonical_axis(axis, n)
    if start == 0 and stop == sizes[axis] and stride == 1:
        return x
    starts = tuple(start if k == axis else 0 for k in range(n))
    stops = tuple(stop if k == axis else sizes[k] for k in range(n))
    return apply(OPS["slice"], [x], {"starts": starts, "stops": stops, "strides": tuple(stride if k == axis else 1 for k in range(n))})


def concatenate(xs: Any, axis: int = 0) -> Any:
    """`xs` joined along an axis; dtypes are promoted.

    Raises:
        ShapeError: no tensor, or shapes that differ beside the axis.

    >>> concatenate([np.array([1, 2]), np.array([3])]).tolist()
    [1, 2, 3]
    """
    xs = list(xs)
    if not xs:
        raise ShapeError("concatenate needs at least one tensor")
    xs = promoted("numeric", *xs)
    ndim = len(shape(xs[0]))
    if len(xs) == 1:
        return xs[0]
    return apply(OPS["concatenate"], xs, {"axis": canonical_axis(axis, ndim)})


def flip(x: Any, axis: Any = None) -> Any:
    """`x` in reverse order along `axis` (all axes when None).

    >>> flip(np.array([1, 2, 3])).tolist()
    [3, 2, 1]
    """
    axes = canonical_axes(axis, len(shape(x)))
    return apply(OPS["flip"], [x], {"axes": axes}) if axes else x


def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1 at the positions `axis` of the result.

    >>> expand_dims(np.zeros((2, 3)), (0, -1)).shape
    (1, 2, 3, 1)
    """
    sizes = list(shape(x))
    axes = listed(axis, "axis")
    for a in sorted(canonical_axis(a, len(sizes) + len(axes)) for a in axes):
        sizes.insert(a, 1)
    return reshape(x, tuple(sizes))


def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without axes of size 1 (those of `axis`, or all).

    Raises:
        ShapeError: an axis whose size is not 1.

    >>> squeeze(np.zeros((1, 2, 1)), -1).shape
    (1, 2)
    """
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
    """`x`, a list of tensors of one shape, along a new axis.

    >>> stack([np.array([1, 2]), np.array([3, 4])], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
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
