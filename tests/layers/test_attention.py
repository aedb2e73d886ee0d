from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import ops
from symkeras.autodiff.reverse import gradients
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers import AdditiveAttention, Attention, GroupQueryAttention, Input, MultiHeadAttention
from symkeras.layers.calls import mask_of
from symkeras.ops.attention import causal_mask, masked_softmax, positions
from tests.layers.both_ways import both_ways, check_gradients, randomize

B, T, S, IN = 3, 4, 5, 6
QUERY_MASK = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0]], bool)
VALUE_MASK = np.array([[1, 1, 0, 1, 0], [1, 0, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
CAUSAL = np.tril(np.ones((T, S), bool))


def softmax(scores: Any, mask: Any = None) -> Any:
    scores = scores if mask is None else np.where(mask, scores, -np.inf)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _inputs(rng: np.random.Generator, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(rng.normal(size=(B, n, IN)).astype(dtype) for n in (T, S, S))  # type: ignore[return-value]


def _both(q: Any, k: Any) -> Any:
    return q[:, :, None] + k[:, None]


SCORES = {
    "dot": (Attention, {}, lambda q, k: q @ k.swapaxes(1, 2)),
    "scaled dot": (Attention, {"use_scale": True}, lambda q, k, scale: scale * (q @ k.swapaxes(1, 2))),
    "concat": (Attention, {"score_mode": "concat"}, lambda q, k, weight: weight * np.tanh(_both(q, k)).sum(-1)),
    "scaled concat": (
        Attention, {"score_mode": "concat", "use_scale": True}, lambda q, k, scale, weight: weight * np.tanh(scale * _both(q, k)).sum(-1),
    ),
    "additive": (AdditiveAttention, {}, lambda q, k, scale: (scale * np.tanh(_both(q, k))).sum(-1)),
    "plain additive": (AdditiveAttention, {"use_scale": False}, lambda q, k: np.tanh(_both(q, k)).sum(-1)),
}  # fmt: skip


@pytest.mark.parametrize("name", SCORES)
def test_attention_is_softmax_of_the_scores_times_value(name: str, rng: np.random.Generator) -> None:
    cls, arguments, scores = SCORES[name]
    query, value, key = _inputs(rng)
    layer = cls(**arguments)
    layer([query, value])
    weights = randomize(layer)
    expected = softmax(scores(query, key, *weights))
    output, shown = both_ways(layer, [query, value, key], return_attention_scores=True, free=2)
    np.testing.assert_allclose(shown, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(output, expected @ value, rtol=1e-5, atol=1e-6)
    mask = VALUE_MASK[:, None] & CAUSAL
    (output,) = both_ways(layer, [query, value], mask=[QUERY_MASK, VALUE_MASK], use_causal_mask=True)
    wanted = softmax(scores(query, value, *weights), mask) @ value * QUERY_MASK[..., None]
    np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)
    assert cls.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.compute_output_shape([query.shape, value.shape]) == output.shape


@pytest.mark.parametrize("name", SCORES)
def test_gradients_of_attention_hold(name: str, rng: np.random.Generator) -> None:
    cls, arguments, _ = SCORES[name]
    query, value, key = _inputs(rng, "float64")
    layer = cls(**arguments, dtype="float64")
    layer([query, value])
    randomize(layer)
    check_gradients(layer, [query, value, key], use_causal_mask=True)


def heads(query: Any, value: Any, key: Any, weights: list[Any], mask: Any = None) -> tuple[Any, Any]:
    """Multi-head attention with biases, head by head: query, key, value and output projections in the order of Keras."""
    wq, bq, wk, bk, wv, bv, wo, bo = weights
    repeats = wq.shape[1] // wk.shape[1]
    output, shown = bo, []
    for h in range(wq.shape[1]):
        g = h // repeats
        q, k, v = query @ wq[:, h] + bq[h], key @ wk[:, g] + bk[g], value @ wv[:, g] + bv[g]
        shown.append(softmax(q @ k.swapaxes(1, 2) / np.sqrt(wq.shape[2]), mask))
        output = output + shown[-1] @ v @ wo[h]
    return output, np.stack(shown, 1)


MASKS = {
    "none": ({}, None),
    "value": ({"value_mask": VALUE_MASK}, VALUE_MASK[:, None]),
    "key": ({"key_mask": VALUE_MASK}, VALUE_MASK[:, None]),
    "attention": ({"attention_mask": np.repeat(CAUSAL[None, :, ::-1], B, 0)}, CAUSAL[:, ::-1]),
    "causal": ({"use_causal_mask": True}, CAUSAL),
    "causal and value": ({"use_causal_mask": True, "value_mask": VALUE_MASK}, CAUSAL & VALUE_MASK[:, None]),
}


@pytest.mark.parametrize("layer", [
    MultiHeadAttention(2, 3), MultiHeadAttention(2, 3, value_dim=4, output_shape=5), GroupQueryAttention(3, 4, 2), GroupQueryAttention(3, 2, 1),
], ids=lambda layer: layer.name)  # fmt: skip
@pytest.mark.parametrize("masks", MASKS)
def test_heads_equal_a_loop_over_heads(layer: Any, masks: str, rng: np.random.Generator) -> None:
    given, mask = MASKS[masks]
    query, value, key = _inputs(rng)
    layer(query, value, key)
    weights = randomize(layer)
    output, shown = both_ways(layer, query, value, key, return_attention_scores=True, free=2, **given)
    expected, expected_shown = heads(query, value, key, weights, mask)
    np.testing.assert_allclose(output, expected, rtol=2e-5, atol=5e-6)
    np.testing.assert_allclose(shown, expected_shown, rtol=2e-5, atol=5e-6)
    assert layer.compute_output_shape(query.shape, value.shape) == output.shape


def test_weights_of_multi_head_attention_come_with_keras_shapes_and_names(rng: np.random.Generator) -> None:
    layer = MultiHeadAttention(2, 3, value_dim=4, use_gate=True, name="m")
    layer(*_inputs(rng)[:2])
    assert [(v.path, v.shape) for v in layer.weights] == [
        ("m/query/kernel", (IN, 2, 3)), ("m/query/bias", (2, 3)), ("m/key/kernel", (IN, 2, 3)), ("m/key/bias", (2, 3)),
        ("m/gate/kernel", (IN, 2, 4)), ("m/gate/bias", (2, 4)), ("m/value/kernel", (IN, 2, 4)), ("m/value/bias", (2, 4)),
        ("m/attention_output/kernel", (2, 4, IN)), ("m/attention_output/bias", (IN,)),
    ]  # fmt: skip
    assert layer.query_dense is layer._query_dense and layer.output_dense.name == "attention_output"
    assert not np.array_equal(layer.query_dense.kernel.numpy(), layer.key_dense.kernel.numpy())


@pytest.mark.parametrize("layer", [
    MultiHeadAttention(2, 3, dtype="float64"), MultiHeadAttention(2, 2, use_gate=True, use_bias=False, dtype="float64"),
    GroupQueryAttention(2, 4, 2, use_gate=True, dtype="float64"),
], ids=["plain", "gated", "grouped"])  # fmt: skip
def test_gradients_of_heads_hold(layer: Any, rng: np.random.Generator) -> None:
    query, value, key = (a[:, :3] for a in _inputs(rng, "float64"))
    layer(query, value, key)
    randomize(layer)
    check_gradients(layer, query, value, key, use_causal_mask=True)


@pytest.mark.parametrize("axes", [None, (1,), (2,)])
def test_attention_axes_pick_the_axes_that_see_each_other(axes: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    layer = MultiHeadAttention(2, 3, attention_axes=axes)
    output, shown = both_ways(layer, x, x, return_attention_scores=True)
    flat = MultiHeadAttention(2, 3)
    moved = {None: x.reshape(2, 12, 5), (1,): x.swapaxes(1, 2).reshape(8, 3, 5), (2,): x.reshape(6, 4, 5)}[axes]
    flat(moved, moved)
    flat.set_weights(layer.get_weights())
    expected = flat(moved, moved)
    expected = expected.reshape(2, 4, 3, 5).swapaxes(1, 2) if axes == (1,) else expected.reshape(x.shape)
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
    assert shown.shape == {None: (2, 2, 3, 4, 3, 4), (1,): (2, 4, 2, 3, 3), (2,): (2, 3, 2, 4, 4)}[axes]


def test_a_sliding_window_keeps_far_steps_apart(rng: np.random.Generator) -> None:
    x = _inputs(rng)[1]
    _, shown = both_ways(MultiHeadAttention(1, 2, sliding_window=2), x, x, return_attention_scores=True)
    near = np.abs(np.subtract.outer(np.arange(S), np.arange(S))) < 2
    assert (shown[:, 0][:, ~near] == 0).all() and (shown[:, 0][:, near] > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_that_sees_nothing_sees_all_alike(dtype: str, rng: np.random.Generator) -> None:
    query, value, _ = _inputs(rng, dtype)
    mask = np.zeros((B, T, S), bool)
    layer = MultiHeadAttention(2, 3, dtype=dtype)
    output = layer(query, value, attention_mask=mask)
    np.testing.assert_allclose(output, layer(query * 0, value), rtol=1e-4, atol=1e-6)


def test_masks_of_tensors_are_used_and_that_of_the_query_goes_on(rng: np.random.Generator) -> None:
    query, value, _ = _inputs(rng)
    layer = MultiHeadAttention(2, 3)
    x, m = Input((T, IN)), Input((T,), dtype="bool")
    x._keras_mask = m
    assert mask_of(layer(x, x)).node is m.node
    assert layer(query, value, query_mask=QUERY_MASK).shape == query.shape


def test_dropout_of_attention_weights_acts_in_training_only(rng: np.random.Generator) -> None:
    query, value, key = _inputs(rng)
    for layer, args in (
        (Attention(dropout=0.5, seed=1), ([query, value],)), (MultiHeadAttention(2, 3, dropout=0.5, seed=1), (query, value)),
        (GroupQueryAttention(3, 4, 2, dropout=0.5, seed=1), (query, value, key)),
    ):  # fmt: skip
        expected = layer(*args)
        np.testing.assert_array_equal(layer(*args, training=False), expected)
        assert not np.allclose(layer(*args, training=True), expected)


@pytest.mark.parametrize("layer", [
    MultiHeadAttention(2, 3, value_dim=4, output_shape=(2, 5), dropout=0.1, sliding_window=3, use_gate=True, use_bias=False, seed=4),
    GroupQueryAttention(3, 4, 2, dropout=0.1, sliding_window=3, use_gate=True, seed=4),
], ids=["multi_head", "group_query"])  # fmt: skip
def test_configs_make_the_same_heads_again(layer: Any, rng: np.random.Generator) -> None:
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    query, value, _ = _inputs(rng)
    layer(query, value)
    assert list(layer.get_build_config()["shapes_dict"]) == ["query_shape", "value_shape"]
    again.build_from_config(layer.get_build_config())
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(query, value), layer(query, value))


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda x: Attention(score_mode="sum"), ConfigError, "score_mode"),
    (lambda x: Attention()(x), ShapeError, "list of"),
    (lambda x: MultiHeadAttention(0, 3), ConfigError, "num_heads"),
    (lambda x: MultiHeadAttention(2, 3, flash_attention=True), ConfigError, "flash_attention"),
    (lambda x: Attention()([x, x], mask=[None]), ShapeError, "list of masks"),
    (lambda x: AdditiveAttention()(x), ShapeError, "list of"),
    (lambda x: MultiHeadAttention(2, 3)(x, x, x[:, 1:]), ShapeError, "must be equal"),
    (lambda x: GroupQueryAttention(3, 4, 2)(x, x, x[:, 1:]), ShapeError, "must be equal"),
    (lambda x: MultiHeadAttention(2, 3).compute_output_shape((1, 2, 3), (1, 2, 3), (1, 4, 3)), ShapeError, "must be equal"),
    (lambda x: GroupQueryAttention(2, 4, 2).compute_output_shape((1, 2, 3), (1, 2, 3), 5), ConfigError, "key_shape must be a shape.*received 5"),
    (lambda x: GroupQueryAttention(2, 4, 2).compute_output_shape((1, 2, 3), value_shape=7), ConfigError, "value_shape must be a shape.*received 7"),
    (lambda x: GroupQueryAttention(3, 4, 3), ConfigError, "do not divide"),
    (lambda x: GroupQueryAttention(3, 4, 2, sliding_window=0), ConfigError, "sliding_window"),
])  # fmt: skip
def test_what_cannot_attend_is_refused_with_a_reason(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(np.ones((B, T, IN), "float32"))


@pytest.mark.parametrize("layer", [MultiHeadAttention(2, 3), GroupQueryAttention(3, 2, 1)], ids=["multi-head", "grouped"])
def test_a_row_masked_throughout_weighs_nothing_where_weights_are_seen(layer: Any, rng: np.random.Generator) -> None:
    q, v, _ = _inputs(rng)
    mask = np.ones((B, T, S), bool)
    mask[0, 1] = False
    _, weights = layer(q, v, attention_mask=mask, return_attention_scores=True)
    np.testing.assert_allclose(np.asarray(weights).sum(-1), np.broadcast_to(mask.any(-1)[:, None], (B, 2, T)), atol=1e-6)


def test_scores_of_a_row_that_sees_nothing_have_no_gradient(rng: np.random.Generator) -> None:
    mask = np.array([[[True, False], [False, False]]])
    x, seen = ops.placeholder("f32[1, 2, 2]", name="x"), ops.placeholder("bool[1, 2, 2]", name="seen")
    loss = ops.sum(masked_softmax(x, seen) * [1.0, 2.0])
    (found,) = K.function([x, seen], gradients(loss, [x]))(rng.standard_normal((1, 2, 2)).astype("float32"), mask)
    assert (found == 0).all()


def test_what_is_hidden_by_position_alone_is_one_addition() -> None:
    x = ops.placeholder("f32[batch, 4, 4]", name="x")
    assert masked_softmax(x, causal_mask(4, 4)).node.inputs[0].op.name == "add"
    nothing_seen = ops.less(*positions(4, 4))
    assert masked_softmax(x, nothing_seen).node.inputs[0].op.name == "where"
