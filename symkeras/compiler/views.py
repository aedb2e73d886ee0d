"""Which ops are only views of what they read, and whether the result is contiguous."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symkeras.compiler.program import Value
from symkeras.graph.dims import Size
from symkeras.graph.node import Node


def _drops_ones(shape: Sequence[Size]) -> tuple[Size, ...]:
    return tuple(d for d in shape if d != 1)


def _reshape_view(source: Value, node: Node) -> bool | None:
    if source.is_contiguous:
        return True
    return False if _drops_ones(source.type.shape) == _drops_ones(node.shape) else None


def _transpose_view(source: Value, node: Node) -> bool | None:
    moved = [a for a in node.attrs["axes"] if source.type.shape[a] != 1]
    return source.is_contiguous and moved == sorted(moved)


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
