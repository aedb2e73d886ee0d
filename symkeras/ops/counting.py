"""Elements counted, found and put in order: places in sorted vectors, histograms, and what depends on values in its very shape."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError, DtypeError, ShapeError
from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import full, linspace, pad, ravel
from symkeras.ops.op import OPS, apply, as_array, dtype_of, is_symbolic
from symkeras.ops.shaping import broadcast_to, canonical_axis, flip, slice_axis
from symkeras.ops.sizes import whole
from symkeras.ops.sorting import argsort


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where in a rising vector values belong, by halving it; NaN comes after all numbers.

    Args:
        sorted_sequence: (N), rising.
        values: any shape, which the result has.
        side: "left" of equal elements or "right" of them.

    Returns:
        int32, from 0 to N.

    Raises:
        ShapeError: no vector. ConfigError: another side.

    >>> searchsorted(np.array([1, 3, 5]), np.array([3, 6])).tolist()
    [1, 3]
    """
    if side not in ("left", "right"):
        raise ConfigError(f"searchsorted: side must be 'left' or 'right', received {side!r}")
    table, values = promoted("numeric", sorted_sequence, values, compares=True)
    if len(shape(table)) != 1:
        raise ShapeError(f"searchsorted takes one vector, received shape {shape(table)}: ops.vectorized_map goes over several")
    size = shape(table)[0]
    found = full(shape(values), 0, "int32")
    if isinstance(size, int) and size == 0:
        return found
    is_float, last = dtypes.is_float(dtype_of(table)), cast(size, "int32")
    table = pad(table, ((0, 1),))  # so that there is an element to look at where a symbolic size is 0
    for bit in reversed(range(size.bit_length() if isinstance(size, int) else 31)):
        after = ew.add_(found, np.int32(1 << bit))
        element = take(table, ew.minimum(ew.subtract(after, 1), last), 0)
        is_before = (ew.less if side == "left" else ew.less_equal)(element, values)
        if is_float:
            meets = ew.logical_not(ew.isnan(element)) if side == "left" else True
            is_before = ew.logical_or(is_before, ew.logical_and(ew.isnan(values), meets))
        found = ew.where(ew.logical_and(is_before, ew.less_equal(after, last)), after, found)
    return found


def digitize(x: Any, bins: Any) -> Any:
    """For each element the number of the bin that it lies in: `bins[k - 1] <= x < bins[k]`; of falling bins `bins[k - 1] > x >= bins[k]`.

    Args:
        x: any shape, which the result has.
        bins: (N), rising or falling.

    Returns:
        int32, from 0 to N.

    Raises:
        ShapeError: `bins` is no vector.

    >>> digitize(np.float32([0.2, 6.4]), [0.0, 1.0, 2.5]).tolist()
    [1, 3]
    """
    if len(shape(bins)) != 1:
        raise ShapeError(f"digitize: the bins are a vector, received shape {shape(bins)}")
    size = shape(bins)[0]
    if size == 0:
        return full(shape(x), 0, "int32")
    rising = searchsorted(bins, x, "right")
    is_rising = ew.greater_equal(take(bins, -1, 0), take(bins, 0, 0))
    if not is_symbolic(is_rising) and bool(is_rising):
        return rising
    return ew.where(is_rising, rising, ew.subtract(cast(size, "int32"), searchsorted(flip(bins, 0), x, "right")))


def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple[Any, Any]:
    """How many elements lie in each of `bins` intervals of one width, the last of which holds both of its ends.

    Args:
        x: (N).
        bins: how many intervals.
        range: the lowest and the highest end, a tuple; the smallest and largest element when None. What lies outside does not count.

    Returns:
        The counts (bins) and the ends of the intervals (bins + 1), floating.

    Raises:
        ShapeError: no vector. ConfigError: no number of intervals, or no two ends in order.

    >>> [v.tolist() for v in histogram(np.float32([0, 1, 1, 4]), 2)]
    [[3.0, 1.0], [0.0, 2.0, 4.0]]
    """
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or bins < 1:
        raise ConfigError(f"histogram: bins is a whole number from 1 on, received {bins!r}")
    if range is not None and not (isinstance(range, tuple) and len(range) == 2 and range[0] <= range[1]):
        raise ConfigError(f"histogram: range is a tuple of the lowest and the highest end, received {range!r}")
    (x,) = promoted("float", x)
    if len(shape(x)) != 1:
        raise ShapeError(f"histogram takes a vector, received shape {shape(x)}")
    low, high = _ends(x) if range is None else (np.asarray(v, dtype_of(x)) for v in range)
    is_point = ew.equal(low, high)
    low, high = ew.where(is_point, ew.subtract(low, 0.5), low), ew.where(is_point, ew.add_(high, 0.5), high)
    edges = linspace(low, high, int(bins) + 1)
    place = ew.subtract(searchsorted(edges, x, "right"), 1)
    place = ew.where(ew.equal(x, high), np.int32(bins - 1), place)
    is_inside = ew.logical_and(ew.greater_equal(x, low), ew.less_equal(x, high))
    place = clip(ew.where(is_inside, place, np.int32(bins)), 0, np.int32(bins))
    counts = apply(OPS["scatter_add"], [place, broadcast_to(np.int32(1), shape(x))], {"rows": int(bins) + 1})
    return cast(slice_axis(counts, 0, 0, int(bins)), dtype_of(edges)), edges


def _ends(x: Any) -> tuple[Any, Any]:
    if shape(x) == (0,):
        return np.asarray(0, dtype_of(x)), np.asarray(1, dtype_of(x))
    if not is_symbolic(x) and not np.all(np.isfinite(x)):
        raise DataError("histogram: the smallest and largest element are no numbers: give the range")
    return red.min(x), red.max(x)


