"""What callbacks need of a model, with one weight that is set by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from symkeras.graph.variable import Variable
from symkeras.optimizers import SGD


class FakeModel:
    """Has a weight, an optimizer, and notes what was saved."""

    def __init__(self, **optimizer: Any):
        self.weight = Variable([0.0], name="w")
        self.optimizer = SGD(**{"learning_rate": 1.0, "momentum": 0.5, **optimizer})
        self.metrics = [SimpleNamespace(name="pinball", _direction="down"), SimpleNamespace(name="hits", _direction="up")]
        self.stop_training = False
        self.built = True
        self.saved: list[str] = []
        self.variables = self.trainable_variables = [self.weight]

    def get_weights(self) -> list[np.ndarray]:
        return [self.weight.numpy()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weight.set(weights[0])

    def save(self, path: str, overwrite: bool = True) -> None:
        Path(path).write_text("model")
        self.saved.append(Path(path).name)

    def save_weights(self, path: str, overwrite: bool = True) -> None:
        self.save(path)

    def step(self, gradient: float = 1.0) -> None:
        self.optimizer.apply_gradients([(np.array([gradient], "float32"), self.weight)])


def train(callbacks: Any, model: Any, values: list[float], name: str = "loss", first: int = 0) -> list[int]:
    """Run one epoch per value, and say which were run."""
    from symkeras.callbacks import CallbackList

    events = CallbackList(callbacks, add_history=True, model=model, epochs=len(values), steps=1, verbose=0)
    events.on_train_begin()
    done, logs = [], {}
    for epoch in range(first, len(values)):
        events.on_epoch_begin(epoch)
        model.weight.set(np.array([epoch], "float32"))
        events.on_train_batch_begin(0)
        events.on_train_batch_end(0, {name: values[epoch]})
        logs = {name: values[epoch]}
        events.on_epoch_end(epoch, logs)
        done.append(epoch)
        if model.stop_training:
            break
    events.on_train_end(logs)
    return done
