"""Functions of one slice applied to many, choices among functions, and prefixes under an associative operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symkeras import tree
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.control import cond, scan
from symkeras.ops.leaves import shape
from symkeras.ops.numpy import moveaxis
from symkeras.ops.op import as_array, as_tensor, dtype_of, is_symbolic
from symkeras.ops.shaping import canonical_axis, concatenate, expand_dims, flip, reshape, slice_axis


def _length(xs: Any, what: str, axis: int = 0) -> Any:
    """The size that all leaves have along an axis."""
    leaves = tree.flatten(xs)
    if not leaves or any(not shape(x) for x in leaves):
        raise ShapeError(f"{what} goes over an axis of its tensors, received {'a scalar' if leaves else 'none'}")
    sizes = [shape(x)[canonical_axis(axis, len(shape(x)))] for x in leaves]
    if not all(dims.same(sizes[0], n) for n in sizes):
        raise ShapeError(f"{what}: the tensors have sizes {', '.join(str(n) for n in sizes)} along axis {axis}")
    return sizes[0]


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of every slice along the first axis, the results stacked: a loop, with a gradient.

    Args:
        f: takes a slice of each tensor, in the nesting of `xs`; gives tensors in any nesting.
        xs: tensors (N, ...).

    Returns:
        Tensors (N, ...), in the nesting that `f` gives.

    Raises:
        ShapeError: no tensors, a scalar, sizes that differ, or arrays without a slice.

    >>> import numpy as np
    >>> map(lambda x: x * x, np.arange(4)).tolist()
    [0, 1, 4, 9]
    """
    if _length(xs, "map") == 0 and not is_symbolic(*tree.flatten(xs)):
        raise ShapeError("map: there is no slice that would say what f gives")
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of every slice along the first axis, the results stacked; see `map`, which it is.

    Args:
        function: takes a slice of each tensor, in the nesting of `elements`; gives tensors in any nesting.
        elements: tensors (N, ...).

    Returns:
        Tensors (N, ...), in the nesting that `function` gives.

    Raises:
        ShapeError: no tensors, a scalar, sizes that differ, or arrays without a slice.

    >>> import numpy as np
    >>> vectorized_map(lambda pair: pair[0] + pair[1], [np.arange(3), np.ones(3, int)]).tolist()
    [1, 2, 3]
    """
    return map(function, elements)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index out of range takes the nearest branch. Only the branch taken is computed.

    Args:
        index: an integer scalar.
        branches: functions of the operands that give tensors of equal types.
        *operands: what they take.

    Raises:
        ConfigError: no branches.
        ShapeError: an index that is no integer scalar, or branches that give other types.

    >>> import numpy as np
    >>> switch(np.int32(1), [lambda x: x, lambda x: -x], 3.0)
    -3.0
    """
    branches = list(branches)
    if not branches or not all(callable(b) for b in branches):
        raise ConfigError(f"switch takes a list of functions, received {branches!r}")
    if shape(index) not in ((), (1,)) or not dtypes.is_int(dtypes.result_type(dtype_of(index))):
        raise ShapeError(f"switch takes an integer scalar as its index, received {dtype_of(index)} of shape {shape(index)}")
    if not is_symbolic(index):
        place = int(as_array(index).reshape(()))
        return branches[min(max(place, 0), len(branches) - 1)](*operands)
    index = reshape(as_tensor(index), ())

    def chosen(low: int, high: int) -> Any:
        if high - low == 1:
            return branches[low](*operands)
        middle = (low + high) // 2
        return cond(ew.less(index, middle), lambda: chosen(low, middle), lambda: chosen(middle, high))

    return chosen(0, len(branches))


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """What an associative operation makes of the first k elements along an axis, for every k.

    Args:
        f: takes two nestings like `elems`, of several elements along the axis, and combines them element by element; f(a, f(b, c)) must be
            f(f(a, b), c).
        elems: tensors of one size along `axis`.
        reverse: begin with the last element.
        axis: along which.

    Returns:
        Tensors of the shapes of `elems`. A known size takes log2(size) steps, each over all elements; an unknown one a loop.

    Raises:
        ShapeError: no tensors, a scalar, sizes that differ, or an operation that changes them.

    >>> import numpy as np
    >>> associative_scan(lambda a, b: a + b, np.arange(5)).tolist()
    [0, 1, 3, 6, 10]
    """
    size = _length(elems, "associative_scan", axis)
    leaves = [as_tensor(x) if is_symbolic(x) else as_array(x) for x in tree.flatten(elems)]
    leaves = [moveaxis(x, axis, 0) for x in leaves]
    if reverse:
        leaves = [flip(x, 0) for x in leaves]
    lead = [canonical_axis(axis, len(shape(x))) for x in leaves]

    def combined(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        """`f` of elements along the first axis."""
        pairs = [tree.pack_sequence_as(elems, [moveaxis(x, 0, k) for x, k in zip(side, lead, strict=True)]) for side in (a, b)]
        found = tree.flatten(f(*pairs))
        if len(found) != len(b):
            raise ShapeError(f"associative_scan: the operation takes {len(b)} tensors and gives {len(found)}")
        return [_checked(moveaxis(x, k, 0), own) for x, k, own in zip(found, lead, b, strict=True)]

    if isinstance(size, int):
        step = 1
        while step < size:
            grown = combined([slice_axis(x, 0, 0, size - step) for x in leaves], [slice_axis(x, 0, step, size) for x in leaves])
            leaves = [concatenate([slice_axis(x, 0, 0, step), g], 0) for x, g in zip(leaves, grown, strict=True)]
            step *= 2
    else:
        leaves = _one_by_one(combined, leaves, size)
    if reverse:
        leaves = [flip(x, 0) for x in leaves]
    return tree.pack_sequence_as(elems, [moveaxis(x, 0, k) for x, k in zip(leaves, lead, strict=True)])


def _one_by_one(combined: Callable[[Sequence[Any], Sequence[Any]], list[Any]], leaves: list[Any], size: Any) -> list[Any]:
    first = [slice_axis(x, 0, 0, 1) for x in leaves]

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        new = combined(carry, [expand_dims(e, 0) for e in x])
        return new, [e[0] for e in new]

    _, rest = scan(step, first, [slice_axis(x, 0, 1, size) for x in leaves])
    return [concatenate([a, b], 0) for a, b in zip(first, rest, strict=True)]


def _checked(found: Any, own: Any) -> Any:
    if len(shape(found)) != len(shape(own)) or not all(dims.same(a, b) for a, b in zip(shape(found), shape(own), strict=True)):
        raise ShapeError(f"associative_scan: the operation makes shape {shape(found)} of elements of shape {shape(own)}")
    return found
