"""Elements arranged anew: rolled, turned, framed, on grids, chosen; spaces of numbers; and the making of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.recording import copied
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.elementwise import promoted
from symkeras.ops.indexing import one_hot, take
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import arange, linspace, ravel, swapaxes, zeros, zeros_like
from symkeras.ops.op import as_array, as_tensor, dtype_of, is_symbolic
from symkeras.ops.shaping import broadcast_to, canonical_axis, concatenate, expand_dims, flip, reshape, slice_axis
from symkeras.ops.sizes import as_shape, as_size, listed, whole
from symkeras.ops.subscripts import getitem


def array(x: Any, dtype: Any = None) -> Any:
    """`x` as a new array, or as it is when symbolic; in `dtype` if one is given.

    >>> array([1, 2]).tolist()
    [1, 2]
    """
    if not is_symbolic(x):
        x = copied(as_array(x))
    return x if dtype is None and not isinstance(x, (list, tuple)) else cast(x, dtype if dtype is not None else dtypes.result_type(dtype_of(x)))


def copy(x: Any) -> Any:
    """A copy of `x`; of a symbolic tensor, which nothing changes, itself.

    >>> copy(np.array([1, 2])).tolist()
    [1, 2]
    """
    return as_tensor(x) if is_symbolic(x) else copied(as_array(x))


def dtype(x: Any) -> str:
    """The name of the dtype of `x`.

    >>> dtype(np.zeros(2, "float32"))
    'float32'
    """
    return dtypes.result_type(dtype_of(x))


def view(x: Any, dtype: Any = None) -> Any:
    """The bits of `x` read as another dtype; the last axis has as many more elements as they are smaller.

    Raises:
        ConfigError: a symbolic tensor, unless both dtypes are integers of one size. ShapeError: the last axis does not divide.

    >>> view(np.float32([1.0]), "int32").tolist()
    [1065353216]
    """
    target = dtypes.standardize(dtype) if dtype is not None else None
    if is_symbolic(x):
        tensor = as_tensor(x)
        if target is not None and dtypes.is_int(target) and dtypes.is_int(tensor.dtype) and dtypes.itemsize(target) == dtypes.itemsize(tensor.dtype):
            return cast(tensor, target)  # whole numbers of one size wrap around, which keeps their bits
        if target not in (None, tensor.dtype):
            raise ConfigError(f"view reads the bits of arrays: a symbolic tensor of {tensor.dtype} has no {target} of the same bits; see cast")
        return tensor
    x = as_array(x)
    try:
        return x if target is None else np.ascontiguousarray(x).reshape(x.shape).view(target)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"view of {dtype_of(x)} as {target}: the shape {x.shape} does not fit: {error}") from error


def empty(shape: Any, dtype: Any = None) -> Any:
    """A tensor of `shape` whose elements nobody has chosen: zeros.

    Args:
        shape: sizes.
        dtype: of the result; `floatx` when None.

    >>> empty((2, 3)).shape
    (2, 3)
    """
    return zeros(shape, dtype)


def empty_like(x: Any, dtype: Any = None) -> Any:
    """A tensor of the shape and dtype of `x` whose elements nobody has chosen: zeros.

    >>> empty_like(np.ones(3)).shape
    (3,)
    """
    return zeros_like(x, dtype)


def get_item(x: Any, key: Any) -> Any:
    """`x[key]`.

    >>> get_item(np.arange(4), slice(1, 3)).tolist()
    [1, 2]
    """
    return getitem(x, key) if is_symbolic(x, key if isinstance(key, tuple) else (key,)) else as_array(x)[key]


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Elements moved by `shift` places along `axis`; those that leave at one end come in at the other.

    Args:
        x: any shape.
        shift: a number, or one for each axis.
        axis: one axis or several; the flattened tensor when None.

    Raises:
        ShapeError: not as many shifts as axes.

    >>> roll(np.arange(4), 1).tolist()
    [3, 0, 1, 2]
    """
    if axis is None:
        return reshape(roll(ravel(x), sum(whole(s, "roll: the shift") for s in listed(shift, "roll: the shift")), 0), shape(x))
    axes, shifts = listed(axis, "axis"), listed(shift, "roll: the shift")
    if len(axes) > 1 and len(shifts) == 1:
        shifts = shifts * len(axes)
    axes = axes * len(shifts) if len(axes) == 1 else axes
    if len(axes) != len(shifts):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    for k, by in zip(axes, shifts, strict=True):
        x = _rolled(x, whole(by, "roll: the shift"), canonical_axis(k, len(shape(x))))
    return as_tensor(x) if is_symbolic(x) else as_array(x)


