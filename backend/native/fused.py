"""A cluster as one C function, in the form that suits it."""

from __future__ import annotations

from collections.abc import Sequence

from symkeras.backend.native.abreast import AbreastNest, suits
from symkeras.backend.native.accesses import Operand, Walk
from symkeras.backend.native.nest import Nest
from symkeras.backend.native.text import FunctionText
from symkeras.compiler.fusion import Fused
from symkeras.graph.dims import Size


def shared_loop(fused: Fused, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]) -> Size | None:
    """The length of the loop of a cluster that threads can share; None where there is none."""
    return None if fused.is_small else Walk(fused, operands, result_strides).length


def fused_text(fused: Fused, operands: Sequence[Operand], result_strides: Sequence[tuple[Size, ...]]) -> FunctionText:
    """The C function of a cluster; operands in order, results named `y0`, `y1`, ..."""
    walk = Walk(fused, operands, result_strides)
    return (AbreastNest if suits(walk) else Nest)(walk, operands).text()
