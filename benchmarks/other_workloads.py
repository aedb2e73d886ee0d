"""Six more workloads that no backend was tuned on, in Keras code, as in `workloads.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import Workload, classes, normal


def tagger(keras: Any) -> Any:
    """A tag for each word of sentences of unequal length: masks, and a GRU in both directions."""
    layers = keras.layers
    words = keras.Input((40,), dtype="int32")
    x = layers.Embedding(5_000, 64, mask_zero=True)(words)
    x = layers.Bidirectional(layers.GRU(48, return_sequences=True))(x)
    model = keras.Model(words, layers.Dense(17, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def autoencoder(keras: Any) -> Any:
    """Images, made small by strided convolutions and large again by transposed ones."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (16, 32):
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu"))
    for filters in (32, 16):
        model.add(layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu"))
    model.add(layers.Conv2D(1, 3, padding="same", activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model


def depthwise(keras: Any) -> Any:
    """Depthwise and pointwise convolutions with normalisation and a bounded relu."""
    layers = keras.layers
    x = image = keras.Input((32, 32, 3))
    for filters, strides in ((16, 1), (32, 2), (64, 2), (64, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(x)))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def gpt(keras: Any) -> Any:
    """The next character by two blocks of causal attention and GELU."""
    layers, length, vocabulary, width = keras.layers, 64, 96, 64
    tokens = keras.Input((length,), dtype="int32")
    x = layers.Embedding(vocabulary, width)(tokens)
    for _ in range(2):
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(4, 16)(n, n, use_causal_mask=True)
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(n))
    model = keras.Model(tokens, layers.Dense(vocabulary, activation="softmax")(layers.LayerNormalization(epsilon=1e-5)(x)))
    model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def siamese(keras: Any) -> Any:
    """Whether two images are of one kind: one encoder for both, and their distance."""
    layers = keras.layers
    encoder = keras.Sequential([keras.Input((784,)), layers.Dense(256, activation="relu"), layers.Dense(128, activation="tanh"), layers.Dense(32)])
    a, b = keras.Input((784,)), keras.Input((784,))
    apart = layers.Subtract()([encoder(a), encoder(b)])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid")(keras.ops.square(apart)))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def controlled(keras: Any) -> Any:
    """`cond` and `while_loop` within a model."""
    layers, ops = keras.layers, keras.ops

    class Controlled(layers.Layer):
        """One of two formulas by a condition on the batch, times a number that a loop finds."""

        def call(self, x: Any) -> Any:
            x = ops.cond(ops.sum(x) > 0, lambda: x * 1.5, lambda: ops.tanh(x) + 0.5)
            largest = ops.stop_gradient(ops.max(ops.absolute(x)))
            (halved,) = ops.while_loop(lambda s: s > 1.0, lambda s: (s * 0.5,), (largest,))
            return x * (halved / (largest + 1e-3))

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    hidden = [layers.Dense(256, activation="elu"), Controlled(), layers.Dense(256, activation="elu")]
    model = keras.Sequential([keras.Input((128,)), *hidden, layers.Dense(8)])
    model.compile(optimizer="nadam", loss="mse")
    return model


# ---- data ------------------------------------------------------------------------------------------------------------


def sentences(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """words [B, 40] of 5 000, padded with 0, and a tag for each."""
    words = rng.integers(1, 5_000, (rows, 40), dtype="int32")
    return words * (np.arange(40) < rng.integers(10, 41, (rows, 1))), rng.integers(0, 17, (rows, 40), dtype="int32")


def pictures(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """images [B, 28, 28, 1], twice."""
    x = rng.random((rows, 28, 28, 1), dtype="float32")
    return x, x


def characters(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """[B, 64] of 96, and those that follow."""
    text = rng.integers(0, 96, (rows, 65), dtype="int32")
    return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])


def pairs(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """Two vectors, and whether they are of one kind."""
    return [normal(rng, rows, 784), normal(rng, rows, 784)], rng.integers(0, 2, (rows, 1)).astype("float32")


OTHERS: dict[str, Workload] = {w.name: w for w in (
    Workload(tagger, sentences, 32, 20, {}, True),
    Workload(autoencoder, pictures, 64, 15, {}, True),
    Workload(depthwise, lambda rng, n: (normal(rng, n, 32, 32, 3), classes(rng, n, 10)), 64, 8, {}, True),
    Workload(gpt, characters, 32, 15, {}, True),
    Workload(siamese, pairs, 128, 40, {}, True),
    Workload(controlled, lambda rng, n: (normal(rng, n, 128), normal(rng, n, 8)), 64, 100, {}, True),
)}  # fmt: skip
