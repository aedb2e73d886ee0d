"""NumPy's names of elementwise arithmetic that are built from the rows of `elementwise`, so that every backend and every gradient has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symkeras.errors import DtypeError
from symkeras.graph import dtypes
from symkeras.ops import elementwise as ew
from symkeras.ops.control import while_loop
from symkeras.ops.elementwise import common_dtype, promoted
from symkeras.ops.leaves import cast, shape, stop_gradient
from symkeras.ops.nn import clip
from symkeras.ops.op import Sample, as_tensor, composite, dtype_of, is_symbolic
from symkeras.ops.predicates import signbit
from symkeras.ops.recipes import remembered
from symkeras.ops.shaping import broadcast_to


def _samples(arity: int, low: float, high: float) -> tuple[Sample, ...]:
    shapes = [(s,) * arity for s in ("2, 3", "", "0, 3")] + [("2, 1", "3"), ("1, 3", "3")][: 2 * (arity - 1)]
    return tuple(Sample(tuple(f"{d}[{s}]" for s in given), low=low, high=high) for d in ("f32", "f64") for given in shapes)


def _floating(x: Any) -> Any:
    return promoted("float", x)[0]


def fabs(x: Any) -> Any:
    """|x| in a floating dtype.

    >>> fabs(np.array([-2, 1])).tolist()
    [2.0, 1.0]
    """
    return ew.absolute(_floating(x))


def fmax(x1: Any, x2: Any) -> Any:
    """The larger of x1 and x2; where one is NaN, the other.

    >>> fmax(np.float32([1, np.nan]), np.float32([2, 0])).tolist()
    [2.0, 0.0]
    """
    return _without_nan(ew.maximum, x1, x2)


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of x1 and x2; where one is NaN, the other.

    >>> fmin(np.float32([1, np.nan]), np.float32([2, 0])).tolist()
    [1.0, 0.0]
    """
    return _without_nan(ew.minimum, x1, x2)


def _without_nan(choose: Any, x1: Any, x2: Any) -> Any:
    x1, x2 = promoted("numeric", x1, x2)
    if not dtypes.is_float(dtype_of(x1)):
        return choose(x1, x2)
    return ew.where(ew.isnan(x1), x2, ew.where(ew.isnan(x2), x1, choose(x1, x2)))


def fmod(x1: Any, x2: Any) -> Any:
    """The remainder of x1 / x2 with the sign of x1, as C has it.

    >>> fmod(np.array([-3, 3]), 2).tolist()
    [-1, 1]
    """
    x1, x2 = promoted("counted", x1, x2)
    if not dtypes.is_float(dtype_of(x1)):
        rest = ew.mod(x1, x2)
        if dtype_of(x1) in dtypes.UNSIGNED:
            return rest
        is_other = ew.logical_and(ew.not_equal(rest, 0), ew.not_equal(ew.less(rest, 0), ew.less(x1, 0)))
        return ew.where(is_other, ew.subtract(rest, x2), rest)
    rest = ew.mod(ew.absolute(x1), ew.absolute(x2))  # of numbers from 0 on the remainder is exact
    return ew.where(signbit(x1), ew.negative(rest), rest)


def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor of integers.

    Raises:
        DtypeError: something else than integers.

    >>> gcd(np.array([12, 7]), 18).tolist()
    [6, 1]
    """
    x1, x2 = _integers("gcd", x1, x2)
    like = ew.add_(x1, x2)
    start = (broadcast_to(ew.absolute(x1), shape(like)), broadcast_to(ew.absolute(x2), shape(like)))
    from symkeras.ops.reductions import any

    def step(a: Any, b: Any) -> tuple[Any, Any]:
        is_done = ew.equal(b, 0)
        return ew.where(is_done, a, b), ew.where(is_done, 0, ew.mod(a, ew.where(is_done, 1, b)))

    return while_loop(lambda a, b: any(ew.not_equal(b, 0)), step, start)[0]


def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple of integers; 0 where one is 0.

    Raises:
        DtypeError: something else than integers.

    >>> lcm(np.array([4, 0]), 6).tolist()
    [12, 0]
    """
    x1, x2 = _integers("lcm", x1, x2)
    shared = gcd(x1, x2)
    return ew.absolute(ew.multiply(ew.floor_divide(x1, ew.where(ew.equal(shared, 0), 1, shared)), x2))


