"""Models that reduce, look up and reorder batches in all the ways there are; each trained on many devices as on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import Input, Model, Sequential, distribution, layers, utils

RNG = np.random.default_rng(0)
ROWS = 10
IMAGES, WORDS, SERIES = (RNG.standard_normal((ROWS, 8, 8, 2)).astype("float32"), RNG.integers(0, 9, (ROWS, 5)).astype("int32"),
                         RNG.standard_normal((ROWS, 5, 3)).astype("float32"))  # fmt: skip
LABELS, VALUES = RNG.integers(0, 3, ROWS), RNG.standard_normal((ROWS, 2)).astype("float32")


def convolutional() -> tuple[Any, Any, Any]:
    model = Sequential([Input((8, 8, 2)), layers.Conv2D(4, 3, padding="same", activation="relu"), layers.BatchNormalization(),
                        layers.MaxPooling2D(), layers.AveragePooling2D(), layers.SpatialDropout2D(0.2), layers.Flatten(),
                        layers.Dense(3, activation="softmax")])  # fmt: skip
    return model, IMAGES, LABELS


def words() -> tuple[Any, Any, Any]:
    return Sequential([Input((5,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(4, dropout=0.2),
                       layers.Dense(3, activation="softmax")]), WORDS, LABELS


def attention() -> tuple[Any, Any, Any]:
    x = Input((5, 3))
    y = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x)
    y = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(y + layers.Dense(3)(x)))
    return Model(x, layers.Dense(3, activation="softmax")(layers.GaussianNoise(0.1)(y))), SERIES, LABELS


def across_rows() -> tuple[Any, Any, Any]:
    """A layer in which rows of a batch meet: orders them, and compares all with all."""
    from symkeras import ops

    class Meet(layers.Layer):
        def call(self, x: Any) -> Any:
            ranked = ops.sort(x, axis=0)
            likeness = ops.softmax(ops.matmul(x, ops.transpose(x)))
            return ops.concatenate([ops.matmul(likeness, ranked), ops.cumsum(x, axis=0), ops.flip(x, axis=0), x - ops.max(x, axis=0)], axis=-1)

    return Sequential([Input((5, 3)), layers.Flatten(), Meet(), layers.Dense(3, activation="softmax")]), SERIES, LABELS


def in_eight_bits() -> tuple[Any, Any, Any]:
    """Products in float8, whose scales follow the largest magnitudes of whole batches."""
    model = Sequential([Input((5, 3)), layers.Flatten(), layers.Dense(6, activation="relu"), layers.Dense(3, activation="softmax")])
    model.quantize("float8")
    return model, SERIES, LABELS


BUILD: dict[str, Callable[[], tuple[Any, Any, Any]]] = {f.__name__: f for f in (convolutional, words, attention, across_rows, in_eight_bits)}


def trained(name: str, backend: str, how: Any, batch_size: int) -> list[np.ndarray]:
    """The history, the weights and predictions."""
    utils.set_random_seed(5)
    model, x, y = BUILD[name]()
    model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    distribution.set_distribution(how)
    try:
        history = model.fit(x, y, batch_size=batch_size, epochs=2, shuffle=False, verbose=0).history
        found = [*map(np.array, history.values()), *model.get_weights(), model.predict(x, batch_size=batch_size, verbose=0)]
    finally:
        distribution.set_distribution(None)
    return found
