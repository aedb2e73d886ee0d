"""The demonstration: a convolutional network learns digits, and its training step is opened."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

BATCH = 32
EPOCHS = 8


def demo() -> int:
    """Train on 1 437 digits, test on 360 others, then print how the training step was compiled.

    Returns:
        0, or 1 where fewer than 97 % of the test digits are recognised.
    """
    started = time.perf_counter()
    model, accuracy = train_digits()
    seconds = time.perf_counter() - started
    print(f"\n{accuracy:.1%} of 360 digits it has never seen are recognised, after {seconds:.1f} s with every import and compilation.\n")
    print_report(model.executable("train"), measured_step(model))
    return 0 if accuracy >= 0.97 else 1


def digits_model() -> Any:
    """A small convolutional network for 8x8 images."""
    from symkeras import Sequential, layers

    return Sequential([
        layers.Input((8, 8, 1), name="pixels"),
        *_convolution(32, "edges"),
        *_convolution(32, "strokes"),
        layers.MaxPooling2D(name="halve"),
        layers.Dropout(0.25, name="forget"),
        *_convolution(64, "shapes"),
        layers.Flatten(name="flat"),
        layers.Dropout(0.4, name="forget_more"),
        layers.Dense(10, activation="softmax", name="digit"),
    ], name="digits")  # fmt: skip


def _convolution(filters: int, name: str) -> list[Any]:
    from symkeras import layers

    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name),
        layers.BatchNormalization(name=f"{name}_norm"),
        layers.Activation("relu", name=f"{name}_relu"),
    ]


def shifted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every image (B, H, W, C) five times: as it is, and moved by one pixel each way; with its labels."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = x.shape[1:3]
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return np.concatenate([padded[:, a : a + h, b : b + w] for a, b in moves]), np.tile(y, len(moves))


def train_digits(epochs: int = EPOCHS) -> tuple[Any, float]:
    """The trained network, and its accuracy on the test part."""
    from symkeras import optimizers
    from symkeras.datasets import digits
    from symkeras.utils import set_random_seed

    set_random_seed(1)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = ((x[..., None] / 16).astype("float32") for x in (x_train, x_test))
    x_train, y_train = shifted(x_train, y_train)
    steps = epochs * -(-len(x_train) // BATCH)
    model = digits_model()
    model.summary()
    rate = optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(optimizer=optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=BATCH, epochs=epochs, validation_data=(x_test, y_test), verbose=1 if sys.stdout.isatty() else 2)
    return model, float(model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"])


def measured_step(model: Any, repeats: int = 50) -> float:
    """Seconds of one call of the compiled training step, the best of several, on a copy of the weights."""
    from symkeras.datasets import digits

    (x, y), _ = digits.load_data()
    x, y = (x[:BATCH, ..., None] / 16).astype("float32"), y[:BATCH]
    weights = model.get_weights()
    slots = model.optimizer.get_weights()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.train_on_batch(x, y)
        times.append(time.perf_counter() - start)
    model.set_weights(weights)
    model.optimizer.set_weights(slots)
    return float(np.min(times))


def print_report(compiled: Any, seconds: float) -> None:
    """Print passes, kernels, memory, and an excerpt of the source of a compiled step.

    Args:
        compiled: what `model.executable("train")` returns.
        seconds: measured per step.
    """
    print("The training step, pass by pass (nodes before and after):\n")
    print(compiled.history)
    kernels = sum(1 for _ in compiled.program.all_steps())
    print(f"\n{compiled.history.source.count()} nodes were written, {compiled.graph.count()} are left, in {kernels} kernels.")
    print(f"Memory of one step at batch {BATCH}: {compiled.plan({'batch': BATCH})}.")
    print(f"One step takes {seconds * 1e3:.2f} ms.\n")
    print("From the emitted source, with the layers its lines come from:\n")
    print(excerpt(compiled.source))
    print('\nAll of it: model.executable("train").source; each pass: model.executable("train").history.diff("simplify")')


def excerpt(source: str, word: str = "strokes", lines: int = 24) -> str:
    """So many lines of the kernels in a source text, Python or C, from the first that mentions `word`."""
    text = source.splitlines()
    step = next((k for k, line in enumerate(text) if line.strip() in ("def step():", "(void)threads;")), 0)
    start = next((k for k, line in enumerate(text) if k > step and word in line), step)
    shown = [line if len(line) <= 140 else f"{line[:137]}..." for line in text[start : start + lines]]
    return "\n".join(f"{k:5d}  {line}" for k, line in enumerate(shown, start + 1))
