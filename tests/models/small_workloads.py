"""The kinds of models that symkeras is measured on, small enough to train in a blink."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import Input, Model, Sequential, layers, ops


def tutorial_mlp() -> Any:
    return Sequential([Input((10,)), layers.Dense(8, activation="relu"), layers.Dense(4, activation="softmax")])


def deep_mlp() -> Any:
    hidden = [layers.Dense(12, activation=a, kernel_regularizer="l2") for a in ("relu", "tanh")]
    return Sequential([Input((10,)), *hidden, layers.Dense(4, activation="softmax")])


def convnet() -> Any:
    return Sequential([
        Input((10, 10, 1)), layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(2), layers.Conv2D(5, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Flatten(), layers.Dropout(0.5, seed=3), layers.Dense(4, activation="softmax"),
    ])  # fmt: skip


def news() -> Any:
    """Words and numbers in, two outputs."""
    words = Input((7,), dtype="int32", name="main_input")
    hidden = layers.LSTM(5)(layers.Embedding(30, 6)(words))
    aux = layers.Dense(1, activation="sigmoid", name="aux_output")(hidden)
    extra = Input((3,), name="aux_input")
    x = layers.concatenate([hidden, extra])
    for _ in range(2):
        x = layers.Dense(6, activation="relu")(x)
    return Model([words, extra], [layers.Dense(1, activation="sigmoid", name="main_output")(x), aux])


def transformer() -> Any:
    words, vocabulary, width = 6, 20, 8
    tokens = Input((words,), dtype="int32")
    positions = layers.Embedding(words, width)(ops.arange(words))
    x = layers.Embedding(vocabulary, width)(tokens) + positions * 0.0
    a = layers.Dropout(0.1, seed=1)(layers.MultiHeadAttention(2, width)(x, x))
    x = layers.LayerNormalization(epsilon=1e-6)(x + a)
    f = layers.Dropout(0.1, seed=2)(layers.Dense(width)(layers.Dense(10, activation="relu")(x)))
    x = layers.LayerNormalization(epsilon=1e-6)(x + f)
    x = layers.Dense(5, activation="relu")(layers.GlobalAveragePooling1D()(x))
    return Model(tokens, layers.Dense(2, activation="softmax")(x))


def resnet() -> Any:
    def normalized(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        return layers.BatchNormalization()(layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x))

    image = Input((8, 8, 3))
    x = layers.ReLU()(normalized(image, 4, 3))
    for filters, strides in [(4, 1), (6, 2)]:
        y = normalized(layers.ReLU()(normalized(x, filters, 3, strides)), filters, 3)
        short = x if strides == 1 else normalized(x, filters, 1, strides)
        x = layers.ReLU()(layers.add([short, y]))
    return Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def data(kind: str, rows: int = 10) -> tuple[Any, Any, Any]:
    """Inputs, targets and loss for the model called `kind`."""
    rng = np.random.default_rng(5)
    floats = {"tutorial_mlp": (10,), "deep_mlp": (10,), "convnet": (10, 10, 1), "resnet": (8, 8, 3)}
    if kind in floats:
        x = rng.normal(size=(rows, *floats[kind])).astype("float32")
        if kind == "resnet":
            return x, rng.integers(0, 3, rows), "sparse_categorical_crossentropy"
        return x, np.eye(4, dtype="float32")[rng.integers(0, 4, rows)], "categorical_crossentropy"
    if kind == "news":
        x = [rng.integers(0, 30, (rows, 7)), rng.normal(size=(rows, 3)).astype("float32")]
        return x, [rng.integers(0, 2, (rows, 1)).astype("float32") for _ in range(2)], "binary_crossentropy"
    return rng.integers(0, 20, (rows, 6)), rng.integers(0, 2, rows), "sparse_categorical_crossentropy"


WORKLOADS = (tutorial_mlp, deep_mlp, convnet, news, transformer, resnet)
