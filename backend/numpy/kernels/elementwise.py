"""Casts and choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def cast(x: Any, out: Any, dtype: str) -> Callable[[], None]:
    """The same numbers in another dtype."""
    return lambda: np.copyto(out, x, casting="unsafe")


def select(condition: Any, x: Any, y: Any, out: Any, scratch: Any = ()) -> Callable[[], None]:
    """`x` where `condition`, else `y`.

    The bits of one are taken by a mask, those of the other by its complement: exact for every value, and several times faster than `np.where`
    and `np.copyto(where=)`, whose loops branch.
    """
    if not scratch or out.size <= 256:
        return _copied(condition, x, y, out)
    words = scratch[0].dtype
    a, b, target = x.view(words), y.view(words), out.view(words)
    if _is_zero(y):
        return _masked(condition, scratch[0], True, lambda mask: np.bitwise_and(a, mask, out=target))
    if _is_zero(x):
        return _masked(condition, scratch[0], False, lambda mask: np.bitwise_and(b, mask, out=target))
    if shares(out, y):
        a, b = b, a

    def differing(mask: Any) -> None:
        np.bitwise_xor(a, b, out=target)
        np.bitwise_and(target, mask, out=target)
        np.bitwise_xor(target, b, out=target)

    if shares(a, b):
        return lambda: np.copyto(out, x)
    return _masked(condition, scratch[0], not shares(out, y), differing)


def _copied(condition: Any, x: Any, y: Any, out: Any) -> Callable[[], None]:
    flipped = np.empty(condition.shape, bool)

    def run() -> None:
        if shares(out, x):
            np.logical_not(condition, out=flipped)
            np.copyto(out, y, where=flipped)
            return
        if not shares(out, y):
            np.copyto(out, y)
        np.copyto(out, x, where=condition)

    return run


def shares(a: Any, b: Any) -> bool:
    """Whether two arrays are the same elements in the same order: a transposed square begins where the square does."""
    if a.shape != b.shape or a.__array_interface__["data"] != b.__array_interface__["data"]:
        return False
    return all(d == 1 or s == t for d, s, t in zip(a.shape, a.strides, b.strides, strict=True))


def _is_zero(c: Any) -> bool:
    return c.ndim == 0 and not c.flags.writeable and c == 0 and not np.signbit(c)


def _masked(condition: Any, mask: Any, keep: bool, use: Callable[[Any], object]) -> Callable[[], None]:
    """Calls `use` with all bits set where `condition` is `keep`, none elsewhere."""
    narrow = condition.view(np.int8)
    short = mask if mask.itemsize == 1 else np.empty(condition.shape, np.int8)

    def run() -> None:
        if keep:
            np.negative(narrow, out=short)
        else:
            np.subtract(narrow, 1, out=short)
        if short is not mask:
            np.copyto(mask, short)
        use(mask)

    return run
