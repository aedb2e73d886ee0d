"""Products, convolutions and pools of many odd sizes, and integers of every width at their extremes: where kernels go wrong first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.graph import Graph, Tensor, TensorType
from symkeras.ops.op import OPS, apply

SIZES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 32, 33, 47, 64, 65, 100, 129, 200)
Row = tuple[list[Tensor], list[Tensor]]


def _input(shape: tuple[int, ...], dtype: str, name: str) -> Tensor:
    return ops.placeholder(TensorType(shape, dtype), name)


def _product(rng: np.random.Generator, name: str) -> Row:
    """One product, either side stored transposed, now and then of stacked matrices; some large enough to be packed."""
    m, n, k = (int(v) for v in rng.choice(SIZES, 3))
    if rng.random() < 0.1:
        m, n, k = m + 70, n + 300, k + 500
    dtype, stack = str(rng.choice(["float32", "float64"])), (3,) if rng.random() < 0.2 else ()
    turns = [bool(rng.integers(2)) for _ in range(2)]
    a, b = (_input((*stack, *((j, i) if turn else (i, j))), dtype, f"{name}_{s}") for s, turn, i, j in (("a", turns[0], m, k), ("b", turns[1], k, n)))
    return [a, b], [apply(OPS["matmul"], [a, b], {"transpose_a": turns[0], "transpose_b": turns[1]})]


def _convolution(rng: np.random.Generator, name: str) -> Row:
    """One convolution with its gradients: any kernel, stride, dilation, padding and number of groups, in one to three dimensions."""
    ndim = int(rng.choice([1, 2, 2, 2, 3]))
    kernel = tuple(int(v) for v in rng.integers(1, 5, ndim))
    dilation = tuple(int(v) for v in rng.integers(1, 3, ndim)) if rng.random() < 0.3 else (1,) * ndim
    strides = tuple(int(v) for v in rng.integers(1, 4, ndim)) if rng.random() < 0.4 else (1,) * ndim
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (ndim, 2)))
    if rng.random() < 0.25:
        kernel, strides, dilation, padding, ndim = (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), 2
        channels, outputs, groups = *(int(v) for v in rng.choice([16, 32, 48], 2)), 1
    else:
        groups = int(rng.choice([1, 1, 1, 2, 3, 17]))
        inner, outer = (int(v) for v in rng.choice([1, 2, 3, 5, 8, 16, 21], 2)) if groups < 17 else (1, int(rng.integers(1, 3)))
        channels, outputs = groups * inner, groups * outer
    image = tuple((k - 1) * d + 1 + int(rng.integers(0, 14)) for k, d in zip(kernel, dilation, strict=True))
    dtype = str(rng.choice(["float32", "float32", "float64"]))
    x = _input((int(rng.integers(1, 6)), *image, channels), dtype, f"{name}_x")
    w = _input((*kernel, channels // groups, outputs), dtype, f"{name}_w")
    y = apply(OPS["conv"], [x, w], {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups})
    return [x, w], [y, *gradients(ops.sum(ops.sin(y)), [x, w])]


def _pool(rng: np.random.Generator, name: str) -> Row:
    """A largest element or a sum of windows, with first and second gradient."""
    ndim = int(rng.integers(1, 4))
    window, strides = (tuple(int(v) for v in rng.integers(1, 4, ndim)) for _ in range(2))
    image = tuple(w + int(rng.integers(0, 9)) for w in window)
    x = _input((int(rng.integers(1, 4)), *image, int(rng.choice([1, 3, 16, 19, 70]))), "float32", f"{name}_x")
    kind, padding = ((ops.max_pool, ops.average_pool)[int(rng.integers(2))], ("valid", "same")[int(rng.integers(2))])
    y = kind(x, window, strides=strides, padding=padding)
    first = gradients(ops.sum(ops.sin(y)), x)
    return [x], [y, first, gradients(ops.sum(ops.sin(first)), x)]


def _integers(rng: np.random.Generator, name: str) -> Row:
    """Arithmetic, order and indices of one dtype, the lowest and highest numbers among them."""
    dtype = INTEGERS[int(name.removeprefix("integers"))]
    x, y = _input((13, 11), dtype, f"{name}_x"), _input((13, 11), dtype, f"{name}_y")
    few, rows = y & 3, y & 7
    outputs = [x + y, x - y, x * y, -x, abs(x), ops.sign(x), x // y, ops.mod(x, y), ops.power(few, few), x & y, x | ~y, x ^ y, ops.maximum(x, y)]
    outputs += [ops.left_shift(x, y), ops.right_shift(x, y), ops.sum(x, 1), ops.prod(x, 0), ops.max(x), ops.min(x, 0), ops.cumsum(x, 0), x < y]
    outputs += [ops.argmax(x, 1), ops.sort(x, 1), ops.argsort(x, 0), *ops.top_k(x, 3), ops.matmul(x, ops.transpose(y)), ops.take(x, rows[0], axis=0)]
    outputs += [ops.cast(x, t) for t in ("bool", *INTEGERS, "float32", "float64")]
    return [x, y], outputs


INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
SHAPES: dict[str, tuple[Callable[[np.random.Generator, str], Row], int]] = {
    "products": (_product, 90), "convolutions": (_convolution, 60), "pools": (_pool, 40), "integers": (_integers, len(INTEGERS)),
}  # fmt: skip
"""Name -> what makes one, and how many there are."""


def build(name: str) -> tuple[Graph, list[np.ndarray]]:
    """All of a row of `SHAPES` in one graph, and arrays for it."""
    make, count = SHAPES[name]
    rng = np.random.default_rng(17)
    made = [make(rng, f"{name}{k}") for k in range(count)]
    inputs: list[Any] = [x for given, _ in made for x in given]
    arrays = [_draw(rng, x.dims, np.dtype(x.dtype)) for x in inputs]
    return Graph([x.node for x in inputs], [y.node for _, results in made for y in results], name=name), arrays


def _draw(rng: np.random.Generator, shape: Any, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "f":
        return rng.uniform(-1, 1, shape).astype(dtype)
    info = np.iinfo(dtype)
    few = [info.min, info.min + 1, info.max, info.max - 1, 0, 1, 2, 3, 7, info.bits, info.bits - 1, info.max // 2]
    return rng.choice(np.array([*few, -1, -2, -9] if dtype.kind == "i" else few, dtype), shape)
