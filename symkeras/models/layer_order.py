"""The order in which Keras lists the layers of a functional model: by their distance from the outputs.

Weights, the slots of optimizers and the paths in files follow this order, so that they mean the same to Keras.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import CallRecord, record_of
from symkeras.layers.input import InputLayer
from symkeras.layers.layer import Layer


def layers_by_depth(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Layer]:
    """The layers between `inputs` and `outputs`, those furthest from the outputs first.

    The distance of a layer is the largest number of calls from one of its calls to an output; what is computed without
    a layer between two calls counts as one call. Layers at one distance come in the order in which a walk from the
    outputs, first argument first, meets them. Inputs that nothing reads come last, at distance 0.
    """
    return [call for call in calls_by_depth(inputs, outputs) if isinstance(call, Layer)]


def calls_by_depth(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Layer | Node]:
    """The layers in the order of `layers_by_depth`, and among them the nodes that stand for what is computed without one."""
    rank: dict[int, int] = {}
    found: dict[int, Layer | Node] = {}
    own_depths: dict[int, int] = {}
    _depths(outputs, {t.node for t in inputs}, rank, found, own_depths)
    for t in inputs:
        record = record_of(t.node)
        if record is not None and isinstance(record.layer, InputLayer) and id(record.layer) not in found:
            found[id(record.layer)], own_depths[id(record.layer)], rank[id(record.layer)] = record.layer, 0, -1
    return [found[key] for key in sorted(found, key=lambda key: (-own_depths[key], rank[key]))]


def records_by_depth(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[CallRecord]:
    """The calls of layers in the order in which Keras runs them: those furthest from the outputs first, and at one distance as the calls that read
    them name them. Where a layer that is called several times keeps statistics, each call finds those that the one before left."""
    depths = _depths(outputs, {t.node for t in inputs}, {}, {}, {})
    return [call for call in sorted(depths, key=lambda call: -depths[call]) if isinstance(call, CallRecord)]


def _depths(outputs: Sequence[Tensor], stop: set[Node], rank: dict[int, int], found: dict[int, Layer | Node],
            own_depths: dict[int, int]) -> dict[Any, int]:  # fmt: skip
    """The distance of each call, in the order in which calls are met; those of layers, and of nodes without one, go into `own_depths`."""
    depths: dict[Any, int] = {}
    for call in reversed(_finished_last(outputs, stop, rank)):
        own = call.layer if isinstance(call, CallRecord) else call
        found[id(own)] = own
        depth = depths[call] = own_depths[id(own)] = max(depths.get(call, 0), own_depths.get(id(own), 0))
        for parent in _parents(call, stop):
            depths[parent] = max(depths.get(parent, 0), depth + 1)
    return depths


def _finished_last(outputs: Sequence[Tensor], stop: set[Node], rank: dict[int, int]) -> list[Any]:
    """The calls in the order in which a depth-first walk leaves them; `rank` gets the order in which it meets layers, and nodes without one."""
    order: list[Any] = []
    entered: set[Hashable] = set()
    todo: list[tuple[Any, bool]] = [(call, False) for t in reversed(outputs) for call in _calls(t.node, stop)]
    while todo:
        call, is_leaving = todo.pop()
        if is_leaving:
            order.append(call)
        elif call not in entered:
            entered.add(call)
            rank.setdefault(id(call.layer if isinstance(call, CallRecord) else call), len(rank))
            todo.append((call, True))
            todo.extend((parent, False) for parent in reversed(_parents(call, stop)))
    return order


def parents_of(node: Node, stop: set[Node] | None = None) -> list[CallRecord]:
    """The calls of layers that `node`, computed without a layer, is computed from."""
    return [call for call in _parents(node, stop or set()) if isinstance(call, CallRecord)]


def _calls(node: Node, stop: set[Node]) -> list[Any]:
    """What computes `node`: a call of a layer, or the node itself for what is computed without one; nothing beyond the inputs."""
    record = record_of(node)
    if node in stop and not (record is not None and isinstance(record.layer, InputLayer)):
        return []
    return [record if record is not None else node]


def _parents(call: Any, stop: set[Node]) -> list[Any]:
    """The calls whose outputs `call` reads, in order."""
    if isinstance(call, CallRecord):
        return [parent for t in call.inputs for parent in _calls(t.node, stop)]
    found: dict[Hashable, None] = {}
    seen: set[Node] = set()
    todo = list(reversed(call.inputs))
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        if record_of(node) is not None or node in stop:
            found.update(dict.fromkeys(_calls(node, stop)))
        else:
            todo.extend(reversed(node.inputs))
    return list(found)
