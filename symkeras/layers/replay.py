"""Computing pieces of a graph again from other values: how definitions become calls.

A definition is written for placeholders with symbolic sizes of its own. `Replay` carries nodes over to new tensors or
arrays, whose sizes take the place of those symbols, also where an attribute (the shape of a reshape) mentions them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.errors import DataError
from symkeras.graph import dims, provenance, recording
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.ops.evaluation import sizes
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS, as_array, as_tensor, compute, constant_node


class Replay:
    """What the nodes of a definition stand for.

    Args:
        inputs: nodes of the definition, and the tensor or array that each stands for.

    Attributes:
        known: node -> tensor, array, or for a node with several results a node or a tuple of arrays.
        env: symbol of the definition -> the size it stands for.
        is_symbolic: whether any of them stands for a tensor.
    """

    def __init__(self, inputs: Mapping[Node, Any] | None = None):
        self.known: dict[Node, Any] = {}
        self.env: dict[str, dims.Size] = {}
        self.is_symbolic = False
        self._mentions: dict[Node, bool] = {}
        for node, value in (inputs or {}).items():
            self.put(node, value)

    def put(self, node: Node, value: Any) -> None:
        """Take note of what `node` stands for."""
        self.known[node] = value
        self.is_symbolic = self.is_symbolic or isinstance(value, Tensor)
        shape = value.dims if isinstance(value, Tensor) else np.shape(value)
        for expected, size in zip(node.shape, shape, strict=False):
            if isinstance(expected, dims.Dim) and expected not in (size, 1):
                for symbol in expected.symbols():
                    if expected == dims.symbol(symbol):
                        self.env.setdefault(symbol, size)

    def value(self, x: Any) -> Any:
        """What `x` stands for: a tensor or array for a tensor of the definition; anything else is itself."""
        if not isinstance(x, Tensor):
            return x
        if x.node not in self.known:
            self.compute([x.node])
        value = self.known[x.node]
        return Tensor(value) if isinstance(value, Node) else value

    def resolve(self, x: Any) -> Any:
        """A result that mentions tensors of the definition (a function closed over them) with what these stand for instead."""
        return self.value(x) if isinstance(x, Tensor) and self.mentioned_by(x.node) else x

    def mentioned_by(self, root: Node) -> bool:
        """Whether `root` is computed from what stands for something else here."""
        found: dict[int, Node] = {}
        todo = [root]
        while todo:
            node = todo.pop()
            if node not in self._mentions and node.uid not in found:
                found[node.uid] = node
                if not self._is_replaced(node):
                    todo.extend(node.inputs)
        for uid in sorted(found):
            node = found[uid]
            self._mentions[node] = self._is_replaced(node) or any(self._mentions[i] for i in node.inputs)
        return self._mentions[root]

    def _is_replaced(self, node: Node) -> bool:
        value = self.known.get(node, node)
        return (value.node if isinstance(value, Tensor) else value) is not node

    def compute(self, roots: Iterable[Node]) -> None:
        """Compute everything that `roots` need beyond what is known."""
        missing: dict[int, Node] = {}
        todo = list(roots)
        while todo:
            node = todo.pop()
            if node in self.known or node.uid in missing:
                continue
            if self.is_symbolic and self._mentions.get(node) is False:
                self.known[node] = node
                continue
            missing[node.uid] = node
            todo.extend(node.inputs)
        for uid in sorted(missing):
            node = missing[uid]
            self.known[node] = self._leaf(node) if node.op.is_leaf else self._computed(node)

    def _leaf(self, node: Node) -> Any:
        if node.op.name == "variable":
            variable = node.attrs["variable"]
            return as_tensor(variable) if self.is_symbolic else variable.numpy() if recording.current() is None else as_array(variable)
        if node.op.name == "dim":
            size = resized(node.attrs["size"], self.env)
            return np.int32(size) if isinstance(size, int) else as_tensor(size)
        return node if node.op.name == "placeholder" or self.is_symbolic else node.attrs["value"].array

    def _computed(self, node: Node) -> Any:
        values = [self.known[i] for i in node.inputs]
        if any(v is None for v in values):
            raise DataError(f"an optional input is None, and {node.op.name} computes with it: only layers take None{provenance.where(node.origins)}")
        if any(isinstance(v, (Tensor, Node)) for v in values):
            inputs = [v.node if isinstance(v, Tensor) else v if isinstance(v, Node) else constant_node(v) for v in values]
            with provenance.inherit(node.origins):
                return make(node.op, inputs, {k: resized(v, self.env) for k, v in node.attrs.items()})
        known = {s: n for s, n in self.env.items() if isinstance(n, int)}
        if node.op is OPS["item"]:
            return values[0][node.attrs["index"]]
        with sizes(known):
            return compute(node.op, values, {k: dims.evaluate(resized(v, self.env), known) for k, v in node.attrs.items()})


def evaluated(x: Any) -> Any:
    """The array of a tensor that nothing but variables and constants is in, such as `K` functions make; anything else is itself."""
    if not isinstance(x, Tensor):
        return x
    value = Replay().value(x)
    return x if isinstance(value, Tensor) else value


def resized(value: Any, env: Mapping[str, dims.Size]) -> Any:
    """An attribute with the symbols of `env` replaced, also inside of tuples and graphs."""
    if isinstance(value, dims.Dim):
        return dims.evaluate(value, {**{s: dims.symbol(s) for s in value.symbols()}, **env})  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return tuple(resized(v, env) for v in value)
    if isinstance(value, TensorType):
        return TensorType(resized(value.shape, env), value.dtype)
    if isinstance(value, Graph):
        changed = {s for s, size in env.items() if size != dims.symbol(s)}
        if any(changed & dims.symbols_of(t.shape) for n in value.nodes for t in n.types):
            return _resized_graph(value, env)
    return value


def _resized_graph(graph: Graph, env: Mapping[str, dims.Size]) -> Graph:
    new = {n: placeholder_node(resized(n.tensor_type, env), n.attrs["name"]) for n in graph.inputs}
    for node in graph.nodes:
        if node not in new:
            with provenance.inherit(node.origins):
                new[node] = make(node.op, [new[i] for i in node.inputs], {k: resized(v, env) for k, v in node.attrs.items()})
    return Graph([new[n] for n in graph.inputs], [new[n] for n in graph.outputs], name=graph.name)


def apply_graph(graph: Graph, values: Sequence[Any]) -> list[Any]:
    """The outputs of `graph` for tensors or arrays, one per input.

    >>> x = ops.placeholder("f32[batch, 2]", name="x")
    >>> apply_graph(Graph([x.node], [ops.reshape(x, (-1,)).node]), [np.ones((2, 2), "float32")])[0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    values = [v if isinstance(v, (Tensor, np.ndarray)) else as_tensor(v) if ops.is_symbolic(v) else np.asarray(v) for v in values]
    replay = Replay(dict(zip(graph.inputs, values, strict=True)))
    replay.compute(graph.outputs)
    return [Tensor(v) if isinstance(v, Node) else v for v in (replay.known[n] for n in graph.outputs)]
