"""A drawing of a compiled function: its layers and parts, the backward pass beside the forward one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from symkeras.graph.drawing import Box, Drawing
from symkeras.graph.node import Node
from symkeras.graph.provenance import Origin

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector

MOST_OPERATIONS = 300
"""Operations outside of layers that have a box each; where there are more they are one box."""


def plot_compiled(inspector: Inspector, path: Any = None) -> Drawing:
    """The layers and parts that are left, with what they compute; written to `path` where one is given."""
    record = inspector.record
    graph = record.graph
    nodes = [*graph.inputs, *(n for n in graph.in_order if not n.op.is_leaf)]
    is_crowded = sum(not _origin(n).layer for n in nodes) > MOST_OPERATIONS
    groups: dict[Hashable, list[Node]] = {}
    of: dict[Node, Hashable] = {}
    for n in nodes:
        origin = _origin(n)
        key: Hashable = (origin.layer, bool(origin.gradient_of)) if origin.layer or (is_crowded and not n.op.is_leaf) else n
        groups.setdefault(key, []).append(n)
        of[n] = key
    numbers = {key: k for k, key in enumerate(groups)}
    boxes = [_box(inspector, key, members, numbers) for key, members in groups.items()]
    edges = [(numbers[of[i]], numbers[of[n]]) for n in nodes for i in n.inputs if i in of]
    drawing = Drawing(boxes, edges, f"{graph.name} on {record.executable.backend}")
    if path is not None:
        drawing.save(path)
    return drawing


def _origin(node: Node) -> Origin:
    return node.origins[0] if node.origins else Origin("", ())


def _box(inspector: Inspector, key: Hashable, members: list[Node], numbers: dict[Hashable, int]) -> Box:
    record = inspector.record
    last = members[-1]
    if last.op.is_leaf:
        return Box([f"%{record.name(last)}", str(last.type)], "part", hint="input")
    names = {id(k): k.number for n in members for k in record.kernels_of.get(n, ())}
    hint = ", ".join(dict.fromkeys(str(line) for n in members for o in n.origins for line in o.lines[:1]))
    if isinstance(key, Node):
        return Box([last.op.name, f"%{record.name(last)}", str(last.type)], "part", hint=hint)
    layer, is_gradient = _origin(last).layer, bool(_origin(last).gradient_of)
    counted = f"{len(members)} operations" if len(members) > 1 else last.op.name
    lines = [f"grad {layer}" if is_gradient else layer or "no layer", counted + (f", {len(names)} kernels" if record.kernels else ""), str(last.type)]
    is_part = layer.split("/")[0] in ("loss", "metrics", "optimizer")
    return Box(lines, "gradient" if is_gradient else "part" if is_part else "layer", numbers.get((layer, False)) if is_gradient else None, hint)
