"""`dot_product_attention`, `norm`, `depthwise_conv` and `separable_conv` against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops
from symkeras.errors import ConfigError, ShapeError


def attention(q: Any, k: Any, v: Any, seen: Any = True, bias: Any = 0.0, scale: float | None = None, cap: float | None = None) -> Any:
    """Head by head, in float64."""
    q, k, v = (np.asarray(a, "float64") for a in (q, k, v))
    out = np.empty((*q.shape[:3], v.shape[-1]))
    group = q.shape[2] // k.shape[2]
    seen, bias = (np.broadcast_to(a, (q.shape[0], q.shape[2], q.shape[1], k.shape[1])) for a in (seen, bias))
    for b in range(q.shape[0]):
        for n in range(q.shape[2]):
            scores = q[b, :, n] @ k[b, :, n // group].T * (q.shape[3] ** -0.5 if scale is None else scale)
            scores = (scores if cap is None else cap * np.tanh(scores / cap)) + bias[b, n]
            scores = np.where(seen[b, n], scores, -1e30)
            e = np.exp(scores - scores.max(-1, keepdims=True))
            out[b, :, n] = e / e.sum(-1, keepdims=True) @ v[b, :, n // group]
    return out


@pytest.fixture
def arrays() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal(s).astype("float32") for s in ((2, 3, 4, 5), (2, 6, 2, 5), (2, 6, 2, 5)))  # type: ignore[return-value]


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "scaled": ({"scale": 0.3}, {"scale": 0.3}),
    "causal": ({"is_causal": True}, {"seen": np.tril(np.ones((3, 6), bool))}),
    "capped": ({"attn_logits_soft_cap": 0.5}, {"cap": 0.5}),
    "biased": ({"bias": np.linspace(-2, 2, 18, dtype="float32").reshape(1, 1, 3, 6)}, {"bias": np.linspace(-2, 2, 18).reshape(1, 1, 3, 6)}),
    "masked, one row throughout": ({"mask": np.array([1, 0, 1], bool).reshape(1, 1, 3, 1)}, {"seen": np.array([1, 0, 1], bool).reshape(1, 1, 3, 1)}),
}


@pytest.mark.parametrize("case", CASES)
def test_attention_is_what_the_equation_says(case: str, arrays: tuple[Any, Any, Any]) -> None:
    options, expected = CASES[case]
    np.testing.assert_allclose(ops.dot_product_attention(*arrays, **options), attention(*arrays, **expected), rtol=2e-5, atol=1e-6)


def test_attention_is_a_graph_with_gradients(arrays: tuple[Any, Any, Any]) -> None:
    def f(q: Any, k: Any, v: Any) -> Any:
        return ops.sum(ops.square(ops.dot_product_attention(q, k, v, is_causal=True)))

    gradient = symkeras.grad(f)(*arrays)
    step = np.zeros_like(arrays[0])
    step[1, 2, 3, 4] = 1e-2
    seen = np.tril(np.ones((3, 6), bool))
    lower, upper = (np.square(attention(arrays[0] + s, *arrays[1:], seen)).sum() for s in (-step, step))
    np.testing.assert_allclose(np.asarray(gradient)[1, 2, 3, 4], (upper - lower) / 2e-2, rtol=1e-2, atol=1e-4)


def test_attention_of_other_shapes_is_refused(arrays: tuple[Any, Any, Any]) -> None:
    q, k, v = arrays
    with pytest.raises(ShapeError, match="heads that divide"):
        ops.dot_product_attention(q[:, :, :3], k, v)
    with pytest.raises(ShapeError, match="four axes"):
        ops.dot_product_attention(q[0], k, v)
    with pytest.raises(ConfigError, match="flash_attention"):
        ops.dot_product_attention(q, k, v, flash_attention=True)


NORMS = [(None, None), (2, 0), (1, 1), (0, 0), (3, 1), (-1.5, 1), (np.inf, 0), (-np.inf, -1), ("fro", None), ("fro", (0, 1)), (None, (1, 0)),
         (1, (0, 1)), (-1, (1, 0)), (np.inf, (0, 1)), (-np.inf, (0, 1))]  # fmt: skip


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("order", "axis"), NORMS)
def test_norms_are_those_of_numpy(order: Any, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(1).standard_normal((3, 4)).astype("float32")
    found, expected = ops.norm(x, order, axis, keepdims), np.linalg.norm(x, order, axis, keepdims)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert ops.linalg.norm is ops.norm


@pytest.mark.parametrize(("order", "axis", "words"), [("nuc", 0, "no 'nuc' norm"), (3, (0, 1), "no norm ord=3"), ("fro", 0, "no 'fro' norm"),
                                                      (None, (0, 0), "one axis or two"), (1, (0, 1, 2), "one axis or two")])  # fmt: skip
def test_norms_that_there_are_not_say_so(order: Any, axis: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ops.norm(np.ones((2, 2, 2) if axis == (0, 1, 2) else (2, 2), "float32"), order, axis)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_a_depthwise_convolution_is_one_of_each_channel(data_format: str, multiplier: int) -> None:
    rng = np.random.default_rng(2)
    x, kernel = rng.standard_normal((2, 7, 6, 3)).astype("float32"), rng.standard_normal((3, 2, 3, multiplier)).astype("float32")
    each = [ops.conv(x[..., c : c + 1], kernel[:, :, c : c + 1], 1, "same", "channels_last", 2) for c in range(3)]
    given = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    found = ops.depthwise_conv(given, kernel, 1, "same", data_format, 2)
    found = found if data_format == "channels_last" else np.transpose(found, (0, 2, 3, 1))
    np.testing.assert_allclose(found, np.concatenate(each, -1), rtol=1e-5, atol=1e-6)
    mixing = rng.standard_normal((1, 1, 3 * multiplier, 4)).astype("float32")
    mixed = ops.separable_conv(given, kernel, mixing, 1, "same", data_format, 2)
    mixed = mixed if data_format == "channels_last" else np.transpose(mixed, (0, 2, 3, 1))
    np.testing.assert_allclose(mixed, np.concatenate(each, -1) @ mixing[0, 0], rtol=1e-4, atol=1e-5)


def test_a_kernel_without_channels_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(\*K, C, M\)"):
        ops.depthwise_conv(np.ones((1, 3, 2), "float32"), np.ones((3, 2), "float32"))
