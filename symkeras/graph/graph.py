"""`Graph`: a closed piece of symbolic computation, as a value.

A graph names its inputs (placeholders), its outputs, and its updates (variable, new value). It never changes; passes
return new graphs. Everything an op reads is reachable from the outputs and updates, and every placeholder met on the
way is an input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from symkeras.errors import GraphError
from symkeras.graph import compilation, provenance
from symkeras.graph.naming import Names
from symkeras.graph.node import Node, keyed_by_identity, make, reachable, users
from symkeras.lazy import lazy

if TYPE_CHECKING:
    import networkx


@keyed_by_identity
class Graph:
    """A closed graph: `outputs` and `updates` as functions of `inputs` and variables.

    Args:
        inputs: placeholder nodes, in calling order.
        outputs: result nodes.
        updates: pairs (variable node, node of its new value); all take effect together after the outputs are computed.
        name: what the printed form calls it.

    Raises:
        GraphError: a placeholder is used that is not an input, a variable is updated twice, or an update changes a type.

    >>> from symkeras import ops
    >>> x = ops.placeholder("f32[batch, 3]", name="x")
    >>> print(Graph([x.node], [ops.exp(x * 2).node]))  # doctest: +ELLIPSIS
    graph main(%x: f32[batch, 3]) {
      %c_2p0 = constant(value=2.0): f32[]
      %product = multiply(%x, %c_2p0): f32[batch, 3]...
      %exp_ = exp(%product): f32[batch, 3]...
      return %exp_
    }
    """

    def __init__(
        self,
        inputs: Iterable[Node],
        outputs: Iterable[Node],
        updates: Iterable[tuple[Node, Node]] = (),
        name: str = "main",
    ):
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.updates = tuple((v, n) for v, n in updates)
        self.name = name
        self.compilation = compilation.current()
        self._check()

    def _check(self) -> None:
        known = set(self.inputs)
        for node in self.inputs:
            if node.op.name != "placeholder":
                raise GraphError(f"an input of a graph must be a placeholder, received {node}")
        for node in self.nodes:
            if node.op.name == "placeholder" and node not in known:
                raise GraphError(
                    f"the graph uses placeholder {node.attrs['name']!r} ({node.type}), which is not among its inputs "
                    f"({', '.join(n.attrs['name'] for n in self.inputs) or 'none'})"
                )
        updated: set[Node] = set()
        for variable, value in self.updates:
            if variable.op.name != "variable":
                raise GraphError(f"only variables can be updated, received {variable}")
            if variable in updated:
                raise GraphError(f"variable {variable.attrs['name']!r} is updated twice")
            if variable.type != value.type:
                raise GraphError(f"update of variable {variable.attrs['name']!r}: {variable.type} cannot become {value.type}")
            updated.add(variable)

    @property
    def roots(self) -> tuple[Node, ...]:
        """All nodes that must be computed: outputs, then new values of updates."""
        return (*self.outputs, *(value for _, value in self.updates))

    @lazy
    def nodes(self) -> list[Node]:
        """All nodes in topological order; inputs are there also when nothing reads them."""
        return reachable((*self.inputs, *(v for v, _ in self.updates), *self.roots))

    @lazy
    def users(self) -> dict[Node, list[Node]]:
        """For each node, the nodes of this graph that read it."""
        return users(self.nodes)

    @lazy
    def names(self) -> Mapping[Node, str]:
        """What its nodes, and those of the graphs within, are called in text and in emitted code."""
        if self.compilation is not None:
            names = self.compilation.names
        else:
            names = Names()
        names.settle(every_node(self))
        return names.of

    @property
    def in_order(self) -> list[Node]:
        """The nodes as they are printed: where their values were written, forward before backward; leaves before who reads them first."""
        from symkeras.graph.order import in_order

        return in_order(self)

    @property
    def variables(self) -> list[Node]:
        """The variables that are read or updated."""
        return [n for n in self.nodes if n.op.name == "variable"]

    def count(self) -> int:
        """The number of operations: nodes that compute something, in sub-graphs too."""
        return sum(1 + sum(g.count() for g in subgraphs(n)) for n in self.nodes if not n.op.is_leaf)

    def rebuilt(self, replace: Mapping[Node, Node]) -> Graph:
        """This graph with nodes replaced (and all that depends on them rebuilt)."""
        if not replace:
            return self
        new = substitute(self.roots, replace)
        outputs = [new[n] for n in self.outputs]
        return Graph(self.inputs, outputs, [(v, new[n]) for v, n in self.updates], self.name)

    def to_networkx(self) -> networkx.MultiDiGraph:
        """The graph as a `networkx.MultiDiGraph`: an edge from each input to each user, keyed by argument position."""
        from symkeras.graph.network import to_networkx

        return to_networkx(self)

    def to_text(self) -> str:
        """The whole graph as text that `Graph.parse` reads back; constants in full."""
        from symkeras.graph.text import print_graph

        return print_graph(self)

    @staticmethod
    def parse(text: str, variables: bool = True) -> Graph:
        """The graph that `text` (from `to_text` or `print`) describes, with fresh placeholders and, if it may have any, variables."""
        from symkeras.graph.text import parse_graph

        return parse_graph(text, variables)

    def __str__(self) -> str:
        from symkeras.graph.text import print_graph

        return print_graph(self, in_full=False)

    def _repr_html_(self) -> str:
        from symkeras.graph.notebook import as_html

        return as_html(repr(self), str(self))

    def __repr__(self) -> str:
        return f"<Graph {self.name}: {len(self.inputs)} inputs, {self.count()} operations, {len(self.outputs)} outputs>"


def every_node(graph: Graph) -> Iterator[Node]:
    """The nodes of a graph and of all graphs within; nesting, not depth, sets the recursion."""
    for node in graph.nodes:
        yield node
        for inner in subgraphs(node):
            yield from every_node(inner)


def subgraphs(node: Node) -> list[Graph]:
    """The closed graphs a node holds (the body of a scan, the branches of a cond)."""
    return [v for v in node.attrs.values() if isinstance(v, Graph)]


def rebuild(node: Node, inputs: Sequence[Node]) -> Node:
    """`node` on other inputs, with the same origins."""
    with provenance.replacing(node):
        return make(node.op, inputs, node.attrs)


def substitute(roots: Iterable[Node], replace: Mapping[Node, Node], rebuild: Callable[[Node, Sequence[Node]], Node] = rebuild) -> dict[Node, Node]:
    """Map every node that `roots` need to its version after `replace`; untouched nodes map to themselves."""
    new: dict[Node, Node] = {}
    for node in _needed(roots, replace):
        if node in replace:
            new[node] = replace[node]
            continue
        inputs = [new[i] for i in node.inputs]
        changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
        new[node] = rebuild(node, inputs) if changed else node
    return new


def _needed(roots: Iterable[Node], stop: Mapping[Node, Any]) -> list[Node]:
    seen: dict[int, Node] = {}
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node.uid not in seen:
            seen[node.uid] = node
            if node not in stop:
                todo.extend(node.inputs)
    return [seen[uid] for uid in sorted(seen)]
