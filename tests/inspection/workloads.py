"""Small models of every kind, with a training step compiled for NumPy, and their data: what the tests of the inspector look into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import Input, Model, Sequential, layers


def dense() -> tuple[Any, ...]:
    model = Sequential([Input((4,)), layers.Dense(5, "relu", name="hidden"), layers.Dense(3, "softmax", name="head")])
    return _compiled(model), _floats(6, 4), _labels(6)


def plain() -> tuple[Any, ...]:
    """Layers whose names are numbered: no two have the same."""
    model = Sequential([Input((4,)), layers.Dense(5, "relu"), layers.Dense(3, "softmax")])
    return _compiled(model), _floats(6, 4), _labels(6)


def two_inputs() -> tuple[Any, ...]:
    words, more = Input((5,), dtype="int32", name="words"), Input((2,), name="more")
    state = layers.LSTM(4, name="lstm")(layers.Embedding(7, 3, name="embedding")(words))
    head = layers.Dense(3, "softmax", name="head")(layers.concatenate([state, more]))
    return _compiled(Model([words, more], head)), np.arange(20, dtype="int32").reshape(4, 5) % 7, _floats(4, 2), _labels(4)


def convnet() -> tuple[Any, ...]:
    first = [layers.Conv2D(3, 3, name="conv"), layers.BatchNormalization(name="norm"), layers.ReLU(name="relu"), layers.MaxPooling2D(2)]
    last = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(3, "softmax", name="head")]
    return _compiled(Sequential([Input((6, 6, 2)), *first, *last])), _floats(4, 6, 6, 2), _labels(4)


def lstm() -> tuple[Any, ...]:
    model = Sequential([Input((5, 3)), layers.LSTM(4, name="lstm"), layers.Dense(3, "softmax", name="head")])
    return _compiled(model), _floats(4, 5, 3), _labels(4)


def embedding() -> tuple[Any, ...]:
    model = Sequential([Input((3,), dtype="int32"), layers.Embedding(7, 4, name="words"), layers.Flatten(), layers.Dense(3, "softmax", name="head")])
    return _compiled(model, "sgd"), np.arange(12, dtype="int32").reshape(4, 3) % 7, _labels(4)


def attention() -> tuple[Any, ...]:
    x = Input((5, 4))
    y = layers.MultiHeadAttention(2, 3, dropout=0.1, name="attention")(x, x)
    y = layers.GlobalAveragePooling1D()(layers.LayerNormalization(name="norm")(layers.add([x, y])))
    return _compiled(Model(x, layers.Dense(3, "softmax", name="head")(y))), _floats(4, 5, 4), _labels(4)


WORKLOADS: dict[str, Callable[[], tuple[Any, ...]]] = {f.__name__: f for f in (dense, plain, two_inputs, convnet, lstm, embedding, attention)}


def _compiled(model: Any, optimizer: str = "adam") -> Any:
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], backend="numpy")
    return model


def _floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def _labels(count: int) -> np.ndarray:
    return np.arange(count, dtype="int32") % 3
