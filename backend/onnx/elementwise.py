"""Elementwise operations as ONNX operators; formulas where ONNX has none, or where engines have no kernel for the dtype."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph import dtypes
from symkeras.graph.node import Node
from symkeras.ops import special

_SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "absolute": "Abs", "sign": "Sign", "reciprocal": "Reciprocal",
    "maximum": "Max", "minimum": "Min", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tanh": "Tanh", "floor": "Floor",
    "ceil": "Ceil", "rint": "Round", "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor",
    "bitwise_not": "BitwiseNot", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not",
}  # fmt: skip
_TESTS = {
    "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater", "greater_equal": "GreaterOrEqual", "isnan": "IsNaN",
    "isinf": "IsInf",
}  # fmt: skip
_OF_BOOLS = {
    "add": "Or", "multiply": "And", "maximum": "Or", "minimum": "And", "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor",
    "bitwise_not": "Not", "equal": "Equal",
}  # fmt: skip
_NARROW = {"maximum": ("int16", "uint16"), "minimum": ("int16", "uint16"), "negative": ("uint8", "uint16", "uint32", "uint64")}
"""Dtypes for which ONNX Runtime has no kernel; int64 holds their numbers, or their bits."""


def _same(op: str, kind: str) -> Expression:
    def write(w: Writer, n: Node, *x: Term) -> Term:
        if n.inputs[0].dtype == "bool" and op in _OF_BOOLS:
            return w.op(_OF_BOOLS[op], *x)
        if op == "sign" and x[0].dtype == "float16":  # of a NaN it is 0 there
            return w.op(kind, x[0].cast("float32")).cast("float16")
        return widened(w, kind, *x) if x[0].dtype in _NARROW.get(op, ()) else w.op(kind, *x)

    return write


def _test(op: str, kind: str) -> Expression:
    def write(w: Writer, n: Node, *x: Term) -> Term:
        if x[0].dtype == "bool" and op != "equal":
            x = tuple(v.cast("int32") for v in x)
        if op in ("isnan", "isinf") and x[0].dtype == "float16":
            x = (x[0].cast("float32"),)
        return w.op(kind, *x, dtype="bool")

    return write


def widened(w: Writer, kind: str, *x: Term, **attrs: Any) -> Term:
    """An operator computed in int64, and its result in the dtype of its first input."""
    return w.op(kind, *(v.cast("int64") for v in x), **attrs).cast(x[0].dtype)


def greatest(w: Writer, x: Sequence[Term]) -> Term:
    """The largest of several terms, element by element."""
    return (widened if x[0].dtype in _NARROW["maximum"] else Writer.op)(w, "Max", *x)


def choose(w: Writer, condition: Term, x: Any, y: Any) -> Term:
    """Where, for all dtypes; numbers take the dtype of the other branch."""
    x, y = (x if isinstance(x, Term) else w.like(y, x)), (y if isinstance(y, Term) else w.like(x, y))
    if x.dtype == "bool":
        return (condition & x) | (~condition & y)
    if x.dtype in ("int16", "uint16", "uint64"):
        return w.op("Where", condition, x.cast("int64"), y.cast("int64"), dtype="int64").cast(x.dtype)
    return w.op("Where", condition, x, y, dtype=x.dtype)


def _negative(w: Writer, n: Node, x: Term) -> Term:
    return widened(w, "Neg", x) if x.dtype in _NARROW["negative"] else -x


def _square(w: Writer, n: Node, x: Term) -> Term:
    return x if x.dtype == "bool" else x * x


def _absolute(w: Writer, n: Node, x: Term) -> Term:
    return x if x.dtype == "bool" else w.op("Abs", x)


# ---- division ----------------------------------------------------------------------------------------------------------


def known(n: Node) -> np.ndarray | None:
    """The value of a constant."""
    return n.attrs["value"].array if n.op.name == "constant" else None


def _divisor(w: Writer, n: Node, y: Term) -> Term:
    """An integer divisor that no engine stumbles over: 1 in the place of 0 and -1."""
    value = known(n.inputs[1])
    if value is not None and not np.isin(value, (0, -1)).any():
        return y
    is_odd = y.equals(0) if y.dtype.startswith("u") else y.equals(0) | y.equals(-1)
    return choose(w, is_odd, 1, y)


def _floor_divide(w: Writer, n: Node, x: Term, y: Term) -> Term:
    if not dtypes.is_int(x.dtype):
        return _floor_divide_floats(w, x, y)
    safe = _divisor(w, n, y)
    rest = w.op("Mod", x, safe)
    quotient = (x - rest) / safe
    if safe is y:
        return quotient
    if not y.dtype.startswith("u"):
        quotient = choose(w, y.equals(-1), -x, quotient)
    return choose(w, y.equals(0), 0, quotient)


def _remainder(w: Writer, x: Term, y: Term) -> tuple[Term, Term]:
    """What a division leaves, with the sign of x, and whether that is not the sign of y."""
    rest = w.op("Mod", x, y, fmod=1)
    return rest, ~rest.equals(0) & ~(rest < 0).equals(y < 0)


def _signed(w: Writer, x: Term, is_negative: Term) -> Term:
    """The magnitude of x with a sign. ONNX Runtime's Where adds what it chose to zero, so a sign of zero does not pass through it."""
    return w.op("Abs", x) * w.op("Where", is_negative, w.like(x, -1), w.like(x, 1), dtype=x.dtype)


