"""ONNX operators that treat elements alike, or reduce them, as operations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph import dims, dtypes
from symkeras.graph.tensor import Tensor
from symkeras.layers.with_weight import WithWeight
from symkeras.ops.activations import mish
from symkeras.ops.shaping import canonical_axis

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

Reader = Callable[["Call"], Any]
"""What makes a value, or several, of one node."""


def unary(function: Callable[..., Any]) -> Reader:
    return lambda c: c.apply(function, c.tensor())


# ---- two tensors -------------------------------------------------------------------------------------------------------

_LEARNED = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide"}
"""Operators whose constants are weights: the biases and scales of layers that were taken apart."""


def _binary(function: Callable[..., Any], on_sizes: Callable[..., Any] | None = None) -> Reader:
    def read(c: Call) -> Any:
        a, b = c.inputs
        if on_sizes is not None and any(are_sizes(x) for x in (a, b)) and all(isinstance(x, np.ndarray) and x.dtype.kind in "iuO" for x in (a, b)):
            return np.asarray(on_sizes(a.astype(object), b.astype(object)), object)
        learned = _learned(c)
        return learned if learned is not None else c.apply(function, c.tensor(0), c.tensor(1))

    return read


def are_sizes(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == object


def _learned(c: Call) -> Any:
    """A layer with the constant of a sum or product as its weight; None where there is none."""
    for k, x in enumerate(c.inputs):
        other = c.inputs[1 - k]
        if c.kind in _LEARNED and c.node.input[k] in c.builder.weights and isinstance(other, Tensor) and dtypes.is_float(other.dtype):
            if x.ndim > other.ndim:  # its own axes would come before the batch
                return None
            return c.layer(WithWeight(_LEARNED[c.kind], x.shape, is_first=k == 0, name=c.name(), dtype=str(x.dtype)), other, [x])
    return None


def _divide(a: Any, b: Any) -> Any:
    """Integers are divided towards zero."""
    if dtypes.is_float(ops.op.dtype_of(a)):
        return ops.divide(a, b)
    quotient = ops.floor_divide(a, b)
    is_short = ops.logical_and(ops.not_equal(quotient * b, a), ops.not_equal(ops.less(a, 0), ops.less(b, 0)))
    return quotient + ops.cast(is_short, a.dtype)


def _mod(c: Call) -> Any:
    if not c.attribute("fmod", 0):
        return c.apply(ops.mod, c.tensor(0), c.tensor(1))
    return c.apply(lambda a, b: a - ops.trunc(a / b) * b if dtypes.is_float(a.dtype) else a - _divide(a, b) * b, c.tensor(0), c.tensor(1))


def _power(c: Call) -> Any:
    return c.apply(lambda a, b: ops.power(a, ops.cast(b, a.dtype)), c.tensor(0), c.tensor(1))


def _many(function: Callable[[Any, Any], Any]) -> Reader:
    return lambda c: c.apply(lambda *x: functools.reduce(function, x), *(c.operand(k) for k in range(len(c.inputs))))


def _mean(c: Call) -> Any:
    count = len(c.inputs)
    return c.apply(lambda *x: functools.reduce(ops.add, x) / count, *(c.tensor(k) for k in range(count)))


def _where(c: Call) -> Any:
    if any(map(are_sizes, c.inputs)) and isinstance(c.inputs[0], np.ndarray):
        return np.asarray(np.where(c.inputs[0].astype(bool), c.inputs[1], c.inputs[2]), object)
    return c.apply(ops.where, c.tensor(0), c.operand(1), c.operand(2))


def _equal(c: Call) -> Any:
    a, b = c.inputs
    if are_sizes(a) or are_sizes(b):  # a symbolic size is none of the numbers, such as -1, that files compare it with
        pairs = np.broadcast(np.asarray(a, object), np.asarray(b, object))
        return np.array([x == y for x, y in pairs], bool).reshape(pairs.shape)
    return c.apply(ops.equal, c.tensor(0), c.tensor(1))


# ---- activations -------------------------------------------------------------------------------------------------------


def _with(function: Callable[..., Any], **numbers: tuple[str, float]) -> Reader:
    """A function with numbers from attributes: keyword -> (attribute, default)."""
    return lambda c: c.apply(lambda x: function(x, **{k: c.attribute(a, d) for k, (a, d) in numbers.items()}), c.tensor())


def _hard_sigmoid(x: Any, alpha: float, beta: float) -> Any:
    return ops.clip(x * alpha + beta, 0, 1)


def _thresholded(x: Any, alpha: float) -> Any:
    return ops.where(ops.greater(x, alpha), x, 0)


def _shrink(x: Any, bias: float, lambd: float) -> Any:
    return ops.where(ops.less(x, -lambd), x + bias, ops.where(ops.greater(x, lambd), x - bias, 0))


def _selu(x: Any, alpha: float, gamma: float) -> Any:
    return ops.elu(x, alpha=alpha) * gamma


def _gelu(c: Call) -> Any:
    return c.apply(lambda x: ops.gelu(x, approximate=c.attribute("approximate", "none") == "tanh"), c.tensor())


def _clip(c: Call) -> Any:
    low, high = c.number(1, "min", None), c.number(2, "max", None)

    def clipped(x: Any) -> Any:
        x = x if low is None else ops.maximum(x, np.asarray(low, x.dtype))
        return x if high is None else ops.minimum(x, np.asarray(high, x.dtype))

    return c.apply(clipped, c.tensor())


def _softmax(function: Callable[..., Any]) -> Reader:
    def read(c: Call) -> Any:
        if c.opset >= 13:
            return c.apply(lambda x: function(x, axis=c.attribute("axis", -1)), c.tensor())

        def of_rows(x: Any) -> Any:  # before, all axes from one on were one
            axis = canonical_axis(c.attribute("axis", 1), x.ndim)
            rows = ops.reshape(x, (dims.product(x.dims[:axis]), dims.product(x.dims[axis:])))
            return ops.reshape(function(rows, axis=-1), x.dims)

        return c.apply(of_rows, c.tensor())

    return read


def dtype_of_number(number: int) -> str:
    """The dtype that ONNX numbers so; "" for 0."""
    from onnx import helper  # type: ignore[import-not-found]

    return dtypes.standardize(np.dtype(helper.tensor_dtype_to_np_dtype(number)).name) if number else ""


def _cast(c: Call) -> Any:
    dtype = dtype_of_number(c.needed("to"))
    if are_sizes(c.inputs[0]) and dtypes.is_int(dtype):
        return c.inputs[0]
    return c.apply(lambda x: ops.cast(x, dtype), c.tensor())


def _bit_shift(c: Call) -> Any:
    return c.apply(ops.left_shift if c.needed("direction") == "LEFT" else ops.right_shift, c.tensor(0), c.tensor(1))


def _isinf(c: Call) -> Any:
    signs = {"detect_positive": ops.greater, "detect_negative": ops.less}
    wanted = [test for name, test in signs.items() if c.attribute(name, 1)]
    return c.apply(lambda x: ops.logical_and(ops.isinf(x), functools.reduce(ops.logical_or, (t(x, 0) for t in wanted), x != x)), c.tensor())


# ---- reductions --------------------------------------------------------------------------------------------------------


def _reduction(function: Callable[..., Any]) -> Reader:
    def read(c: Call) -> Any:
        axes = c.integers(1, "axes")
        keepdims = bool(c.attribute("keepdims", 1))
        if not axes:
            if c.attribute("noop_with_empty_axes", 0):
                return c.tensor()
            axes = None
        if are_sizes(c.inputs[0]) and function is ops.prod and c.inputs[0].ndim == 1:
            total = dims.product(c.inputs[0])
            return np.array([total] if keepdims else total, object)
        return c.apply(lambda x: ops.cast(function(x, axis=None if axes is None else tuple(axes), keepdims=keepdims), x.dtype), c.tensor())

    return read


def _norm(x: Any, **options: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(x), **options))


def _lp_normalization(c: Call) -> Any:
    p = c.attribute("p", 2)
    c.require(p in (1, 2), f"the norm {p} is not covered")

    def normalized(x: Any) -> Any:
        axis = c.attribute("axis", -1)
        size = ops.sum(ops.absolute(x), axis=axis, keepdims=True) if p == 1 else _norm(x, axis=axis, keepdims=True)
        return ops.where(ops.equal(size, 0), 0, x / ops.where(ops.equal(size, 0), 1, size))

    return c.apply(normalized, c.tensor())


def _hardmax(c: Call) -> Any:
    c.require(c.opset >= 13, "its form before version 13 is not covered")

    def hot(x: Any) -> Any:
        axis = canonical_axis(c.attribute("axis", -1), x.ndim)
        return ops.cast(ops.one_hot(ops.argmax(x, axis=axis), x.dims[axis], axis=axis), x.dtype)

    return c.apply(hot, c.tensor())


def _place(function: Callable[..., Any]) -> Reader:
    def read(c: Call) -> Any:
        c.require(not c.attribute("select_last_index", 0), "the last of equal places is not covered")
        options = {"axis": c.attribute("axis", 0), "keepdims": bool(c.attribute("keepdims", 1))}
        return c.apply(lambda x: ops.cast(function(x, **options), "int64"), c.tensor())

    return read


def _cumsum(c: Call) -> Any:
    axis = int(c.constant(1).reshape(-1)[0])
    is_exclusive, is_reverse = c.attribute("exclusive", 0), c.attribute("reverse", 0)

    def total(x: Any) -> Any:
        x = ops.flip(x, axis) if is_reverse else x
        sums = ops.cumsum(x, axis)
        sums = sums - x if is_exclusive else sums
        return ops.flip(sums, axis) if is_reverse else sums

    return c.apply(total, c.tensor())


def _top_k(c: Call) -> Any:
    k = int(c.constant(1).reshape(-1)[0]) if c.input(1) is not None else c.attribute("k")
    c.require(c.attribute("largest", 1) == 1, "the smallest elements are not covered")

    def largest(x: Any) -> Any:
        axis = canonical_axis(c.attribute("axis", -1), x.ndim)
        values, places = ops.top_k(ops.moveaxis(x, axis, -1), k)
        return ops.moveaxis(values, -1, axis), ops.cast(ops.moveaxis(places, -1, axis), "int64")

    return c.apply(largest, c.tensor())


def _dropout(c: Call) -> Any:
    from symkeras.layers.dropout import Dropout

    x = c.tensor()
    c.require(len([o for o in c.outputs if o]) == 1 or not c.builder.readers.get(c.outputs[1]), "its mask is not covered")
    rate = float(c.number(1, "ratio", 0.5))
    return c.layer(Dropout(rate, name=c.name()), x, []) if isinstance(x, Tensor) else x


_PLAIN: dict[str, Callable[..., Any]] = {
    "Abs": ops.absolute, "Neg": ops.negative, "Sign": ops.sign, "Floor": ops.floor, "Ceil": ops.ceil, "Round": ops.rint, "Exp": ops.exp,
    "Log": ops.log, "Sqrt": ops.sqrt, "Reciprocal": ops.reciprocal, "Erf": ops.erf, "Sin": ops.sin, "Cos": ops.cos, "Tan": ops.tan,
    "Asin": ops.arcsin, "Acos": ops.arccos, "Atan": ops.arctan, "Sinh": ops.sinh, "Cosh": ops.cosh, "Asinh": ops.arcsinh, "Acosh": ops.arccosh,
    "Atanh": ops.arctanh, "Tanh": ops.tanh, "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Softplus": ops.softplus, "Softsign": ops.softsign,
    "Mish": mish, "HardSwish": ops.hard_silu, "Not": ops.logical_not, "IsNaN": ops.isnan, "BitwiseNot": ops.bitwise_not,
}  # fmt: skip


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    return ops.logsumexp(x, axis, keepdims)


TABLE: dict[str, Reader] = {
    **{kind: unary(function) for kind, function in _PLAIN.items()},
    "Add": _binary(ops.add, np.add), "Sub": _binary(ops.subtract, np.subtract), "Mul": _binary(ops.multiply, np.multiply),
    "Div": _binary(_divide, np.floor_divide), "Mod": _mod, "Pow": _power, "Max": _many(ops.maximum), "Min": _many(ops.minimum),
    "Sum": _many(ops.add), "Mean": _mean, "Equal": _equal, "Less": _binary(ops.less), "LessOrEqual": _binary(ops.less_equal),
    "Greater": _binary(ops.greater), "GreaterOrEqual": _binary(ops.greater_equal), "And": _binary(ops.logical_and), "Or": _binary(ops.logical_or),
    "Xor": _binary(ops.logical_xor), "BitwiseAnd": _binary(ops.bitwise_and), "BitwiseOr": _binary(ops.bitwise_or),
    "BitwiseXor": _binary(ops.bitwise_xor), "Where": _where, "Cast": _cast, "IsInf": _isinf,
    "LeakyRelu": _with(ops.leaky_relu, negative_slope=("alpha", 0.01)), "Elu": _with(ops.elu, alpha=("alpha", 1.0)),
    "Celu": _with(ops.celu, alpha=("alpha", 1.0)), "Selu": _with(_selu, alpha=("alpha", 1.6732632), gamma=("gamma", 1.050701)),
    "HardSigmoid": _with(_hard_sigmoid, alpha=("alpha", 0.2), beta=("beta", 0.5)), "ThresholdedRelu": _with(_thresholded, alpha=("alpha", 1.0)),
    "Shrink": _with(_shrink, bias=("bias", 0.0), lambd=("lambd", 0.5)), "Gelu": _gelu, "Clip": _clip, "Softmax": _softmax(ops.softmax),
    "LogSoftmax": _softmax(ops.log_softmax), "Hardmax": _hardmax, "Dropout": _dropout, "LpNormalization": _lp_normalization,
    "Swish": _with(lambda x, alpha: x * ops.sigmoid(x * alpha), alpha=("alpha", 1.0)), "BitShift": _bit_shift,
    "CastLike": lambda c: c.apply(lambda x, like: ops.cast(x, like.dtype), c.tensor(0), c.tensor(1)),
    "ReduceSum": _reduction(ops.sum), "ReduceMean": _reduction(ops.mean), "ReduceMax": _reduction(ops.max), "ReduceMin": _reduction(ops.min),
    "ReduceProd": _reduction(ops.prod), "ReduceL2": _reduction(_norm), "ReduceL1": _reduction(lambda x, **o: ops.sum(ops.absolute(x), **o)),
    "ReduceSumSquare": _reduction(lambda x, **o: ops.sum(ops.square(x), **o)), "ReduceLogSumExp": _reduction(_logsumexp),
    "ReduceLogSum": _reduction(lambda x, **o: ops.log(ops.sum(x, **o))),
    "ArgMax": _place(ops.argmax), "ArgMin": _place(ops.argmin), "CumSum": _cumsum, "TopK": _top_k,
}  # fmt: skip

