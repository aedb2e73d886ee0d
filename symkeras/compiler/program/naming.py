"""What values of a program are called in emitted text, and the comments that lead back to layers and users' lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symkeras.compiler.program.program import Step, Value
from symkeras.graph import provenance
from symkeras.graph.naming import Taken, identifier, named_after, unique
from symkeras.graph.node import Node

_LEAVES = ("constant", "variable", "placeholder", "dim")


class ValueNames:
    """Names in one emitted text: a value is called as its node is in the printed graph, marked where it is a view of it or a copy.

    Args:
        of: the names of the nodes.
        reserved: what the text calls something else.
    """

    def __init__(self, of: Mapping[Node, str], reserved: Iterable[str]):
        self._of = of
        self._reserved = frozenset(reserved)
        self._given: set[Node] = set()
        self.taken = Taken((*self._reserved, *of.values()))

    def of(self, v: Value) -> str:
        """A name for a value: for the first of a node that is no view, that of the node."""
        node = v.node
        if node is None:
            return self.unique("scratch")
        name = self._of.get(node) or named_after(node)
        suffix = "" if node.op.name in _LEAVES else {"transpose": "_T", "element": "_t"}.get(v.view[0] if v.view else "", "")
        if suffix or node in self._given or node not in self._of or name in self._reserved:
            return self.unique(name + suffix)
        self._given.add(node)
        return name

    def unique(self, base: str) -> str:
        """A name that nothing else in the text has."""
        return unique(base, self.taken)


def origin(node: Node | None) -> str:
    """Layer and user line a node comes from, "" where none is known."""
    return "" if node is None else _shown(node.origins)


def origins_of(*steps: Step) -> str:
    """The same of all that steps compute."""
    origins: tuple[provenance.Origin, ...] = ()
    for step in steps:
        for n in step.nodes:
            origins = provenance.merge(origins, n.origins)
    return _shown(origins)


def _shown(origins: tuple[provenance.Origin, ...]) -> str:
    text = str(origins[0]) if origins else ""
    more = f" and {len(origins) - 1} more" if len(origins) > 1 else ""
    return f"{text}{more}" if text else ""


__all__ = ["Taken", "ValueNames", "identifier", "named_after", "origin", "origins_of", "unique"]
