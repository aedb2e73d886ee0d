"""What of a program depends on variables and constants alone: computed once, and kept in the arena from call to call.

A network that predicts has its batch norms folded into kernels, its kernels laid out or transformed for a way of computing: work that
follows from variables, which change when somebody trains or loads weights and not from one prediction to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from symkeras.compiler.program import AnyStep, Preparation, Step, Value, flat


def prepare(steps: Sequence[AnyStep], ready_input: Callable[[Step], int | None], end: int) -> tuple[list[AnyStep], list[AnyStep]]:
    """Take out of a program those steps whose results are good for many calls, and give these room that nobody else has.

    Args:
        steps: those of a program that writes no variable, before results take over storage.
        ready_input: the input from which alone a kernel makes its first scratch; None where there is none. Kernels whose such input is
            good for many calls are marked (`Step.is_ready`).
        end: the position after the last step.

    Returns:
        A `Preparation` that comes first, or nothing; and the other steps.
    """
    constant, made = constant_steps(steps)
    others = [s for s in steps if s not in constant]
    ready = [s for s in others if isinstance(s, Step) and (k := ready_input(s)) is not None and _is_kept(s.inputs[k], made)]
    for v in (v for s in constant for v in s.scratch):
        v.buffer.first = -1  # they run first, when inputs lie there already
    for v in (*(v for s in constant for v in s.outputs), *(s.scratch[0] for s in ready)):
        for b in (v.buffer.root, v.buffer.storage):
            b.first, b.last = -1, end
    for s in ready:
        s.is_ready = True
    return [Preparation(list(constant))] if constant or ready else [], others


def constant_steps(steps: Sequence[AnyStep]) -> tuple[dict[Step, None], set[int]]:
    """The steps that depend on variables and constants alone, and the storage that they alone write, by id."""
    found = {s: None for s in steps if isinstance(s, Step) and all(isinstance(v.type.size, int) for v in s.outputs)}
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


def _written(steps: Iterable[Step]) -> set[int]:
    return {id(v.buffer.storage) for s in steps for v in (*s.outputs, *s.scratch)}


def _is_kept(v: Value, made: Container[int]) -> bool:
    """Whether a value is there in the next call: a variable, a constant, a number made of sizes, or what `made` says."""
    storage = v.buffer.storage
    return storage.kind != "arena" or id(storage) in made
