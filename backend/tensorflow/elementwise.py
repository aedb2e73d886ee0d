"""Elementwise operations as functions of tensors, for all dtypes that NumPy computes them in.

TensorFlow has no kernels of some for booleans, unsigned and half numbers: these go by a dtype that has one. Where it computes otherwise than
NumPy the reference decides: integer division by zero gives 0, a shift by too many bits leaves no bit, an infinity has an error function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.engine import formulas
from symkeras.backend.engine.tables import by_name
from symkeras.backend.tensorflow.real import tf

Tensor = Any
Function = Callable[..., Tensor]


def _in(wide: Any, fn: Function) -> Function:
    """A function computed in another dtype."""
    return lambda *x: tf.cast(fn(*(tf.cast(v, wide) for v in x)), x[0].dtype)


def _by_dtype(fn: Function, **others: Function) -> Function:
    """`fn`, but another function for inputs of some dtypes."""
    return lambda *x: others.get(x[0].dtype.name, fn)(*x)


def signed(x: Tensor) -> Tensor:
    """The bits of unsigned integers as signed ones."""
    return tf.bitcast(x, "int64") if x.dtype == tf.uint64 else tf.cast(x, "int64")


def in_int64(fn: Function) -> Function:
    """A function of integers that wraps around, computed in int64."""

    def call(*x: Tensor, **attrs: Any) -> Tensor:
        out = fn(*map(signed, x), **attrs)
        return tf.bitcast(out, "uint64") if x[0].dtype == tf.uint64 else tf.cast(out, x[0].dtype)

    return call


# ---- division and powers -------------------------------------------------------------------------------------------


def _one_for(y: Tensor, *numbers: int) -> tuple[Tensor, list[Tensor]]:
    """A divisor without some numbers, which processors stop at, and where these were."""
    found = [tf.equal(y, tf.cast(n, y.dtype)) for n in numbers if n >= 0 or not y.dtype.is_unsigned]
    for f in found:
        y = tf.where(f, tf.ones([], y.dtype), y)
    return y, found


def _floor_divide(x: Tensor, y: Tensor) -> Tensor:
    if x.dtype.is_integer:
        safe, (is_zero, *is_minus) = _one_for(y, 0, -1)
        out = tf.where(is_zero, tf.zeros([], x.dtype), tf.math.floordiv(x, safe))
        return tf.where(is_minus[0], -x, out) if is_minus else out
    rest = tf.raw_ops.TruncateMod(x=x, y=y)
    is_other = tf.logical_and(tf.not_equal(rest, 0), tf.not_equal(tf.less(y, 0), tf.less(rest, 0)))
    quotient = (x - rest) / y - tf.cast(is_other, x.dtype)
    whole = tf.floor(quotient)
    whole = tf.where(quotient - whole > 0.5, whole + 1, whole)
    exact = x / y
    return tf.where(tf.equal(y, 0), exact, tf.where(tf.equal(quotient, 0), tf.where(_is_negative(exact), -tf.zeros_like(x), tf.zeros_like(x)), whole))


def _is_negative(x: Tensor) -> Tensor:
    """Whether the sign is set, of a zero too."""
    return tf.less(tf.bitcast(x, {2: "int16", 4: "int32", 8: "int64"}[x.dtype.size]), 0)


def _mod(x: Tensor, y: Tensor) -> Tensor:
    if x.dtype.is_integer:
        safe, found = _one_for(y, 0, -1)
        out = tf.math.floormod(x, safe)
        for f in found:
            out = tf.where(f, tf.zeros([], x.dtype), out)
        return out
    rest = tf.raw_ops.TruncateMod(x=x, y=y)
    other = tf.not_equal(tf.less(y, 0), tf.less(rest, 0))
    return tf.where(tf.equal(rest, 0), tf.where(_is_negative(y), -tf.zeros_like(rest), tf.zeros_like(rest)), tf.where(other, rest + y, rest))


def _power(x: Tensor, y: Tensor) -> Tensor:
    if x.dtype.is_integer:
        return in_int64(_wide_power if x.dtype == tf.uint64 else lambda x, y: tf.pow(x, tf.maximum(y, 0)))(x, y)
    known = tf.get_static_value(y)
    if known is not None and known.dtype.kind == "f" and known.size and (np.abs(known) == 0.5).all():  # of which TensorFlow makes roots: -0.0 and NaN
        x = tf.where((x == 0) | (x == -np.inf), tf.abs(x), x)
    return tf.pow(x, y)


def _wide_power(x: Tensor, y: Tensor) -> Tensor:
    """An exponent of 64 bits without a sign, by its half."""
    one, half = tf.constant(1, "int64"), tf.bitwise.bitwise_and(tf.bitwise.right_shift(y, 1), tf.constant(2**63 - 1, "int64"))
    return tf.square(tf.pow(x, half)) * tf.where(tf.equal(tf.bitwise.bitwise_and(y, one), one), x, one)


# ---- bits ----------------------------------------------------------------------------------------------------------


def _shift(fn: Function, is_left: bool) -> Function:
    def call(x: Tensor, y: Tensor) -> Tensor:
        zero = tf.zeros([], x.dtype)
        is_far = tf.logical_or(tf.less(y, zero), tf.greater_equal(y, tf.cast(x.dtype.size * 8, x.dtype)))
        nothing = zero if is_left or x.dtype.is_unsigned else tf.where(tf.less(x, zero), tf.cast(-1, x.dtype), zero)
        return tf.where(is_far, nothing, fn(x, tf.where(is_far, zero, y)))

    return call


# ---- functions of real numbers -------------------------------------------------------------------------------------


def _sign(x: Tensor) -> Tensor:
    return tf.cast(tf.greater(x, tf.zeros([], x.dtype)), x.dtype) if x.dtype.is_unsigned else tf.sign(x)


def _erf(x: Tensor) -> Tensor:
    """It is 1 from 6 on, where TensorFlow's may be NaN."""
    return tf.where(tf.abs(x) > 10, tf.sign(x), tf.math.erf(x))


