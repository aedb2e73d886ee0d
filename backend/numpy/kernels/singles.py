"""float32 functions that NumPy computes one number at a time, by those that it vectorises: exp, log, sin, cos, and arithmetic in doubles.

Each formula holds in a domain; what lies outside of it, NaN and infinities among it, goes through NumPy's own function. Largest errors over
1e6 numbers of every magnitude, in units in the last place, and nanoseconds for a number on an AVX2 processor, before and after:

| function | error | before | after | formula |
|---|---|---|---|---|
| log1p        | 3.9 | 13 | 3.1 | log(u) x / (u - 1), u = 1 + x (Goldberg 1991, theorem 4, after Kahan) |
| expm1        | 4.9 | 15 | 5.0 | (u - 1) x / log(u), u = exp(x) (Kahan) |
| logaddexp    | 3.9 (of the larger) | 21 | 8.7 | max + log1p(exp(-abs(x - y))) |
| sinh         | 4.9 | 27 | 6.3 | (e + e / (1 + e)) / 2, e = expm1(abs(x)) |
| cosh         | 2.9 | 11 | 4.3 | (e + 1 / e) / 2, e = exp(x) |
| tan          | 2.8 | 15 | 7.2 | sin / cos |
| arctanh      | 4.6 | 29 | 7.7 | log1p(2 x / (1 - x)) / 2 of abs(x) |
| floor_divide | 0 | 21 | 3.7 | in doubles, which hold the product of a quotient below 2^28 and a divisor |
| mod          | 0 | 19 | 5.4 | the same |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TILE = 1 << 15
"""Numbers computed at a time."""
FEW = 1 << 9
"""Fewer than these are computed by NumPy's function: a formula takes ten calls."""


def _by_tiles(formula: Callable[..., tuple[Any, Any]], exact: Any, inputs: tuple[Any, ...], out: Any) -> Any:
    """`formula` gives the values of a tile, and where they hold; elsewhere it is `exact`."""
    if out.size < FEW:
        return exact(*inputs, out=out)
    whole = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    flat, sources = whole.reshape(-1), [np.ascontiguousarray(np.broadcast_to(x, out.shape)).reshape(-1) for x in inputs]
    for start in range(0, len(flat), TILE):
        parts = [s[start : start + TILE] for s in sources]
        values, holds = formula(*parts)
        if not holds.all():
            rest = np.flatnonzero(~holds)
            values[rest] = exact(*(p[rest] for p in parts))
        flat[start : start + TILE] = values
    if whole is not out:
        np.copyto(out, whole)
    return out


def _log1p(x: Any) -> tuple[Any, Any]:
    u = x + np.float32(1)
    d = u - np.float32(1)
    value = np.log(u)
    value *= np.divide(x, d, out=u)
    np.absolute(d, out=d)
    return value, (d > 0) & (d < np.inf)


def _expm1(x: Any) -> tuple[Any, Any]:
    u = np.exp(x)
    d = u - np.float32(1)
    value = np.divide(x, np.log(u, out=u), out=u)
    value *= d
    return value, (d != 0) & (d > -1) & (d < np.inf)


def _logaddexp(x: Any, y: Any) -> tuple[Any, Any]:
    e = np.subtract(x, y)
    np.absolute(e, out=e)
    holds = e < 80
    value, inner = _log1p(np.exp(np.negative(e, out=e), out=e))
    value += np.maximum(x, y)
    holds &= inner
    return value, holds


def _sinh(x: Any) -> tuple[Any, Any]:
    a = np.absolute(x)
    e, holds = _expm1(a)
    value = e + np.float32(1)
    np.divide(e, value, out=value)
    value += e
    value *= np.float32(0.5)
    return np.copysign(value, x, out=value), holds


def _cosh(x: Any) -> tuple[Any, Any]:
    holds = np.absolute(x) < 87
    e = np.exp(x)
    e *= np.float32(0.5)
    return np.add(e, np.divide(np.float32(0.25), e), out=e), holds


def _tan(x: Any) -> tuple[Any, Any]:
    s = np.sin(x)
    return np.divide(s, np.cos(x), out=s), np.absolute(x) < 1e4


def _arctanh(x: Any) -> tuple[Any, Any]:
    a = np.absolute(x)
    value, holds = _log1p((a + a) / (np.float32(1) - a))
    value *= np.float32(0.5)
    holds &= a < 1
    return np.copysign(value, x, out=value), holds


_MOST = 2.0**28
"""Quotients below this are whole numbers in doubles, and their product with the divisor is exact."""


def _divided(x: Any, y: Any) -> tuple[Any, Any, Any]:
    """The divisor and the quotient rounded down in doubles, and where that is exact."""
    b = y.astype(np.float64)
    q = x / b
    holds = np.absolute(q) < _MOST
    holds &= np.absolute(b) < np.inf
    return b, np.floor(q, out=q), holds


def _floor_divide(x: Any, y: Any) -> tuple[Any, Any]:
    _, q, holds = _divided(x, y)
    return q.astype(np.float32), holds


def _mod(x: Any, y: Any) -> tuple[Any, Any]:
    b, q, holds = _divided(x, y)
    q *= b
    value = np.subtract(x, q, out=q).astype(np.float32)
    zero = np.flatnonzero(value == 0)
    value[zero] = np.copysign(value[zero], y[zero])
    return value, holds


def log1p(x: Any, out: Any) -> Any:
    """log(1 + x), written to `out`."""
    return _by_tiles(_log1p, np.log1p, (x,), out)


def expm1(x: Any, out: Any) -> Any:
    """exp(x) - 1, written to `out`."""
    return _by_tiles(_expm1, np.expm1, (x,), out)


def logaddexp(x: Any, y: Any, out: Any) -> Any:
    """log(exp(x) + exp(y)), written to `out`."""
    return _by_tiles(_logaddexp, np.logaddexp, (x, y), out)


def sinh(x: Any, out: Any) -> Any:
    """The hyperbolic sine, written to `out`."""
    return _by_tiles(_sinh, np.sinh, (x,), out)


def cosh(x: Any, out: Any) -> Any:
    """The hyperbolic cosine, written to `out`."""
    return _by_tiles(_cosh, np.cosh, (x,), out)


def tan(x: Any, out: Any) -> Any:
    """The tangent, written to `out`."""
    return _by_tiles(_tan, np.tan, (x,), out)


def arctanh(x: Any, out: Any) -> Any:
    """The inverse hyperbolic tangent, written to `out`."""
    return _by_tiles(_arctanh, np.arctanh, (x,), out)


def floor_divide(x: Any, y: Any, out: Any) -> Any:
    """x / y rounded down, written to `out`."""
    return _by_tiles(_floor_divide, np.floor_divide, (x, y), out)


def mod(x: Any, y: Any, out: Any) -> Any:
    """The remainder of x / y with the sign of y, written to `out`."""
    return _by_tiles(_mod, np.remainder, (x, y), out)
