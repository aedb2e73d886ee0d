"""Every kind of model and every family of layers trains alike on the interpreter and at every level of the compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, optimizers
from tests.models.check_model import check_model
from tests.models.small_workloads import WORKLOADS, data

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "tutorial_mlp": lambda: optimizers.SGD(0.05, momentum=0.9),
    "deep_mlp": lambda: optimizers.Adam(0.01),
    "convnet": lambda: optimizers.Adam(0.01),
    "news": lambda: optimizers.RMSprop(0.01),
    "transformer": lambda: optimizers.AdamW(0.01, epsilon=1e-3),  # biases of keys have no gradient: nobody is to follow its noise
    "resnet": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("make", WORKLOADS, ids=lambda m: m.__name__)
def test_a_workload_trains_alike_on_all_levels(make: Callable[[], Any]) -> None:
    x, y, loss = data(make.__name__)
    metrics = None if make.__name__ == "news" else ["accuracy"]
    check_model(make, x, y, optimizer=OPTIMIZERS[make.__name__], loss=loss, metrics=metrics, epochs=2)


VECTOR, LINE, PLANE, SPACE, WORDS = (6,), (7, 4), (6, 6, 4), (4, 4, 4, 2), "words"
FAMILIES: dict[str, tuple[Any, Callable[[], list[Any]]]] = {
    "dense": (VECTOR, lambda: [layers.Dense(5, activation="gelu", use_bias=False), layers.Dense(4, activation="silu", kernel_constraint="max_norm")]),
    "einsum_dense": (LINE, lambda: [layers.EinsumDense("btc,cd->btd", output_shape=(None, 3), bias_axes="d")]),
    "embedding": (WORDS, lambda: [layers.Embedding(9, 4), layers.GlobalAveragePooling1D()]),
    "masked_words": (WORDS, lambda: [layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)]),
    "activations": (VECTOR, lambda: [layers.PReLU(), layers.ELU(), layers.LeakyReLU(), layers.ReLU(max_value=2), layers.Softmax()]),
    "conv1d": (LINE, lambda: [layers.Conv1D(3, 3, padding="causal", dilation_rate=2, activation="tanh"), layers.MaxPooling1D(2)]),
    "conv2d": (PLANE, lambda: [layers.Conv2D(4, 3, strides=2, groups=2, padding="same"), layers.AveragePooling2D(2, padding="same")]),
    "conv3d": (SPACE, lambda: [layers.Conv3D(3, 2, activation="relu"), layers.GlobalMaxPooling3D()]),
    "transposed": (PLANE, lambda: [layers.Conv2DTranspose(3, 3, strides=2, padding="same"), layers.MaxPooling2D(3, strides=2)]),
    "separable": (PLANE, lambda: [layers.SeparableConv2D(3, 3, depth_multiplier=2), layers.DepthwiseConv2D(2, activation="relu")]),
    "pooling": (PLANE, lambda: [layers.MaxPooling2D(2), layers.AveragePooling2D(2), layers.GlobalAveragePooling2D()]),
    "normalization": (PLANE, lambda: [layers.BatchNormalization(), layers.LayerNormalization(), layers.GroupNormalization(2)]),
    "scaling": (VECTOR, lambda: [layers.RMSNormalization(), layers.Dense(5), layers.UnitNormalization()]),
    "dropout": (LINE, lambda: [layers.Dropout(0.3, seed=1), layers.SpatialDropout1D(0.3, seed=2), layers.AlphaDropout(0.2, seed=4)]),
    "noise": (VECTOR, lambda: [layers.GaussianNoise(0.3, seed=1), layers.GaussianDropout(0.3, seed=2), layers.ActivityRegularization(l2=0.1)]),
    "shapes": (LINE, lambda: [layers.Permute((2, 1)), layers.Reshape((14, 2)), layers.Flatten(), layers.RepeatVector(2)]),
    "borders": (PLANE, lambda: [layers.ZeroPadding2D(1), layers.Cropping2D(((1, 0), (2, 1))), layers.UpSampling2D(2), layers.Conv2D(2, 3)]),
    "simple_rnn": (LINE, lambda: [layers.SimpleRNN(4, return_sequences=True, recurrent_dropout=0.2, seed=2), layers.SimpleRNN(3)]),
    "gru": (LINE, lambda: [layers.GRU(4, return_sequences=True), layers.GRU(3, reset_after=False, go_backwards=True)]),
    "lstm": (LINE, lambda: [layers.LSTM(4, return_sequences=True, dropout=0.2, seed=2), layers.LSTM(3, unroll=True)]),
    "stacked_cells": (LINE, lambda: [layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)])]),
    "both_directions": (LINE, lambda: [layers.Bidirectional(layers.GRU(3, return_sequences=True)), layers.TimeDistributed(layers.Dense(2))]),
    "masking": (LINE, lambda: [layers.Masking(), layers.LSTM(3, return_sequences=True), layers.Lambda(lambda x: x * 2), layers.GRU(2)]),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_layers_trains_alike_on_all_levels(family: str, rng: np.random.Generator) -> None:
    shape, make_layers = FAMILIES[family]
    is_words = shape == WORDS
    x = rng.integers(0, 9, (6, 5)) if is_words else rng.normal(size=(6, *shape)).astype("float32")
    if family == "masking":
        x[:, 5:] = 0

    def make() -> Any:
        source = Input((5,), dtype="int32") if is_words else Input(shape)
        return Sequential([source, *make_layers(), layers.Flatten(), layers.Dense(2)])

    check_model(make, x, rng.normal(size=(6, 2)), optimizer=lambda: optimizers.Adam(0.02))


def _attention(a: Any, b: Any) -> Any:
    dot = layers.Attention(use_scale=True)([a, b])
    additive = layers.AdditiveAttention()([a, b])
    many = layers.MultiHeadAttention(2, 3, dropout=0.1, seed=1)(a, b)
    grouped = layers.GroupQueryAttention(3, 4, 2)(a, b)
    return layers.Concatenate()([dot, additive, many, grouped])


def _merging(a: Any, b: Any) -> Any:
    merged = [layers.Add()([a, b]), layers.Subtract()([a, b]), layers.Multiply()([a, b]), layers.Average()([a, b])]
    return layers.Concatenate(axis=-1)([*merged, layers.Maximum()([a, b]), layers.Minimum()([a, b]), layers.Dot(axes=2)([a, b])])


@pytest.mark.parametrize("combine", [_attention, _merging], ids=["attention", "merging"])
def test_layers_of_two_inputs_train_alike_on_all_levels(combine: Callable[[Any, Any], Any], rng: np.random.Generator) -> None:
    def make() -> Any:
        a, b = Input((4, 5), name="a"), Input((4, 5), name="b")
        hidden = combine(layers.Dense(5)(a), layers.Dense(5, activation="tanh")(b))
        return Model([a, b], layers.Dense(1)(layers.Flatten()(hidden)))

    x = [rng.normal(size=(6, 4, 5)).astype("float32") for _ in range(2)]
    check_model(make, x, rng.normal(size=(6, 1)), optimizer=lambda: optimizers.Adam(0.02, epsilon=1e-3))
