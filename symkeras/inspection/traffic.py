"""What each kernel has to do for known sizes: operations, bytes read and written, and how often it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symkeras.compiler.program.program import AnyStep, Branch, Loop, Step, Value, While, inner_steps
from symkeras.errors import InspectionError, nearest
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.inspection.record import Kernel, Record

_COMPUTES = ("kernel", "fused", "combine")


def sizes_of(record: Record, batch: int | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """The size of every symbol: as given, else as in the largest call so far.

    Args:
        batch: the size of the first axis of the first input that has an open one.
        sizes: by symbol.

    Raises:
        InspectionError: a symbol that there is not, a size that is none, or one that is neither given nor known from a call.
    """
    graph = record.executable.source_graph
    program = record.program
    types = [t.shape for n in graph.nodes for t in n.types]
    symbols = program.symbols if program is not None else sorted(set().union(*map(dims.symbols_of, types)))
    plan = record.executable.memory
    env = dict(plan.env) if plan is not None else {}
    given = dict(sizes)
    if batch is not None:
        rows = next((n.shape[0] for n in graph.inputs if n.ndim and not isinstance(n.shape[0], int)), None)
        names = sorted(dims.symbols_of(rows)) if rows is not None else []
        if len(names) != 1:
            raise InspectionError(f"{graph.name} has no open number of rows: its inputs are {', '.join(str(n.type) for n in graph.inputs)}")
        given[names[0]] = batch
    for name, value in given.items():
        if name not in symbols:
            raise InspectionError(f"{graph.name} has no size {name!r}; its sizes are {', '.join(symbols) or 'all known'}.{nearest(name, symbols)}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise InspectionError(f"size {name!r} must be a whole number from 0 on, received {value!r}")
    env.update(given)
    missing = [s for s in symbols if s not in env]
    if missing:
        raise InspectionError(f"{graph.name} was never called: give the sizes {', '.join(missing)}, such as batch=32")
    return {s: env[s] for s in symbols}


def program_of(record: Record, what: str) -> Any:
    """The program of a record.

    Raises:
        InspectionError: an engine or the interpreter runs the graph.
    """
    if record.program is None:
        backend = record.executable.backend
        raise InspectionError(f"backend {backend!r} has no kernels of its own, so no {what}; the backends 'numpy' and 'native' have")
    return record.program


@dataclass(frozen=True)
class Work:
    """What a kernel does in one call of the function.

    Attributes:
        runs: how often it runs; of loops that end by a condition, once for all.
        flops: floating-point operations, of all runs.
        read, written: bytes, of all runs; what is read twice by one run counts once.
    """

    kernel: Kernel
    runs: int
    flops: int
    read: int
    written: int
    is_certain: bool

    @property
    def bytes(self) -> int:
        """Read and written together."""
        return self.read + self.written

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return self.flops / self.bytes if self.bytes else 0.0


def works(record: Record, env: Mapping[str, int]) -> list[Work]:
    """The work of every kernel, in the order in which they run."""
    runs = {id(s): (n, sure) for s, n, sure in _runs(program_of(record, "cost by kernel").steps, env, 1, True)}
    found = []
    for k in record.kernels:
        count, is_certain = runs[id(k.step)]
        flops = sum(flops_of(k.step, n, env) for n in k.nodes)
        inputs = {id(v): v for v in k.step.inputs}.values()
        read, written = sum(nbytes(v, env) for v in inputs), sum(nbytes(v, env) for v in k.step.outputs)
        if is_placed(k.step):
            read = written = 0
        found.append(Work(k, count, count * flops, count * read, count * written, is_certain))
    return found


def is_placed(step: Step) -> bool:
    """Whether a step does nothing: a concatenation whose pieces are all written where they belong."""
    if step.kind != "kernel" or step.node.op.name != "concatenate":
        return False
    whole = step.outputs[0].buffer
    return all(v.buffer.inside is whole or v.buffer is whole for v in step.inputs)


def flops_of(step: Step, node: Node, env: Mapping[str, int]) -> int:
    """Operations of one node of a step, in one run."""
    return int(dims.evaluate(node.op.flops(node), env)) if step.kind in _COMPUTES else 0


def nbytes(v: Value, env: Mapping[str, int]) -> int:
    """Bytes of memory behind a value: of a view that repeats elements, those that it repeats; none of a number known beforehand."""
    if v.buffer.root.kind == "bound":
        return 0
    least, x = int(dims.evaluate(v.type.nbytes, env)), v
    while x.base is not None and (x.view is None or x.view[0] != "element"):
        x = x.base
        least = min(least, int(dims.evaluate(x.type.nbytes, env)))
    return least


def _runs(steps: Sequence[AnyStep], env: Mapping[str, int], count: int, is_certain: bool) -> Iterator[tuple[Step, int, bool]]:
    for s in steps:
        if isinstance(s, Step):
            yield s, count, is_certain
        elif isinstance(s, Loop):
            yield from _runs(s.steps, env, count * int(dims.evaluate(s.length, env)), is_certain)
        else:
            yield from _runs(inner_steps(s), env, count, is_certain and not isinstance(s, (Branch, While)))
