"""Which elements of storage a value touches, and what two values that share storage have to do with each other.

Whoever lets one value lie in the place of another, or changes the order in which steps touch storage, asks here: reading and writing
through *equal* maps is safe point by point, through maps that go *by the same rows* it is safe row by row, *disjoint* maps have
nothing to do with each other, and for all others the old elements must be kept. What sizes do not tell counts as the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.program import Buffer, Loop, Value
from symkeras.graph.dims import Size, least


@dataclass(frozen=True)
class IndexMap:
    """Elements of `memory`: `offset`, plus the step of each loop times its stride, plus index times `strides` over `shape`.

    Attributes:
        memory: what tells storage apart; variables that are pieces of one array have it in common.
    """

    memory: int
    offset: Size
    steps: tuple[tuple[Loop, Size], ...]
    shape: tuple[Size, ...]
    strides: tuple[Size, ...]

    @property
    def axes(self) -> tuple[tuple[Size, Size], ...]:
        """(size, stride) of the axes along which there is more than one element."""
        return tuple((d, s) for d, s in zip(self.shape, self.strides, strict=True) if d != 1)


def index_map(value: Value) -> IndexMap:
    """The map of a value, as storage stands now."""
    p = place(value)
    memory, start = _memory(p.storage)
    return IndexMap(memory, p.offset + start, p.steps, value.type.shape, p.strides)


def memory_of(buffer: Buffer) -> int:
    """What tells the storage that a buffer lies in from other storage."""
    return _memory(buffer.storage)[0]


def _memory(storage: Buffer) -> tuple[int, int]:
    """What storage is called, and where in it, in elements, this buffer begins: pieces of one array are told from no other."""
    if storage.kind != "variable":
        return id(storage), 0
    assert storage.source is not None
    array: np.ndarray = storage.source.attrs["variable"].array
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return id(whole), start // array.itemsize


def are_equal(a: IndexMap, b: IndexMap) -> bool:
    """Whether both touch the same element at the same index."""
    return (a.memory, a.offset, a.steps, a.shape, a.axes) == (b.memory, b.offset, b.steps, b.shape, b.axes)


def are_disjoint(a: IndexMap, b: IndexMap) -> bool:
    """Whether no element is touched by both, as far as sizes tell."""
    if a.memory != b.memory:
        return True
    if a.steps != b.steps:
        return False
    (a_first, a_last), (b_first, b_last) = _extent(a.offset, a.axes), _extent(b.offset, b.axes)
    return _is_positive(b_first - a_last) or _is_positive(a_first - b_last)


def go_by_the_same_rows(a: IndexMap, b: IndexMap) -> bool:
    """Whether a row of one, an index of the first axis, has no element in common with any other row of the other one."""
    if not a.shape or not b.shape or a.shape[0] != b.shape[0] or a.strides[0] != b.strides[0] or a.steps != b.steps:
        return False
    (a_first, a_last), (b_first, b_last) = _extent(a.offset, _within_row(a)), _extent(b.offset, _within_row(b))
    row = a.strides[0]
    return all(_is_positive(row - (last - first)) for last in (a_last, b_last) for first in (a_first, b_first))


def _within_row(m: IndexMap) -> tuple[tuple[Size, Size], ...]:
    return tuple((d, s) for d, s in zip(m.shape[1:], m.strides[1:], strict=True) if d != 1)


def _extent(offset: Size, axes: tuple[tuple[Size, Size], ...]) -> tuple[Size, Size]:
    """The first and the last element; an axis whose direction is not known counts in both."""
    first = last = offset
    for d, s in axes:
        reach = (d - 1) * s
        if not _is_at_most_zero(s):
            last = last + reach
        if not _is_at_most_zero(s * -1):
            first = first + reach
    return first, last


def _is_positive(size: Size) -> bool:
    """Whether a size is above zero whatever the dims are."""
    return (low := least(size)) is not None and low > 0


def _is_at_most_zero(size: Size) -> bool:
    return (low := least(size * -1)) is not None and low >= 0
