"""Work large enough to be shared by threads: every kernel that shares, over arrays that no number of threads divides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.ops.op import OPS, apply
from tests.ops.check_op import draw_one, placeholders

Make = Callable[..., Sequence[Any]]


def _with_gradients(function: Callable[..., Any], count: int = 1) -> Make:
    """A result, and its gradients with respect to the first `count` inputs."""

    def make(*inputs: Any) -> list[Any]:
        y = function(*inputs)
        return [y, *gradients(ops.sum(ops.sin(y)), list(inputs[:count]))]

    return make


def _conv(strides: Any = 1, padding: str = "same") -> Make:
    return _with_gradients(lambda x, w: ops.conv(x, w, strides=strides, padding=padding), 2)


def _max_pool(x: Any) -> list[Any]:
    """Also the second gradient, which selects."""
    y = ops.max_pool(x, 2)
    first = gradients(ops.sum(ops.sin(y)), x)
    return [y, first, gradients(ops.sum(ops.sin(first)), x)]


def _casts(x: Any) -> list[Any]:
    return [ops.cast(x, t) for t in ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float64")]


def _steps(x: Any, w: Any) -> Any:
    return ops.scan(lambda c, one: (ops.tanh(ops.matmul(c, w) + one),) * 2, ops.zeros((301, 37)), x)[1]


def _attention(x: Any, w: Any) -> Any:
    """Two heads, whose scores belong to the samples at hand alone."""
    parts = ops.reshape(ops.matmul(x, w), (-1, 45, 2, 48))
    q, k, v = (ops.transpose(parts[..., 16 * i : 16 * i + 16], (0, 2, 1, 3)) for i in range(3))
    p = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * 0.25)
    return ops.reshape(ops.transpose(ops.matmul(p, v), (0, 2, 1, 3)), (-1, 45, 32))


def _sums_of_samples(x: Any, y: Any) -> list[Any]:
    """Over the batch, over other axes, and over all; of what is broadcast too."""
    z = ops.tanh(x) * ops.expand_dims(y, 1)
    sums = [ops.sum(z, (0, 1)), ops.sum(z, 0), ops.sum(z), ops.sum(z, 1), ops.mean(z, (1, 2))]
    return [*sums, ops.max(z, (0, 2)), ops.prod(z, 0), ops.any(z > 0.5, 0)]


def _steps_by_samples(x: Any, w: Any) -> Any:
    """A loop whose samples know nothing of each other."""
    x = ops.transpose(x, (1, 0, 2))
    return ops.scan(lambda c, one: (ops.tanh(ops.matmul(c, w * 0.3) + one),) * 2, x[0] * 0.0, x)[1]


def _images(x: Any, w: Any, v: Any) -> Any:
    """Convolutions and pooling image by image: padded, by Winograd, strided, and one that is a product."""
    y = ops.max_pool(ops.relu(ops.conv(x, w, padding="same")), 2)
    y = ops.conv(ops.tanh(ops.conv(y, v * 0.1, padding="same")), v * 0.1, strides=2, padding="same")
    return ops.average_pool(ops.sin(ops.conv(y, v[:1, :1])), 2)


def _kept(x: Any) -> Any:
    """Convolutions whose kernels follow from variables, as networks that predict have them."""
    w = Variable(np.sin(np.arange(3 * 3 * 16 * 32, dtype="float32")).reshape(3, 3, 16, 32), name="w")
    v = Variable(np.cos(np.arange(32 * 16, dtype="float32")).reshape(1, 1, 32, 16), name="v")
    y = ops.conv(x, ops.tanh(ops.as_tensor(w)) * 0.1, padding="same")
    return [ops.relu(y), ops.conv(ops.sin(y), ops.as_tensor(v)), ops.conv(y, ops.as_tensor(v), strides=2)]


BATCH = 61
WORK: dict[str, tuple[tuple[str, ...], Make]] = {
    "elementwise": (("f32[701, 399]", "f32[399]"), lambda x, b: [ops.tanh(x + b) * x, ops.exp(-x) > b]),
    "casts": (("f32[701, 399]",), _casts),
    "rows": (("f32[701, 399]",), _with_gradients(lambda x: ops.softmax(x) + ops.layer_normalization(x, axis=1, epsilon=1e-3))),
    "sums": (("f32[701, 399]",), lambda x: [ops.sum(x), ops.sum(x, 0), ops.sum(x, 1), ops.max(x), ops.prod(x[:40], 0), ops.mean(x, 0)]),
    "transposed": (("f32[61, 53, 97]",), lambda x: [ops.transpose(x, (2, 0, 1)), ops.flip(x, 1), ops.concatenate([x, x], 2), x[:, ::2]]),
    "random bits": (("u64[2]",), lambda s: [apply(OPS["random_bits"], [s], {"stream": 3, "shape": (301, 499), "dtype": "uint32"})]),
    "gather": (("f32[499, 401]", "i32[797]"), _with_gradients(lambda table, i: ops.take(table, i, axis=0))),
    "product": (("f32[301, 203]", "f32[203, 157]"), _with_gradients(ops.matmul, 2)),
    "flat product": (("f32[5, 403]", "f32[403, 709]"), _with_gradients(ops.matmul, 2)),
    "stacked products": (("f64[7, 5, 41, 37]", "f64[7, 1, 37, 43]"), _with_gradients(ops.matmul, 2)),
    "convolution": (("f32[7, 19, 17, 5]", "f32[3, 3, 5, 21]"), _conv()),
    "strided convolution": (("f32[5, 31, 29, 8]", "f32[5, 3, 8, 24]"), _conv(2, "valid")),
    "convolution of few images": (("f32[1, 63, 61, 7]", "f32[3, 3, 7, 33]"), _conv()),
    "convolution by Winograd": (("f32[9, 15, 15, 32]", "f32[3, 3, 32, 32]"), _conv()),
    "grouped convolution": (("f32[5, 23, 21, 12]", "f32[3, 3, 4, 30]"), _conv()),
    "depthwise convolution": (("f32[5, 43, 41, 37]", "f32[3, 3, 1, 37]"), _conv()),
    "convolution in three dimensions": (("f64[3, 7, 11, 9, 6]", "f64[2, 3, 3, 6, 10]"), _conv()),
    "max pooling": (("f32[13, 33, 31, 19]",), _max_pool),
    "mean pooling": (("f32[13, 33, 31, 19]",), _with_gradients(lambda x: ops.average_pool(x, 3, strides=2, padding="same"))),
    "loop": (("f32[5, 301, 37]", "f32[37, 37]"), _with_gradients(_steps, 2)),
    "attention": (("f32[batch, 45, 48]", "f32[48, 96]"), _with_gradients(_attention, 2)),
    "loop by samples": (("f32[batch, 9, 24]", "f32[24, 24]"), _with_gradients(_steps_by_samples, 2)),
    "convolutions by images": (("f32[batch, 26, 26, 3]", "f32[3, 3, 3, 16]", "f32[3, 3, 16, 16]"), _with_gradients(_images, 3)),
    "convolution of one image by outputs": (("f32[1, 15, 15, 32]", "f32[3, 3, 32, 64]"), _conv()),
    "kept kernels": (("f32[batch, 15, 15, 16]",), _kept),
    "kept kernels of one image": (("f32[1, 15, 15, 16]",), _kept),
    "sums of samples": (("f32[batch, 7, 33]", "f32[batch, 33]"), _sums_of_samples),
}  # fmt: skip
"""Name -> types of the inputs, and the function."""

UNDEFINED = frozenset({"casts"})
"""Rows with casts of what does not fit, for which NumPy's own results differ from machine to machine."""


def build(name: str) -> tuple[Graph, list[np.ndarray]]:
    """The graph of a row of `WORK`, and arrays for it."""
    types, make = WORK[name]
    rng = np.random.default_rng(len(name))
    high = 499 if name == "gather" else 1
    known = [ops.placeholder(t.replace("batch", str(BATCH))).node.tensor_type for t in types]
    arrays = [draw_one(t, 0 if t.dtype[0] in "iu" else -1, high if t.dtype[0] in "iu" else 1, rng) for t in known]
    if name == "casts":
        arrays[0][:, :6] = [np.nan, np.inf, -np.inf, 1e30, -1e10, 300]
    inputs = [ops.placeholder(t, f"x{k}") for k, t in enumerate(types)] if any("batch" in t for t in types) else placeholders(arrays)
    return Graph([t.node for t in inputs], [t.node for t in make(*inputs)], name=name.replace(" ", "_")), arrays
