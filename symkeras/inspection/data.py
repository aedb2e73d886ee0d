"""A compilation as data: dicts, lists, text and numbers, for JSON, other tools and tests.

    {"schema": 1, "name", "backend", "level", "written", "left",
     "origins": [{"layer", "lines": [["/home/a/train.py", 41], ..], "gradient_of"}],
     "values": [{"name", "op", "type", "inputs": [value], "attributes": {..}, "graphs": [graph], "origins": [origin]}],
     "graphs": [{"name", "inputs": [value], "values": [value], "outputs": [value], "updates": [[variable, value]]}],
     "stages": [{"number", "name", "graph"}],
     "rewrites": [{"pass", "rule", "old": value, "new": value}],
     "refusals": [{"stage", "value", "other", "reason"}],
     "sizes": {symbol: size},
     "kernels": [{"number", "name", "values": [value], "lines": [[first, last]], "runs", "flops", "read", "written"}],
     "emitted": [{"number", "text", "kernels": [kernel]}],
     "times": [milliseconds],
     "made": {"milliseconds": {"passes", "lowering", "emission", "build"}, "why": [{"when", "what", "reason"}]}}

A value, a graph, an origin and a kernel stand elsewhere as their number in the list. Values are those of all stages, each once: one that
no pass touched has one number in all of them. Names are those of `print(graph)` and of the emitted text. What kernels do is for
`sizes`, those of the largest call so far, else 1. All but `times`, one per pass, and `made` is the same in every process: the times of
all that was done in order (engines and the interpreter lower, emit and build nothing), and when and why the function was "compiled", from
the graph on, or "bound" to sizes (memory planned, or the engine's function made): the last times, `when` in seconds since 1970.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symkeras.errors import ConfigError
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Literal, Node
from symkeras.graph.provenance import Origin
from symkeras.graph.text import HIDDEN
from symkeras.inspection.record import Record
from symkeras.inspection.traffic import Work, known_sizes, works

if TYPE_CHECKING:
    from symkeras.inspection.inspector import Inspector

SCHEMA = 1
"""Counts up when a key changes its meaning or goes; new keys may come at any time."""
_MOST_ELEMENTS = 16
"""Of a constant that stands in the data."""


def to_dict(inspector: Inspector) -> dict[str, Any]:
    """All of a compilation."""
    record = inspector.record
    tables = _Tables(record)
    stages = [{"number": s.number, "name": s.name, "graph": tables.graph(s.graph)} for s in record.stages]
    rewrites = [
        {"pass": a.stage.number, "rule": a.rewrite.rule, "old": tables.value(a.rewrite.old), "new": tables.value(a.rewrite.new)}
        for a in record.rewrites
    ]
    refusals = [
        {"stage": r.stage, "value": tables.value(r.node), "other": None if r.other is None else tables.value(r.other), "reason": str(r.reason)}
        for r in inspector.refusals()
    ]
    sizes = known_sizes(record)
    kernels = [_kernel(w, tables) for w in works(record, sizes)] if record.kernels else []
    return {
        "schema": SCHEMA, "name": record.graph.name, "backend": record.executable.backend, "level": getattr(record.executable, "level", None),
        "written": record.history.source.count(), "left": record.graph.count(),
        "origins": [_origin(o) for o in tables.origins], "values": tables.rows, "graphs": tables.graph_rows, "stages": stages,
        "rewrites": rewrites, "refusals": refusals, "sizes": sizes, "kernels": kernels, "emitted": emitted(record),
        "times": [s.seconds * 1e3 for s in record.history],
        "made": {
            "milliseconds": {k: s * 1e3 for k, s in record.history.times.items()}, "why": [m._asdict() for m in record.executable.made],
        },
    }  # fmt: skip


def emitted(record: Record) -> list[dict[str, Any]]:
    """The emitted lines, each with the numbers of the kernels that it belongs to."""
    of: dict[int, list[int]] = {}
    for kernel in record.kernels:
        for first, last in kernel.lines:
            for number in range(first, last + 1):
                of.setdefault(number, []).append(kernel.number)
    return [{"number": k, "text": text, "kernels": of.get(k, [])} for k, text in enumerate(record.source.splitlines(), 1)]


class _Tables:
    """Values, graphs and origins, numbered as they are met."""

    def __init__(self, record: Record):
        self._record = record
        self._values: dict[Node, int] = {}
        self._graphs: dict[Graph, int] = {}
        self.origins: dict[Origin, int] = {}
        self.rows: list[dict[str, Any]] = []
        self.graph_rows: list[dict[str, Any]] = []

    def graph(self, graph: Graph) -> int:
        """The number of a graph, whose values are numbered in the order of its text; nesting sets the recursion."""
        if graph not in self._graphs:
            values = [self.value(n) for n in (*graph.inputs, *graph.in_order)]
            row = {
                "name": graph.name, "inputs": [self.value(n) for n in graph.inputs], "values": values,
                "outputs": [self.value(n) for n in graph.outputs], "updates": [[self.value(v), self.value(n)] for v, n in graph.updates],
            }  # fmt: skip
            self._graphs[graph] = len(self.graph_rows)
            self.graph_rows.append(row)
        return self._graphs[graph]

    def value(self, node: Node) -> int:
        """The number of a value; what it reads is numbered before it."""
        todo = [node]
        while todo:
            n = todo[-1]
            missing = [i for i in n.inputs if i not in self._values] if n not in self._values else []
            if missing:
                todo += reversed(missing)
                continue
            todo.pop()
            if n not in self._values:
                row = self._row(n)
                self._values[n] = len(self.rows)
                self.rows.append(row)
        return self._values[node]

    def _row(self, node: Node) -> dict[str, Any]:
        shown = {k: _attribute(v) for k, v in node.attrs.items() if k not in HIDDEN and not isinstance(v, Graph)}
        return {
            "name": self._record.name(node), "op": node.op.name, "type": ", ".join(map(str, node.types)),
            "inputs": [self._values[i] for i in node.inputs], "attributes": shown, "graphs": [self.graph(g) for g in subgraphs(node)],
            "origins": [self.origins.setdefault(o, len(self.origins)) for o in node.origins],
        }  # fmt: skip


def _attribute(value: Any) -> Any:
    if isinstance(value, Literal) and value.array.size > _MOST_ELEMENTS:
        return "..."
    return value if isinstance(value, (str, int)) else repr(value)


def _origin(origin: Origin) -> dict[str, Any]:
    return {"layer": origin.layer, "lines": [[line.filename, line.number] for line in origin.lines], "gradient_of": origin.gradient_of}


def _kernel(w: Work, tables: _Tables) -> dict[str, Any]:
    kernel = w.kernel
    return {
        "number": kernel.number, "name": kernel.name, "values": [tables.value(n) for n in kernel.nodes], "lines": [list(p) for p in kernel.lines],
        "runs": w.runs, "flops": w.flops, "read": w.read, "written": w.written,
    }  # fmt: skip


def to_json(data: Mapping[str, Any]) -> str:
    """JSON in ASCII, each item of a list on a line of its own."""
    rows = []
    for key, value in data.items():
        if isinstance(value, list) and value:
            inner = ",\n  ".join(json.dumps(item, allow_nan=False) for item in value)
            rows.append(f" {json.dumps(key)}: [\n  {inner}\n ]")
        else:
            rows.append(f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def write(text: str, path: Any) -> str:
    """`text`, written to `path` where that is not None.

    Raises:
        ConfigError: it cannot be written there.
    """
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except (OSError, TypeError, ValueError) as error:
            raise ConfigError(f"{path!r} cannot be written: {error}") from error
    return text