def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Indices along `axis` that put the kth element in its place, smaller ones before it and larger ones behind; here they sort the whole.

    Raises:
        ShapeError: there is no kth element.

    >>> argpartition(np.array([3, 1, 2]), 1).tolist()
    [1, 2, 0]
    """
    x = ravel(x) if axis is None else x
    axis = canonical_axis(0 if axis is None else axis, len(shape(x)))
    size, kth = shape(x)[axis], whole(kth, "argpartition: kth")
    if isinstance(size, int) and not -size <= kth < size:
        raise ShapeError(f"argpartition: there is no element {kth} among the {size} of axis {axis}")
    return argsort(x, axis)


def _concrete(what: str, instead: str, *inputs: Any) -> None:
    """Raise ConfigError where the shape of a result would depend on values that nobody knows yet."""
    if is_symbolic(*inputs):
        raise ConfigError(f"{what} of a symbolic tensor has a shape that depends on its values: {instead}")


def nonzero(x: Any) -> tuple[Any, ...]:
    """The indices of elements that are not zero, a vector for each axis, in int32.

    Raises:
        ConfigError: a symbolic tensor.

    >>> [k.tolist() for k in nonzero(np.array([[0, 1], [2, 0]]))]
    [[0, 1], [1, 0]]
    """
    _concrete("nonzero", "use where(condition, x1, x2)", x)
    return tuple(np.asarray(k, "int32") for k in np.nonzero(np.atleast_1d(as_array(x))))


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each number from 0 on occurs, or the sum of the weights where it does.

    Args:
        x: integers (N) or (B, N), from 0 on.
        weights: the shape of `x`.
        minlength: the least length of the result.
        sparse: must be False.

    Returns:
        (V) or (B, V), V one more than the largest number or `minlength`; int32, or the dtype of the weights.

    Raises:
        ConfigError: a symbolic tensor, or `sparse`. DtypeError: no integers. DataError: a number below 0.
        ShapeError: no vector of integers, or weights of another shape.

    >>> bincount(np.array([1, 1, 3])).tolist()
    [0, 2, 0, 1]
    """
    if sparse:
        raise ConfigError("bincount: symkeras has dense tensors only: sparse must be False")
    _concrete("bincount", "use segment_sum(ones, x, num_segments)", x, weights)
    x = as_array(x)
    if not dtypes.is_int(dtype_of(x)) and dtype_of(x) != "bool":
        raise DtypeError(f"bincount takes integers, received dtype {x.dtype}")
    if x.ndim not in (1, 2) or (weights is not None and shape(weights) != x.shape):
        own = None if weights is None else shape(weights)
        raise ShapeError(f"bincount takes (N) or (B, N), and weights of that shape, received {x.shape} and {own}")
    if x.size and x.min() < 0:
        raise DataError(f"bincount counts numbers from 0 on, received {x.min()}")
    length = builtins.max(int(x.max()) + 1 if x.size else 0, whole(minlength, "bincount: minlength"))
    values = np.ones(x.shape, "int32") if weights is None else as_array(weights)
    out = np.zeros((*x.shape[:-1], length), values.dtype)
    np.add.at(out, (x.astype(np.int64),) if x.ndim == 1 else (np.arange(len(x))[:, None], x.astype(np.int64)), values)
    return out


def unique(x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
           axis: int | None = None, size: int | None = None, fill_value: Any = None) -> Any:  # fmt: skip
    """The different elements of `x`, rising; every NaN is one of its own.

    Args:
        x: any shape.
        sorted: whether they must rise; they do.
        return_index: give also where each comes first.
        return_inverse: give also for each element of `x` its place among them.
        return_counts: give also how often each occurs.
        axis: along which to compare whole slices; None: all elements.
        size: how many there are to be: cut off, or filled up.
        fill_value: with what; the least of them when None.

    Returns:
        The elements, or a tuple of them and of what else is asked for, in int32.

    Raises:
        ConfigError: a symbolic tensor.

    >>> unique(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    _concrete("unique", "it takes arrays", x)
    x = as_array(x)
    parts = list(np.unique(x, True, True, True, axis=axis, equal_nan=False))
    parts[1:] = [np.asarray(p, "int32") for p in parts[1:]]
    if size is not None:
        parts = _of_size(parts, whole(size, "unique: size"), fill_value, axis or 0)
    found = [parts[0], *(p for p, wanted in zip(parts[1:], (return_index, return_inverse, return_counts), strict=True) if wanted)]
    return found[0] if len(found) == 1 else tuple(found)


def _of_size(parts: list[Any], size: int, fill_value: Any, axis: int) -> list[Any]:
    """Values, first places and counts cut to `size`, or filled up with `fill_value`, the place of the first and 0."""
    values, index, inverse, counts = parts
    lack = builtins.max(size - values.shape[axis], 0)
    kept = np.take(values, np.arange(size - lack), axis)
    if lack:
        first = np.take(values, [0], axis) if values.shape[axis] else np.zeros_like(np.expand_dims(values.sum(axis), axis))
        fill = first if fill_value is None else np.full_like(first, fill_value)
        kept = np.concatenate([kept, np.repeat(fill, lack, axis)], axis)
        index = np.concatenate([index, np.full(lack, index[0] if len(index) else 0, "int32")])
        counts = np.concatenate([counts, np.zeros(lack, "int32")])
    return [kept.astype(values.dtype), index[:size], inverse, counts[:size]]
