"""One kernel taken out: its machine code, and a script that runs it alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from symkeras.errors import BackendError, InspectionError
from symkeras.graph import dims, provenance
from symkeras.graph.escaping import docstring
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, placeholder_node
from symkeras.graph.types import TensorType
from symkeras.inspection.cost import layers, user_lines
from symkeras.inspection.record import Kernel, Record
from symkeras.inspection.traffic import sizes_of

_SECONDS = 60
_SYMBOL = re.compile(r"[0-9a-f]+ <([^>]+)>:")
_DEFINED = re.compile(r"^static void (\w+)\(", re.MULTILINE)


def assembly(record: Record, kernel: Kernel) -> str:
    """The machine code of the functions of a kernel, as objdump prints it.

    Raises:
        BackendError: the backend builds no library, or there is no objdump.
        InspectionError: the kernel has no function of its own in the library.
    """
    entry, emission = getattr(record.executable, "entry", None), getattr(record.executable, "emission", None)
    if entry is None or emission is None:
        raise BackendError(f"backend {record.executable.backend!r} builds no machine code of its own; 'native' does")
    tool = shutil.which("objdump")
    if tool is None:
        raise BackendError("asm needs objdump, which is not installed: it is part of binutils (apt install binutils)")
    text = record.source.splitlines()
    wanted = {name for first, last in kernel.lines if last > first for name in _DEFINED.findall("\n".join(text[first - 1 : last]))}
    wanted |= {name for first, last in kernel.lines if first == last for name in re.findall(r"\b(\w+)\(", text[first - 1])}
    parts = _functions(_disassembled(tool, entry.path))
    found = [part for name, part in parts.items() if name.split(".")[0] in wanted]
    if not found:
        raise InspectionError(f"kernel {kernel.number} ({kernel.name}) has no function of its own in {entry.path}: it is part of symkeras_run")
    return "\n\n".join(found)


def _disassembled(tool: str, path: Path) -> str:
    try:
        done = subprocess.run([tool, "-d", "--no-show-raw-insn", str(path)], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"objdump failed on {path}: {error}") from error
    if done.returncode:
        raise BackendError(f"objdump failed on {path}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _functions(text: str) -> dict[str, str]:
    """Name -> text of each function of a disassembly."""
    found: dict[str, str] = {}
    for part in text.split("\n\n"):
        match = _SYMBOL.match(part.strip())
        if match:
            found[match[1]] = part.strip()
    return found


def script(record: Record, kernel: Kernel, batch: int | None, sizes: Mapping[str, int]) -> str:
    """A Python script that compiles one kernel alone for its backend, runs it on inputs of the right shapes, and prints how far the results
    are from the reference, and its time.

    Raises:
        InspectionError: what the kernel does is no operation of the graph (a copy between two layouts).
    """
    step = kernel.step
    if step.kind not in ("kernel", "fused"):
        raise InspectionError(f"kernel {kernel.number} ({kernel.name}) is a {step.kind}, which no graph by itself has")
    env = sizes_of(record, batch, sizes)
    graph = _alone(record, kernel)
    lines = [_input(n, env) for n in graph.inputs]
    about = ", ".join([*layers(kernel), *user_lines(kernel)])
    text = graph.to_text().strip()
    quoted = f"r'''\n{text}\n'''" if "'''" not in text else repr(text)
    return "\n".join([
        f'"""{docstring(f"Kernel {kernel.number} of {record.graph.name}, {kernel.name}, alone: {about}")}."""',
        "",
        "import time",
        "",
        "import numpy as np",
        "",
        "from symkeras.backend.interface import compile_graph",
        "from symkeras.graph.graph import Graph",
        "from symkeras.ops.evaluation import evaluate",
        "",
        f"GRAPH = {quoted}",
        "",
        "graph = Graph.parse(GRAPH)",
        f'kernel = compile_graph(graph, {record.executable.backend!r}, level="O0")',
        "rng = np.random.default_rng(0)",
        "inputs = [",
        *(f"    {line}," for line in lines),
        "]",
        "outputs = kernel(*inputs)",
        "seconds = []",
        "for _ in range(10):",
        "    start = time.perf_counter()",
        "    kernel(*inputs)",
        "    seconds.append(time.perf_counter() - start)",
        "print(kernel.source)",
        "for output, expected in zip(outputs, evaluate(graph, inputs)[0], strict=True):",
        "    off = np.abs(output.astype(float) - np.asarray(expected, float)).max(initial=0.0)",
        '    print(output.dtype, output.shape, f"{off:.2g} from the reference")',
        'print(f"{min(seconds) * 1e6:.1f} us")',
        "",
    ])  # fmt: skip


def _alone(record: Record, kernel: Kernel) -> Graph:
    """The nodes of a kernel as a graph of what they read."""
    nodes = set(kernel.nodes)
    read = dict.fromkeys(i for n in kernel.nodes for i in n.inputs if i not in nodes and i.op.name not in ("constant", "dim"))
    if any(isinstance(i.type, tuple) for i in read):
        raise InspectionError(f"kernel {kernel.number} ({kernel.name}) reads several results as one: it cannot be taken out")
    with provenance.inherit(()):
        new = {i: placeholder_node(i.tensor_type, record.name(i)) for i in read}
        roots = [v.node for v in kernel.step.outputs if v.node in nodes] or [kernel.step.node]
        made = substitute(roots, new)
        outputs = [o for r in roots if r is not None for o in _results(made[r])]
    inputs = [new[i] for i in read]
    return Graph([*inputs, *_sizes(inputs, nodes)], outputs, name="kernel")


def _sizes(inputs: Sequence[Node], nodes: Iterable[Node]) -> list[Node]:
    """Inputs that nothing reads, for sizes of results that no input has."""
    found = {s for n in inputs for s in dims.symbols_of(n.shape)}
    missing = {s for n in nodes for t in n.types for s in dims.symbols_of(t.shape)} - found
    return [placeholder_node(TensorType((dims.symbol(s),), "bool"), f"size_of_{s}") for s in sorted(missing)]


def _results(node: Node) -> Sequence[Node]:
    from symkeras.graph.node import OPS, make

    return [make(OPS["item"], [node], {"index": k}) for k in range(len(node.types))] if isinstance(node.type, tuple) else [node]


def _input(node: Node, env: Mapping[str, int]) -> str:
    shape, dtype = dims.evaluate(node.shape, env), node.dtype
    if dtype.startswith(("float", "bfloat")):
        return f"rng.uniform(0.1, 1.0, {shape}).astype({dtype!r})"
    return f"np.zeros({shape}, {dtype!r})"
