"""Gradients that engines have whole. Autodiff writes them in parts; the pass `whole-gradients` puts them together for those that take them."""

from __future__ import annotations

import math
from typing import Any

from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.op import Sample, composite

_ALIKE = tuple(Sample((f"{k}[{s}]",) * 2) for k in ("f32", "f64") for s in ("2, 3", "", "0, 3"))
_ROWS = tuple(Sample((f"{k}[{s}]",) * 2, {"axis": a}) for k in ("f32", "f64") for s, a in (("2, 3", -1), ("4, 2", 0), ("0, 3", -1), ("2, 3, 2", 1)))


@composite(samples=_ROWS)
def softmax_gradient(dy: Any, y: Any, *, axis: int = -1) -> Any:
    """The gradient for the inputs of a softmax that gave y along `axis`, given that of y."""
    return ew.multiply(y, ew.subtract(dy, red.sum(ew.multiply(dy, y), axis, True)))


@composite(samples=_ALIKE)
def relu_gradient(dy: Any, y: Any) -> Any:
    """The gradient for the inputs of a relu that gave y, given that of y: zero where y is not greater, also where it is NaN."""
    return ew.where(ew.greater(y, 0), dy, 0)


@composite(samples=_ALIKE)
def gelu_gradient(dy: Any, x: Any) -> Any:
    """The gradient for the input x of the exact GELU, given that of its result."""
    far = ew.multiply(x, math.sqrt(0.5))
    density = ew.multiply(ew.exp(ew.negative(ew.square(far))), 2 / math.sqrt(math.pi))
    along = ew.multiply(ew.multiply(ew.multiply(dy, ew.multiply(x, 0.5)), density), math.sqrt(0.5))
    return ew.add_(along, ew.multiply(ew.multiply(dy, ew.add_(ew.erf(far), 1)), 0.5))
