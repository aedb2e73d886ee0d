"""The six workloads, in Keras code: models, the shapes of their data, and what symkeras is held to.

`keras` stands for whatever package offers the Keras API. Every model comes compiled; every contender draws the same data from
the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 20170131
PREDICT_TARGETS = {"symkeras": 0.2, "symkeras-native": 0.2}
"""The time of `predict` on one row, as a share of the fastest Keras backend's."""
PREDICT_ROWS = (1, 256)
"""Rows in one call of `predict`."""


@dataclass(frozen=True)
class Workload:
    """One model and its data.

    Attributes:
        build: gives the compiled model, from the package with the Keras API.
        draw: gives (x, y) of so many rows; x and y are an array, or a list of arrays where there are several inputs or outputs.
        batch: rows in a training step.
        steps: training steps in an epoch.
        targets: the time of a training step by contender, as a share of the fastest Keras backend's.
        is_deterministic: nothing in training is random, so two contenders can be compared after training steps, too.
    """

    build: Callable[[Any], Any]
    draw: Callable[[np.random.Generator, int], tuple[Any, Any]]
    batch: int
    steps: int
    targets: Mapping[str, float]
    is_deterministic: bool

    @property
    def name(self) -> str:
        """The name on the command line and in the JSON."""
        return self.build.__name__

    def data(self, steps: int | None = None) -> tuple[Any, Any]:
        """The data of an epoch, or of its first `steps` steps alone (other numbers, same shapes)."""
        return self.draw(np.random.default_rng(SEED), self.batch * (steps or self.steps))

    def inputs(self, rows: int) -> Any:
        """So many rows to predict from."""
        return self.draw(np.random.default_rng(SEED + rows), rows)[0]


def _targets(symkeras: float, native: float) -> dict[str, float]:
    return {"symkeras": symkeras, "symkeras-native": native}


# ---- data ------------------------------------------------------------------------------------------------------------


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Standard normal numbers, float32."""
    return rng.standard_normal(shape, dtype="float32")


def classes(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """Class numbers, int32 [rows]."""
    return rng.integers(0, count, rows, dtype="int32")


def one_hot(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """Classes as float32 rows with one 1."""
    return np.eye(count, dtype="float32")[classes(rng, rows, count)]


def reviews(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """words [B, 200] of 20 000, and two classes."""
    return rng.integers(0, 20_000, (rows, 200), dtype="int32"), classes(rng, rows, 2)


def headlines(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """[words [B, 100], extra [B, 5]] and two binary targets, the same for both outputs."""
    words = rng.integers(0, 10_000, (rows, 100), dtype="int32")
    return [words, normal(rng, rows, 5)], [rng.integers(0, 2, (rows, 1)).astype("float32")] * 2


def position_table(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:
    """The position embeddings of the transformer, an initializer that gives every contender the same numbers.

    The positions are looked up while the model is defined, so they are a constant of the model and no weight of it.
    """
    return np.random.default_rng(SEED).uniform(-0.05, 0.05, shape).astype("float32")


# ---- models ----------------------------------------------------------------------------------------------------------


def tutorial_mlp(keras: Any) -> Any:
    """The first model of the 2017 tutorial, where the overhead of a step is everything."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((100,)), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def mlp(keras: Any) -> Any:
    """Matrix products, and Adam on 670 000 parameters."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((784,))])
    for units in (512, 512):
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def convnet(keras: Any) -> Any:
    """The MNIST convnet of the Keras examples."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (32, 64):
        model.add(layers.Conv2D(filters, kernel_size=3, activation="relu"))
        model.add(layers.MaxPooling2D(pool_size=2))
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def two_input_lstm(keras: Any) -> Any:
    """The news model of the 2017 tutorial: a large embedding, an LSTM over 100 steps, two inputs and two outputs."""
    layers = keras.layers
    main_input = keras.Input((100,), dtype="int32", name="main_input")
    aux_input = keras.Input((5,), name="aux_input")
    summary = layers.LSTM(32)(layers.Embedding(input_dim=10_000, output_dim=512)(main_input))
    aux_output = layers.Dense(1, activation="sigmoid", name="aux_output")(summary)
    x = layers.concatenate([summary, aux_input])
    for _ in range(3):
        x = layers.Dense(64, activation="relu")(x)
    main_output = layers.Dense(1, activation="sigmoid", name="main_output")(x)
    model = keras.Model(inputs=[main_input, aux_input], outputs=[main_output, aux_output])
    model.compile(optimizer="rmsprop", loss=["binary_crossentropy", "binary_crossentropy"], loss_weights=[1.0, 0.2])
    return model


def transformer_block(keras: Any) -> Any:
    """Text classification with one transformer block, as in the Keras examples: 200 tokens, 2 heads."""
    layers, length, width = keras.layers, 200, 32
    tokens = keras.Input((length,), dtype="int32")
    positions = layers.Embedding(length, width, embeddings_initializer=position_table)(keras.ops.arange(length))
    positions = keras.ops.stop_gradient(positions)  # a constant; Keras on PyTorch would keep its gradient graph
    x = layers.Embedding(20_000, width)(tokens) + positions
    attended = layers.Dropout(0.1)(layers.MultiHeadAttention(num_heads=2, key_dim=width)(x, x))
    x = layers.LayerNormalization(epsilon=1e-6)(x + attended)
    fed = layers.Dropout(0.1)(layers.Dense(width)(layers.Dense(32, activation="relu")(x)))
    x = layers.LayerNormalization(epsilon=1e-6)(x + fed)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.1)(layers.Dense(20, activation="relu")(x))
    model = keras.Model(tokens, layers.Dense(2, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def resnet20(keras: Any) -> Any:
    """ResNet-20 for images of 32x32x3 (He et al. 2015, section 4.2), with projections where the shape changes."""
    layers = keras.layers

    def normalized(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    image = keras.Input((32, 32, 3))
    x = layers.ReLU()(normalized(image, 16, 3))
    for stage, filters in enumerate((16, 32, 64)):
        for k in range(3):
            strides = 2 if stage and not k else 1
            y = layers.ReLU()(normalized(x, filters, 3, strides))
            y = normalized(y, filters, 3)
            shortcut = normalized(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.add([shortcut, y]))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---- the table -------------------------------------------------------------------------------------------------------

WORKLOADS: dict[str, Workload] = {w.name: w for w in (
    Workload(tutorial_mlp, lambda rng, n: (normal(rng, n, 100), one_hot(rng, n, 10)), 32, 300, _targets(0.7, 0.25), True),
    Workload(mlp, lambda rng, n: (normal(rng, n, 784), one_hot(rng, n, 10)), 128, 60, _targets(1.0, 0.6), True),
    Workload(two_input_lstm, headlines, 32, 30, _targets(0.6, 0.3), True),
    Workload(convnet, lambda rng, n: (normal(rng, n, 28, 28, 1), one_hot(rng, n, 10)), 128, 12, _targets(0.8, 0.45), False),
    Workload(transformer_block, reviews, 32, 25, _targets(0.8, 0.45), False),
    Workload(resnet20, lambda rng, n: (normal(rng, n, 32, 32, 3), classes(rng, n, 10)), 64, 6, _targets(1.0, 0.6), True),
)}  # fmt: skip
