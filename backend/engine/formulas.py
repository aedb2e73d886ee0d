"""Formulas of the reference on tensors of an engine whose own function has fewer digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symkeras.ops.special import ERFINV_INNER, ERFINV_OUTER, Ratio


def erfinv(m: Any, log: Callable[..., Any], d: Any) -> Any:
    """The inverse of the error function.

    Args:
        m: the module of the engine that has `where`, `sqrt` and their like.
        log: its logarithm.
        d: a tensor of doubles.
    """
    near = d + d * _ratio(ERFINV_INNER, m.maximum(0.64 - m.square(d), 0.0))
    s = m.sqrt(-log(1 - m.abs(d)))
    far = m.sign(d) * m.where(s == math.inf, s, s - _ratio(ERFINV_OUTER, s))
    return m.where(m.abs(d) > 0.8, far, near)


def _ratio(coefficients: Ratio, x: Any) -> Any:
    numerator, denominator = (_polynomial(c, x) for c in coefficients)
    return numerator / denominator


def _polynomial(coefficients: Any, x: Any) -> Any:
    """By Horner's rule; the constant one is the first."""
    total: Any = float(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + float(c)
    return total
