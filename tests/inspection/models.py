"""Small compiled functions to look into."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import layers, models, optimizers
from symkeras.backend.interface import Executable


def classifier(backend: str = "numpy") -> tuple[Any, np.ndarray, np.ndarray]:
    """A small classifier that was trained for one step, and its data."""
    first, second = layers.Dense(16, activation="relu", name="first"), layers.Dense(3, activation="softmax", name="second")
    model = models.Sequential([layers.Input((8,)), first, second])
    model.compile(optimizer=optimizers.Adam(name="adam"), loss="sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    x, y = np.random.default_rng(0).standard_normal((10, 8)).astype("float32"), (np.arange(10) % 3).astype("int32")
    model.fit(x, y, batch_size=10, epochs=1, verbose=0)
    return model, x, y


def recurrent(backend: str = "numpy") -> tuple[Any, np.ndarray, np.ndarray]:
    """A small recurrent network that was trained for one step, and its data."""
    model = models.Sequential([layers.Input((5, 4)), layers.LSTM(6, name="memory"), layers.Dense(2, name="out")])
    model.compile(optimizer="sgd", loss="mse", backend=backend)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((7, 5, 4)).astype("float32"), rng.standard_normal((7, 2)).astype("float32")
    model.fit(x, y, batch_size=7, epochs=1, verbose=0)
    return model, x, y


def training_step(backend: str = "numpy") -> tuple[Executable, np.ndarray, np.ndarray]:
    """The compiled training step of the classifier, and arrays for it."""
    model, x, y = classifier(backend)
    return model.executable("train"), x, y