def _floor_divide_floats(w: Writer, x: Term, y: Term) -> Term:
    """As NumPy: the rounded quotient that goes with the remainder; a zero has the sign of the quotient."""
    rest, is_apart = _remainder(w, x, y)
    quotient = (x - rest) / y - is_apart.cast(x.dtype)
    down = w.op("Floor", quotient)
    plain = x / y
    rounded = choose(w, y.equals(0), plain, down + ((quotient - down) > 0.5).cast(x.dtype))
    return _signed(w, rounded, (plain < 0) | (w.op("Reciprocal", plain) < 0))


def _mod(w: Writer, n: Node, x: Term, y: Term) -> Term:
    if dtypes.is_int(x.dtype):
        return w.op("Mod", x, _divisor(w, n, y))
    rest, is_apart = _remainder(w, x, y)
    return _signed(w, rest + choose(w, is_apart, y, 0), y < 0)


def _power(w: Writer, n: Node, x: Term, y: Term) -> Term:
    if not dtypes.is_int(x.dtype):
        return w.op("Pow", x, y)
    exponent = known(n.inputs[1])
    if exponent is not None and exponent.size == 1 and exponent.item() >= 0 and n.shape == n.inputs[0].shape:
        return _power_of_known(x, int(exponent.item()))
    return _power_by_bits(w, n, x, y)


def _power_of_known(x: Term, exponent: int) -> Term:
    """By squaring, in the integers themselves, so that it wraps around as NumPy's does."""
    out, square = None, x
    while exponent:
        if exponent & 1:
            out = square if out is None else out * square
        exponent >>= 1
        square = square * square if exponent else square
    return x * 0 + 1 if out is None else out


def _power_by_bits(w: Writer, n: Node, x: Term, y: Term) -> Term:
    """The same for an exponent that is known when it runs; a negative one is an error, as an index that is out of range."""
    out, square, left = choose(w, y.equals(y), 1, y), x, y
    for _ in range(np.dtype(x.dtype).itemsize * 8):
        half = left / 2
        out, square, left = out * choose(w, (left - half * 2).equals(0), 1, square), square * square, half
    if x.dtype.startswith("u"):
        return out
    bad = (y < 0).cast("int32")
    bad = w.op("ReduceSum", bad, np.arange(n.inputs[1].ndim), keepdims=0) if n.inputs[1].ndim else bad
    return out * w.op("Gather", np.ones(1, x.dtype), bad, dtype=x.dtype, axis=0)


def _shift(direction: str) -> Expression:
    def write(w: Writer, n: Node, x: Term, y: Term) -> Term:
        bits = np.dtype(x.dtype).itemsize * 8
        unsigned = x.dtype if x.dtype.startswith("u") else f"u{x.dtype}"
        value = known(n.inputs[1])
        is_near = value is not None and bool(((value >= 0) & (value < bits)).all())
        is_far = (y.cast("int64") < 0) | (y.cast("int64") > bits - 1)
        count = (y if is_near else choose(w, is_far, 0, y)).cast(unsigned)
        is_negative = x < 0 if direction == "RIGHT" and unsigned != x.dtype else None
        flipped = choose(w, is_negative, w.op("BitwiseNot", x), x) if is_negative is not None else x
        out = w.op("BitShift", flipped.cast(unsigned), count, direction=direction).cast(x.dtype)
        far = w.like(x, 0)
        if is_negative is not None:
            out, far = choose(w, is_negative, w.op("BitwiseNot", out), out), choose(w, is_negative, -1, far)
        return out if is_near else choose(w, is_far, far, out)

    return write


