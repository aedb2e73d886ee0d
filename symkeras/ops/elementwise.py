"""Elementwise primitives, as a table: name, NumPy function, gradient, promotion.

Each row broadcasts its inputs. Gradients are written as if shapes were equal: autodiff sums over broadcast axes.
The op's function is the front door: it promotes dtypes (a Python number takes the tensor's) and builds or computes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import config
from symkeras.errors import DataError, DtypeError, ShapeError
from symkeras.foreign_dtypes import ADDED
from symkeras.graph import dims, dtypes
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Variable
from symkeras.ops import special
from symkeras.ops.leaves import cast
from symkeras.ops.op import Op, Sample, add, apply_symbolic, as_array, as_tensor, compute, dtype_of, is_symbolic

NEGATIVE_POWER = "power: integers to negative integer powers are not allowed: cast the base to a floating dtype"


class Elementwise(Op):
    """One row of the table.

    Args:
        name: name of the op and of its function.
        fn: NumPy function on arrays of one dtype; a ufunc is what the NumPy backend calls.
        vjp: `(dy, out, *inputs) -> gradients`; None means that no gradient flows.
        arity: number of inputs.
        promote: "numeric" (common dtype), "counted" (the same, and int32 of bools), "signed" (the same, and no bools), "float" (common
            floating dtype), "bool", "int" (integers and bools), "shift" (integers).
        result: "same", "bool", or "real": the dtype of the parts of complex numbers.
        domain: range the samples are drawn from, over which the op is smooth.
        flops: per element.
        is_real: see `Op`.
    """

    is_elementwise = True

    def __init__(self, name: str, fn: Callable[..., Any], vjp: Callable[..., Any] | None = None, arity: int = 1, promote: str = "float",
                 result: str = "same", domain: tuple[float, float] = (-2.0, 2.0), flops: int = 1, is_real: bool = False, doc: str = ""):  # fmt: skip
        self.name = name  # type: ignore[misc]
        self.fn = fn
        self.gradient = vjp
        self.arity = arity
        self.promote = promote
        self.result = result
        self.domain = domain
        self.flops_per_element = flops
        self.is_real = is_real
        self.__doc__ = doc
        self.samples = _samples(arity, promote, vjp is not None, domain)
        self.inputs_taken = (arity, arity)

    def infer(self, *types: TensorType) -> TensorType:  # type: ignore[override]
        first = types[0].dtype
        for t in types[1:]:
            if t.dtype != first:
                raise DtypeError(f"{self.name} expects inputs of one dtype, received {', '.join(map(str, types))}")
        if self.promote in ("int", "shift") and not (dtypes.is_int(first) or (first == "bool" and self.promote == "int")):
            raise DtypeError(f"{self.name} works on integers, received {', '.join(map(str, types))}")
        if (self.promote == "bool" and first != "bool") or (self.promote == "float" and not dtypes.is_inexact(first)):
            raise DtypeError(f"{self.name} works on {'booleans' if self.promote == 'bool' else 'floats'}, received {', '.join(map(str, types))}")
        if self.promote in ("counted", "signed") and first == "bool":
            raise DtypeError(_no_bools(self.name, types))
        shape = broadcast_shapes(*(t.shape for t in types), what=self.name)
        if self.result == "real" and first in dtypes.COMPLEX:
            return TensorType(shape, dtypes.part(first))
        return TensorType(shape, "bool" if self.result == "bool" else first)

    def value(self, *arrays: Any) -> Any:  # type: ignore[override]
        return self.fn(*arrays)

    def vjp(self, dy: Any, out: Any, *inputs: Any) -> Any:  # type: ignore[override]
        if self.gradient is None:
            return (None,) * self.arity
        return self.gradient(dy, out, *inputs)

    def may_raise(self, node: Node) -> bool:
        return checks_exponents(node)

    def flops(self, node: Node) -> dims.Size:
        return node.tensor_type.size * self.flops_per_element


def _no_bools(name: str, types: Sequence[TensorType]) -> str:
    given = ", ".join(map(str, types))
    return f"{name} works on numbers, received {given}: cast to an integer dtype, or use logical_not, logical_xor or logical_and"


def broadcast_shapes(*shapes: tuple[dims.Size, ...], what: str = "broadcast") -> tuple[dims.Size, ...]:
    """The shape that `shapes` broadcast to, by NumPy's rule.

    Raises:
        ShapeError: two sizes differ and neither is 1.
    """
    first = shapes[0]
    if all(s == first for s in shapes[1:]):
        return first
    ndim = max(map(len, shapes))
    out: list[dims.Size] = []
    for axis in range(-ndim, 0):
        size: dims.Size | None = 1
        for s in shapes:
            if len(s) >= -axis:
                size = dims.broadcast_size(size, s[axis])
                if size is None:
                    raise ShapeError(f"{what}: shapes {' and '.join(map(str, shapes))} do not broadcast (axis {axis})")
        out.append(size)  # type: ignore[arg-type]
    return tuple(out)


ROWS: dict[str, Callable[..., Any]] = {}


def common_dtype(promote: str, *inputs: Any) -> str:
    """The dtype that inputs of an op with this promotion are brought to."""
    if promote == "bool":
        return "bool"
    joined = dtypes.result_type(*(dtype_of(x) for x in inputs))
    if promote == "counted" and joined == "bool":
        return "int32"
    return dtypes.inexact(joined) if promote == "float" else joined


def promoted(promote: str, *inputs: Any, compares: bool = False) -> list[Any]:
    """The inputs in their common dtype: all symbolic if one is (a variable beside a tensor is its leaf), else all arrays.

    Args:
        promote: how the dtype follows from those of the inputs.
        inputs: tensors, arrays and numbers.
        compares: whether they are only compared: then integers may meet a number that their dtype does not have.
    """
    dtype = common_dtype(promote, *inputs)
    if compares and dtypes.is_int(dtype) and dtype != "uint64" and not all(_has(dtype, x) for x in inputs):
        dtype = "int64"
    if is_symbolic(*inputs):
        return [cast(as_tensor(x, dtype), dtype) for x in inputs]
    return [as_array(x, dtype) if isinstance(x, (bool, int, float)) else as_array(x).astype(dtype, copy=False) for x in inputs]


_known_dtypes: dict[Any, tuple[np.dtype, str] | None] = {}
"""Types of inputs, and the dtype that they are brought to with its name (which NumPy composes anew whenever it is asked); None where it is not
their types alone that decide."""


def _in_known_dtype(op: Elementwise, inputs: Sequence[Any]) -> list[np.ndarray] | None:
    """Arrays and Python's numbers in their common dtype, without asking anew what that is; None for all else that an op takes."""
    inputs = [as_array(x) if isinstance(x, Variable) and not is_symbolic(x) else x for x in inputs]
    types = [x.dtype if type(x) is np.ndarray else type(x) for x in inputs]
    key = (op, config.floatx(), *types)
    try:
        known = _known_dtypes[key]
    except KeyError:
        if not all(isinstance(t, np.dtype) or t in (int, float, bool) for t in types):
            return None
        joined = common_dtype(op.promote, *inputs)
        looks_at_numbers = (op.result == "bool" and dtypes.is_int(joined)) or (op.promote == "signed" and joined == "bool")
        is_foreign = any(isinstance(t, np.dtype) and t.num >= ADDED for t in types)
        known = _known_dtypes[key] = None if looks_at_numbers or is_foreign else (np.dtype(joined), np.dtype(joined).name)
    if known is None:
        return None
    dtype, name = known
    return [x if t is dtype else x.astype(dtype) if isinstance(x, np.ndarray) else as_array(x, name) for x, t in zip(inputs, types, strict=True)]


