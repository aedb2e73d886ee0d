"""A fusion group as one C function, in the form that suits it."""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.backend.native.loops.accesses import Operand, Walk, operands_of
from symkeras.backend.native.loops.interleaved import InterleavedNest, suits
from symkeras.backend.native.loops.loop_nest import LoopNest
from symkeras.backend.native.text import FunctionText
from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.batch_tiling import counted, window
from symkeras.compiler.program.fusion import FusionGroup
from symkeras.compiler.program.program import Step
from symkeras.graph.dims import Dim, Size


def loop_over_samples(step: Step, samples: Dim) -> Size | None:
    """The length of the loop of a fusion group that threads can share; None where there is none, or where it goes through something that has
    samples in another way than sample by sample: a matrix whose columns are samples, too, a sum over all of them."""
    fused = step.fused
    assert fused is not None
    if fused.is_small:
        return None
    walk = Walk(fused, operands_of(step), [place(v).strides for v in step.outputs])
    rows = counted(walk.length, samples) if walk.length is not None else None
    if rows is None:
        return None
    values = dict(zip(fused.operands, step.inputs, strict=True))
    walks = [(values[i], a) for (_, i), a in walk.reads.items()] + list(zip(step.outputs, walk.outs.values(), strict=True))
    return walk.length if all((w := window(v, samples)) is None or w.size == a.strides[0] * rows for v, a in walks) else None


def fused_text(fused: FusionGroup, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]) -> FunctionText:
    """The C function of a fusion group; operands in order, results named `y0`, `y1`, ..."""
    walk = Walk(fused, operands, result_strides)
    return (InterleavedNest if suits(walk) else LoopNest)(walk, operands).text()
