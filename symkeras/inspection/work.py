"""How much work the kernels of a program are: operations and bytes, with symbolic sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from symkeras.graph import dims
from symkeras.graph.dims import Size
from symkeras.inspection.record import Kernel, Record


class Work(NamedTuple):
    """Of one kernel: operations on numbers, and bytes that it reads and writes when nothing is in a cache."""

    flops: Size
    bytes: Size


def work_of(kernel: Kernel) -> Work:
    """What one run of a kernel is, as its program knows it."""
    step = kernel.step
    flops = dims.product(())
    for k, n in enumerate(kernel.nodes):
        flops = n.op.flops(n) if k == 0 else flops + n.op.flops(n)
    moved = [v.type.nbytes for v in dict.fromkeys((*step.inputs, *step.outputs))]
    total: Size = 0
    for size in moved:
        total = total + size
    return Work(flops, total)


def sizes(record: Record) -> dict[str, int]:
    """The size of each symbol that a screen is for: those of the largest call so far, else 1."""
    symbols = record.program.symbols if record.program is not None else []
    plan = record.executable.memory
    return {s: plan.env.get(s, 1) if plan is not None else 1 for s in symbols}


def numbers(work: Work, env: Mapping[str, int]) -> tuple[int, int]:
    """Operations and bytes for known sizes."""
    return int(dims.evaluate(work.flops, env)), int(dims.evaluate(work.bytes, env))


_UNITS = ("", "k", "M", "G", "T", "P")


def readable(number: int) -> str:
    """Three digits and a letter.

    >>> readable(999), readable(1000), readable(23_456_789)
    ('999', '1.00k', '23.5M')
    """
    k, value = 0, float(number)
    while value >= 999.5 and k < len(_UNITS) - 1:
        value, k = value / 1000, k + 1
    digits = 0 if k == 0 else max(0, 2 - int(math.log10(value)))
    return f"{value:.{digits}f}{_UNITS[k]}"