def _has(dtype: str, x: Any) -> bool:
    return not isinstance(x, int) or np.iinfo(dtype).min <= x <= np.iinfo(dtype).max


_ONE = """    Args:
        x: a tensor, an array or a number.

    Raises:
        DtypeError: a dtype that the operation does not take.
        TypeError: another number of arguments.
"""
_SEVERAL = """    Args:
        {}: tensors, arrays or numbers, which are broadcast.

    Raises:
        DtypeError: a dtype that the operation does not take.
        ShapeError: shapes that do not broadcast.
        TypeError: another number of arguments.
"""


def _example(shown: str) -> str:
    """An example of a docstring, from a call of ops and what it prints: "add(1, 2) -> 3"; nothing of nothing."""
    call, _, printed = shown.partition(" -> ")
    return f"\n    >>> from symkeras import ops\n    >>> ops.{call}\n    {printed}\n    " if shown else ""


def row(name: str, fn: Callable[..., Any], vjp: Callable[..., Any] | None = None, shown: str = "", **options: Any) -> Callable[..., Any]:
    """Add one op to the table and return its function; `shown` is its example."""
    op = Elementwise(name, fn, vjp, **options)
    add(op)
    promote = op.promote
    names = ("x",) if op.arity == 1 else ("x", "y") if promote in ("int", "shift") else ("x1", "x2")
    signature = inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names])

    def call(*inputs: Any, **named: Any) -> Any:
        if named:
            inputs = signature.bind(*inputs, **named).args
        if len(inputs) != op.arity:
            raise TypeError(f"{name} takes {op.arity} arguments, received {len(inputs)}")
        arrays = _in_known_dtype(op, inputs)
        if arrays is not None:
            return compute(op, arrays, {})
        values = promoted(promote, *inputs, compares=op.result == "bool")
        for v in values:
            if isinstance(v, Tensor):
                return apply_symbolic(op, values, {})
        if promote == "signed" and values[0].dtype == bool:
            raise DtypeError(_no_bools(name, [TensorType(v.shape, "bool") for v in values]))
        return compute(op, values, {})

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{op.__doc__}\n\n{_ONE if op.arity == 1 else _SEVERAL.format(', '.join(names))}{_example(shown)}"
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.op = op  # type: ignore[attr-defined]
    ROWS[name] = call
    return call


