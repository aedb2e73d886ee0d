"""Draws from distributions. Each takes one state from its seed, so a draw is a pure function of [seed, step] and a shape.

An int as seed gives the same numbers at every call; a `SeedGenerator` gives new ones; None means the generator of the process.
Sizes in a shape may be symbolic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from symkeras import arguments, ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops import random as bits
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axis
from symkeras.ops.sizes import whole
from symkeras.random.seed_generator import draw_seed

_STREAM = 0
_WITHIN_TWO = math.erf(math.sqrt(2))
# erfinv(y) = y * p(-log(1 - y*y) - 2.5) to seven digits where |y| < 0.996: Giles (2010), "Approximating the erfinv function".
_ERFINV = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers.

    Args:
        shape: of the result.
        mean, stddev: of the distribution.
        dtype: floating, `floatx` when None.
        seed: an int, a `SeedGenerator`, or None.

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    return _scaled(bits.unit_normal(draw_seed(seed), _STREAM, shape, dtype), stddev, mean, dtype)


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers spread evenly from `minval` to below `maxval` (before rounding to `dtype`).

    Args:
        shape: of the result.
        minval, maxval: the range.
        dtype: floating, `floatx` when None; for integers see `randint`.
        seed: an int, a `SeedGenerator`, or None.

    >>> x = uniform((100,), -1, 1, seed=1)
    >>> bool(np.all((x >= -1) & (x < 1)))
    True
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    return _scaled(bits.unit_uniform(draw_seed(seed), _STREAM, shape, dtype), maxval - minval, minval, dtype)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normally distributed numbers given that they are at most two standard deviations from the mean.

    Args:
        shape: of the result.
        mean, stddev: of the normal distribution before it is cut off.
        dtype: floating, `floatx` when None.
        seed: an int, a `SeedGenerator`, or None.

    >>> bool(np.abs(truncated_normal((1000,), seed=1)).max() <= 2)
    True
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    u = bits.unit_uniform(draw_seed(seed), _STREAM, shape, _working(dtype))
    y = ops.multiply(ops.subtract(ops.multiply(u, 2.0), 1.0), _WITHIN_TWO)
    w = ops.subtract(ops.negative(ops.log(ops.subtract(1.0, ops.square(y)))), 2.5)
    p: Any = _ERFINV[0]
    for c in _ERFINV[1:]:
        p = ops.add(ops.multiply(w, p), c)
    z = ops.clip(ops.multiply(ops.multiply(y, p), math.sqrt(2)), -2.0, 2.0)
    return _scaled(z, stddev, mean, dtype)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Whole numbers from `minval` to below `maxval`, all equally likely (up to 2**-32 of a share for 32 bits of range).

    Args:
        shape: of the result.
        minval, maxval: whole numbers, or scalar tensors of them.
        dtype: of the result.
        seed: an int, a `SeedGenerator`, or None.

    Raises:
        ConfigError: an empty range, or a dtype that is none of integers.

    >>> sorted({int(k) for k in randint((100,), 3, 6, seed=1)})
    [3, 4, 5]
    """
    shape, dtype = _sizes(shape), dtypes.standardize(dtype)
    if not dtypes.is_int(dtype):
        raise ConfigError(f"randint draws integers, received dtype {dtype!r}; uniform draws floating numbers")
    for name, bound in (("minval", minval), ("maxval", maxval)):
        if not (arguments.is_number(bound) or isinstance(bound, Variable) or ops.is_tensor(bound)):
            raise arguments.refusal(f"randint: {name}", "a number or a tensor of them", bound)
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)) and not maxval > minval:
        raise ConfigError(f"randint expects minval < maxval, received minval={minval} and maxval={maxval}")
    span = ops.cast(maxval - minval, "uint64")
    drawn = ops.mod(bits.random_bits(draw_seed(seed), _STREAM, shape, "uint64"), span)
    return ops.cast(ops.add(ops.cast(drawn, "int64"), ops.cast(minval, "int64")), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Class numbers drawn with the probabilities softmax(logits).

    Args:
        logits: (B, V) logarithms of probabilities, up to a constant per row; -inf for classes that never come.
        num_samples: N, how many to draw per row.
        dtype: of the result.
        seed: an int, a `SeedGenerator`, or None.

    Returns:
        (B, N) class numbers.

    Raises:
        ShapeError: logits that are no matrix.

    >>> categorical(np.array([[0.0, -np.inf], [-np.inf, 0.0]]), 3, seed=1).tolist()
    [[0, 0, 0], [1, 1, 1]]
    """
    sizes = ops.shape(logits)
    if len(sizes) != 2:
        raise ShapeError(f"categorical expects logits of shape (batch, classes), received {len(sizes)} axes")
    below = ops.cumsum(ops.softmax(ops.cast(logits, "float64")), axis=-1)
    total = below[:, -1:]
    target = ops.multiply(bits.unit_uniform(draw_seed(seed), _STREAM, _sizes((sizes[0], num_samples)), "float64"), total)
    passed = ops.logical_and(
        ops.less_equal(ops.expand_dims(below, 1), ops.expand_dims(target, 2)),
        ops.expand_dims(ops.less(below, total), 1),  # rounding never carries a draw past the last class that can come
    )
    return ops.cast(ops.sum(ops.cast(passed, "int32"), axis=-1), dtypes.standardize(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """`inputs` with a share `rate` of the elements set to 0 and the others scaled by 1 / (1 - rate) (Srivastava et al. 2014).

    Args:
        inputs: floating numbers.
        rate: share to drop, from 0 to 1.
        noise_shape: the shape of the choice, 1 for axes along which it is shared, None for the size of `inputs`.
        seed: an int, a `SeedGenerator`, or None.

    Raises:
        ConfigError: a rate outside of [0, 1].
        ShapeError: a noise shape with another number of sizes than the inputs have axes.

    >>> sorted(set(dropout(np.ones((50,), np.float32), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    arguments.fraction(rate, "dropout: rate")
    if rate == 0:
        return inputs
    if rate == 1:
        return ops.zeros_like(inputs)
    sizes = ops.shape(inputs)
    if noise_shape is not None:
        if len(noise_shape) != len(sizes):
            raise ShapeError(f"dropout: noise_shape {tuple(noise_shape)} needs {len(sizes)} sizes, one for each axis of the inputs")
        sizes = tuple(size if d is None else d for d, size in zip(noise_shape, sizes, strict=True))
    keep = bits.keep_mask(draw_seed(seed), _STREAM, _sizes(sizes), 1 - rate)
    return ops.where(keep, ops.multiply(inputs, 1 / (1 - rate)), 0)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in a random order.

    >>> sorted(shuffle(np.arange(4), seed=1).tolist())
    [0, 1, 2, 3]
    """
    order = ops.argsort(bits.random_bits(draw_seed(seed), _STREAM, (ops.shape(x)[canonical_axis(axis, len(ops.shape(x)))],), "uint64"))
    return ops.take(x, order, axis)


def _sizes(shape: Any) -> tuple[dims.Size, ...]:
    if isinstance(shape, (int, np.integer, dims.Dim)):
        shape = (shape,)
    if not isinstance(shape, Iterable):
        raise ShapeError(f"a shape is a list of sizes, received {shape!r}")
    if any(d is None for d in shape):
        raise ShapeError(f"a random draw needs its sizes, received {tuple(shape)}; ops.shape(x) gives those of a symbolic x")
    sizes = tuple(d if isinstance(d, dims.Dim) else whole(d, "a size") for d in shape)
    if any(isinstance(d, int) and d < 0 for d in sizes):
        raise ShapeError(f"a size of {sizes} is negative")
    return sizes


def _floating(dtype: Any) -> str:
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        raise ConfigError(f"this distribution is of floating numbers, received dtype {name!r}; randint draws integers")
    return name


def _working(dtype: str) -> str:
    return dtype if dtype == "float64" else "float32"


def _scaled(x: Any, factor: Any, offset: Any, dtype: str) -> Any:
    """x * factor + offset in `dtype`; nothing is done where factor and offset are 1 and 0."""
    for op, value, neutral in ((ops.multiply, factor, 1), (ops.add, offset, 0)):
        if isinstance(value, (Tensor, np.ndarray)) or value != neutral:
            x = op(x, float(value) if isinstance(value, (int, float, np.number)) else ops.cast(value, dtype_of(x)))
    return ops.cast(x, dtype)
