"""NumPy's names that are built from the primitives: creation, aliases, rearrangement."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import arguments
from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import dims, dtypes, room
from symkeras.graph.tensor import Tensor
from symkeras.ops import elementwise as ew
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, convert_to_tensor, shape
from symkeras.ops.namespaces import public
from symkeras.ops.op import OPS, apply, as_array, as_tensor, dtype_of, is_symbolic
from symkeras.ops.shaping import broadcast_to, canonical_axis, slice_axis, transpose
from symkeras.ops.sizes import as_shape, as_size, listed, whole
from symkeras.ops.subscripts import clipped

__getattr__, __dir__ = public(__name__)
abs = ew.absolute
true_divide = ew.divide


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor of `shape` filled with `fill_value`, in `floatx` where no dtype is given; sizes may be symbolic.

    Args:
        shape: sizes; an int for a vector.
        fill_value: a number, or what broadcasts to the shape.
        dtype: of the result; `floatx` when None.

    >>> full((2, 2), 7).tolist()
    [[7.0, 7.0], [7.0, 7.0]]
    """
    shape = as_shape(shape)
    _check_sizes(shape, "full")
    dtype = dtypes.standardize(dtype)
    if is_symbolic(fill_value) or is_symbolic(shape):
        return broadcast_to(cast(as_tensor(fill_value, dtype), dtype), shape)
    room.take(shape, dtype, "an array")
    return np.full(shape, as_array(fill_value, dtype) if isinstance(fill_value, (bool, int, float)) else fill_value, dtype)


