"""`multiply-unique-rows`: a training step multiplies a row that it looks up several times once.

A batch of texts names most of its words more than once, and the product of a row is the same each time. So the rows that occur are listed,
gathered and multiplied, and the products looked up in place of the rows. Backwards, the gradients of equal rows are added up before they
are multiplied. Sums are taken in another order, nothing else changes.

For a function that writes no variable `multiply-tables` does better.
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
class MultiplyUniqueRows(Pass):
    """Products of rows gathered from a table, and gradients that go back to it, over each row once; for backends that count as they go.

    Attributes:
        least: the width of rows, and of their products, from which on that pays.
    """

    least: int = 32
    name: ClassVar[str] = "multiply-unique-rows"

    def run(self, graph: Graph, context: Context) -> Graph:
        rows = self._looked_up(graph) if graph.updates else {}

        def once(n: Node, inputs: Sequence[Node]) -> Node | None:
            if n.op.name == "matmul" and _is_of_rows(n) and unreshaped(n.inputs[0]).inputs[1] in rows:
                made = _weights(inputs) if n.attrs["transpose_a"] else _product(n, inputs)
            elif n.inputs[:1] and n.inputs[0] in rows and _is_of_products(n, rows[n.inputs[0]], graph):
                made = _gradient(n, inputs, rows[n.inputs[0]])
            else:
                return None
            return context.rewrote(n.op.name, n, made)

        return rewritten(graph, once) if rows else graph

    def _looked_up(self, graph: Graph) -> dict[Node, int]:
        """The indices of rows that are multiplied, and of how many rows: indices of several tables that differ in that are left out."""
        sizes: dict[Node, set[int]] = {}
        for n in graph.nodes:
            if n.op.name == "matmul" and _is_of_rows(n) and not n.attrs["transpose_a"]:
                table, indices = unreshaped(n.inputs[0]).inputs
                count, width = table.shape
                is_wide = all(isinstance(d, int) and d >= self.least for d in (width, n.shape[1]))
                if isinstance(count, int) and is_wide and not isinstance(indices.tensor_type.size, int):
                    sizes.setdefault(indices, set()).add(count)
        return {indices: found.pop() for indices, found in sizes.items() if len(found) == 1}


def _is_of_rows(product: Node) -> bool:
    """Whether a product is one of the matrix of all rows that a gather takes from a table, or of that matrix transposed."""
    a, b = product.inputs
    gather = unreshaped(a)
    if gather.op.name != "gather" or not gather.inputs[0].ndim == a.ndim == b.ndim == 2 or not dtypes.is_float(product.dtype):
        return False
    return gather.shape[-1] == a.shape[-1] and not (product.attrs["transpose_a"] and product.attrs["transpose_b"])


def _is_of_products(n: Node, rows: int, graph: Graph) -> bool:
    """Whether a node adds up, by their indices, the rows of a product that nobody else reads."""
    if n.op.name not in ("combine_rows", "scatter_add") or n.attrs["rows"] != rows:
        return False
    (indices, values), width = n.inputs, n.shape[-1]
    if values.ndim != indices.ndim + 1:
        return False
    while values.op.name == "reshape" and graph.users[values] == [n]:
        n, values = values, values.inputs[0]
    is_product = values.op.name == "matmul" and values.ndim == values.inputs[1].ndim == 2 and not values.attrs["transpose_a"]
    return is_product and graph.users[values] == [n] and not _is_of_rows(values) and values.shape[1] == width and values not in graph.outputs


def _unique(indices: Node, rows: int) -> list[Node]:
    """The results of `unique_indices`."""
    flat = reshape(Tensor(indices), (indices.tensor_type.size,)).node
    node = make(OPS["unique_indices"], (flat,), {"rows": rows})
    return [make(OPS["item"], (node,), {"index": k}) for k in range(4)]


def _rows(gather: Node) -> tuple[Node, Node, Node]:
    """The rows that a gather takes, each once; the place of each index among them; and how many there are."""
    table, indices = gather.inputs
    with provenance.replacing(gather):
        listed, place, count, _ = _unique(indices, table.shape[0])  # type: ignore[arg-type]
        return make(OPS["gather_unique"], (table, listed, count)), place, count


def _product(n: Node, inputs: Sequence[Node]) -> Node:
    rows, place, count = _rows(unreshaped(inputs[0]))
    product = make(OPS["matmul_unique"], (rows, inputs[1], count), n.attrs)
    return reshape(Tensor(make(OPS["gather"], (product, place))), n.shape).node


def _weights(inputs: Sequence[Node]) -> Node:
    """The gradient of the matrix."""
    rows, place, count = _rows(unreshaped(inputs[0]))
    return make(OPS["matmul_unique"], (rows, _added_up(inputs[1], place), count), {"transpose_a": True, "transpose_b": False})


def _gradient(n: Node, inputs: Sequence[Node], rows: int) -> Node:
    """The gradient of the table, or for each index that of its row."""
    product = unreshaped(inputs[1])
    values, matrix = product.inputs
    listed, place, count, _ = _unique(inputs[0], rows)
    with provenance.replacing(product):
        each = make(OPS["matmul_unique"], (_added_up(values, place), matrix, count), product.attrs)
    if n.op.name == "scatter_add":
        return make(OPS["scatter_add"], (listed, each), n.attrs)
    return reshape(Tensor(make(OPS["gather"], (each, place))), n.shape).node


def _added_up(values: Node, place: Node) -> Node:
    return make(OPS["scatter_add"], (place, values), {"rows": place.shape[0]})
