"""`fold-batch-norm`: at inference the normalisation after a convolution or a product becomes part of its weights.

With fixed statistics, batch norm multiplies every channel by a number and adds one. The factor goes into the kernel,
which is small, instead of over the activations, which are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass, rewritten
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.ops import elementwise as ew
from symkeras.ops.op import OPS
from symkeras.ops.shaping import reshape


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """Fold batch_normalization with known statistics into the conv or matmul whose only reader it is."""

    name: ClassVar[str] = "fold-batch-norm"

    def run(self, graph: Graph, context: Context) -> Graph:
        def folded(n: Node, inputs: Sequence[Node]) -> Node | None:
            made = _fold(n, inputs, graph, context) if n.op.name == "batch_normalization" else None
            return None if made is None else context.rewrote("fold-batch-norm", n, made)

        return rewritten(graph, folded)


def _is_fixed(n: Node) -> bool:
    while n.op.name in ("reshape", "broadcast_to"):
        n = n.inputs[0]
    return n.op.name in ("variable", "constant")


def _fold(n: Node, inputs: Sequence[Node], graph: Graph, context: Context) -> Node | None:
    old = n.inputs[0]
    source, bias = inputs[0], None
    if n.attrs["axis"] % n.ndim != n.ndim - 1:
        context.refuse("fold-batch-norm", "the normalised axis is not the last", n)
        return None
    if not all(_is_fixed(i) for i in inputs[1:]):
        context.refuse("fold-batch-norm", "the statistics are those of the batch", n)
        return None
    if len(graph.users[old]) > 1 or old in graph.outputs:
        context.refuse("fold-batch-norm", "the result before normalisation is read elsewhere", n)
        return None
    if source.op.name == "add" and _is_fixed(source.inputs[1]) and source.inputs[1].shape == (n.shape[-1],):
        if len(graph.users[old.inputs[0]]) > 1:
            context.refuse("fold-batch-norm", "the result before the bias is read elsewhere", n)
            return None
        source, bias = source.inputs
    if source.op.name not in ("conv", "matmul") or not _is_fixed(source.inputs[1]) or source.attrs.get("transpose_b"):
        context.refuse("fold-batch-norm", f"it follows {source.op.name}", n)
        return None
    with provenance.replacing(n, source):
        x, w = map(Tensor, source.inputs)
        mean, variance, gamma, beta = (reshape(Tensor(i), (n.shape[-1],)) for i in inputs[1:])
        scale = ew.multiply(gamma, ew.reciprocal(ew.sqrt(ew.add_(variance, n.attrs["epsilon"]))))
        centre = mean if bias is None else ew.subtract(mean, Tensor(bias))
        shift = ew.subtract(beta, ew.multiply(centre, scale))
        product = make(OPS[source.op.name], (x.node, ew.multiply(w, scale).node), source.attrs)
        return ew.add_(Tensor(product), shift).node