def _erfinv(x: Tensor) -> Tensor:
    """In doubles: TensorFlow's goes by quantiles, which lose what is near 0, and give infinity before 1."""
    found = formulas.erfinv(tf, tf.math.log, tf.cast(x, "float64"))
    return tf.where(tf.equal(x, 0), x, tf.cast(found, x.dtype))


def _logaddexp(x: Tensor, y: Tensor) -> Tensor:
    gap = tf.where(tf.equal(x, y), tf.zeros([], x.dtype), x - y)
    return tf.maximum(x, y) + tf.math.log1p(tf.exp(-tf.abs(gap)))


def _maximum(x: Tensor, y: Tensor) -> Tensor:
    """With oneDNN TensorFlow (2.21) writes a leaky relu for the larger of x and c x, which it is for no c above 1: it must not see the same x."""
    return tf.maximum(tf.ensure_shape(x, x.shape), y)


def _trunc(x: Tensor) -> Tensor:
    return tf.where(tf.less(x, 0), tf.math.ceil(x), tf.floor(x))


def _of_parts(fn: Function, join: Function) -> Function:
    return _by_dtype(fn, **{c: lambda x: join(fn(tf.math.real(x)), fn(tf.math.imag(x))) for c in ("complex64", "complex128")})


def cast(x: Tensor, dtype: str) -> Tensor:
    """As NumPy's: the real part of complex numbers, and a boolean is whether a number is not zero."""
    if x.dtype.is_complex and dtype == "bool":
        return tf.not_equal(x, tf.zeros([], x.dtype))
    return tf.cast(tf.math.real(x) if x.dtype.is_complex and not dtype.startswith("complex") else x, dtype)


def _ordering(fn: Function) -> Function:
    return _by_dtype(fn, bool=lambda x, y: fn(tf.cast(x, "uint8"), tf.cast(y, "uint8")))


m = tf.math
_OTHER_NAMES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip
ELEMENTWISE: dict[str, Function] = {
    **by_name([tf, m, tf.bitwise], _OTHER_NAMES),
    "add": _by_dtype(tf.add, bool=tf.logical_or), "multiply": _by_dtype(tf.multiply, bool=tf.logical_and),
    "floor_divide": _by_dtype(_floor_divide, float16=_in("float32", _floor_divide)), "mod": _by_dtype(_mod, float16=_in("float32", _mod)),
    "power": _by_dtype(_power, float16=_in("float32", _power)),
    "negative": lambda x: in_int64(tf.negative)(x) if x.dtype.is_unsigned else tf.negative(x),
    "absolute": lambda x: x if x.dtype.is_unsigned or x.dtype == tf.bool else tf.abs(x), "sign": _sign,
    "maximum": _by_dtype(_maximum, bool=tf.logical_or), "minimum": _by_dtype(tf.minimum, bool=tf.logical_and),
    "exp2": lambda x: tf.pow(tf.cast(2, x.dtype), x),
    "log2": _by_dtype(lambda x: m.log(x) / tf.constant(math.log(2), x.dtype), float16=_in("float32", lambda x: m.log(x) / math.log(2))),
    "log10": _by_dtype(lambda x: m.log(x) / tf.constant(math.log(10), x.dtype), float16=_in("float32", lambda x: m.log(x) / math.log(10))),
    "logaddexp": _logaddexp, "erf": _erf, "erfinv": _erfinv, "rint": _by_dtype(m.rint, float16=_in("float32", m.rint)), "trunc": _trunc,
    "less": _ordering(tf.less), "less_equal": _ordering(tf.less_equal),
    "greater": _ordering(tf.greater), "greater_equal": _ordering(tf.greater_equal),
    "isnan": _of_parts(m.is_nan, tf.logical_or), "isinf": _of_parts(m.is_inf, tf.logical_or), "isfinite": _of_parts(m.is_finite, tf.logical_and),
    "bitwise_and": _by_dtype(tf.bitwise.bitwise_and, bool=tf.logical_and), "bitwise_or": _by_dtype(tf.bitwise.bitwise_or, bool=tf.logical_or),
    "bitwise_xor": _by_dtype(tf.bitwise.bitwise_xor, bool=m.logical_xor), "bitwise_not": _by_dtype(tf.bitwise.invert, bool=tf.logical_not),
    "left_shift": _shift(tf.bitwise.left_shift, True), "right_shift": _shift(tf.bitwise.right_shift, False),
    "where": tf.where, "cast": cast,
}  # fmt: skip
"""Op -> function of tensors."""
