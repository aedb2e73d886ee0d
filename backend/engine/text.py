"""The Python function that a walk becomes: straight-line text, a call of the engine for each node, read by Python once for known sizes.

It is what runs, for engines that compute at once, and what they are shown as `source`; an engine that traces reads it once. Tracebacks and
debuggers show its lines as long as the function lives.
"""

from __future__ import annotations

import itertools
import keyword
import linecache
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symkeras.compiler.program import naming
from symkeras.graph.escaping import comment, file_name
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

_serial = itertools.count(1)
_RESERVED = (*keyword.kwlist, "inputs", "variables", "extents", "more", "step")
_SHOWN = (bool, int, float, str, type(None))


class Text:
    """Collects lines; `function` makes the function of them.

    Args:
        graph: its inputs are the first argument.
        variables: those nodes are the second.

    Attributes:
        names: of nodes, in the text.
    """

    def __init__(self, graph: Graph, variables: Sequence[Node]):
        self._graph = graph
        self._variables = variables
        self._taken = naming.Taken((*_RESERVED, *graph.names.values()))
        self.names: dict[Node, str] = {}
        self._scope: dict[str, Any] = {}
        self._known: dict[tuple[str, int], str] = {}
        self._lines: list[tuple[Node, str, tuple[Node, ...]]] = []
        self._remarks: dict[Node, str] = {}
        self._has_extents = False
        for n in (*graph.inputs, *variables):
            self._name(n)

    def _name(self, n: Node) -> str:
        own = self._graph.names.get(n)
        self.names[n] = naming.unique(own or naming.named_after(n), self._taken) if own is None or own in _RESERVED else own
        return self.names[n]

    def _function(self, name: str, value: Any) -> str:
        """What the text calls an object; `value` is the same one for equal names."""
        known = self._known.get((name, id(value)))
        if known is None:
            known = self._known[name, id(value)] = naming.unique(name, self._taken)
            self._scope[known] = value
        return known

    def bind(self, n: Node, value: Any) -> None:
        """A node that is a value already."""
        self._scope[self._name(n)] = value

    def item(self, n: Node, index: int) -> None:
        """A node that is one of several results."""
        (given,) = n.inputs
        self._lines.append((n, f"{self._name(n)} = {self.names[given]}[{index}]", (given,)))

    def call(self, n: Node, function: Callable[..., Any], attrs: Mapping[str, Any], has_extents: bool, remark: str = "",
             out: Node | None = None) -> None:  # fmt: skip
        """A node that a function computes, with extents beside its value where it has some; over the value of `out`, where that is given."""
        given = [self.names[i] for i in n.inputs] + [f"{k}={self._attribute(k, v)}" for k, v in attrs.items()]
        given += [f"out={self.names[out]}"] if out is not None else []
        called = self._function(naming.identifier(n.op.name), function)
        line = f"{self._name(n)} = {called}({', '.join(given)})"
        if has_extents:
            self._has_extents = True
            line = f"{self.names[n]}, more = {called}({', '.join(given)}); extents += more"
        self._lines.append((n, line, n.inputs))
        self._remarks[n] = remark

    def _attribute(self, name: str, value: Any) -> str:
        return ascii(value) if is_shown(value) else self._function(f"the_{naming.identifier(name)}", value)

    def note(self, indices: Node, extent: Callable[[Any], Any]) -> None:
        """The extent of an input, for who looks at it afterwards."""
        self._has_extents = True
        self._lines.append((indices, f"extents.append({self._function('extent', extent)}({self.names[indices]}))", (indices,)))

    def look(self, indices: Node, extent: Callable[[Any], Any], check: Any) -> None:
        """The extent of an input, compared at once."""
        line = f"{self._function('check', check)}(*{self._function('extent', extent)}({self.names[indices]}))"
        self._lines.append((indices, line, (indices,)))

    @property
    def source(self) -> str:
        """The text, with layer and line behind each call."""
        results = [self.names[n] for n in (*self._graph.outputs, *(new for _, new in self._graph.updates))]
        end = f"    return [{', '.join(results)}], {'extents' if self._has_extents else '[]'}"
        return "\n".join([*self._head(), *self._calls(set(results)), end]) + "\n"

    def _head(self) -> list[str]:
        lines = ["def step(inputs, variables):"]
        for nodes, argument in ((self._graph.inputs, "inputs"), (self._variables, "variables")):
            if nodes:
                lines.append(f"    ({', '.join(self.names[n] for n in nodes)},) = {argument}")
        return [*lines, "    extents = []"] if self._has_extents else lines

    def on_line(self, number: int) -> Node | None:
        """The node that a line computes."""
        place = number - 1 - len(self._head())
        return self._lines[place][0] if 0 <= place < len(self._lines) else None

    def _calls(self, kept: set[str]) -> list[str]:
        """The lines in which values are computed; each value is let go of with its last reader."""
        kept = {*kept, *self._scope}
        out = []
        for n, line, given in reversed(self._lines):
            gone = [name for name in dict.fromkeys((*(self.names[i] for i in given), self.names[n])) if name not in kept]
            kept.update(gone)
            remark = "; ".join(r for r in (self._remarks.get(n, ""), naming.origin(n)) if r)
            ending = f"; del {', '.join(gone)}" if gone else ""
            out.append(f"    {line}{ending}" + (f"  # {comment(remark)}" if remark else ""))
        return out[::-1]

    def function(self) -> Callable[..., Any]:
        """The function that the text defines."""
        filename = f"<symkeras {file_name(self._graph.name)} walk {next(_serial)}>"
        source = self.source
        scope = dict(self._scope)
        exec(compile(source, filename, "exec"), scope)
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        step = scope["step"]
        weakref.finalize(step, linecache.cache.pop, filename, None)
        return step


def is_shown(value: Any) -> bool:
    """Whether Python reads the text of an attribute as the same one."""
    if isinstance(value, tuple):
        return all(map(is_shown, value))
    return type(value) in _SHOWN and not (isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))))