def _rolled(x: Any, by: int, axis: int) -> Any:
    size = shape(x)[axis]
    if not isinstance(size, int):
        places = ew.subtract(arange(size, dtype="int32"), np.int32(by))
        return take(x, ew.mod(places, ew.maximum(cast(size, "int32"), 1)), axis)
    by = by % size if size else 0
    return concatenate([slice_axis(x, axis, size - by, size), slice_axis(x, axis, 0, size - by)], axis) if by else x


def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """`array` turned by `k` quarters, from the first of two axes to the second.

    Raises:
        ShapeError: fewer than two axes, or not two different ones.

    >>> rot90(np.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    ndim = len(shape(array))
    if ndim < 2 or len(axes) != 2 or canonical_axis(axes[0], ndim) == canonical_axis(axes[1], ndim):
        raise ShapeError(f"rot90 turns two different axes, received axes={axes} for shape {shape(array)}")
    first, second = (canonical_axis(a, ndim) for a in axes)
    turns = whole(k, "rot90: k") % 4
    if turns == 2:
        return flip(flip(array, first), second)
    if turns == 1:
        return swapaxes(flip(array, second), first, second)
    return flip(swapaxes(array, first, second), second) if turns else array


def fliplr(x: Any) -> Any:
    """`x` with its second axis in reverse order.

    >>> fliplr(np.array([[1, 2]])).tolist()
    [[2, 1]]
    """
    return flip(x, canonical_axis(1, len(shape(x))))


def flipud(x: Any) -> Any:
    """`x` with its first axis in reverse order.

    >>> flipud(np.array([1, 2])).tolist()
    [2, 1]
    """
    return flip(x, canonical_axis(0, len(shape(x))))


def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """The coordinates of all points of a grid.

    Args:
        x: a vector for each axis; other shapes are flattened.
        indexing: "xy", the first two axes exchanged, or "ij".

    Raises:
        ConfigError: another indexing.

    >>> [v.tolist() for v in meshgrid(np.array([1, 2]), np.array([3, 4]))]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ConfigError(f"meshgrid: indexing must be 'xy' or 'ij', received {indexing!r}")
    vectors = [reshape(v, (-1,)) for v in x]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    sizes = tuple(shape(vectors[k])[0] for k in order)
    return [broadcast_to(reshape(v, [-1 if k == n else 1 for k in order]), sizes) for n, v in enumerate(vectors)]


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each element that of the first choice whose condition holds, else `default`.

    Args:
        condlist: conditions.
        choicelist: what each of them chooses.
        default: where none holds.

    Raises:
        ShapeError: not as many choices as conditions, or none.

    >>> x = np.arange(5)
    >>> select([x < 2, x > 3], [x, x * 10], 7).tolist()
    [0, 1, 7, 7, 40]
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(f"select takes a choice for each condition, and at least one, received {len(condlist)} and {len(choicelist)}")
    *choices, out = promoted("numeric", *choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        out = ew.where(condition, choice, out)
    return out


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """The coordinates in a tensor of `shape` of places in the flattened one.

    Args:
        indices: integers; negative ones count from the end, and what lies outside counts as the first or the last place.
        shape: sizes.

    Returns:
        An integer tensor like `indices` for each axis.

    Raises:
        DtypeError: indices that are no integers.

    >>> [k.tolist() for k in unravel_index(np.array([1, 5]), (2, 3))]
    [[0, 1], [1, 2]]
    """
    (rest,) = promoted("numeric", indices)
    if not dtypes.is_int(dtype_of(rest)):
        raise DtypeError(f"unravel_index takes integers, received {dtype_of(rest)}")
    sizes, dtype = as_shape(shape), dtype_of(rest)
    total = cast(dims.product(sizes), dtype)
    rest = clip(ew.where(ew.less(rest, 0), ew.add_(rest, total), rest), 0, ew.maximum(ew.subtract(total, 1), 0))
    out: list[Any] = []
    for size in reversed(sizes):
        own = cast(dims.maximum(size, 1), dtype)
        out.append(ew.mod(rest, own))
        rest = ew.floor_divide(rest, own)
    return tuple(reversed(out))


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0) -> Any:
    """Powers of `base`, their exponents evenly spaced from `start` to `stop`; see `linspace`.

    Args:
        start, stop: exponents.
        num: how many.
        endpoint: whether `stop` is the last exponent.
        base: of the powers.
        dtype: of the result; floating when None.
        axis: where the new axis is.

    >>> logspace(0, 2, 3).tolist()
    [1.0, 10.0, 100.0]
    """
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    powers = ew.power(cast(base, dtype_of(exponents)), exponents)
    return powers if dtype is None else cast(powers, dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before; see `linspace`.

    Args:
        start, stop: numbers or tensors that broadcast, of one sign and not 0; where the signs differ there are no such numbers: NaN.
        num, endpoint, dtype, axis: as `linspace` has them.

    >>> geomspace(1, 8, 4).round(4).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    start, stop = promoted("float", start, stop)
    place = canonical_axis(axis, len(shape(ew.add_(start, stop))) + 1)
    count = whole(num, "geomspace: num")
    logs = linspace(ew.log(ew.absolute(start)), ew.log(ew.absolute(stop)), count, endpoint, axis=place)
    signs = ew.where(ew.equal(ew.sign(start), ew.sign(stop)), ew.sign(start), float("nan"))
    numbers = ew.multiply(ew.exp(logs), expand_dims(signs, place) if shape(signs) else signs)
    at = reshape(np.arange(count), [count if k == place else 1 for k in range(len(shape(numbers)))])
    first, last = (expand_dims(ew.multiply(v, ew.absolute(signs)), place) for v in (start, stop))
    numbers = ew.where(ew.equal(at, 0), first, numbers)  # exp(log(x)) is not always x
    numbers = ew.where(ew.logical_and(ew.equal(at, count - 1), bool(endpoint and count > 1)), last, numbers)
    return numbers if dtype is None else cast(numbers, dtype)


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows along the last axis.

    Args:
        x: (..., N).
        sequence_length: L, the elements of each.
        sequence_stride: how far one begins behind the other.

    Returns:
        (..., F, L), F = 1 + (N - L) // stride.

    Raises:
        ShapeError: there is no window.

    >>> extract_sequences(np.arange(5), 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    length, stride = as_size(sequence_length), as_size(sequence_stride)
    if any(isinstance(v, int) and v < 1 for v in (length, stride)) or not shape(x):
        raise ShapeError(f"extract_sequences: length {sequence_length} and stride {sequence_stride} are at least 1, of shape {shape(x)}")
    size = shape(x)[-1]
    if isinstance(size, int) and isinstance(length, int) and size < length:
        raise ShapeError(f"extract_sequences: there is no sequence of {length} elements in an axis of size {size}")
    count = dims.floor_divide(size - length, stride) + 1
    starts = ew.multiply(arange(count, dtype="int32"), cast(stride, "int32"))
    return take(x, ew.add_(expand_dims(starts, 1), arange(length, dtype="int32")), len(shape(x)) - 1)


def multi_hot(inputs: Any, num_classes: Any = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any) -> Any:
    """1 at the positions that the integers of each row name, 0 elsewhere.

    Args:
        inputs: integers (N), or (B, N, ...), where axis 1 goes.
        num_classes: V; `num_tokens`, its name of once, is taken, too.
        axis: where the axis of the classes stands before axis 1 goes.
        dtype: of the result; `floatx` when None.
        sparse: must be False.

    Raises:
        ConfigError: no number of classes, or an unknown argument.

    >>> multi_hot(np.array([0, 2]), 4).tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if kwargs or num_classes is None:
        raise ConfigError(f"multi_hot takes num_classes, received {', '.join(kwargs) or 'None'}")
    hot = one_hot(inputs, num_classes, axis, dtype, sparse)
    axis = 1 if len(shape(inputs)) > 1 else 0
    if shape(hot)[axis] == 0:
        return cast(red.any(hot, axis), dtypes.standardize(dtype))
    return red.max(hot, axis)
