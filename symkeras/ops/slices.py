"""Blocks of a tensor, read and written, at places that may be computed."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.indexing import take
from symkeras.ops.leaves import cast, convert_to_tensor, shape
from symkeras.ops.nn import clip
from symkeras.ops.numpy import arange
from symkeras.ops.op import dtype_of, is_symbolic
from symkeras.ops.shaping import reshape, slice_axis
from symkeras.ops.sizes import as_shape, as_size


def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of `shape` that begins at `start_indices`.

    A place that is computed, and would have the block reach over the end, is moved so that it does not.

    Args:
        inputs: the tensor.
        start_indices: a place along each axis, integers or integer tensors.
        shape: of the block; -1 is up to the end, where the place is known.

    Raises:
        ShapeError: not as many places or sizes as axes, a block that lies outside, or -1 from a place that is computed.

    >>> import numpy as np
    >>> slice(np.arange(9).reshape(3, 3), (1, 0), (2, 2)).tolist()
    [[3, 4], [6, 7]]
    """
    starts, sizes, wanted = _places("slice", inputs, start_indices), _sizes(inputs), as_shape(shape)
    if len(wanted) != len(sizes):
        raise ShapeError(f"slice: {len(wanted)} sizes for a tensor of shape {sizes}")
    x = inputs
    for axis, (start, count, size) in enumerate(zip(starts, wanted, sizes, strict=True)):
        if isinstance(count, int) and count == -1:
            if not is_known(start):
                raise ShapeError(f"slice: the size -1 along axis {axis} needs a place that is known, received {start!r}")
            count = size - start
        if is_known(start):
            _check("slice", start, count, size, axis)
            x = slice_axis(x, axis, start, start + count)
        else:
            x = take(x, ew.add_(_moved(start, count, size), cast(arange(count), "int32")), axis)
    return x


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with a block replaced by `updates`, the block beginning at `start_indices`.

    A place that is computed, and would have the block reach over the end, is moved so that it does not.

    Args:
        inputs: the tensor.
        start_indices: a place along each axis, integers or integer tensors.
        updates: the block, with as many axes.

    Raises:
        ShapeError: not as many places or axes, or a block that lies outside.

    >>> import numpy as np
    >>> slice_update(np.zeros((2, 3)), (1, 1), np.ones((1, 2))).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    """
    starts, sizes, wanted = _places("slice_update", inputs, start_indices), _sizes(inputs), _sizes(updates)
    if len(wanted) != len(sizes):
        raise ShapeError(f"slice_update: updates of shape {wanted} do not go into a tensor of shape {sizes}")
    inside: Any = None
    block = cast(updates, dtype_of(convert_to_tensor(inputs)))
    for axis, (start, count, size) in enumerate(zip(starts, wanted, sizes, strict=True)):
        if is_known(start):
            _check("slice_update", start, count, size, axis)
        place = ew.subtract(cast(arange(size), "int32"), cast(start, "int32") if is_known(start) else _moved(start, count, size))
        here = ew.logical_and(ew.greater_equal(place, 0), ew.less(place, cast(count, "int32")))
        here = reshape(here, tuple(size if k == axis else 1 for k in range(len(sizes))))
        inside = here if inside is None else ew.logical_and(inside, here)
        if count == 0:
            return inputs
        block = take(block, clip(place, 0, ew.subtract(cast(count, "int32"), 1)), axis)
    return convert_to_tensor(updates) if inside is None else ew.where(inside, block, inputs)


def is_known(start: Any) -> bool:
    """Whether a place is a number or a size, and not computed."""
    return isinstance(start, (int, dims.Dim))


def _sizes(x: Any) -> tuple[dims.Size, ...]:
    return shape(x)


def _places(what: str, inputs: Any, given: Any) -> list[Any]:
    """The places along each axis: integers where they are known."""
    count = len(_sizes(inputs))
    parts = [given] if is_known(given) else [given[k] for k in range(_sizes(given)[0] if hasattr(given, "shape") else len(given))]
    if len(parts) != count:
        raise ShapeError(f"{what}: {len(parts)} places for a tensor of shape {_sizes(inputs)}")
    places = [part if is_symbolic(part) and not isinstance(part, dims.Dim) else as_size(part) for part in parts]
    if any(not is_known(part) and not dtypes.is_int(dtype_of(part)) for part in places):
        raise ShapeError(f"{what}: places are integers, received {given!r}")
    return [part if is_known(part) else reshape(part, ()) for part in places]


def _check(what: str, start: dims.Size, count: dims.Size, size: dims.Size, axis: int) -> None:
    if any(isinstance(v, int) and v < 0 for v in (start, count, size - count - start)):
        raise ShapeError(f"{what}: {count} elements from {start} on lie outside of axis {axis} of size {size}")


def _moved(start: Any, count: dims.Size, size: dims.Size) -> Any:
    return clip(cast(start, "int32"), 0, cast(size - count, "int32"))
