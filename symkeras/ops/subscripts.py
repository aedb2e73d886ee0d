"""`x[key]`: what the parts of an index become, slices over symbolic sizes among them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError, SymkerasError
from symkeras.graph import dims, dtypes, provenance
from symkeras.graph.dims import Size
from symkeras.graph.escaping import printable
from symkeras.ops.indexing import take
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, apply, as_array, as_tensor, is_symbolic
from symkeras.ops.shaping import flip, reshape, transpose
from symkeras.ops.sizes import whole

_BOOLEANS = ("bool", np.dtype(bool))


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
            indices, count = _rows_of_mask(k, sizes[axis : axis + k.ndim]) if k.dtype in _BOOLEANS else (k, 1)
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
        out = take(out, indices, axis=position)
        if advanced[-1] - advanced[0] >= len(advanced):  # numbers and an array with a slice between them: NumPy puts their axes first
            n, count = len(shape(out)), len(shape(indices))
            own = range(position, position + count)
            out = transpose(out, (*own, *(k for k in range(n) if k not in own)))
    return out


def _index_key(k: Any) -> Any:
    """One part of an index: None, Ellipsis, a slice, an int, a dim, a tensor of integers, or an array."""
    if k is None or k is Ellipsis or isinstance(k, dims.Dim):
        return k
    if isinstance(k, slice):
        return slice(_bound(k.start), _bound(k.stop), _step(k.step))
    if isinstance(k, (int, np.integer)) and not isinstance(k, bool):
        return int(k)
    if is_symbolic(k):
        k = as_tensor(k)
        if k.dtype == "bool":
            raise ShapeError(
                f"a selection by the symbolic mask {k!r} at {provenance.user_line()} has as many rows as elements of it are true, which nobody "
                "knows before the function runs: use ops.where(mask, x, 0), or an array of booleans"
            )
        return _whole(k, k)
    if isinstance(k, (str, bytes, dict)) or not hasattr(k, "dtype"):
        found = np.asarray(k) if isinstance(k, (bool, int, float, complex, list, tuple, range)) else np.asarray(object())
        if found.shape == (0,):
            return np.zeros(0, "int32")
        _whole(found, k)
    return _whole(as_array(k), k) if shape(k) != (0,) else np.zeros(0, "int32")


def _whole(array: Any, given: Any) -> Any:
    """An array or tensor of integers or booleans, which `given` stands for."""
    name = str(array.dtype)
    if name != "bool" and not dtypes.is_int(name):
        raise DtypeError(f"an index is an integer, a slice, None, ..., or an array of integers or booleans, received {printable(repr(given))}")
    return array


def _bound(v: Any) -> Any:
    """Where a slice begins or ends: None, a dim, or an int."""
    if v is None or isinstance(v, (int, dims.Dim)):
        return v
    try:
        return operator.index(v)
    except SymkerasError:
        raise
    except TypeError:
        raise DtypeError(f"a slice goes by integers, sizes or None, received {printable(repr(v))}") from None


def _step(v: Any) -> Any:
    step = _bound(v)
    if isinstance(step, dims.Dim) or step == 0:
        raise ShapeError(f"the step of a slice is an integer and not 0, received {step}")
    return step


def _expanded(keys: list[Any], ndim: int) -> list[Any]:
    """`keys` with the Ellipsis, written or not, as slices."""
    consumed = sum(0 if k is None or k is Ellipsis else k.ndim if getattr(k, "dtype", None) in _BOOLEANS else 1 for k in keys)
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
    step = 1 if k.step is None else whole(k.step, "the step of a slice")
    if step == 0:
        raise ShapeError("the step of a slice is 0")
    if isinstance(size, int) and not isinstance(k.start, dims.Dim) and not isinstance(k.stop, dims.Dim):
        ends = [v if v is None else whole(v, "an end of a slice") for v in (k.start, k.stop)]
        start, stop, step = slice(ends[0], ends[1], step).indices(size)
        count = max(0, -(-(stop - start) // step) if step > 0 else -(-(start - stop) // -step))
        if step > 0:
            return start, start + (count - 1) * step + 1 if count else start, step, False
        last = start + (count - 1) * step
        return (last, start + 1, -step, True) if count else (0, 0, 1, False)
    if step < 0:
        if k.start is None and k.stop is None and step == -1:
            return 0, size, 1, True
        raise ShapeError("a slice with a negative step over a symbolic size must be [::-1]")

    first, last = _place(k.start, 0, size), _place(k.stop, size, size)
    if last - first == 1 and (first == 0 or last == size):  # [:1] and [-1:] are written for the row they hold, which broadcasts
        return first, last, 1, False
    return *clipped(k.start, k.stop, size), step, False


def _place(v: Any, default: Size, size: Size) -> Size:
    v = default if v is None else v if isinstance(v, dims.Dim) else whole(v, "an end of a slice")
    return size + v if isinstance(v, int) and v < 0 else v


def clipped(start: Any, stop: Any, size: Size) -> tuple[Size, Size]:
    """The bounds of `[start:stop]` within an axis, as NumPy cuts them."""
    low, high = dims.maximum(_place(start, 0, size), 0), dims.minimum(_place(stop, size, size), size)
    begin = dims.minimum(low, size)
    return begin, begin + dims.maximum(high - low, 0)
