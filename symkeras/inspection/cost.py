"""What a compiled function costs, by kernel and by layer: operations, bytes, and the table of all kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symkeras.compiler.program.program import Buffer, Value
from symkeras.graph.node import Node
from symkeras.inspection.record import Kernel, Record
from symkeras.inspection.table import Table, shown
from symkeras.inspection.traffic import Work, flops_of, nbytes, sizes_of, works

if TYPE_CHECKING:
    from symkeras.inspection.profile import Profile

_KERNEL_COLUMNS = ["number", "name", "ops", "layers", "runs", "flops", "read", "written", "intensity"]
_LAYER_COLUMNS = ["layer", "direction", "kernels", "flops", "read", "written", "intensity"]


class Cost:
    """Operations and bytes of one call, for known sizes.

    Attributes:
        sizes: of every symbol.
        kernels: a row per kernel: number, name, ops, layers, runs, flops, bytes read and written, and flops per byte.
        layers: the same by layer (or part, such as "optimizer/adam") and direction, "forward" or "backward".
        flops, read, written: of all.
    """

    def __init__(self, record: Record, batch: int | None = None, sizes: Mapping[str, int] | None = None):
        self.sizes = sizes_of(record, batch, sizes or {})
        done = works(record, self.sizes)
        self.kernels = Table(_KERNEL_COLUMNS, [_kernel_row(w) for w in done])
        self.layers = Table(_LAYER_COLUMNS, _layer_rows(done, self.sizes))
        self.flops = sum(w.flops for w in done)
        self.read = sum(w.read for w in done)
        self.written = sum(w.written for w in done)
        self._name = record.graph.name

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "sizes": self.sizes, "flops": self.flops, "read": self.read, "written": self.written,
            "kernels": self.kernels.rows, "layers": self.layers.rows,
        }  # fmt: skip

    def __str__(self) -> str:
        sizes = ", ".join(f"{k}={v}" for k, v in self.sizes.items())
        total = ", ".join(f"{shown('', getattr(self, k))} {what}" for k, what in (("flops", "flops"), ("read", "bytes read"), ("written", "written")))
        return f"{self._name}{f' ({sizes})' if sizes else ''}: {total}\n{self.layers}"


def _kernel_row(w: Work) -> dict[str, Any]:
    k = w.kernel
    return {
        "number": k.number, "name": k.name, "ops": ops(k), "layers": layers(k), "runs": w.runs,
        "flops": w.flops, "read": w.read, "written": w.written, "intensity": w.intensity,
    }  # fmt: skip


def _layer_rows(done: list[Work], env: Mapping[str, int]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def row(key: tuple[str, str]) -> dict[str, Any]:
        empty = {"layer": key[0], "direction": key[1], "kernels": 0, "flops": 0, "read": 0, "written": 0, "intensity": 0.0}
        return rows.setdefault(key, empty)

    for w in done:
        step = w.kernel.step
        for key in dict.fromkeys(map(place_of, w.kernel.nodes)):
            row(key)["kernels"] += 1
        for n in w.kernel.nodes:
            row(place_of(n))["flops"] += w.runs * flops_of(step, n, env)
        if w.bytes:
            for v in {id(v): v for v in step.inputs}.values():
                row(place_of(_reader(v, w.kernel)))["read"] += w.runs * nbytes(v, env)
            for v in step.outputs:
                row(place_of(v.node if v.node in w.kernel.nodes else step.node))["written"] += w.runs * nbytes(v, env)
    for r in rows.values():
        r["intensity"] = r["flops"] / (r["read"] + r["written"]) if r["read"] + r["written"] else 0.0
    return list(rows.values())


def _reader(v: Value, kernel: Kernel) -> Node:
    return next((n for n in kernel.nodes if v.node in n.inputs), kernel.step.node)


def place_of(node: Node | None) -> tuple[str, str]:
    """The layer that a node belongs to first ("" for none), and "forward" or "backward"."""
    if node is None or not node.origins:
        return "", "forward"
    origin = node.origins[0]
    return origin.layer, "backward" if origin.gradient_of else "forward"


def ops(kernel: Kernel) -> list[str]:
    """The names of what it computes."""
    return [n.op.name for n in kernel.nodes]


def layers(kernel: Kernel) -> list[str]:
    """The layers that it computes something of; gradients as `grad(layer)`."""
    found = [(o.layer or o.gradient_of, bool(o.gradient_of)) for n in kernel.nodes for o in n.origins]
    return [f"grad({layer})" if is_gradient else layer for layer, is_gradient in dict.fromkeys(found) if layer]


def user_lines(kernel: Kernel) -> list[str]:
    """The user's lines that wrote what it computes."""
    return list(dict.fromkeys(o.line for n in kernel.nodes for o in n.origins if o.line))


_TABLE_COLUMNS = [
    "number", "name", "ops", "layers", "lines", "shapes", "flops", "read", "written", "intensity", "emitted", "buffer", "seconds",
]  # fmt: skip


def kernel_table(record: Record, batch: int | None, sizes: Mapping[str, int], profile: Profile | None) -> Table:
    """One row per kernel; `seconds` is None where nothing was profiled."""
    env = sizes_of(record, batch, sizes)
    seconds = {} if profile is None else {k: r["seconds"] for k, r in enumerate(profile.kernels.rows)}
    places = {id(b): k for k, b in enumerate(record.program.buffers)} if record.program is not None else {}
    rows = []
    for w in works(record, env):
        k = w.kernel
        rows.append({
            "number": k.number, "name": k.name, "ops": ops(k), "layers": layers(k), "lines": user_lines(k),
            "shapes": [str(v.type) for v in k.step.outputs], "flops": w.flops, "read": w.read, "written": w.written, "intensity": w.intensity,
            "emitted": [f"{a}-{b}" if b > a else str(a) for a, b in k.lines],
            "buffer": [buffer_text(v.buffer.storage, places) for v in k.step.outputs], "seconds": seconds.get(k.number),
        })  # fmt: skip
    return Table(_TABLE_COLUMNS, rows)


def buffer_text(b: Buffer, places: Mapping[int, int]) -> str:
    """`arena 3`, `variable dense/kernel`, `constant`, or `bound`."""
    if b.kind == "arena":
        return f"arena {places[id(b)]}" if id(b) in places else "arena"
    return f"variable {b.source.attrs['name']}" if b.kind == "variable" and b.source is not None else b.kind
