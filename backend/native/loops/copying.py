"""Moving elements: transposes, slices and broadcasts that somebody needs contiguous."""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.backend.native.text import TYPES, FunctionText, factor, size
from symkeras.compiler.program.addressing import dense, place
from symkeras.compiler.program.program import Value
from symkeras.graph import dims
from symkeras.graph.dims import Size


def copy_text(shape: Sequence[Size], dtype: str, strides: Sequence[Size], to: Sequence[Size]) -> FunctionText | None:
    """The function that copies from `x` to `y`, None where one memcpy does it.

    Axes that both walk through alike are one. The first loop can be shared by threads.
    """
    axes: list[tuple[Size, Size, Size]] = []
    for d, a, b in zip(shape, strides, to, strict=True):
        if d == 1:
            continue
        if axes and axes[-1][1] == a * d and axes[-1][2] == b * d:
            axes[-1] = (axes[-1][0] * d, a, b)
        else:
            axes.append((d, a, b))
    if not axes or (len(axes) == 1 and axes[0][1] == 1 and axes[0][2] == 1):
        return None
    total = dims.product(shape)
    is_shared = not (isinstance(total, int) and total < 1 << 17)
    function = FunctionText([f"const {TYPES[dtype]} *x", f"{TYPES[dtype]} *y"])
    if is_shared:
        function.length, function.work = axes[0][0], total
    say = function.lines.append
    for k, (d, _, _) in enumerate(axes):
        last = k == len(axes) - 1
        if last:
            say("    " * (k + 1) + "SK_SIMD()")
        start, stop = ("begin", "end") if k == 0 and is_shared else ("0", size(d))
        say("    " * (k + 1) + f"for (int64_t i{k} = {start}; i{k} < {stop}; i{k}++)")
    say("    " * (len(axes) + 1) + f"y[{_index(axes, 2)}] = x[{_index(axes, 1)}];")
    return function


def copied_loop(source: Value, target: Value) -> Size | None:
    """The length of the first loop of a copy, None where it is not shared."""
    function = copy_text(source.type.shape, source.type.dtype, place(source).strides, target_strides(source, target))
    return source.type.size if function is None else function.length


def target_strides(source: Value, target: Value) -> tuple[Size, ...]:
    """Where the elements of `source` go; a target of another shape is contiguous."""
    return place(target).strides if source.type.shape == target.type.shape else dense(source.type.shape)


def _index(axes: Sequence[tuple[Size, Size, Size]], which: int) -> str:
    terms = [f"i{k}" if a[which] == 1 else f"{factor(a[which])}*i{k}" for k, a in enumerate(axes) if a[which] != 0]
    return " + ".join(terms) or "0"