def _integers(what: str, x1: Any, x2: Any) -> tuple[Any, Any]:
    dtype = common_dtype("counted", x1, x2)
    if not dtypes.is_int(dtype):
        raise DtypeError(f"{what} works on integers, received {dtype_of(x1)} and {dtype_of(x2)}")
    x1, x2 = promoted("counted", x1, x2)
    return x1, x2


def heaviside(x1: Any, x2: Any) -> Any:
    """0 where x1 < 0, x2 where it is 0, 1 where x1 > 0; NaN where x1 is NaN.

    >>> heaviside(np.float32([-3, 0, 2]), 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    x1, x2 = promoted("float", x1, x2)
    step = ew.where(ew.isnan(x1), float("nan"), cast(ew.greater(x1, 0), dtype_of(x1)))
    return ew.where(ew.equal(x1, 0), x2, step)


@remembered(2)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0.

    >>> divide_no_nan(np.float32([1, 4]), np.float32([0, 2])).tolist()
    [0.0, 2.0]
    """
    x1, x2 = promoted("float", x1, x2)
    is_zero = ew.equal(x2, 0)
    return ew.where(is_zero, 0, ew.divide(x1, ew.where(is_zero, 1, x2)))


def deg2rad(x: Any) -> Any:
    """Degrees as radians.

    >>> float(deg2rad(np.float64(180.0)))
    3.141592653589793
    """
    return ew.multiply(_floating(x), math.pi / 180)


def rad2deg(x: Any) -> Any:
    """Radians as degrees.

    >>> float(rad2deg(np.float64(np.pi)))
    180.0
    """
    return ew.multiply(_floating(x), 180 / math.pi)


def _cbrt_vjp(dy: Any, out: Any, x: Any) -> tuple[Any]:
    return (ew.divide(dy, ew.multiply(ew.square(out), 3)),)


@composite(vjp=_cbrt_vjp, samples=_samples(1, 0.3, 3.0))
def _cbrt(x: Any) -> Any:
    """The real root of the third order."""
    size = ew.absolute(x)
    is_ordinary = ew.logical_and(ew.isfinite(x), ew.not_equal(x, 0))
    safe = ew.where(is_ordinary, size, 1)
    root = ew.power(safe, 1 / 3)
    root = ew.subtract(root, ew.divide(ew.subtract(root, ew.divide(safe, ew.square(root))), 3))  # a step of Newton's gives the last digits
    return ew.where(is_ordinary, ew.where(ew.less(x, 0), ew.negative(root), root), x)


def cbrt(x: Any) -> Any:
    """The cube root, of negative numbers, too.

    >>> cbrt(np.float64([-8, 27])).tolist()
    [-2.0, 3.0]
    """
    return _cbrt(_floating(x))


def _hypot_vjp(dy: Any, out: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    safe = ew.where(ew.equal(out, 0), 1, out)
    return dy * (x1 / safe), dy * (x2 / safe)


@composite(vjp=_hypot_vjp, samples=_samples(2, 0.3, 2.0))
def _hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2); no square overflows where the root does not."""
    a, b = ew.absolute(x1), ew.absolute(x2)
    top, low = ew.maximum(a, b), ew.minimum(a, b)
    share = ew.divide(low, ew.where(ew.equal(top, 0), 1, top))
    long = ew.multiply(top, ew.sqrt(ew.add_(ew.square(share), 1)))
    return ew.where(ew.logical_or(ew.isinf(a), ew.isinf(b)), float("inf"), long)


def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2), the long side of a right triangle; infinite where one side is.

    >>> float(hypot(3.0, 4.0))
    5.0
    """
    return _hypot(*promoted("float", x1, x2))


