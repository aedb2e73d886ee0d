"""Placeholders, variables and constants, their values, and the pairs that `K.function` takes as updates."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.backend.theano_style.symbolic_shapes import int_shape
from symkeras.errors import ConfigError, ShapeError, SymbolicValueError
from symkeras.graph import dims, dtypes, tracing
from symkeras.graph.dims import Size
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Variable
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import as_tensor, constant_node
from symkeras.ops.sizes import as_shape

_placeholders = itertools.count()


def placeholder(shape: Any = None, ndim: int | None = None, dtype: Any = None, sparse: bool = False, name: str | None = None) -> Tensor:
    """A symbolic input of a function.

    Args:
        shape: sizes, None for those that vary; every None may have another size.
        ndim: the number of axes, all of any size, instead of `shape`.
        dtype: `floatx` when None.
        sparse: must be False.
        name: shown in graphs and messages.

    Raises:
        ConfigError: neither shape nor ndim, or a sparse placeholder.

    >>> placeholder((None, 3), name="x").shape
    (None, 3)
    """
    if sparse:
        raise ConfigError("symkeras has dense tensors only: sparse must be False")
    if shape is None and ndim is None:
        raise ConfigError("placeholder needs a shape or ndim, for example K.placeholder((None, 784))")
    serial = next(_placeholders)
    sizes: list[Size] = []
    for axis, d in enumerate(shape if shape is not None else (None,) * int(ndim or 0)):
        sizes.append(dims.symbol(f"p{serial}_{axis}") if d is None else d if isinstance(d, dims.Dim) else int(d))
    name = name or (f"placeholder_{serial}" if serial else "placeholder")
    return Tensor(placeholder_node(TensorType(tuple(sizes), dtypes.standardize(dtype)), name), name)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable that is symbolic outside traces too: `v * 2` builds a graph.

    Args:
        value: an array, numbers, or a tensor that depends on no placeholder.
        dtype: `floatx` when None.
        name: shown in graphs and messages.
        constraint: kept as an attribute for optimizers.

    >>> v = variable([1.0, 2.0], name="v")
    >>> v * 2
    <Tensor multiply: f32[2]>
    """
    from symkeras.backend.theano_style.symbolic_function import evaluated

    value = np.asarray(evaluated(value, "K.variable"), dtype=dtypes.standardize(dtype))
    return Variable(value, dtype=dtype or config.floatx(), name=name, constraint=constraint, symbolic=True)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A symbolic constant; a number (or array) is repeated to `shape` where one is given."""
    array = np.asarray(value, dtype=dtypes.standardize(dtype))
    if shape is not None:
        array = np.array(np.broadcast_to(array, tuple(shape)))
    return Tensor(constant_node(array), name)


def _filled(number: int, shape: Any, dtype: Any, name: str | None) -> Any:
    sizes = as_shape(shape)
    if any(isinstance(d, dims.Dim) for d in sizes):
        return ops.full(sizes, number, dtypes.standardize(dtype))
    return variable(np.full(sizes, number), dtype, name)


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of zeros; a tensor of zeros where a size is symbolic."""
    return _filled(0, shape, dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Any:
    """A variable of ones; a tensor of ones where a size is symbolic."""
    return _filled(1, shape, dtype, name)


def eye(size: int, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable that holds the identity matrix."""
    return variable(np.eye(size), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Zeros of the shape of `x`."""
    return ops.zeros_like(x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Ones of the shape of `x`."""
    return ops.ones_like(x, dtype)


def identity(x: Any, name: str | None = None) -> Any:
    """`x` itself, as a tensor; a copy of an array."""
    return Tensor(x.node, name) if isinstance(x, Tensor) else np.array(x)


def random_uniform_variable(shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None) -> Variable:
    """A variable whose first value is drawn evenly between `low` and `high`."""
    from symkeras import random

    with tracing.suspended():
        return variable(random.uniform(tuple(shape), low, high, dtype=dtype, seed=seed), dtype, name)


def random_normal_variable(shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None) -> Variable:
    """A variable whose first value is drawn from a normal distribution of the given mean and standard deviation."""
    from symkeras import random

    with tracing.suspended():
        return variable(random.normal(tuple(shape), mean, scale, dtype=dtype, seed=seed), dtype, name)


def count_params(x: Any) -> int:
    """Number of elements."""
    sizes = int_shape(x)
    known = [n for n in sizes if n is not None]
    if len(known) < len(sizes):
        raise ShapeError(f"count_params needs known sizes, received shape {sizes}")
    return int(np.prod(known, dtype=np.int64))


# ---- values ----------------------------------------------------------------------------------------------------------


def get_value(x: Any) -> np.ndarray:
    """A copy of the value of a variable.

    Raises:
        SymbolicValueError: a tensor that is no variable; `K.eval` computes it.
    """
    if isinstance(x, Variable):
        return x.numpy()
    if isinstance(x, Tensor):
        raise SymbolicValueError(f"K.get_value reads variables; {x!r} has to be computed: use K.eval, or K.function where it depends on placeholders")
    return np.array(x)


def batch_get_value(xs: Sequence[Any]) -> list[np.ndarray]:
    """Copies of the values of several variables."""
    return [get_value(x) for x in xs]


def set_value(x: Any, value: Any) -> None:
    """Give a variable a new value of the same shape."""
    if not isinstance(x, Variable):
        raise ConfigError(f"K.set_value sets variables, received {x!r}")
    x.set(np.asarray(value, dtype=x.dtype))


def batch_set_value(tuples: Iterable[tuple[Any, Any]]) -> None:
    """Set several variables, from pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def get_variable_shape(x: Variable) -> tuple[int, ...]:
    """The shape of a variable."""
    return tuple(x.shape)


# ---- updates ---------------------------------------------------------------------------------------------------------

Update = tuple[Variable, Any]
"""A variable and the tensor that becomes its value."""


def _target(x: Any) -> Any:
    if not isinstance(x, Variable):
        raise ConfigError(f"only variables can be updated, received {x!r}")
    return as_tensor(x)


def update(x: Variable, new_x: Any) -> Update:
    """The update that gives `x` the value `new_x`; takes effect in the `K.function` it is passed to."""
    _target(x)
    return x, new_x


def update_add(x: Variable, increment: Any) -> Update:
    """The update that adds `increment` to `x`."""
    return x, ops.add(_target(x), increment)


def update_sub(x: Variable, decrement: Any) -> Update:
    """The update that subtracts `decrement` from `x`."""
    return x, ops.subtract(_target(x), decrement)


def moving_average_update(x: Variable, value: Any, momentum: Any) -> Update:
    """The update of `x` to `x * momentum + value * (1 - momentum)`."""
    return x, ops.add(ops.multiply(_target(x), momentum), ops.multiply(value, 1.0 - momentum))
