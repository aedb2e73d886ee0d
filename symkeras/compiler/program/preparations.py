"""What of a program depends on variables and constants alone: computed once, and kept in the arena from call to call.

A network that predicts has its batch norms folded into kernels, its kernels laid out or transformed for a way of computing: work that
follows from variables, which change when somebody trains or loads weights and not from one prediction to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.kernels import Kernels
from symkeras.compiler.program.program import AnyStep, Preparation, Step, Value, flat
from symkeras.graph import dims
from symkeras.graph.node import reachable
from symkeras.graph.types import TensorType


def prepare(steps: Sequence[AnyStep], kernels: Kernels, fresh: Callable[[TensorType], Value],
            reads: Mapping[int, Sequence[tuple[int, Step | None]]], end: int) -> tuple[list[AnyStep], list[AnyStep]]:  # fmt: skip
    """Take out of a program those steps whose results are good for many calls, and give these room that nobody else has.

    Args:
        steps: those of a program that writes no variable, before results take over storage.
        kernels: those of the backend. Kernels whose `ready_input` is good for many calls are marked (`Step.is_ready`).
        fresh: makes a value with storage of its own.
        reads: id(buffer) -> who reads it, and when.
        end: the position after the last step.

    Returns:
        A `Preparation` that comes first, or nothing; and the other steps.
    """
    constant, made = constant_steps(steps)
    others = [s for s in steps if s not in constant]
    ready = [s for s in others if isinstance(s, Step) and (k := kernels.ready_input(s)) is not None and _is_kept(s.inputs[k], made)]
    for s in constant:
        for v in s.scratch:
            _live(v, -1)  # they run first, when inputs lie there already
        for v in s.outputs:
            is_read_later = any(reader not in constant for _, reader in reads.get(id(v.buffer), ()))
            _live(v, end if is_read_later or v.buffer.storage is not v.buffer else -1)
    for s in ready:
        s.scratch = [*map(fresh, kernels.ready_scratch(s)), *s.scratch]
        _live(s.scratch[0], end)
        s.is_ready = True
    return [Preparation(list(constant))] if constant or ready else [], others


def _live(v: Value, last: int) -> None:
    """Let storage live from before the first step to `last`."""
    for b in (v.buffer.root, v.buffer.storage):
        b.first, b.last = -1, last


def constant_steps(steps: Sequence[AnyStep]) -> tuple[dict[Step, None], set[int]]:
    """The steps that depend on variables and constants alone, whatever the sizes, and the storage that they alone write, by id."""
    found = {s: None for s in steps if isinstance(s, Step) and not _is_sized(s)}
    while True:
        written = _written(s for s in flat(steps) if s not in found)
        made: set[int] = set()
        kept: dict[Step, None] = {}
        for s in found:
            if all(_is_kept(v, made) for v in s.inputs) and not any(id(v.buffer.storage) in written for v in s.outputs):
                kept[s] = None
                made |= {id(v.buffer.storage) for v in s.outputs}
        if len(kept) == len(found):
            return found, made
        found = kept


def _is_sized(s: Step) -> bool:
    """Whether what a step does depends on symbolic sizes."""
    nodes = s.fused.nodes if s.fused is not None else [s.node]
    attrs = tuple(a for n in nodes for a in n.attrs.values() if isinstance(a, (tuple, dims.Dim)))
    places = [place(v) for v in (*s.inputs, *s.outputs)]
    shapes = tuple(v.type.shape for v in (*s.inputs, *s.outputs, *s.scratch))
    return bool(dims.symbols_of((attrs, shapes, *((p.offset, p.strides) for p in places)))) or any(map(_is_size, s.inputs))


def _is_size(v: Value) -> bool:
    """Whether a value is a number made of sizes."""
    source = v.buffer.storage.source
    return v.buffer.kind == "bound" and source is not None and any(n.op.name == "dim" for n in reachable([source]))


def _written(steps: Iterable[Step]) -> set[int]:
    return {id(v.buffer.storage) for s in steps for v in (*s.outputs, *s.scratch)}


def _is_kept(v: Value, made: Container[int]) -> bool:
    """Whether a value is there in the next call: a variable, a constant, or what `made` says."""
    storage = v.buffer.storage
    return storage.kind != "arena" or id(storage) in made
