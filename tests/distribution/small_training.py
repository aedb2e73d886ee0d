"""A model with everything that a batch is reduced in, its training, and what a script in another process compares with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from symkeras import Input, Sequential, layers, utils

RNG = np.random.default_rng(0)
X, Y, W = RNG.standard_normal((43, 6)).astype("float32"), RNG.integers(0, 3, 43), RNG.uniform(0, 2, 43).astype("float32")
"""Two batches of 16 and an uneven one of 11."""


def net(backend: str | None = None) -> Sequential:
    """Batch statistics, dropout, a weighted loss and metrics."""
    utils.set_random_seed(3)
    model = Sequential([Input((6,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3),
                        layers.Dense(4, activation="softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], backend=backend)
    return model


def result(model: Sequential, epochs: int = 2, rows: slice = slice(None), batch_size: int = 16, **arguments: object) -> list[np.ndarray]:
    """Train; the history and all state."""
    x, y, w = X[rows], Y[rows], W[rows]
    history = model.fit(x, y, sample_weight=w, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0, **arguments).history
    return [np.array(v) for v in history.values()] + model.get_weights() + model.optimizer.get_weights()


def expect(path: Path, epochs: int = 2) -> None:
    """Write what the training on one device, by NumPy, gives."""
    np.savez(path, *result(net("numpy"), epochs))


def check(path: str, found: list[np.ndarray]) -> None:
    """Compare with what `expect` wrote."""
    with np.load(path) as expected:
        assert len(found) == len(expected.files)
        for k, name in enumerate(expected.files):
            np.testing.assert_allclose(found[k], expected[name], rtol=5e-5, atol=5e-6)
