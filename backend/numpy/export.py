"""A graph as one Python script that needs NumPy alone, with its weights in a `.npz` beside it.

The script holds the emitted step, the source text of the kernels it calls (see `sources`), and a `predict` that takes rows
in batches: memory is planned for a fixed number of rows, and what is left runs at the same offsets.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.backend.emitted.batchwise import Port, check_count, check_suffix, rows_of
from symkeras.backend.numpy import kernels, text
from symkeras.backend.numpy.emission import emit
from symkeras.backend.numpy.executable import NumpyExecutable
from symkeras.backend.numpy.export_text import SCRIPT, SERVICES
from symkeras.backend.numpy.kernels.table import NumpyKernels
from symkeras.backend.numpy.sources import Sources, Unavailable
from symkeras.compiler.passes.freeze_variables import FreezeVariables
from symkeras.compiler.passes.widen_narrow import narrow_dtypes
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program import naming
from symkeras.errors import BackendError
from symkeras.graph import dtypes
from symkeras.graph.escaping import docstring, file_name, python_literal, shell_word
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.op import OPS, Op

ROWS = "dim_rows"
"""What a function of the number of rows calls it; no definition taken along is named so."""
_TILED = ("conv", "max_pool", "sum_pool")
"""Ops whose working memory is that of a tile of images, for each member of the team."""


def export_numpy(
    graph: Graph, path: Path, *, batch: int = 32, title: str = "", results: Sequence[str] = (), level: str = "O2"
) -> list[Path]:
    """Write `graph` as a Python script and a file of weights.

    Args:
        graph: without updates; the first axis of every input and output counts rows, all other sizes are known.
        path: the script.
        batch: rows for which memory is planned.
        title: the name of the model.
        results: names of the outputs.
        level: as for `compile`.

    Returns:
        The script and the file of weights.

    Raises:
        ConfigError: `batch` is no positive integer, or `path` does not end in ".py".
        BackendError: the graph is none that rows can be taken from in batches, or has an op that a script cannot hold.
    """
    check_count("batch", batch)
    check_suffix(path, ".py")
    export = _Export(graph, batch, title or graph.name, results, {"level": level})
    script, weights = export.script(path), export.weights()
    beside = path.with_suffix(".npz")
    beside.write_bytes(weights)
    path.write_text(script, encoding="utf-8")
    return [path, beside]


class _Kernels(NumpyKernels):
    """The kernels with working memory for one thread and no more rows than there are."""

    def __init__(self, batch: int):
        self._batch = batch

    def scratch(self, node: Node) -> Sequence[TensorType]:
        types = super().scratch(node)
        return [self._for_one(t) for t in types] if node.op.name in _TILED else types

    def _for_one(self, t: TensorType) -> TensorType:
        images = t.shape[1]
        return t.with_shape((1, min(images, self._batch) if isinstance(images, int) else images, *t.shape[2:]))


class _Draft(NumpyExecutable):
    """A program and its text, with weights that do not change; not bound."""

    def __init__(self, graph: Graph, batch: int, **options: Any):
        self._batch = batch
        super().__init__(graph, lambda op: op in OPS and not OPS[op].is_composite, **options)

    def _compile(self) -> None:
        self._kernels = _Kernels(self._batch)
        self._pipeline = Pipeline((*self._pipeline.passes, FreezeVariables()))
        super()._compile()

    def _emit(self) -> tuple[str, Sequence[Node]]:
        self.emission = emit(self.program)
        return self.emission.source, self.emission.variables


class _Export:
    """One export: what the template of `export_text` is filled with."""

    def __init__(self, graph: Graph, batch: int, title: str, results: Sequence[str], options: dict[str, Any]):
        self.graph, self.batch, self.title = graph, batch, title
        self.rows = rows_of(graph, results)
        draft = _Draft(graph, batch, **options)
        self.emission = draft.emission
        self.plan = draft.plan({self.rows.symbol: batch})
        self.sources = Sources()
        self.arrays: dict[str, np.ndarray] = {}
        self.variables = [self._stored(n, n.attrs["variable"].array) for n in self.emission.variables]
        self.constants = [self._constant(n) for n in self.emission.constants]

    # ---- weights ---------------------------------------------------------------------------------------------------

    def _stored(self, n: Node, array: Any) -> str:
        """The expression of an array that is kept in the file of weights."""
        base = name = naming.named_after(n)
        k = 1
        while name in self.arrays or name in ("file", "allow_pickle"):  # parameters of np.savez
            k += 1
            name = f"{base}_{k}"
        self.arrays[name] = array = np.asarray(array)
        return f"WEIGHTS[{name!r}]" + (f".view({array.dtype.name!r})" if array.dtype.name in dtypes.FOREIGN else "")

    def _constant(self, n: Node) -> str:
        array = n.attrs["value"].array
        return _number(array) if array.ndim == 0 else self._stored(n, array)

    def weights(self) -> bytes:
        """The contents of the `.npz`."""
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **self.arrays)
        return file.getvalue()

    # ---- the script ------------------------------------------------------------------------------------------------

    def script(self, path: Path) -> str:
        from symkeras import __version__

        source = self.emission.source
        names = sorted(set(re.findall(r"\bkernels\.(\w+)", self._code)))
        table = [f"    {name}={self._kernel(name)}," for name in names]
        nodes = [f"    {self._node(n)}," for n in self.emission.nodes]
        usage = " ".join(f"{file_name(p.name, 'array')}.npy" for p in (*self.rows.inputs, *self.rows.outputs))
        definitions = [SERVICES[name] for name in names if name in SERVICES] + self.sources.texts()
        is_foreign = bool(narrow_dtypes(self.graph))
        fields = {
            "needs": " and ml_dtypes" if is_foreign else "",
            "registering": "import ml_dtypes  # lets NumPy know bfloat16\n" if is_foreign else "",
            "title": docstring(self.title), "version": __version__, "module": docstring(path.stem),
            "weights": docstring(path.with_suffix(".npz").name), "ports": "\n".join(self._ports_text()),
            "usage": docstring(f"python {shell_word(path.name)} {usage}"),
            "imports": "\n".join(self.sources.imports()), "batch": str(self.batch), "bytes": str(self.plan.planned),
            "offsets": _lines(map(str, self.plan.offsets)), "inputs": self._table(self.rows.inputs), "outputs": self._outputs(),
            "variables": _lines(self.variables), "constants": _lines(self.constants), "nodes": _wrapped(nodes, "[", "]"),
            "kernels": _wrapped(table, "types.SimpleNamespace(", ")"), "definitions": "\n\n\n".join(definitions),
            "bind": source[source.index("\ndef bind(") + 1 :].rstrip(), "symbol": python_literal(self.rows.symbol),
        }  # fmt: skip
        return re.sub(r"\$([a-z]+)", lambda m: fields[m[1]], SCRIPT)

    @property
    def _code(self) -> str:
        """The emitted text without its comments, in which anything may stand."""
        return re.sub(r"  # .*", "", self.emission.source[self.emission.source.index("\ndef bind(") :])

    def _ports_text(self) -> Iterable[str]:
        for kind, ports in (("in ", self.rows.inputs), ("out", self.rows.outputs)):
            for p in ports:
                yield f"    {kind}  {docstring(p.name)}: {p.dtype} {p}"

    @staticmethod
    def _table(ports: Sequence[Port]) -> str:
        return _wrapped([f"    {python_literal(p.name)}: ({p.row!r}, {p.dtype!r})," for p in ports], "{", "}")

    def _outputs(self) -> str:
        """Name to the sizes behind the first axis and the dtype."""
        ports = [(p.name, n.tensor_type) for p, n in zip(self.rows.outputs, self.graph.outputs, strict=True)]
        return _wrapped([f"    {python_literal(name)}: ({t.shape[1:]!r}, {t.dtype!r})," for name, t in ports], "{", "}")

    # ---- what the emitted text calls -------------------------------------------------------------------------------

    def _kernel(self, name: str) -> str:
        if name in SERVICES:
            return name
        function = getattr(kernels, name)
        return self._taken(function.__module__, function.__name__, name)

    def _taken(self, module: str, name: str, what: str) -> str:
        try:
            return self.sources.add(module, name)
        except Unavailable as error:
            raise BackendError(f"export of {self.title!r} as a NumPy script: {what} cannot be included: {error}") from error

    def _node(self, n: Node) -> str:
        """The value of a node without a kernel, as a function of the number of rows and its inputs."""
        place = naming.origin(n)
        if any(isinstance(v, Graph) for v in n.attrs.values()):
            raise BackendError(
                f"export of {self.title!r} as a NumPy script: {n.op.name} is not offered there{f' ({place})' if place else ''}; format 'c' has it"
            )
        if n.inputs and n in self._bound:
            return f"lambda {ROWS}: {self._expression(n)}"
        attrs = "".join(f", {k}={self._attribute(v)}" for k, v in n.attrs.items())
        return f"lambda {ROWS}, *inputs: {self._value_of(n.op)}(*inputs{attrs})"

    def _attribute(self, value: Any) -> str:
        return text.literal(value, lambda _: ROWS)

    @property
    def _bound(self) -> set[Node]:
        """The nodes that the text asks for with `kernels.value`: numbers made of sizes and constants."""
        asked = re.findall(r"kernels\.value\(nodes\[(\d+)\]", self._code)
        return {self.emission.nodes[int(k)] for k in asked}

    def _expression(self, n: Node) -> str:
        if n.op.name == "dim":
            return f"np.array({self._attribute(n.attrs['size'])}, {n.dtype!r})"
        if n.op.name == "constant":
            return _number(n.attrs["value"].array)
        given = [self._expression(i) for i in n.inputs] + [f"{k}={self._attribute(v)}" for k, v in n.attrs.items()]
        return f"{self._value_of(n.op)}({', '.join(given)})"

    def _value_of(self, op: Op) -> str:
        """The reference value of an op as a name in the script."""
        function = getattr(op, "fn", None)
        if function is None:
            return self._taken(type(op).__module__, f"{type(op).__name__}.value", op.name)
        name = getattr(function, "__name__", "")
        if getattr(np, name, None) is function:
            return f"np.{name}"
        return self._taken(function.__module__, name, op.name)


def _number(array: np.ndarray) -> str:
    value = array.item()
    if isinstance(value, complex):
        raise BackendError("a NumPy script has no complex constants")
    return f"np.array({text.literal(value)}, {str(array.dtype)!r})"


def _wrapped(lines: Sequence[str], start: str, end: str) -> str:
    return start + ("\n" + "\n".join(lines) + "\n" if lines else "") + end


def _lines(items: Iterable[str]) -> str:
    """A list over as many lines as it needs."""
    rows = [""]
    for item in items:
        if len(rows[-1]) + len(item) > 120:
            rows.append("")
        rows[-1] += f"{item}, "
    return "[" + (rows[0].removesuffix(", ") if len(rows) == 1 else "".join(f"\n    {r.rstrip()}" for r in rows) + "\n") + "]"
