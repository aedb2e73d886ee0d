"""`rearrange`: axes by name, in the notation of einops (Rogozhnikov 2022)."""

from __future__ import annotations

import re
from typing import Any

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.graph.escaping import printable
from symkeras.ops.leaves import shape
from symkeras.ops.shaping import reshape, transpose
from symkeras.ops.sizes import as_size

_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z_]\w*|1(?!\w))")
_MOST = 1000


def _side(text: str, pattern: str) -> list[list[str]]:
    """One side of a pattern: the names of each axis, "1" left out."""
    axes: list[list[str]] = []
    inside, place = False, 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise ConfigError(f"rearrange: {printable(pattern)!r} has something else than names, 1 and parentheses")
        token, place = found[1], found.end()
        if token in "()":
            if inside == (token == "("):
                raise ConfigError(f"rearrange: the parentheses of {printable(pattern)!r} do not pair, or lie within each other")
            inside = token == "("
            if inside:
                axes.append([])
            continue
        names = [] if token == "1" else [token]
        if inside:
            axes[-1] += names
        else:
            axes.append(names)
    if inside:
        raise ConfigError(f"rearrange: a parenthesis of {printable(pattern)!r} is not closed")
    return axes


def rearrange(tensor: Any, pattern: str, **axes_lengths: Any) -> Any:
    """Axes in another order, taken apart and put together, by names.

    Args:
        tensor: of as many axes as the left side has.
        pattern: "b h w c -> b (h w) c": axes of the input, then of the output, each a name, 1, or in parentheses names that it is made of.
        **axes_lengths: the sizes of names; in each parenthesis on the left one may be left out.

    Raises:
        ConfigError: a pattern that is none, or names that are not the same on both sides.
        ShapeError: sizes that do not fit.

    >>> import numpy as np
    >>> rearrange(np.arange(6), "(h w) -> w h", h=2).tolist()
    [[0, 3], [1, 4], [2, 5]]
    """
    if not isinstance(pattern, str) or pattern.count("->") != 1 or len(pattern) > _MOST:
        raise ConfigError(f"rearrange: a pattern is 'axes -> axes', received {printable(str(pattern))[:_MOST]!r}")
    left, right = (_side(text, pattern) for text in pattern.split("->"))
    taken, given = ([name for axis in side for name in axis] for side in (left, right))
    if sorted(taken) != sorted(given) or len(set(taken)) != len(taken):
        raise ConfigError(f"rearrange: {printable(pattern)!r} must have each name once on each side")
    unknown = [name for name in axes_lengths if name not in taken]
    if unknown:
        raise ConfigError(f"rearrange: {', '.join(map(printable, unknown))} is no axis of {printable(pattern)!r}")
    sizes = shape(tensor)
    if len(sizes) != len(left):
        raise ShapeError(f"rearrange: {printable(pattern)!r} takes {len(left)} axes, received shape {sizes}")
    known: dict[str, Any] = {name: as_size(size) for name, size in axes_lengths.items()}
    for names, size in zip(left, sizes, strict=True):
        _solve(names, size, known, pattern)
    apart = reshape(tensor, tuple(known[name] for name in taken))
    ordered = transpose(apart, tuple(taken.index(name) for name in given)) if taken != given else apart
    return reshape(ordered, tuple(dims.product([known[name] for name in axis]) for axis in right))


def _solve(names: list[str], size: Any, known: dict[str, Any], pattern: str) -> None:
    """Find the size of the one name of an axis that has none yet, and check that they make up the axis."""
    missing = [name for name in names if name not in known]
    if len(missing) > 1:
        raise ShapeError(f"rearrange: of {' and '.join(missing)} in {printable(pattern)!r} one must be given")
    rest = dims.product([known[name] for name in names if name in known])
    if missing:
        if isinstance(size, int) and isinstance(rest, int) and (rest == 0 or size % rest):
            raise ShapeError(f"rearrange: an axis of {size} in {printable(pattern)!r} does not divide by {rest}")
        known[missing[0]] = dims.floor_divide(size, rest) if rest != 1 else size
        rest = dims.product([known[name] for name in names])
    if not dims.same(rest, size):
        raise ShapeError(f"rearrange: the axis ({' '.join(names)}) of {printable(pattern)!r} has size {rest}, received {size}")