def _logaddexp2_vjp(dy: Any, out: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    from symkeras.ops.nn import sigmoid

    distance = (x1 - x2) * math.log(2)
    return dy * sigmoid(distance), dy * sigmoid(-distance)


@composite(vjp=_logaddexp2_vjp, samples=_samples(2, -2.0, 2.0))
def _logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2^x1 + 2^x2): the larger one and what the smaller one adds."""
    is_same = ew.equal(x1, x2)  # two infinities have no distance
    distance = ew.where(is_same, 0, ew.absolute(ew.subtract(x1, x2)))
    return ew.add_(ew.maximum(x1, x2), ew.multiply(ew.log1p(ew.exp2(ew.negative(distance))), 1 / math.log(2)))


def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2^x1 + 2^x2) without overflow.

    >>> float(logaddexp2(3.0, 3.0))
    4.0
    """
    return _logaddexp2(*promoted("float", x1, x2))


def ldexp(x1: Any, x2: Any) -> Any:
    """x1 times 2 to the integer power x2, exactly.

    Raises:
        DtypeError: the exponents are no integers.

    >>> ldexp(np.float32([1.5, -1]), np.array([4, -1])).tolist()
    [24.0, -0.5]
    """
    if not dtypes.is_int(dtypes.result_type(dtype_of(x2))):
        raise DtypeError(f"ldexp: the exponents are integers, received {dtype_of(x2)}")
    x1 = _floating(x1)
    dtype = dtype_of(x1)
    most = dtypes.limits(dtype).maxexp - 1
    exponents = ew.minimum(x2, 3 * most) if dtype_of(x2) == "uint64" else x2
    left = cast(clip(cast(exponents, "int64"), -3 * most, 3 * most), "int32")
    for _ in range(3):  # one power alone may be too large for the dtype where the product is not
        part = clip(left, -most + 1, most)
        x1, left = ew.multiply(x1, _power_of_two(part, dtype)), ew.subtract(left, part)
    return x1


def _power_of_two(exponent: Any, dtype: str) -> Any:
    """2 to an integer power, put together from its bits, since backends round 2^x their own way."""
    size, is_small = ew.absolute(exponent), ew.less(exponent, 0)
    out: Any = None
    for bit in range(int(dtypes.limits(dtype).maxexp).bit_length() - 1):
        factor = ew.where(is_small, np.asarray(2.0 ** -(1 << bit), dtype), np.asarray(2.0 ** (1 << bit), dtype))
        factor = ew.where(ew.equal(ew.bitwise_and(ew.right_shift(size, bit), 1), 0), np.ones((), dtype), factor)
        out = factor if out is None else ew.multiply(out, factor)
    return out


