"""A compilation: the nodes of the graphs between the one that was written and the one that runs, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from symkeras.graph import provenance
from symkeras.graph.naming import Names
from symkeras.graph.node import Node, scope


class _Forgetful(dict[tuple[Any, ...], Node]):
    """A table in which nothing is found."""

    def __setitem__(self, key: tuple[Any, ...], node: Node) -> None:
        """Keep nothing."""


class Compilation:
    """Within it (as a context) the nodes of one compilation are made: equal ones are one, and nobody else has them.

    So what origins a node gathers are those of this compilation, whatever other models compute on the same variables.

    Args:
        given: the names that nodes of the written graph have.
        distinct: whether equal nodes are not one after all, as where a text is read line by line.

    Attributes:
        nodes: by structure.
        names: of all nodes met.
    """

    def __init__(self, given: Mapping[Node, str], distinct: bool = False):
        self.nodes: MutableMapping[tuple[Any, ...], Node] = _Forgetful() if distinct else {}
        self.names = Names(given)

    def made(self, node: Node) -> None:
        """Note what a new node stands for."""
        old = provenance.replaced()
        if old is None:
            return
        node.place = old.place
        if old.op is node.op and old.attrs is node.attrs:
            self.names.replaced[node] = old

    def replaced(self, old: Node, new: Node) -> None:
        """Note that a rewrite put `new` in place of `old`, whose name it has from now on where it has none."""
        if new is not old and new not in self.names.of:
            self.names.replaced.setdefault(new, old)

    def __enter__(self) -> Compilation:
        self._before = scope.maker
        scope.maker = self
        return self

    def __exit__(self, *_: object) -> None:
        scope.maker = self._before
        self.nodes = {}  # graphs hold those that are left


def current() -> Compilation | None:
    """The compilation under way in this thread."""
    return scope.maker if isinstance(scope.maker, Compilation) else None