def _samples(arity: int, promote: str, grad: bool, domain: tuple[float, float]) -> tuple[Sample, ...]:
    kinds = {"bool": ["bool"], "int": ["i32", "bool"], "shift": ["i32"], "float": ["f32", "f64"]}.get(promote, ["f32", "f64", "i32"])
    out = []
    for k in kinds:
        for shapes in (["2, 3"] * arity, [""] * arity, ["0, 3"] * arity, (["2, 1", "3", "2, 3"][:arity])):
            out.append(Sample(tuple(f"{k}[{s}]" for s in shapes), low=domain[0], high=domain[1], grad=grad and k[0] == "f"))
    return tuple(out)


def _power(x: Any, y: Any) -> Any:
    """NumPy's power, with the values of C's pow for the exponent 0.5, whether that is one number or an array of it.

    For one number NumPy takes the square root, which is -0.0 of -0.0 and NaN of -inf.
    """
    if x.dtype.kind in "iu" and y.dtype.kind == "i" and x.size and np.any(np.less(y, 0)):
        raise DataError(NEGATIVE_POWER)
    out = np.power(x, y)
    if x.dtype.kind != "f":
        return out
    is_root = np.equal(y, 0.5)
    return np.where(is_root & ((x == 0) | (x == -np.inf)), np.abs(x), out) if is_root.any() else out


def checks_exponents(node: Node) -> bool:
    """Whether a node raises integers to powers that may be negative, for all one knows: what computes it must look."""
    if node.op.name != "power" or not dtypes.is_int(node.dtype) or node.dtype.startswith("u"):
        return False
    y = node.inputs[1]
    return y.op.name != "constant" or bool(np.any(np.less(y.attrs["value"].array, 0)))


