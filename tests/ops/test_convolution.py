"""Convolutions and both gradients against the reference values, over every kind of groups, strides, borders and gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS, apply_symbolic, compute
from tests.backends import poisoned
from tests.tolerances import assert_alike

from .check_op import placeholders

CHANNELS = ((3, 1, 4), (1, 1, 3), (4, 2, 6), (4, 4, 4), (3, 3, 6), (8, 4, 4), (8, 2, 2))
"""Of x, groups, of y: one group, some, one channel each, several outputs of each channel; one output of each group."""


def drawn(seed: int) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """The shapes of x and of the kernel, and the attributes, of a convolution that has a result."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    channels, groups, outputs = CHANNELS[seed % len(CHANNELS)]
    kernel = tuple(int(k) for k in rng.integers(1, 4, n))
    dilation = tuple(int(d) for d in rng.integers(1, 3, n))
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (n, 2)))
    spatial = tuple((k - 1) * d + 1 + int(rng.integers(0, 5)) for k, d in zip(kernel, dilation, strict=True))
    attrs = {"strides": tuple(int(s) for s in rng.integers(1, 4, n)), "padding": padding, "dilation": dilation, "groups": groups}
    return (int(rng.integers(0, 9)), *spatial, channels), (*kernel, channels // groups, outputs), attrs


MANY_TILES = [
    ((x, w, {"strides": (s,) * (len(x) - 2), "padding": ((1, 1),) * (len(x) - 2), "dilation": (1,) * (len(x) - 2), "groups": x[-1] // w[-2]}))
    for s in (1, 2)
    for x, w in (
        ((7, 33, 35, 64), (3, 3, 1, 64)), ((5, 20, 20, 64), (3, 3, 1, 128)), ((9, 40, 40, 32), (3, 3, 8, 64)), ((3, 300, 512), (3, 1, 512)),
        ((5, 9, 17, 18, 16), (3, 3, 3, 1, 16)), ((6, 12, 12, 12, 8), (3, 3, 3, 8, 8)),
    )
]  # fmt: skip


@pytest.mark.parametrize(("x", "w", "attrs"), MANY_TILES, ids=str)
def test_convolutions_of_many_tiles_are_the_reference_values(x: Any, w: Any, attrs: dict[str, Any], backend: str) -> None:
    check(x, w, attrs, "float32", 0, backend)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(56))
def test_convolution_and_its_gradients_are_the_reference_values(seed: int, dtype: str, backend: str) -> None:
    check(*drawn(seed), dtype, seed, backend)


def check(x_shape: tuple[int, ...], w_shape: tuple[int, ...], attrs: dict[str, Any], dtype: str, seed: int, backend: str) -> None:
    """A convolution and both gradients, on one backend."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=x_shape).astype(dtype), rng.normal(size=w_shape).astype(dtype)
    dy = rng.normal(size=compute(OPS["conv"], [x, w], attrs).shape).astype(dtype)
    asked = (("conv", [x, w], {}), ("conv_input_grad", [dy, w], {"spatial": x.shape[1:-1]}), ("conv_filter_grad", [x, dy], {"kernel": w.shape[:-2]}))
    for name, arrays, more in asked:
        inputs = placeholders(arrays)
        graph = Graph([t.node for t in inputs], [apply_symbolic(OPS[name], inputs, {**more, **attrs}).node])
        run = compile_graph(graph, backend=backend)
        expected = compute(OPS[name], arrays, {**more, **attrs})
        terms = compute(OPS[name], [np.abs(a) for a in arrays], {**more, **attrs})  # of a sum of thousands nobody has more digits than of its terms
        for _ in range(2):  # the second call finds the working memory of the first
            found = run(*arrays)[0]
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            near = np.where(np.abs(found - expected) <= 4 * np.finfo(dtype).eps * terms, expected, found)
            assert_alike(near, expected, "graph" if x.size > 1000 else "layer", backend, f"{name} {x_shape} {w_shape} {attrs}")


@pytest.mark.parametrize("seed", range(40))
def test_convolutions_read_and_write_axes_of_one_place_whatever_their_strides(seed: int, backend: str) -> None:
    """A transposed view in which such an axis moved is still contiguous, and its stride says nothing."""
    rng = np.random.default_rng(seed)
    n, channels, groups = int(rng.integers(1, 3)), *((1, 1), (4, 1), (4, 4), (1, 1))[seed % 4]
    kernel = (int(rng.integers(1, 3)),) * n
    spatial = [int(s) for s in rng.choice([kernel[0], 2, 5], n)]
    w = ops.placeholder(f"f32[{', '.join(map(str, (*kernel, channels // groups, channels * 2)))}]", name="w")
    order = rng.permutation(n + 2)
    sizes = [3 if seed % 3 else 1, *spatial, channels]
    x = ops.placeholder(f"f32[{', '.join(str(sizes[k]) for k in order)}]", name="x")
    strides = int(rng.integers(1, 3))
    y = ops.conv(ops.transpose(x, np.argsort(order).tolist()), w, strides)
    back = rng.permutation(n + 2)
    dy = ops.placeholder(f"f32[{', '.join(str(y.dims[k]) for k in back)}]", name="dy")
    loss = ops.sum(y * ops.transpose(dy, np.argsort(back).tolist()))
    graph = Graph([x.node, w.node, dy.node], [ops.concatenate([y, y * 2], 1).node, *(g.node for g in gradients(loss, [x, w]))])
    arrays = [rng.normal(size=t.dims).astype("float32") for t in (x, w, dy)]
    for level in ("O0", "O2"):
        for found, wanted in zip(compile_graph(graph, backend, level=level, **poisoned(backend))(*arrays), evaluate(graph, arrays)[0], strict=True):
            assert_alike(found, wanted, "layer", backend, level)


def test_words_for_padding_may_be_capital() -> None:
    x, kernel = np.ones((1, 4, 1), "float32"), np.ones((2, 1, 1), "float32")
    assert ops.conv(x, kernel, padding="VALID").shape == (1, 3, 1) and ops.conv_transpose(x, kernel, padding="Same").shape == (1, 4, 1)
