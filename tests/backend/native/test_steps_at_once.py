"""Several training steps in one call: the same weights, the same callbacks."""

from __future__ import annotations

import numpy as np
import pytest

import symkeras
from symkeras import callbacks, layers


def _trained(at_once: int, shuffle: bool, dtype: str = "float32") -> tuple[list[np.ndarray], list[int], dict]:
    symkeras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 6)).astype(dtype), rng.integers(0, 3, 50)
    model = symkeras.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dropout(0.2), layers.Dense(3)])
    loss = symkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], steps_per_execution=at_once, backend="native")
    seen: list[int] = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=shuffle, verbose=0, callbacks=[watch])
    return model.get_weights(), seen, history.history


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_in_one_call_train_as_steps_one_by_one(backend_native: None, shuffle: bool, dtype: str) -> None:
    single, each_batch, history = _trained(1, shuffle, dtype)
    several, each_third, history_too = _trained(3, shuffle, dtype)
    assert each_batch == [0, 1, 2, 3, 4, 5, 6] * 2
    assert each_third == [2, 5, 8] * 2, "the last call has one step; it ends where a whole one would, as in Keras"
    assert history == history_too
    for a, b in zip(single, several, strict=True):
        np.testing.assert_array_equal(a, b)
