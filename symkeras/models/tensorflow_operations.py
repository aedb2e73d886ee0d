"""The functions of TensorFlow that functional models of Keras 2 hold between their layers (`TFOpLambda`, `SlicingOpLambda`).

A row is the name without `tf.`, the names of its arguments in order, and what it computes, or the operation of Keras of
the same meaning and order of arguments. What has no row is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symkeras import ops
from symkeras.errors import ConfigError, nearest
from symkeras.models.operations import get_item


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    return ops.matmul(ops.swapaxes(a, -1, -2) if transpose_a else a, ops.swapaxes(b, -1, -2) if transpose_b else b)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float | None = None) -> Any:
    total = ops.sum(ops.square(x), axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(total, 1e-12 if epsilon is None else epsilon)))


def _softmax(x: Any, axis: Any = None) -> Any:
    return ops.softmax(x, axis=-1 if axis is None else axis)


def _reduced(reduce: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axis=None, keepdims=False: reduce(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(keepdims))


def _argmax(x: Any, axis: Any = None, output_type: Any = None) -> Any:
    return ops.cast(ops.argmax(x, axis=0 if axis is None else axis), output_type or "int64")


def _unary(*names: str, argument: str = "x") -> dict[str, tuple[tuple[str, ...], Callable[..., Any]]]:
    return {name: ((argument,), getattr(ops, name.rpartition(".")[2])) for name in names}


_AXES = ("input_tensor", "axis", "keepdims")
_ROWS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    **_unary("math.exp", "math.log", "math.log1p", "math.sqrt", "math.rsqrt", "math.square", "math.abs", "math.negative", "math.sigmoid",
             "math.tanh", "math.sin", "math.cos", "math.floor", "math.ceil", "math.round", "math.sign", "math.reciprocal", "math.erf",
             "nn.sigmoid", "nn.tanh"),
    **_unary("nn.relu", "nn.relu6", "nn.elu", "nn.selu", "nn.softplus", "math.softplus", "nn.silu", argument="features"),
    "nn.swish": (("features",), ops.silu),
    "nn.leaky_relu": (("features", "alpha"), lambda x, alpha=0.2: ops.leaky_relu(x, negative_slope=alpha)),
    "nn.gelu": (("features", "approximate"), lambda x, approximate=False: ops.gelu(x, approximate=bool(approximate))),
    "nn.softmax": (("logits", "axis"), _softmax),
    "__operators__.add": (("x", "y"), ops.add),
    **{f"math.{name}": (("x", "y"), getattr(ops, name)) for name in (
        "add", "subtract", "multiply", "divide", "maximum", "minimum", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal",
        "logical_and", "logical_or",
    )},
    "math.truediv": (("x", "y"), ops.divide), "math.floordiv": (("x", "y"), ops.floor_divide), "math.floormod": (("x", "y"), ops.mod),
    "math.pow": (("x", "y"), ops.power), "math.logical_not": (("x",), ops.logical_not),
    **{f"math.reduce_{name}": (_AXES, _reduced(getattr(ops, name))) for name in ("sum", "mean", "max", "min", "prod", "any", "all")},
    "math.argmax": (("input", "axis", "output_type"), _argmax),
    "math.l2_normalize": (("x", "axis", "epsilon"), _l2_normalize), "nn.l2_normalize": (("x", "axis", "epsilon"), _l2_normalize),
    "linalg.matmul": (("a", "b", "transpose_a", "transpose_b"), _matmul),
    "reshape": (("tensor", "shape"), ops.reshape), "transpose": (("a", "perm"), ops.transpose), "cast": (("x", "dtype"), ops.cast),
    "expand_dims": (("input", "axis"), ops.expand_dims), "squeeze": (("input", "axis"), ops.squeeze),
    "concat": (("values", "axis"), ops.concatenate), "stack": (("values", "axis"), lambda x, axis=0: ops.stack(x, axis=axis)),
    "tile": (("input", "multiples"), ops.tile), "reverse": (("tensor", "axis"), ops.flip),
    "clip_by_value": (("t", "clip_value_min", "clip_value_max"), ops.clip), "where": (("condition", "x", "y"), ops.where),
    "one_hot": (("indices", "depth"), ops.one_hot), "stop_gradient": (("input",), ops.stop_gradient), "identity": (("input",), lambda x: x),
    "__operators__.getitem": (("tensor", "slice_spec"), get_item),
}  # fmt: skip

CLASSES = ("TFOpLambda", "SlicingOpLambda")
"""What Keras 2 calls these calls in its configs."""


def tensorflow_operation(name: Any) -> Callable[..., Any]:
    """What the function of TensorFlow called `name` computes, with its own names of arguments.

    Raises:
        ConfigError: it has no row.
    """
    row = _ROWS.get(name) if isinstance(name, str) else None
    if row is None:
        raise ConfigError(f"the config calls TensorFlow's function {name!r}, which symkeras does not know.{nearest(str(name), _ROWS)}")
    names, function = row

    def call(*args: Any, **kwargs: Any) -> Any:
        given = {k: v for k, v in kwargs.items() if k != "name"}
        return function(*_in_order(name, names, args, given))

    return call


def _in_order(name: str, names: tuple[str, ...], args: tuple[Any, ...], given: Mapping[str, Any]) -> list[Any]:
    """The arguments by position; what was left out in between is None, which every function here takes for its default."""
    values = {**dict(zip(names, args, strict=False)), **given}
    if unknown := sorted(values.keys() - {*names}) or len(args) > len(names):
        raise ConfigError(f"the config gives TensorFlow's function {name!r} the arguments {unknown}, which are not read here")
    last = max((k for k, n in enumerate(names) if n in values), default=-1)
    return [values.get(n) for n in names[: last + 1]]
