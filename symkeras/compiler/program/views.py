"""Which ops are only views of what they read, and whether the result is contiguous."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symkeras.compiler.program.addressing import dense, place, reshaped
from symkeras.compiler.program.program import Value
from symkeras.graph.dims import Size
from symkeras.graph.node import Node


def _drops_ones(shape: Sequence[Size]) -> tuple[Size, ...]:
    return tuple(d for d in shape if d != 1)


def _reshape_view(source: Value, node: Node) -> bool | None:
    if source.is_contiguous:
        return True
    return False if reshaped(source.type.shape, place(source).strides, node.shape) is not None else None


def _transpose_view(source: Value, node: Node) -> bool | None:
    """Elements may lie one after the other in the new order of axes only: a result that was stored so."""
    strides, axes = place(source).strides, node.attrs["axes"]
    return all(d == 1 or strides[a] == s for a, d, s in zip(axes, node.shape, dense(node.shape), strict=True))


def _slice_view(source: Value, node: Node) -> bool | None:
    if not source.is_contiguous:
        return False
    starts, stops, strides = (node.attrs[k] for k in ("starts", "stops", "strides"))
    cut = [k for k, d in enumerate(source.type.shape) if not (starts[k] == 0 and stops[k] == d and strides[k] == 1)]
    if not cut:
        return True
    return cut[-1] == cut[0] and strides[cut[0]] == 1 and all(d == 1 for d in source.type.shape[: cut[0]])


VIEWS: dict[str, Callable[[Value, Node], bool | None]] = {
    "reshape": _reshape_view,
    "transpose": _transpose_view,
    "slice": _slice_view,
    "broadcast_to": lambda source, node: source.is_contiguous and _drops_ones(source.type.shape) == _drops_ones(node.shape),
    "flip": lambda source, node: False,
}
"""By op: whether the result is contiguous, None where elements must be copied."""
