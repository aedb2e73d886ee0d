"""The definition of a functional model as plain data, for copies and pickles: which layers are called on what.

Layers and variables are in it themselves, so that a copy of the data holds copies of them. What is computed between the
calls of layers is kept as the text of its graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symkeras import tree
from symkeras.graph import tracing
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.graph.text import print_graph
from symkeras.layers.calls import definition_context, record_of
from symkeras.layers.input import Input
from symkeras.layers.replay import apply_graph
from symkeras.ops import phase
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import as_tensor


@dataclass(frozen=True)
class Mention:
    """A tensor of the definition.

    Attributes:
        source: -1 for an input, -2 for the learning phase, -3 for a variable, -4 for what `graph` computes; else the number of a call.
        index: which input or output; or the variable itself.
        graph: the text of the graph that computes it from `operands`.
    """

    source: int
    index: Any = 0
    graph: str = ""
    operands: tuple[Mention, ...] = ()


@dataclass
class Definition:
    """A functional model.

    Attributes:
        inputs: the arguments of `Input` for each.
        calls: (layer, positional arguments, keyword arguments), with mentions of tensors.
        input_structure: the nesting of the inputs, with None for each.
        outputs, losses: nestings of mentions.
    """

    inputs: list[dict[str, Any]]
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]
    input_structure: Any
    outputs: Any
    losses: list[Mention]


def definition_of(model: Any) -> Definition:
    """The definition of a functional model."""
    known = {t.node: Mention(-1, k) for k, t in enumerate(model._flat_inputs)}
    known[phase.learning_phase().node] = Mention(-2)
    calls = []

    def mention(x: Any) -> Any:
        return _mention(x.node, known) if isinstance(x, Tensor) else x

    for record in model._records:
        if any(t.node in known for t in record.outputs):
            continue  # an input
        args, kwargs = tree.map_structure(mention, (record.args, record.kwargs))
        known.update((t.node, Mention(len(calls), k)) for k, t in enumerate(record.outputs))
        calls.append((record.layer, args, kwargs))
    inputs = [{"batch_shape": t.shape, "dtype": t.dtype, "name": i.name, "optional": i.optional}
              for t, i in ((t, t._keras_history.operation) for t in model._flat_inputs)]  # fmt: skip
    outputs, losses = tree.map_structure(mention, model._output_structure), [mention(t) for t in model._graph_losses]
    return Definition(inputs, calls, tree.map_structure(lambda t: None, model._input_structure), outputs, losses)


def _mention(node: Node, known: dict[Node, Mention]) -> Mention:
    if node in known:
        return known[node]
    if node.op.name == "variable":
        return Mention(-3, node.attrs["variable"])
    border = _border(node, known)
    inputs = {n: placeholder_node(n.tensor_type, f"x{k}") for k, n in enumerate(border)}
    text = print_graph(Graph(list(inputs.values()), [substitute([node], inputs)[node]], name="between"), comments=False)
    known[node] = Mention(-4, graph=text, operands=tuple(_mention(n, known) for n in border))
    return known[node]


def _border(node: Node, known: dict[Node, Mention]) -> list[Node]:
    """What `node` is computed from that needs no graph to be mentioned, in order of making."""
    found: dict[int, Node] = {}
    seen: set[Node] = set()
    todo = [node]
    while todo:
        n = todo.pop()
        if n not in seen:
            seen.add(n)
            is_there = n in known and (known[n].source != -4 or record_of(n) is not None)
            if is_there or n.op.name == "variable":
                found[n.uid] = n
            else:
                todo.extend(n.inputs)
    return [found[uid] for uid in sorted(found)]


def define(definition: Definition) -> tuple[Any, Any, list[Tensor]]:
    """Make the calls; inputs and outputs in their nesting, and the losses."""
    with tracing.suspended(), definition_context():
        inputs = [Input(**arguments) for arguments in definition.inputs]
        results: list[list[Tensor]] = []

        def tensor(x: Any) -> Any:
            if not isinstance(x, Mention):
                return x
            if x.source == -1:
                return inputs[x.index]
            if x.source == -2:
                return phase.learning_phase()
            if x.source == -3:
                return as_tensor(x.index)
            if x.source == -4:
                return as_tensor(apply_graph(Graph.parse(x.graph), [tensor(m) for m in x.operands])[0])
            return results[x.source][x.index]

        for layer, args, kwargs in definition.calls:
            args, kwargs = tree.map_structure(tensor, (args, kwargs))
            results.append([t for t in tree.flatten(layer(*args, **kwargs)) if isinstance(t, Tensor)])
        outputs = tree.map_structure(tensor, definition.outputs)
        return tree.pack_sequence_as(definition.input_structure, inputs), outputs, [tensor(m) for m in definition.losses]