def nextafter(x1: Any, x2: Any) -> Any:
    """The number of the dtype that follows x1 in the direction of x2; where a function counts denormals as zero, 0 is followed by 0.

    The distance to the neighbour is a rounded product (Rump, Zimmermann, Boldo, Melquiond: Computing predecessor and successor in rounding to
    nearest, 2009). There is no gradient.

    >>> bool(nextafter(np.float32(1), 2.0) == np.float32(1) + np.finfo("float32").eps)
    True
    """
    x, y = (stop_gradient(v) for v in promoted("float", x1, x2))
    info = dtypes.limits(dtype_of(x))
    one = np.asarray(1, info.dtype)
    unit, least = one * info.eps / 2, info.smallest_subnormal
    share = unit * (1 + 2 * unit)
    size = ew.absolute(x)
    is_large = ew.greater_equal(size, info.tiny / unit)
    is_denormal = ew.less(size, info.tiny)
    scaled = ew.where(is_large, size, ew.where(is_denormal, 0, ew.divide(size, unit)))
    gap = ew.multiply(scaled, share)
    between = ew.subtract(ew.multiply(ew.add_(scaled, gap), unit), size)
    below = ew.subtract(size, ew.multiply(ew.subtract(scaled, gap), unit))
    step_up = ew.where(is_large, gap, ew.where(is_denormal, least, between))
    step_down = ew.where(is_large, gap, ew.where(ew.less_equal(size, info.tiny), least, below))
    is_up = ew.greater(y, x)
    grows = ew.equal(is_up, ew.greater_equal(x, 0))
    inner = ew.where(ew.isinf(size), info.max, ew.subtract(size, step_down))
    outer = ew.where(ew.isinf(size), size, ew.add_(size, step_up))
    moved = ew.where(grows, outer, inner)
    moved = ew.where(signbit(x), ew.negative(moved), moved)
    moved = ew.where(ew.equal(x, 0), ew.where(is_up, least, -least), moved)
    same = ew.where(ew.equal(x, y), y, moved)
    return ew.where(ew.logical_or(ew.isnan(x), ew.isnan(y)), float("nan"), same)


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0.

    >>> sinc(np.float32([0.0, 0.5])).round(4).tolist()
    [1.0, 0.6366000175476074]
    """
    x = ew.multiply(_floating(x), math.pi)
    is_small = ew.less(ew.absolute(x), 0.01)  # there by its series, which has all derivatives at 0
    safe, square = ew.where(is_small, 1, x), ew.square(ew.where(is_small, x, 0))
    series = ew.add_(ew.multiply(square, ew.add_(ew.multiply(square, 1 / 120), -1 / 6)), 1)
    return ew.where(is_small, series, ew.divide(ew.sin(safe), safe))


def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """`x` with numbers in place of NaN and infinities.

    Args:
        x: any shape.
        nan: in place of NaN.
        posinf, neginf: in place of the infinities; the largest and smallest number of the dtype when None.

    >>> nan_to_num(np.float32([np.nan, 1, np.inf]), posinf=9.0).tolist()
    [0.0, 1.0, 9.0]
    """
    x = as_tensor(x) if is_symbolic(x) else promoted("numeric", x)[0]
    if not dtypes.is_float(dtype_of(x)):
        return x
    info = dtypes.limits(dtype_of(x))
    most, least = (float(info.max) if posinf is None else posinf), (float(info.min) if neginf is None else neginf)
    finite = ew.where(ew.isinf(x), ew.where(ew.greater(x, 0), most, least), x)
    return cast(ew.where(ew.isnan(x), nan, finite), dtype_of(x))


def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype, in which numbers that are too large or too small become the largest and smallest there are, and NaN integers 0.

    >>> saturate_cast(np.float32([-3, 7.5, 300]), "uint8").tolist()
    [0, 7, 255]
    """
    dtype, source = dtypes.standardize(dtype), dtypes.result_type(dtype_of(x))
    x = promoted("numeric", x)[0]
    if "bool" in (dtype, source) or dtype == source:
        return cast(x, dtype)
    if dtypes.is_float(dtype):
        info = dtypes.limits(dtype)
        if not dtypes.is_float(source):
            return cast(_between(x, info.min, info.max, source), dtype)
        if float(dtypes.limits(source).max) <= float(info.max):
            return cast(x, dtype)
        return cast(ew.minimum(ew.maximum(x, float(info.min)), float(info.max)), dtype)
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if dtypes.is_int(source):
        return cast(_between(x, low, high, source), dtype)
    is_high, is_low = ew.greater_equal(x, float(high)), ew.less_equal(x, float(low))
    inside = cast(ew.where(ew.logical_or(ew.logical_or(is_high, is_low), ew.isnan(x)), 0, x), dtype)
    return ew.where(is_high, np.asarray(high, dtype), ew.where(is_low, np.asarray(low, dtype), inside))


def _between(x: Any, low: Any, high: Any, dtype: str) -> Any:
    """Integers kept between two numbers, of which their dtype may have neither."""
    own = np.iinfo(dtype)
    x = ew.maximum(x, np.asarray(int(low), dtype)) if low > own.min else x
    return ew.minimum(x, np.asarray(int(high), dtype)) if high < own.max else x
