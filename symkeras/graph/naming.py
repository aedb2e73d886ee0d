"""Names of values: one for each, from the printed graph to the emitted line, and the same after every pass.

A value is called after the layer and the operation it comes from. What replaces a value has its name: the text of a graph
before and after a pass differs where the graph does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from symkeras.graph import words
from symkeras.graph.escaping import ascii_words
from symkeras.graph.node import Node

_WORDS = {"add": "sum", "multiply": "product", "subtract": "difference"}


def named_after(node: Node) -> str:
    """A readable name for what a node computes: the layer and the operation, `d_` before gradients."""
    if node.op.name == "constant":
        array = node.attrs["value"].array
        return identifier(f"c_{np.asarray(array).flat[0]!s}") if array.size == 1 else "table"
    if node.op.name in ("variable", "placeholder", "dim"):
        return identifier(str(node.attrs.get("name", node.attrs.get("size"))))
    place = node.origins[0] if node.origins else None
    layer = place.layer.split("/")[-1] if place is not None and place.layer else ""
    word = _WORDS.get(node.op.name, node.op.name)
    return identifier("_".join(p for p in ("d" if place is not None and place.gradient_of else "", layer, word) if p))


def identifier(text: str) -> str:
    """`text` as an identifier in small letters; which of them nothing may be called is for `unique` to know.

    >>> identifier("Dense (1)/kernel"), identifier("-0.5"), identifier("\u2028")
    ('dense_1_kernel', 'm0p5', 'v')
    """
    clean = ascii_words(text.replace("-", "m").replace(".", "p")).lower()
    return clean if clean and not clean[0].isdigit() else f"v_{clean}".rstrip("_")


class Taken(set[str]):
    """Names that are taken; it remembers which number of a name comes next, so that a thousand of one kind are not tried a million times.

    Attributes:
        tried: how many names `unique` has tried.
    """

    def __init__(self, names: Iterable[str] = ()):
        super().__init__(names)
        self.next: dict[str, int] = {}
        self.tried = 0


def unique(base: str, taken: Taken) -> str:
    """`base`, with a number where it is taken; taken from now on. A word that no value may be called gets an underscore.

    >>> unique("sum", Taken(["sum", "sum_2"])), unique("exp", Taken())
    ('sum_3', 'exp_')
    """
    first = f"{base}_" if base in words.RESERVED else base
    k = taken.next.get(base, 1)
    name = first if k == 1 else f"{base}_{k}"
    while name in taken:
        taken.tried += 1
        k += 1
        name = f"{base}_{k}"
    taken.next[base] = k + 1
    taken.add(name)
    return name


class Names:
    """The names of the nodes of a graph, or of all graphs of a compilation.

    Attributes:
        of: node -> its name.
        replaced: node -> the one that it replaces, for nodes that stand for the value of another.
    """

    def __init__(self, given: Mapping[Node, str] | None = None):
        self.of: dict[Node, str] = {}
        self.replaced: dict[Node, Node] = {}
        self._taken = Taken()
        for node, name in (given or {}).items():
            self.of[node] = unique(name, self._taken)

    def settle(self, nodes: Iterable[Node]) -> None:
        """Name the nodes of a graph (and of the graphs within) that have no name, or one that another node of it has."""
        waiting, present = [], set()
        for node in dict.fromkeys(nodes):
            name = self.of.get(node)
            if name is None or name in present:
                waiting.append(node)
            else:
                present.add(name)
        for node in waiting:
            name = self._inherited(node)
            if name is None or name in present:
                name = unique(words.of_a_value(named_after(node)), self._taken)
            self.of[node] = name
            present.add(name)
        self.replaced.clear()

    def _inherited(self, node: Node) -> str | None:
        """The name of the node that `node` replaces, or that one replaces."""
        old = self.replaced.get(node)
        while old is not None and old not in self.of:
            old = self.replaced.get(old)
        return None if old is None else self.of[old]
