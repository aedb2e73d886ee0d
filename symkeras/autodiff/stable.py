"""The form of a loss that is differentiated: the one without overflow and cancellation (`stabilise`), equal to it elsewhere.

The derivative of log(1 - sigmoid(x)) is -sigmoid(x); taken of the expression as it stands it is infinity times zero at 50, and no
rewriting of the derivative finds back what was lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.graph.graph import Graph, rebuild, substitute
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.ops.leaves import boundary


class StableForm:
    """A loss in its stable form, with what it is differentiated by kept apart in it.

    Attributes:
        loss: what to differentiate.
        wrt: by what: for each node the one that stands for it in `loss`.
    """

    def __init__(self, loss: Node, wrt: Sequence[Node]):
        from symkeras.compiler.passes.base import Context
        from symkeras.compiler.passes.stabilise import RULES

        self.loss, self.wrt = loss, list(wrt)
        self._originals: dict[Node, Node] = {}
        marked = self._marked()
        inputs = [n for n in reachable([marked[loss]]) if n.op.name == "placeholder"]
        stable = RULES.run(Graph(inputs, [marked[loss]]), Context(lambda name: True)).outputs[0]
        if stable is marked[loss]:
            self._originals = {}
        else:
            kept = {n.attrs["uid"]: n for n in reachable([stable]) if n.op.name == "boundary"}  # made anew where what is below them was rewritten
            self._originals = {kept.get(n.attrs["uid"], n): original for n, original in self._originals.items()}
            self.loss, self.wrt = stable, [kept.get(m.attrs["uid"], m) if m.op.name == "boundary" else m for m in (marked.get(n, n) for n in wrt)]

    def _marked(self) -> dict[Node, Node]:
        """The loss with a boundary behind what it is differentiated by: no rule looks through that."""
        wanted = {n for n in self.wrt if not n.op.is_leaf}
        new: dict[Node, Node] = {}
        for n in reachable([self.loss]):
            inputs = [new[i] for i in n.inputs]
            new[n] = n if all(a is b for a, b in zip(inputs, n.inputs, strict=True)) else rebuild(n, inputs)
            if n in wanted:
                new[n] = boundary(Tensor(new[n]), "differentiated").node
                self._originals[new[n]] = n
        return new

    def unmarked(self, found: Sequence[Node | None]) -> list[Node | None]:
        """Gradients in terms of the nodes as they were."""
        if not self._originals:
            return list(found)
        new = substitute([n for n in found if n is not None], self._originals)
        return [None if n is None else new[n] for n in found]
