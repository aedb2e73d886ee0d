"""A scan taken apart, to be put together in another way: what the passes over scans share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symkeras.graph import compilation, dims, provenance
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, make
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import OPS


@dataclass
class Loop:
    """A scan taken apart, to be put together in another way.

    `results` maps the index of an old result to what stands for it: the index of a new result, or a node.
    """

    init: list[Node]
    xs: list[Node]
    outer: list[Node]
    carry_in: list[Node]
    x_in: list[Node]
    outer_in: list[Node]
    carry_out: list[Node]
    ys: list[Node]
    length: dims.Size
    reverse: bool
    name: str

    @classmethod
    def of(cls, node: Node, inputs: list[Node]) -> Loop:
        c, s, body = node.attrs["carries"], node.attrs["sequences"], node.attrs["body"]
        return cls(
            inputs[:c], inputs[c : c + s], inputs[c + s :],
            list(body.inputs[:c]), list(body.inputs[c : c + s]), list(body.inputs[c + s :]),
            list(body.outputs[:c]), list(body.outputs[c:]), node.attrs["length"], node.attrs["reverse"], body.name,
        )  # fmt: skip

    def make(self) -> Node:
        body = Graph([*self.carry_in, *self.x_in, *self.outer_in], [*self.carry_out, *self.ys], name=self.name)
        attrs = {"body": body, "carries": len(self.init), "sequences": len(self.xs), "length": self.length, "reverse": self.reverse}
        return make(OPS["scan"], [*self.init, *self.xs, *self.outer], attrs)

    def replace_in_body(self, mapping: dict[Node, Node]) -> None:
        new = substitute([*self.carry_out, *self.ys], mapping)
        self.carry_out = [new[n] for n in self.carry_out]
        self.ys = [new[n] for n in self.ys]

    def body_nodes(self) -> list[Node]:
        from symkeras.graph.node import reachable

        return reachable([*self.carry_out, *self.ys])

    def add_y(self, node: Node) -> int:
        """The index of `node` among the ys, added if need be."""
        for k, y in enumerate(self.ys):
            if y is node:
                return k
        self.ys.append(node)
        return len(self.ys) - 1

    def add_outer(self, node: Node) -> Node:
        """The body's placeholder for an outer node."""
        for inner, value in zip(self.outer_in, self.outer, strict=True):
            if value is node:
                return inner
        inner = placeholder_node(node.tensor_type, f"outer{len(self.outer_in)}")
        self.outer_in.append(inner)
        self.outer.append(node)
        return inner


def item(node: Node, index: int) -> Node:
    """One result of a node with several."""
    return make(OPS["item"], (node,), {"index": index})


def _name(new: Node, result: Node) -> None:
    """What stands for a result of a loop is called as that is, whatever it was made of."""
    under_way = compilation.current()
    if under_way is not None and new is not result and new not in under_way.names.of:
        under_way.names.replaced[new] = result


def replace_scans(graph: Graph, transform: Callable[[Node, list[Node], list[bool]], list[Node | None] | None]) -> Graph:
    """`graph` with scans replaced: `transform(scan, inputs, read)` gives a node per result, or None to leave it."""
    if not any(n.op.name == "scan" for n in graph.nodes):
        return graph
    new: dict[Node, Node] = {}
    results: dict[Node, list[Node | None]] = {}
    for node in graph.nodes:
        if node.op.name == "item" and node.inputs[0] in results:
            new[node] = results[node.inputs[0]][node.attrs["index"]]  # type: ignore[assignment]
            _name(new[node], node)
            continue
        inputs = [new[i] for i in node.inputs]
        if node.op.name == "scan":
            read = [False] * len(node.types)
            for user in graph.users[node]:
                read[user.attrs["index"]] = True
            with provenance.replacing(node):
                replaced = transform(node, inputs, read)
            if replaced is not None:
                results[node] = replaced
                new[node] = node
                continue
        if any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
            with provenance.replacing(node):
                new[node] = make(node.op, inputs, node.attrs)
        else:
            new[node] = node
    return Graph(graph.inputs, [new[n] for n in graph.outputs], [(v, new[n]) for v, n in graph.updates], graph.name)
