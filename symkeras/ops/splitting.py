"""Cutting and joining along the axes that NumPy names: first (v), second (h), third (d)."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops.leaves import shape
from symkeras.ops.numpy import ravel, split
from symkeras.ops.shaping import canonical_axis, concatenate, reshape, slice_axis, squeeze


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """`x` cut along `axis` into parts of nearly equal size, the first ones larger by one, or at the given indices.

    Args:
        indices_or_sections: the number of parts, or the places before which `x` is cut.
        axis: that is cut.

    Raises:
        ShapeError: fewer than one part.

    >>> [part.tolist() for part in array_split(np.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    count = int(indices_or_sections)
    if count < 1:
        raise ShapeError(f"array_split: {count} parts")
    axis = canonical_axis(axis, len(shape(x)))
    size = shape(x)[axis]
    ends = [dims.floor_divide(size, count) * k + dims.minimum(k, size - dims.floor_divide(size, count) * count) for k in range(count + 1)]
    return [slice_axis(x, axis, ends[k], ends[k + 1]) for k in range(count)]


def _cut(what: str, x: Any, indices_or_sections: Any, axis: int, least: int) -> list[Any]:
    if len(shape(x)) < least:
        raise ShapeError(f"{what} takes at least {least} axes, received shape {shape(x)}")
    return split(x, indices_or_sections, axis)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`x` cut along its first axis into equal parts, or at the given indices; it has two axes at least.

    Args:
        indices_or_sections: the number of parts, or the places before which `x` is cut.

    >>> [part.tolist() for part in vsplit(np.array([[1, 2], [3, 4]]), 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return _cut("vsplit", x, indices_or_sections, 0, 2)


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`x` cut along its second axis, of a vector its only one, into equal parts, or at the given indices.

    Args:
        indices_or_sections: the number of parts, or the places before which `x` is cut.

    >>> [part.tolist() for part in hsplit(np.array([[1, 2], [3, 4]]), 2)]
    [[[1], [3]], [[2], [4]]]
    """
    return _cut("hsplit", x, indices_or_sections, 0 if len(shape(x)) == 1 else 1, 1)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """`x` cut along its third axis into equal parts, or at the given indices; it has three axes at least.

    Args:
        indices_or_sections: the number of parts, or the places before which `x` is cut.

    >>> [part.tolist() for part in dsplit(np.array([[[1, 2]]]), 2)]
    [[[[1]]], [[[2]]]]
    """
    return _cut("dsplit", x, indices_or_sections, 2, 3)


def _at_least(x: Any, ndim: int) -> Any:
    """`x` with new axes of size 1: a vector is a row, of three axes the last one is what a matrix lacks."""
    sizes = shape(x)
    if len(sizes) >= ndim:
        return x
    wide = ((1,) * (2 - len(sizes)) + tuple(sizes)) if ndim > 1 else (1,)
    return reshape(x, (*wide, 1) if ndim == 3 else wide)


def vstack(xs: Any) -> Any:
    """`xs` one below the other, along the first axis; vectors are rows.

    >>> vstack([np.array([1, 2]), np.array([3, 4])]).tolist()
    [[1, 2], [3, 4]]
    """
    return concatenate([_at_least(x, 2) for x in xs], 0)


def hstack(xs: Any) -> Any:
    """`xs` side by side, along the second axis, vectors along their only one.

    >>> hstack([np.array([1, 2]), np.array([3])]).tolist()
    [1, 2, 3]
    """
    xs = [_at_least(x, 1) for x in xs]
    return concatenate(xs, 0 if xs and len(shape(xs[0])) == 1 else 1)


def dstack(xs: Any) -> Any:
    """`xs` one behind the other, along the third axis; vectors are rows, and matrices have a third axis of size 1.

    >>> dstack([np.array([1, 2]), np.array([3, 4])]).tolist()
    [[[1, 3], [2, 4]]]
    """
    return concatenate([_at_least(x, 3) for x in xs], 2)


def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 behind x1 along `axis`, both flattened when None.

    >>> append(np.array([1, 2]), np.array([[3]])).tolist()
    [1, 2, 3]
    """
    return concatenate([ravel(x1), ravel(x2)], 0) if axis is None else concatenate([x1, x2], axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The parts of `x` along `axis`, which they do not have.

    Args:
        x: at least one axis.
        num: how many there are; needed where the size is symbolic.
        axis: which is taken apart.

    Raises:
        ShapeError: there are not `num`, or nobody says how many.

    >>> [part.tolist() for part in unstack(np.array([[1, 2], [3, 4]]), axis=1)]
    [[1, 3], [2, 4]]
    """
    axis = canonical_axis(axis, len(shape(x)))
    size = shape(x)[axis]
    if num is None and not isinstance(size, int):
        raise ShapeError(f"unstack: axis {axis} has the symbolic size {size}: num must say how many parts there are")
    if num is not None and not dims.same(size, num):
        raise ShapeError(f"unstack: axis {axis} has size {size}, not num={num}")
    return [squeeze(slice_axis(x, axis, k, k + 1), axis) for k in range(int(size if num is None else num))]
