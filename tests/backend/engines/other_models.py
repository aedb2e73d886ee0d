"""Six kinds of models that no backend was tuned on, small enough to train in a blink: each gives (compiled model, x, y)."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import Input, Model, Sequential, layers, ops, optimizers

ROWS = 6


def _rng() -> np.random.Generator:
    return np.random.default_rng(11)


def tagger() -> Any:
    """Sentences of unequal length, a tag for each word: masks, and a GRU in both directions."""
    words = Input((7,), dtype="int32", name="words")
    x = layers.Embedding(20, 6, mask_zero=True)(words)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True))(x)
    model = Model(words, layers.TimeDistributed(layers.Dense(4, activation="softmax"))(layers.Dropout(0.2)(x)))
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = _rng()
    x = rng.integers(1, 20, (ROWS, 7)) * (np.arange(7) < rng.integers(2, 8, (ROWS, 1)))
    return model, x.astype("int32"), rng.integers(0, 4, (ROWS, 7)).astype("int32")


def autoencoder() -> Any:
    """Images, made small by strided convolutions and large again by transposed ones."""
    down = [layers.Conv2D(f, 3, strides=2, padding="same", activation="relu") for f in (4, 6)]
    up = [layers.Conv2DTranspose(f, 3, strides=2, padding="same", activation=a) for f, a in ((4, "relu"), (1, "sigmoid"))]
    model = Sequential([Input((8, 8, 1)), *down, layers.Flatten(), layers.Dense(5), layers.Dense(24, activation="relu"),
                        layers.Reshape((2, 2, 6)), *up])  # fmt: skip
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["mae"])
    x = _rng().random((ROWS, 8, 8, 1)).astype("float32")
    return model, x, x


def depthwise() -> Any:
    """Depthwise and pointwise convolutions with normalisation and a bounded relu, as networks for telephones have them."""
    x = image = Input((9, 9, 3))
    for filters, strides in ((4, 1), (6, 2)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(x)))
    x = layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="silu")(x)
    model = Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.compile(optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = _rng()
    return model, rng.standard_normal((ROWS, 9, 9, 3)).astype("float32"), rng.integers(0, 3, ROWS).astype("int32")


def gpt() -> Any:
    """The next token by two blocks of causal attention and GELU."""
    length, vocabulary, width = 6, 15, 8
    tokens = Input((length,), dtype="int32")
    x = layers.Embedding(vocabulary, width)(tokens) + layers.Embedding(length, width)(ops.arange(length))
    for _ in range(2):
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dropout(0.1)(layers.MultiHeadAttention(2, 4)(n, n, use_causal_mask=True))
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dropout(0.1)(layers.Dense(width)(layers.Dense(16, activation="gelu")(n)))
    model = Model(tokens, layers.Dense(vocabulary, activation="softmax")(layers.LayerNormalization()(x)))
    model.compile(optimizers.AdamW(0.01, clipnorm=1.0, epsilon=1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = _rng()
    text = rng.integers(0, vocabulary, (ROWS, length + 1)).astype("int32")
    return model, text[:, :-1], text[:, 1:]


def siamese() -> Any:
    """Whether two vectors are of one kind: one encoder for both, and their distance."""
    encoder = Sequential([Input((10,)), layers.Dense(8, activation="tanh"), layers.Dropout(0.1), layers.Dense(4), layers.UnitNormalization()])
    a, b = Input((10,), name="a"), Input((10,), name="b")
    one, two = encoder(a), encoder(b)
    distance = layers.Lambda(lambda pair: ops.sqrt(ops.sum(ops.square(pair[0] - pair[1]), axis=-1, keepdims=True) + 1e-6))([one, two])
    model = Model([a, b], layers.Dense(1, activation="sigmoid")(layers.Concatenate()([distance, layers.Dot(axes=1)([one, two])])))
    model.compile(optimizers.RMSprop(0.01), "binary_crossentropy", metrics=["accuracy", "AUC"])
    rng = _rng()
    x = [rng.standard_normal((ROWS, 10)).astype("float32") for _ in range(2)]
    return model, x, rng.integers(0, 2, (ROWS, 1)).astype("float32")


class Controlled(layers.Layer):
    """One of two formulas by a condition on the batch, times a number that a loop finds."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, x: Any) -> Any:
        x = ops.cond(ops.sum(x) > 0, lambda: x * self.scale, lambda: ops.tanh(x) + self.scale)
        largest = ops.stop_gradient(ops.max(ops.absolute(x)))
        (halved,) = ops.while_loop(lambda s: s > 1.0, lambda s: (s * 0.5,), (largest,))
        return x * (halved / (largest + 1e-3))


def controlled() -> Any:
    """`cond` and `while_loop` within a model."""
    model = Sequential([Input((6,)), layers.Dense(8, activation="elu"), Controlled(name="controlled"), layers.Dense(2)])
    model.compile(optimizers.Nadam(0.01), "mse", metrics=["mae"])
    rng = _rng()
    return model, rng.standard_normal((ROWS, 6)).astype("float32"), rng.standard_normal((ROWS, 2)).astype("float32")


OTHER_MODELS = (tagger, autoencoder, depthwise, gpt, siamese, controlled)