# ---- functions of real numbers -----------------------------------------------------------------------------------------


def _expm1(w: Writer, n: Node, x: Term) -> Term:
    """By Kahan's quotient (u - 1) / log(u), which keeps the digits near 0; below -80 all is -1."""
    x = w.op("Max", x, w.like(x, -80))
    u = w.op("Min", w.op("Exp", x), w.like(x, np.finfo(x.dtype).max))
    return x * choose(w, u.equals(1), 1, (u - 1) / w.op("Log", u))


def _log1p(w: Writer, n: Node, x: Term) -> Term:
    u = w.op("Min", x + 1, w.like(x, np.finfo(x.dtype).max))
    return x * choose(w, u.equals(1), 1, w.op("Log", u) / (u - 1))


def _scaled_log(base: float) -> Expression:
    return lambda w, n, x: w.op("Log", x) * (1 / math.log(base))


def _trunc(w: Writer, n: Node, x: Term) -> Term:
    return w.op("Sign", x) * w.op("Floor", w.op("Abs", x))


def _isfinite(w: Writer, n: Node, x: Term) -> Term:
    x = x.cast("float32") if x.dtype == "float16" else x
    return ~(w.op("IsNaN", x, dtype="bool") | w.op("IsInf", x, dtype="bool"))


def _not_equal(w: Writer, n: Node, x: Term, y: Term) -> Term:
    return ~x.equals(y)


def _single(kind: str, formula: Callable[[Any], Any]) -> Expression:
    """ONNX' operator in single precision; in double, for which engines have no kernel, a formula."""

    def write(w: Writer, n: Node, x: Term) -> Term:
        return w.expand(formula, [n.inputs[0].tensor_type], [x]) if x.dtype == "float64" else w.op(kind, x)

    return write


def _formula(formula: Callable[..., Any]) -> Expression:
    return lambda w, n, *x: w.expand(formula, [i.tensor_type for i in n.inputs], x)


def _arctan(w: Writer, n: Node, x: Term) -> Term:
    """In double one step of Newton from the value in single precision: the angle between is its own tangent to all digits."""
    if x.dtype != "float64":
        return w.op("Atan", x)
    x = w.op("Clip", x, w.like(x, -1e30), w.like(x, 1e30))
    first = w.op("Atan", x.cast("float32")).cast("float64")
    sine, cosine = w.op("Sin", first), w.op("Cos", first)
    return first + (x * cosine - sine) / (cosine + x * sine)


def _arctan2(y: Any, x: Any) -> Any:
    """From the arctangent of a quotient of at most 1, by quadrant; the signs of zeros count."""
    a, b = ops.absolute(y), ops.absolute(x)
    high, low = ops.maximum(a, b), ops.minimum(a, b)
    quotient = ops.where(ops.equal(high, low), ops.where(ops.equal(high, 0), 0.0 * high, ops.where(ops.isnan(high), high, 1)), low / high)
    angle = ops.arctan(quotient)
    angle = ops.where(ops.greater(a, b), math.pi / 2 - angle, angle)
    angle = ops.where(_is_negative(x), math.pi - angle, angle)
    return ops.where(_is_negative(y), -angle, angle)


def _is_negative(x: Any) -> Any:
    return ops.logical_or(ops.less(x, 0), ops.logical_and(ops.equal(x, 0), ops.less(ops.reciprocal(x), 0)))


def _arcsinh(x: Any) -> Any:
    a = ops.absolute(x)
    near = ops.log1p(a + ops.square(a) / (ops.sqrt(ops.square(a) + 1) + 1))
    return ops.sign(x) * ops.where(ops.greater(a, 1e8), ops.log(a) + math.log(2), near)


def _arccosh(x: Any) -> Any:
    t = x - 1
    return ops.where(ops.greater(x, 1e8), ops.log(x) + math.log(2), ops.log1p(t + ops.sqrt(t * 2 + ops.square(t))))


