"""`multiply-tables`: products of rows looked up in a table become rows looked up in the product of the table.

Where table and matrix are variables and the function writes none, the product can be kept from call to call (`preparations`): an embedding
followed by the input projection of a recurrent layer is then one lookup. Every row is the same sum as before. Devlin et al. (2014), "Fast
and robust neural network joint models for statistical machine translation", call it pre-computing the hidden layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, rewritten
from symkeras.graph import dtypes, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make, unreshaped
from symkeras.graph.tensor import Tensor
from symkeras.ops.op import OPS
from symkeras.ops.shaping import reshape


@dataclass(frozen=True)
class MultiplyTables(Pass):
    """Multiply whole tables, add biases to them, and gather afterwards; for backends that keep the results.

    Attributes:
        most: bytes that a product may take.
        least: the width of a row from which on a lookup costs less than a product, whatever the width of the result.
    """

    most: int = 1 << 26
    least: int = 16
    name: ClassVar[str] = "multiply-tables"

    def run(self, graph: Graph, context: Context) -> Graph:
        if graph.updates:
            return graph
        fixed = _fixed(graph)
        products: set[Node] = set()

        def looked_up(n: Node, inputs: Sequence[Node]) -> Node | None:
            if n.op.name == "matmul" and _is_of_rows(n, fixed):
                reason = self._refusal(n, graph, fixed)
                if not reason:
                    products.add(n)
                    return context.rewrote("multiply-table", n, _rows_of_product(n, inputs))
                context.refuse("multiply-table", reason, n)
            elif n.op.name == "add" and (k := _rows_and_bias(n, graph, fixed, products)) is not None:
                return context.rewrote("add-to-table", n, _rows_of_sum(n, inputs, k))
            return None

        return rewritten(graph, looked_up)

    def _refusal(self, n: Node, graph: Graph, fixed: set[Node]) -> str:
        gather = unreshaped(n.inputs[0])
        rows, width = gather.inputs[0].shape
        size = rows * n.shape[-1] * dtypes.itemsize(n.dtype)
        if not isinstance(size, int) or size > self.most:
            return "the product takes too much memory"
        if not isinstance(width, int) or width < self.least:
            return "the rows are narrow"
        return "" if _is_only_multiplied(gather, graph, fixed) else "the rows are read by others, too"


def _fixed(graph: Graph) -> set[Node]:
    """The nodes that depend on variables and constants alone."""
    fixed: set[Node] = set()
    for n in graph.nodes:
        if n.op.name in ("variable", "constant") or (n.inputs and not n.op.is_random and all(i in fixed for i in n.inputs)):
            fixed.add(n)
    return fixed


def _is_of_rows(product: Node, fixed: set[Node]) -> bool:
    """Whether a product multiplies rows that a gather takes from a known table, each of them by a known matrix."""
    rows, matrix = product.inputs
    gather = unreshaped(rows)
    if gather.op.name != "gather" or gather in fixed or gather.inputs[0] not in fixed or matrix not in fixed:
        return False
    return gather.inputs[0].ndim == matrix.ndim == 2 and gather.shape[-1] == rows.shape[-1] and not product.attrs["transpose_a"]


def _is_only_multiplied(n: Node, graph: Graph, fixed: set[Node]) -> bool:
    """Whether nobody needs a gather's rows themselves."""

    def multiplies(reader: Node) -> bool:
        if reader.op.name == "reshape":
            return _is_only_multiplied(reader, graph, fixed)
        return reader.op.name == "matmul" and _is_of_rows(reader, fixed)

    return n not in graph.outputs and all(map(multiplies, graph.users[n]))


def _rows_and_bias(n: Node, graph: Graph, fixed: set[Node], products: set[Node]) -> int | None:
    """The input of a sum that is a product now looked up, which only this sum reads, where the other is a known vector."""
    for k in (0, 1):
        rows, bias = n.inputs[k], n.inputs[1 - k]
        if bias not in fixed or bias.shape != rows.shape[-1:]:
            continue
        while rows.op.name == "reshape" and graph.users[rows] == [n]:
            n, rows = rows, rows.inputs[0]
        if rows in products and graph.users[rows] == [n] and rows not in graph.outputs and rows.shape[-1:] == bias.shape:
            return k
        return None
    return None


def _rows_of_product(n: Node, inputs: Sequence[Node]) -> Node:
    rows, matrix = inputs
    return _taken_from(make(n.op, (unreshaped(rows).inputs[0], matrix), n.attrs), rows, n)


def _rows_of_sum(n: Node, inputs: Sequence[Node], k: int) -> Node:
    rows, bias = inputs[k], inputs[1 - k]
    return _taken_from(make(n.op, (unreshaped(rows).inputs[0], bias)), rows, n)


def _taken_from(table: Node, rows: Node, like: Node) -> Node:
    """The same rows of another table, in the shape of `like`."""
    gather = unreshaped(rows)
    with provenance.replacing(gather):
        return reshape(Tensor(make(OPS["gather"], (table, gather.inputs[1]))), like.shape).node