def _check_sizes(sizes: Sequence[Any], what: str) -> None:
    if any(isinstance(d, int) and d < 0 for d in sizes):
        raise ShapeError(f"{what}: a size of {tuple(sizes)} is negative")


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of `shape`; sizes may be symbolic.

    Args:
        shape: sizes; an int for a vector.
        dtype: of the result; `floatx` when None.

    >>> zeros(3).tolist()
    [0.0, 0.0, 0.0]
    """
    return full(shape, 0, dtypes.standardize(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of `shape`; sizes may be symbolic.

    Args:
        shape: sizes; an int for a vector.
        dtype: of the result; `floatx` when None.

    >>> ones(3).tolist()
    [1.0, 1.0, 1.0]
    """
    return full(shape, 1, dtypes.standardize(dtype))


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape and dtype of `x`.

    >>> zeros_like(np.array([5, 6])).tolist()
    [0, 0]
    """
    return full(shape(x), 0, dtype or dtype_of(x))


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the shape and dtype of `x`.

    >>> ones_like(np.array([5, 6])).tolist()
    [1, 1]
    """
    return full(shape(x), 1, dtype or dtype_of(x))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A tensor like `x` filled with `fill_value`.

    Args:
        x: gives the shape.
        fill_value: a number, or what broadcasts to the shape.
        dtype: of the result; that of `x` when None.

    >>> full_like(np.array([1, 2]), 7).tolist()
    [7, 7]
    """
    return full(shape(x), fill_value, dtype or dtype_of(x))


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from `start` (or 0) to before `stop`; both may be symbolic sizes.

    Args:
        start, stop: as for `range`; one alone is `stop`.
        step: not 0; 1 when None.
        dtype: of the result; from the numbers when None.

    Raises:
        ShapeError: no finite real numbers, or a step of 0.

    >>> arange(3).tolist()
    [0, 1, 2]
    """
    start, stop = (as_size(v) if isinstance(v, Tensor) else v for v in ((0, start) if stop is None else (start, stop)))
    step = 1 if step is None else step
    if not all(isinstance(v, dims.Dim) or (np.ndim(v) == 0 and np.isreal(v) and np.isfinite(v)) for v in (start, stop, step)) or step == 0:
        raise ShapeError(f"arange goes from number to number in steps that are not 0, received {start!r}, {stop!r}, {step!r}")
    if isinstance(stop, dims.Dim) or isinstance(start, dims.Dim):
        from symkeras.ops.reductions import cumsum

        count = dims.ceil_divide(stop - start, step)
        steps = cumsum(full((count,), 1, "int32"), 0) - 1
        return cast(steps * step + start, dtype or "int32")
    if dtype is None:
        dtype = dtypes.result_type(*(dtype_of(v) for v in (start, stop, step)))
    room.take((max(0, int((stop - start) / step)),), dtypes.standardize(dtype), "an array")
    return np.arange(start, stop, step, dtype=dtypes.standardize(dtype))


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, evenly spaced; from arrays so along a new axis.

    Args:
        start, stop: numbers or tensors that broadcast.
        num: how many.
        endpoint: whether `stop` is the last one.
        retstep: whether the step is given, too.
        dtype: of the result; floating when None.
        axis: where the new axis is.

    Raises:
        ShapeError: `num` is no number of elements.

    >>> linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    from symkeras.ops.shaping import expand_dims

    count = whole(num, "linspace: num")
    _check_sizes((count,), "linspace")
    floating = dtypes.inexact(dtypes.result_type(dtype_of(start), dtype_of(stop)))
    first, last = (cast(as_tensor(v, floating) if is_symbolic(v) else as_array(v), floating) for v in (start, stop))
    parts = count - 1 if endpoint else count
    share = np.arange(count, dtype=floating) / np.asarray(max(parts, 1), floating)
    rank = max(len(shape(first)), len(shape(last)))
    place = canonical_axis(axis, rank + 1)
    share = share.reshape(tuple(count if k == place else 1 for k in range(rank + 1)))
    first, last = (expand_dims(broadcast_to(v, shape(ew.add_(first, last))), place) for v in (first, last))
    numbers = ew.add_(ew.multiply(first, 1 - share), ew.multiply(last, share))
    target = floating if dtype is None else dtypes.standardize(dtype)
    numbers = cast(ew.floor(numbers) if dtypes.is_int(target) else numbers, target)
    if not retstep:
        return numbers
    step = ew.divide(ew.subtract(last, first), parts) if parts else ew.multiply(first, float("nan"))
    from symkeras.ops.shaping import squeeze

    return numbers, squeeze(step, place)


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on a diagonal; the sizes may be symbolic.

    Args:
        N, M: numbers of rows and of columns; as many columns as rows when None.
        k: which diagonal, 0 for the main one, above it for k > 0.
        dtype: of the result; `floatx` when None.

    Raises:
        DtypeError: a size that is no integer.

    >>> eye(2, 3, k=1).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if any(not (size is None or isinstance(size, dims.Dim) or arguments.is_integer(size) or dtypes.is_int(dtype_of(size))) for size in (N, M)):
        raise DtypeError(f"eye: sizes are integers, received N={N!r} and M={M!r}")
    if is_symbolic(N, M):
        rows, columns = arange(as_size(N)), arange(as_size(N if M is None else M))
        return cast(ew.equal(as_tensor(rows)[:, None] + k, columns), dtypes.standardize(dtype))
    rows, columns, k = whole(N, "eye: N"), whole(N if M is None else M, "eye: M"), whole(k, "eye: k")
    _check_sizes((rows, columns), "eye")
    room.take((rows, columns), dtypes.standardize(dtype), "an array")
    return np.eye(rows, columns, k, dtype=dtypes.standardize(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    """The identity matrix.

    Args:
        n: number of rows and columns.
        dtype: of the result; `floatx` when None.

    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with borders: one number, one pair, or a pair per axis; the widths may be symbolic.

    Args:
        x: the tensor.
        pad_width: how many elements are added in front and behind.
        mode: what they are: "constant", "reflect" (mirrored at the outermost element), "symmetric" (mirrored beyond it), "edge" (the outermost
            element), or "wrap" and "circular" (from the other end).
        constant_values: the number, for "constant"; 0 when None.

    Raises:
        ConfigError: another mode, or a number for a mode that mirrors.
        DtypeError: the dtype of `x` has no such number as `constant_values`.
        ShapeError: widths of another form.

    >>> pad(np.array([1, 2, 3]), 2, mode="reflect").tolist()
    [3, 2, 1, 2, 3, 2, 1]
    >>> pad(np.array([1, 2, 3]), (1, 4), mode="wrap").tolist()
    [3, 1, 2, 3, 1, 2, 3, 1]
    """
    if mode not in ("constant", *_INNER):
        raise arguments.refusal("pad: mode", f"one of {', '.join(('constant', *_INNER))}", mode)
    if mode != "constant" and constant_values is not None:
        raise ConfigError(f"pad: constant_values say what mode 'constant' fills in; mode {mode!r} repeats what is there")
    n = len(shape(x))
    width = pad_width
    if isinstance(width, (int, float, np.number)) or width is None:
        width = ((whole(width, "pad: the width"),) * 2,) * n
    elif len(width) == 2 and all(isinstance(w, int) for w in width):
        width = (tuple(width),) * n
    if any((not isinstance(w, Sequence) and np.ndim(w) != 1) or len(w) != 2 for w in width):
        raise ShapeError(f"pad: the widths are one number, a pair, or a pair for each axis, received {pad_width!r}")
    pairs = tuple((as_size(w[0]), as_size(w[1]), 0) for w in width)
    if mode != "constant":
        for axis, (before, after, _) in enumerate(pairs):
            if not (before == 0 == after):
                x = take(x, _INNER[mode](arange(-before, shape(x)[axis] + after), shape(x)[axis]), axis)
        return x
    value = 0.0 if constant_values is None else constant_values.item() if isinstance(constant_values, (np.generic, np.ndarray)) else constant_values
    dtype = dtypes.result_type(dtype_of(x))
    return apply(OPS["pad"], [x], {"padding": pairs, "value": float(value) if dtypes.is_inexact(dtype) or value == float(value) else value})


def _mirrored(places: Any, size: Any, repeats: bool) -> Any:
    """Where an element comes from that lies at `places` from the first of `size` elements, the outermost of which may stand twice."""
    period = dims.maximum(2 * size - (0 if repeats else 2), 1)
    within = ew.mod(places, period)
    return ew.minimum(within, (period - 1 if repeats else period) - within)


_INNER = {
    "reflect": lambda places, size: _mirrored(places, size, repeats=False),
    "symmetric": lambda places, size: _mirrored(places, size, repeats=True),
    "edge": lambda places, size: ew.minimum(ew.maximum(places, 0), size - 1),
    "wrap": ew.mod,
    "circular": ew.mod,
}


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """`x` cut along `axis` into equal parts, or at the given indices.

    Args:
        indices_or_sections: the number of parts, or the places before which `x` is cut.
        axis: that is cut.

    Raises:
        ShapeError: the axis has no so many equal parts.

    >>> [part.tolist() for part in split(np.arange(5), [2, 4])]
    [[0, 1], [2, 3], [4]]
    """
    axis = canonical_axis(axis, len(shape(x)))
    size = shape(x)[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        count = int(indices_or_sections)
        if count < 1:
            raise ShapeError(f"split: {count} parts")
        part = size // count
        if isinstance(size, int) and part * count != size:
            raise ShapeError(f"split: an axis of size {size} does not divide into {count} equal parts")
        cuts: Sequence[Any] = [part * k for k in range(1, count)]
    else:
        cuts = [as_size(cut) for cut in listed(indices_or_sections, "split: the number of parts")]
        return [slice_axis(x, axis, *clipped(a, b, size)) for a, b in itertools.pairwise([0, *cuts, None])]
    return [slice_axis(x, axis, a, b) for a, b in itertools.pairwise([0, *cuts, size])]


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged.

    Args:
        axis1, axis2: the axes.

    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    n = len(shape(x))
    order = list(range(n))
    a, b = canonical_axis(axis1, n), canonical_axis(axis2, n)
    order[a], order[b] = order[b], order[a]
    return transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """`x` with axes moved to new positions, the others keeping their order.

    Args:
        source: an axis, or several.
        destination: where each of them goes.

    Raises:
        ShapeError: not as many axes as places, or one twice.

    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    n = len(shape(x))
    src = [canonical_axis(a, n) for a in listed(source, "axis")]
    dst = [canonical_axis(a, n) for a in listed(destination, "axis")]
    if not len(set(src)) == len(src) == len(set(dst)) == len(dst):
        raise ShapeError(f"moveaxis: from the axes {source} to {destination}: there must be as many, each once")
    order = [k for k in range(n) if k not in src]
    for d, s in sorted(zip(dst, src, strict=True)):
        order.insert(d, s)
    return transpose(x, order)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Every element of `x` `repeats` times along `axis`; the count may be symbolic, or an array of one for each element.

    >>> repeat(np.array([1, 2]), [2, 1]).tolist()
    [1, 1, 2]
    """
    from symkeras.ops.shaping import expand_dims, reshape

    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    sizes = shape(x)
    axis = canonical_axis(axis, len(sizes))
    if isinstance(repeats, (list, tuple, np.ndarray)) and not is_symbolic(repeats) and np.ndim(repeats) == 1:
        if len(repeats) != 1:
            return _repeated(x, np.asarray(repeats), axis)
        repeats = repeats[0]
    repeats = as_size(repeats)
    wide = broadcast_to(expand_dims(x, axis + 1), (*sizes[: axis + 1], repeats, *sizes[axis + 1 :]))
    return reshape(wide, (*sizes[:axis], sizes[axis] * repeats, *sizes[axis + 1 :]))


def _repeated(x: Any, counts: Any, axis: int) -> Any:
    """`x` with each element along `axis` as often as its count says."""
    from symkeras.ops.indexing import take

    size = shape(x)[axis]
    if counts.dtype.kind not in "iu" or counts.min(initial=0) < 0 or not dims.same(size, len(counts)):
        raise ShapeError(f"repeat takes a count from 0 on, or one for each of {size} elements, received {counts.tolist()}")
    return take(x, np.repeat(np.arange(len(counts), dtype="int32"), counts), axis)


def tile(x: Any, repeats: Any) -> Any:
    """`x` laid side by side, `repeats` times along each axis; the counts may be symbolic.

    >>> tile(np.array([1, 2]), (2, 2)).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    from symkeras.ops.shaping import expand_dims, reshape

    counts = as_shape(repeats)
    counts = (1,) * (len(shape(x)) - len(counts)) + counts
    x = reshape(x, (1,) * (len(counts) - len(shape(x))) + shape(x))
    for axis, count in enumerate(counts):
        if not isinstance(count, int) or count != 1:
            sizes = shape(x)
            wide = broadcast_to(expand_dims(x, axis), (*sizes[:axis], count, *sizes[axis:]))
            x = reshape(wide, (*sizes[:axis], count * sizes[axis], *sizes[axis + 1 :]))
    return x


def ndim(x: Any) -> int:
    """Number of axes.

    >>> ndim(np.zeros((2, 3)))
    2
    """
    return len(shape(x))


def size(x: Any) -> Any:
    """Number of elements.

    >>> int(size(np.zeros((2, 3))))
    6
    """
    return dims.product(shape(x))


def ravel(x: Any) -> Any:
    """`x` as a vector.

    >>> ravel(np.array([[1, 2], [3, 4]])).tolist()
    [1, 2, 3, 4]
    """
    from symkeras.ops.shaping import reshape

    return reshape(x, (-1,))


def outer(x1: Any, x2: Any) -> Any:
    """All products of elements of two vectors.

    >>> outer(np.array([1, 2]), np.array([3, 4])).tolist()
    [[3, 4], [6, 8]]
    """
    from symkeras.ops.shaping import reshape

    return ew.multiply(reshape(x1, (-1, 1)), reshape(x2, (1, -1)))


def trunc(x: Any) -> Any:
    """x without its fraction; whole numbers and booleans stay what they are.

    >>> trunc(np.array([-1.5, 2.5])).tolist()
    [-1.0, 2.0]
    """
    return ew.trunc(x) if dtypes.is_float(dtypes.result_type(dtype_of(x))) else convert_to_tensor(x)


def round(x: Any, decimals: int = 0) -> Any:
    """Rounded to `decimals`; halves go to the even digit.

    >>> round(np.array([1.25, 0.375]), 1).tolist()
    [1.2, 0.4]
    """
    if not arguments.is_integer(decimals):
        raise arguments.refusal("round: decimals", "an integer", decimals)
    if decimals == 0:
        return ew.rint(x) if not dtypes.is_int(dtypes.result_type(dtype_of(x))) else x
    factor = 10.0**decimals
    return ew.divide(ew.rint(ew.multiply(x, factor)), factor)
