"""Where the elements of a value lie: storage, an offset, a stride per axis, and the loops whose step moves them.

All in elements, as sizes that may be symbolic; for backends that emit code with pointers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symkeras.compiler.program.program import Buffer, Loop, Value
from symkeras.graph import dims
from symkeras.graph.dims import Size


@dataclass(frozen=True)
class Place:
    """Elements of `storage`: `offset`, plus the step of each loop times its stride, plus index times `strides`."""

    storage: Buffer
    offset: Size
    steps: tuple[tuple[Loop, Size], ...]
    strides: tuple[Size, ...]


def dense(shape: Sequence[Size]) -> tuple[Size, ...]:
    """The strides of a contiguous array.

    >>> dense((2, 3, 4))
    (12, 4, 1)
    """
    strides: list[Size] = []
    step: Size = 1
    for d in reversed(shape):
        strides.append(step)
        step = step * d
    return tuple(reversed(strides))


def reshaped(shape: Sequence[Size], strides: Sequence[Size], new: Sequence[Size]) -> tuple[Size, ...] | None:
    """The strides of a view of another shape over the same elements, None where there is none or sizes do not tell.

    Old axes that lie one after the other count as one; the new axes must fill each of those.

    >>> reshaped((4, 64), (192, 1), (4, 2, 32)), reshaped((4, 64), (192, 1), (256,))
    ((192, 32, 1), None)
    """
    if 0 in new:
        return dense(new)
    old: list[tuple[Size, Size]] = []
    for d, s in zip(shape, strides, strict=True):
        if old and old[-1][1] == d * s:
            old[-1] = (old[-1][0] * d, s)
        elif d != 1:
            old.append((d, s))
    left, found = [d for d in new if d != 1], []
    for size, stride in old:
        group: list[Size] = []
        while left and (not group or dims.product(group) != size):
            group.append(left.pop(0))
        if dims.product(group) != size:
            return None
        found += [stride * s for s in dense(group)]
    return None if left else tuple(found.pop(0) if d != 1 else 0 for d in new)


def place(value: Value) -> Place:
    """Where `value` lies."""
    found = _find(value)
    assert found is not None, "lowering makes only views that exist"
    return found


def has_place(value: Value) -> bool:
    """Whether a view exists where what it is a view of lies now."""
    return _find(value) is not None


def _find(value: Value) -> Place | None:
    chain: list[Value] = []
    v = value
    while v.view is not None:
        chain.append(v)
        assert v.base is not None
        v = v.base
    here = _whole(v)
    for view in reversed(chain):
        assert view.base is not None and view.view is not None
        op, attrs = view.view
        found = _STEPS[op](here, view.base, view, attrs)
        if found is None:
            return None
        here = found
    return here


def _whole(v: Value) -> Place:
    b = v.buffer.root
    offset: Size = 0
    steps: list[tuple[Loop, Size]] = []
    while b.inside is not None:
        if b.loop is not None:
            steps.append((b.loop, b.type.size))
            offset = offset + b.offset * b.type.size
        else:
            offset = offset + b.offset
        b = b.inside.root
    return Place(b, offset, tuple(steps), dense(v.type.shape))


def _reshape(p: Place, base: Value, v: Value, attrs: Any) -> Place | None:
    if base.is_contiguous:
        return Place(p.storage, p.offset, p.steps, dense(v.type.shape))
    strides = reshaped(base.type.shape, p.strides, v.type.shape)
    return None if strides is None else Place(p.storage, p.offset, p.steps, strides)


def _transpose(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    return Place(p.storage, p.offset, p.steps, tuple(p.strides[a] for a in attrs["axes"]))


def _slice(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    offset = p.offset
    for start, stride in zip(attrs["starts"], p.strides, strict=True):
        offset = offset + start * stride
    return Place(p.storage, offset, p.steps, tuple(s * k for s, k in zip(p.strides, attrs["strides"], strict=True)))


def _broadcast(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    lead = v.type.ndim - base.type.ndim
    kept = tuple(0 if d == 1 else s for s, d in zip(p.strides, base.type.shape, strict=True))  # sizes that are not 1 are equal, if only when known
    return Place(p.storage, p.offset, p.steps, (0,) * lead + kept)


def _flip(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    offset = p.offset
    for a in attrs["axes"]:
        offset = offset + (base.type.shape[a] - 1) * p.strides[a]
    return Place(p.storage, offset, p.steps, tuple(s * -1 if k in attrs["axes"] else s for k, s in enumerate(p.strides)))


def _stretch(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    return Place(p.storage, p.offset + attrs["start"] * p.strides[0], p.steps, p.strides)


def _part(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    return Place(p.storage, p.offset + attrs["index"] * p.strides[0], p.steps, p.strides[1:])


def _element(p: Place, base: Value, v: Value, attrs: Any) -> Place:
    return Place(p.storage, p.offset, (*p.steps, (attrs["loop"], p.strides[0])), p.strides[1:])


_STEPS: dict[str, Callable[[Place, Value, Value, Any], Place | None]] = {
    "reshape": _reshape, "transpose": _transpose, "slice": _slice, "broadcast_to": _broadcast, "flip": _flip,
    "stretch": _stretch, "part": _part, "element": _element,
}  # fmt: skip