def _power_vjp(dy: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    base = where(equal(y, 0), 1, x)
    dx = dy * (y * power(base, where(equal(y, 0), 1, y - 1)))
    has_logarithm = not_equal(x, 0) if x.dtype in dtypes.COMPLEX else greater(x, 0)
    return dx, dy * (out * where(has_logarithm, log(where(has_logarithm, x, 1)), 0))


def _absolute_vjp(dy: Any, out: Any, x: Any) -> tuple[Any]:
    if x.dtype not in dtypes.COMPLEX:
        return (dy * sign(x),)
    return (where(equal(x, 0), 0, dy * out / where(equal(x, 0), 1, x)),)  # the conjugate of the sign: that by which a small step along x counts


def _logaddexp_vjp(dy: Any, out: Any, x: Any, y: Any) -> tuple[Any, Any]:
    from symkeras.ops.nn import sigmoid  # x - y keeps digits that x - out has lost where both are large

    return dy * sigmoid(x - y), dy * sigmoid(y - x)

# arithmetic
add_ = row("add", np.add, lambda dy, out, x, y: (dy, dy), arity=2, promote="numeric", doc="x + y, element by element.", shown="add([1, 2], 3) -> array([4, 5], dtype=int32)")
subtract = row("subtract", np.subtract, lambda dy, out, x, y: (dy, -dy), arity=2, promote="signed", doc="x - y.", shown="subtract([1, 2], 3) -> array([-2, -1], dtype=int32)")
multiply = row("multiply", np.multiply, lambda dy, out, x, y: (dy * y, dy * x), arity=2, promote="numeric", doc="x * y.", shown="multiply([1, 2], [3, 4]) -> array([3, 8], dtype=int32)")
divide = row("divide", np.true_divide, lambda dy, out, x, y: (dy / y, -(dy / y) * out), arity=2, domain=(0.5, 2.0), flops=4, doc="x / y; integers give floats.", shown="divide([1, 3], 2) -> array([0.5, 1.5], dtype=float32)")
floor_divide = row("floor_divide", np.floor_divide, arity=2, promote="counted", domain=(1, 9), is_real=True, doc="x / y rounded down.", shown="floor_divide([7, -7], 2) -> array([ 3, -4], dtype=int32)")
mod = row("mod", np.remainder, lambda dy, out, x, y: (dy, -dy * floor(x / y)), arity=2, promote="counted", domain=(1.1, 1.9), is_real=True, doc="Remainder with the sign of y.", shown="mod([7, -7], 3) -> array([1, 2], dtype=int32)")
_power_row = row("power", _power, _power_vjp, arity=2, promote="counted", domain=(0.5, 2.0), flops=20, doc="x to the power y.")
negative = row("negative", np.negative, lambda dy, out, x: (-dy,), promote="signed", doc="-x.", shown="negative([1, -2]) -> array([-1,  2], dtype=int32)")
absolute = row("absolute", np.absolute, _absolute_vjp, promote="numeric", result="real", domain=(0.2, 2.0), doc="|x|.", shown="absolute([1, -2]) -> array([1, 2], dtype=int32)")
sign = row("sign", np.sign, None, promote="signed", doc="-1, 0 or 1.", shown="sign([3, 0, -2]) -> array([ 1,  0, -1], dtype=int32)")
square = row("square", np.square, lambda dy, out, x: (dy * (x * 2),), promote="counted", doc="x squared.", shown="square([2, -3]) -> array([4, 9], dtype=int32)")
reciprocal = row("reciprocal", np.reciprocal, lambda dy, out, x: (-dy * square(out),), domain=(0.5, 2.0), flops=4, doc="1 / x.", shown="reciprocal([2.0, 4.0]) -> array([0.5 , 0.25], dtype=float32)")
maximum = row("maximum", np.maximum, lambda dy, out, x, y: (where(greater_equal(x, y), dy, 0), where(greater_equal(x, y), 0, dy)), arity=2, promote="numeric", is_real=True, doc="The larger of x and y; NaN where either is NaN. At ties the gradient goes to x.", shown="maximum([1, 5], 3) -> array([3, 5], dtype=int32)")
minimum = row("minimum", np.minimum, lambda dy, out, x, y: (where(less_equal(x, y), dy, 0), where(less_equal(x, y), 0, dy)), arity=2, promote="numeric", is_real=True, doc="The smaller of x and y; NaN where either is NaN. At ties the gradient goes to x.", shown="minimum([1, 5], 3) -> array([1, 3], dtype=int32)")
# exponentials
exp = row("exp", np.exp, lambda dy, out, x: (dy * out,), flops=10, doc="e to the power x.", shown="exp([0.0, 1.0]).round(4) -> array([1.    , 2.7183], dtype=float32)")
expm1 = row("expm1", np.expm1, lambda dy, out, x: (dy * (out + 1),), flops=10, doc="exp(x) - 1, accurate near 0.", shown="expm1([0.0, 1e-6]) -> array([0.0000000e+00, 1.0000005e-06], dtype=float32)")
exp2 = row("exp2", np.exp2, lambda dy, out, x: (dy * (out * math.log(2)),), flops=10, doc="2 to the power x.", shown="exp2([0.0, 3.0]) -> array([1., 8.], dtype=float32)")
log = row("log", np.log, lambda dy, out, x: (dy / x,), domain=(0.2, 3.0), flops=10, doc="Natural logarithm.", shown="log([1.0, 10.0]).round(4) -> array([0.    , 2.3026], dtype=float32)")
log1p = row("log1p", np.log1p, lambda dy, out, x: (dy / (x + 1),), domain=(-0.5, 2.0), flops=10, doc="log(1 + x), accurate near 0.", shown="log1p([0.0, 1e-6]) -> array([0.000000e+00, 9.999995e-07], dtype=float32)")
log2 = row("log2", np.log2, lambda dy, out, x: (dy / (x * math.log(2)),), domain=(0.2, 3.0), flops=10, doc="Logarithm to base 2.", shown="log2([1.0, 8.0]) -> array([0., 3.], dtype=float32)")
log10 = row("log10", np.log10, lambda dy, out, x: (dy / (x * math.log(10)),), domain=(0.2, 3.0), flops=10, doc="Logarithm to base 10.", shown="log10([1.0, 1000.0]).round(4) -> array([0., 3.], dtype=float32)")
logaddexp = row("logaddexp", np.logaddexp, _logaddexp_vjp, arity=2, flops=25, is_real=True, doc="log(exp(x) + exp(y)) without overflow.", shown="logaddexp(1000.0, [1000.0, 0.0]) -> array([1000.6932, 1000.    ], dtype=float32)")
sqrt = row("sqrt", np.sqrt, lambda dy, out, x: (dy * 0.5 / out,), domain=(0.2, 3.0), flops=4, doc="Square root.", shown="sqrt([4.0, 9.0]) -> array([2., 3.], dtype=float32)")
# trigonometry
sin = row("sin", np.sin, lambda dy, out, x: (dy * cos(x),), flops=10, doc="Sine, x in radians.", shown="sin([0.0, 1.0]).round(4) -> array([0.    , 0.8415], dtype=float32)")
cos = row("cos", np.cos, lambda dy, out, x: (-dy * sin(x),), flops=10, doc="Cosine, x in radians.", shown="cos([0.0, 1.0]).round(4) -> array([1.    , 0.5403], dtype=float32)")
tan = row("tan", np.tan, lambda dy, out, x: (dy * (square(out) + 1),), domain=(-1.2, 1.2), flops=15, doc="Tangent, x in radians.", shown="tan([0.0, 1.0]).round(4) -> array([0.    , 1.5574], dtype=float32)")
arcsin = row("arcsin", np.arcsin, lambda dy, out, x: (dy / sqrt(1 - square(x)),), domain=(-0.8, 0.8), flops=15, doc="Inverse sine, in radians.", shown="arcsin([0.0, 1.0]).round(4) -> array([0.    , 1.5708], dtype=float32)")
arccos = row("arccos", np.arccos, lambda dy, out, x: (-dy / sqrt(1 - square(x)),), domain=(-0.8, 0.8), flops=15, doc="Inverse cosine, in radians.", shown="arccos([1.0, 0.0]).round(4) -> array([0.    , 1.5708], dtype=float32)")
arctan = row("arctan", np.arctan, lambda dy, out, x: (dy / (square(x) + 1),), flops=15, doc="Inverse tangent, in radians.", shown="arctan([0.0, 1.0]).round(4) -> array([0.    , 0.7854], dtype=float32)")
arctan2 = row("arctan2", np.arctan2, lambda dy, out, y, x: (dy * x / (square(x) + square(y)), -dy * y / (square(x) + square(y))), arity=2, domain=(0.3, 2.0), flops=20, is_real=True, doc="Angle of the point (x2, x1), in radians.", shown="arctan2([0.0, 1.0], [-1.0, 0.0]).round(4) -> array([3.1416, 1.5708], dtype=float32)")
sinh = row("sinh", np.sinh, lambda dy, out, x: (dy * cosh(x),), flops=15, doc="Hyperbolic sine.", shown="sinh([0.0, 1.0]).round(4) -> array([0.    , 1.1752], dtype=float32)")
cosh = row("cosh", np.cosh, lambda dy, out, x: (dy * sinh(x),), flops=15, doc="Hyperbolic cosine.", shown="cosh([0.0, 1.0]).round(4) -> array([1.    , 1.5431], dtype=float32)")
tanh = row("tanh", np.tanh, lambda dy, out, x: (dy * (1 - square(out)),), flops=10, doc="Hyperbolic tangent.", shown="tanh([0.0, 1.0]).round(4) -> array([0.    , 0.7616], dtype=float32)")
arcsinh = row("arcsinh", np.arcsinh, lambda dy, out, x: (dy / sqrt(square(x) + 1),), flops=15, doc="Inverse hyperbolic sine.", shown="arcsinh([0.0, 1.0]).round(4) -> array([0.    , 0.8814], dtype=float32)")
arccosh = row("arccosh", np.arccosh, lambda dy, out, x: (dy / sqrt(square(x) - 1),), domain=(1.2, 3.0), flops=15, doc="Inverse hyperbolic cosine.", shown="arccosh([1.0, 2.0]).round(4) -> array([0.   , 1.317], dtype=float32)")
arctanh = row("arctanh", np.arctanh, lambda dy, out, x: (dy / (1 - square(x)),), domain=(-0.8, 0.8), flops=15, doc="Inverse hyperbolic tangent.", shown="arctanh([0.0, 0.5]).round(4) -> array([0.    , 0.5493], dtype=float32)")
erf = row("erf", special.erf, lambda dy, out, x: (dy * (exp(-square(x)) * (2 / math.sqrt(math.pi))),), flops=20, is_real=True, doc="The error function.", shown="erf([0.0, 1.0]).round(4) -> array([0.    , 0.8427], dtype=float32)")
erfinv = row("erfinv", special.erfinv, lambda dy, out, x: (dy * (exp(square(out)) * (math.sqrt(math.pi) / 2)),), domain=(-0.8, 0.8), flops=25, is_real=True, doc="Inverse of the error function.", shown="erfinv([0.0, 0.5]).round(4) -> array([0.    , 0.4769], dtype=float32)")
# rounding
floor = row("floor", np.floor, None, domain=(0.1, 0.9), is_real=True, doc="Largest whole number not above x.", shown="floor([1.7, -1.7]) -> array([ 1., -2.], dtype=float32)")
ceil = row("ceil", np.ceil, None, domain=(0.1, 0.9), is_real=True, doc="Smallest whole number not below x.", shown="ceil([1.2, -1.2]) -> array([ 2., -1.], dtype=float32)")
rint = row("rint", np.rint, None, domain=(0.1, 0.4), is_real=True, doc="Nearest whole number; halves go to the even one.", shown="rint([0.5, 1.5, 1.7]) -> array([0., 2., 2.], dtype=float32)")
trunc = row("trunc", np.trunc, None, domain=(0.1, 0.9), is_real=True, doc="x without its fraction.", shown="trunc([1.7, -1.7]) -> array([ 1., -1.], dtype=float32)")
# comparisons and logic
equal = row("equal", np.equal, None, arity=2, promote="numeric", result="bool", doc="x == y.", shown="equal([1, 2], [1, 3]) -> array([ True, False])")
not_equal = row("not_equal", np.not_equal, None, arity=2, promote="numeric", result="bool", doc="x != y.", shown="not_equal([1, 2], [1, 3]) -> array([False,  True])")
less = row("less", np.less, None, arity=2, promote="numeric", result="bool", is_real=True, doc="x < y.", shown="less([1, 2, 3], 2) -> array([ True, False, False])")
less_equal = row("less_equal", np.less_equal, None, arity=2, promote="numeric", result="bool", is_real=True, doc="x <= y.", shown="less_equal([1, 2, 3], 2) -> array([ True,  True, False])")
greater = row("greater", np.greater, None, arity=2, promote="numeric", result="bool", is_real=True, doc="x > y.", shown="greater([1, 2, 3], 2) -> array([False, False,  True])")
greater_equal = row("greater_equal", np.greater_equal, None, arity=2, promote="numeric", result="bool", is_real=True, doc="x >= y.", shown="greater_equal([1, 2, 3], 2) -> array([False,  True,  True])")
logical_and = row("logical_and", np.logical_and, None, arity=2, promote="bool", result="bool", doc="Both.", shown="logical_and([True, False], True) -> array([ True, False])")
logical_or = row("logical_or", np.logical_or, None, arity=2, promote="bool", result="bool", doc="Either.", shown="logical_or([True, False], False) -> array([ True, False])")
logical_xor = row("logical_xor", np.logical_xor, None, arity=2, promote="bool", result="bool", doc="Exactly one.", shown="logical_xor([True, False], True) -> array([False,  True])")
logical_not = row("logical_not", np.logical_not, None, promote="bool", result="bool", doc="Not x.", shown="logical_not([True, False]) -> array([False,  True])")
isnan = row("isnan", np.isnan, None, result="bool", doc="Whether x is NaN.", shown='isnan([1.0, float("nan")]) -> array([False,  True])')
isinf = row("isinf", np.isinf, None, result="bool", doc="Whether x is infinite.", shown='isinf([1.0, float("inf")]) -> array([False,  True])')
isfinite = row("isfinite", np.isfinite, None, result="bool", doc="Whether x is neither NaN nor infinite.", shown='isfinite([1.0, float("inf")]) -> array([ True, False])')
bitwise_and = row("bitwise_and", np.bitwise_and, None, arity=2, promote="int", doc="Bits set in both.", shown="bitwise_and([6, 5], 3) -> array([2, 1], dtype=int32)")
bitwise_or = row("bitwise_or", np.bitwise_or, None, arity=2, promote="int", doc="Bits set in either.", shown="bitwise_or([6, 4], 3) -> array([7, 7], dtype=int32)")
bitwise_xor = row("bitwise_xor", np.bitwise_xor, None, arity=2, promote="int", doc="Bits set in exactly one.", shown="bitwise_xor([6, 5], 3) -> array([5, 6], dtype=int32)")
bitwise_not = row("bitwise_not", np.invert, None, promote="int", doc="All bits flipped.", shown="bitwise_not([0, 5]) -> array([-1, -6], dtype=int32)")
left_shift = row("left_shift", np.left_shift, None, arity=2, promote="shift", domain=(0, 4), doc="x shifted left by y bits.", shown="left_shift([1, 3], 2) -> array([ 4, 12], dtype=int32)")
right_shift = row("right_shift", np.right_shift, None, arity=2, promote="shift", domain=(0, 4), doc="x shifted right by y bits.", shown="right_shift([4, 13], 2) -> array([1, 3], dtype=int32)")


def power(x1: Any, x2: Any) -> Any:
    """x1 to the power x2; integers give integers, and wrap around where those do not fit.

    Raises:
        DataError: integers are taken to a negative power, which no integer is.

    >>> power(np.int64([3000001]), 2).tolist(), power(2.0, -1).tolist()
    ([9000006000001], 0.5)
    """
    if dtypes.is_int(common_dtype("counted", x1, x2)) and not is_symbolic(x2) and np.any(np.less(as_array(x2), 0)):
        raise DataError(NEGATIVE_POWER)
    return _power_row(x1, x2)


power.op = _power_row.op  # type: ignore[attr-defined]
ROWS["power"] = power


class Where(Op):
    """`x` where `condition`, else `y`; the value not chosen has no influence, NaN or not."""

    name = "where"
    is_elementwise = True
    samples = tuple(
        Sample((f"bool[{c}]", f"{k}[{s}]", f"{k}[{t}]"), grad=k != "i32")
        for k in ("f32", "f64", "i32")
        for c, s, t in (("2, 3", "2, 3", "2, 3"), ("", "", ""), ("0, 3", "0, 3", "0, 3"), ("2, 1", "3", ""))
    )

    def infer(self, condition: TensorType, x: TensorType, y: TensorType) -> TensorType:  # type: ignore[override]
        if condition.dtype != "bool" or x.dtype != y.dtype:
            raise DtypeError(f"where expects bool and two of one dtype, received {condition}, {x}, {y}")
        return TensorType(broadcast_shapes(condition.shape, x.shape, y.shape, what="where"), x.dtype)

    def value(self, condition: Any, x: Any, y: Any) -> Any:  # type: ignore[override]
        return np.where(condition, x, y)

    def vjp(self, dy: Any, out: Any, condition: Any, x: Any, y: Any) -> Any:  # type: ignore[override]
        return None, where(condition, dy, 0), where(condition, 0, dy)


WHERE = add(Where())


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where `condition` is true, else `x2`.

    Raises:
        ShapeError: one of `x1` and `x2` alone, or a symbolic condition without them.

    >>> where(np.array([True, False]), 1.0, 0.0)
    array([1., 0.], dtype=float32)
    """
    if x1 is None or x2 is None:
        if x1 is not x2:
            raise ShapeError("where takes either both of x1 and x2, or neither")
        if is_symbolic(condition):
            raise ShapeError("where(condition) alone has a shape that depends on values: give x1 and x2")
        return tuple(i.astype("int32") for i in np.nonzero(as_array(condition)))
    dtype = common_dtype("numeric", x1, x2)
    if is_symbolic(condition, x1, x2):
        inputs = [cast(as_tensor(condition), "bool"), cast(as_tensor(x1, dtype), dtype), cast(as_tensor(x2, dtype), dtype)]
        return apply_symbolic(WHERE, inputs, {})
    return compute(WHERE, [as_array(condition).astype(bool), as_array(x1, dtype), as_array(x2, dtype)], {})