def _sinh(x: Any) -> Any:
    m = ops.expm1(ops.minimum(x, 1))
    return ops.where(ops.greater(ops.absolute(x), 1), _halves(x, -1), (m + m / (m + 1)) * 0.5)


def _halves(x: Any, sign: int) -> Any:
    """(exp(x) + sign exp(-x)) / 2, which overflows where the result does."""
    up, down = ops.exp(x * 0.5), ops.exp(x * -0.5)
    return up * 0.5 * up + down * 0.5 * down * sign


def _logaddexp(x: Any, y: Any) -> Any:
    top = ops.maximum(x, y)
    apart = ops.log1p(ops.exp(-ops.absolute(x - y)))
    return ops.where(ops.equal(x, y), x + math.log(2), top + apart)


def _erf(x: Any) -> Any:
    """`symkeras.ops.special.erf_of_doubles` on tensors."""
    inner = x + x * _ratio(special._ERF_INNER, ops.minimum(ops.square(x), 1.0))
    a = ops.minimum(ops.absolute(x), 6.0)
    outer = 1 - ops.exp(-ops.square(a)) * _ratio(special._ERF_OUTER, a)
    return _with_sign_of(x, ops.where(ops.greater(ops.absolute(x), 1), outer, inner))


def _with_sign_of(x: Any, value: Any) -> Any:
    """The magnitude of a value with the sign of x, also that of a zero."""
    return ops.absolute(value) * ops.where(_is_negative(x), -1, 1)


def _erfinv(x: Any) -> Any:
    """`symkeras.ops.special.erfinv_of_doubles` on tensors, in double as there."""
    dtype, x = x.dtype, ops.cast(x, "float64")
    inner = x + x * _ratio(special.ERFINV_INNER, ops.maximum(0.64 - ops.square(x), 0.0))
    s = ops.sqrt(-ops.log(1 - ops.absolute(x)))
    outer = ops.where(ops.isinf(s), s, s - _ratio(special.ERFINV_OUTER, s))
    found = ops.where(ops.greater(ops.absolute(x), 0.8), outer, inner)
    return ops.cast(_with_sign_of(x, found), dtype)


def _ratio(coefficients: special.Ratio, x: Any) -> Any:
    parts = []
    for polynomial in coefficients:
        p = x * polynomial[-1]
        for c in polynomial[-2:0:-1]:
            p = (p + c) * x
        parts.append(p + polynomial[0])
    return parts[0] / parts[1]


def _cast(w: Writer, n: Node, x: Term) -> Term:
    return x.cast(n.dtype)


TABLE: dict[str, Expression] = {
    **{op: _same(op, kind) for op, kind in _SAME.items()},
    **{op: _test(op, kind) for op, kind in _TESTS.items()},
    "negative": _negative, "square": _square, "absolute": _absolute, "floor_divide": _floor_divide, "mod": _mod, "power": _power,
    "left_shift": _shift("LEFT"), "right_shift": _shift("RIGHT"), "expm1": _expm1, "log1p": _log1p, "log2": _scaled_log(2),
    "log10": _scaled_log(10), "exp2": lambda w, n, x: w.op("Pow", w.like(x, 2), x), "trunc": _trunc, "isfinite": _isfinite,
    "not_equal": _not_equal, "where": lambda w, n, c, x, y: choose(w, c, x, y), "cast": _cast, "arctan": _arctan,
    "arctan2": _formula(_arctan2), "logaddexp": _formula(_logaddexp), "erfinv": _formula(_erfinv), "erf": _single("Erf", _erf),
    "tan": _single("Tan", lambda x: ops.sin(x) / ops.cos(x)),
    "arcsin": _single("Asin", lambda x: ops.arctan(x / ops.sqrt((1 - x) * (1 + x)))),
    "arccos": _single("Acos", lambda x: ops.arctan(ops.sqrt((1 - x) / (1 + x))) * 2),
    "sinh": _single("Sinh", _sinh), "cosh": _single("Cosh", lambda x: _halves(x, 1)),
    "arcsinh": _single("Asinh", _arcsinh), "arccosh": _single("Acosh", _arccosh),
    "arctanh": _single("Atanh", lambda x: ops.log1p(x * 2 / (1 - x)) * 0.5),
}  # fmt: skip
