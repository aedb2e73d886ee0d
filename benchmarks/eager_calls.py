"""Small calls on arrays, and preprocessing of many rows, in one process: `python eager_calls.py MODULE small|rows`; prints a JSON object.

Each figure is the smallest of several rounds, in microseconds of a call, or milliseconds for all rows.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS = 7
ROWS = 100_000


def best(call: Callable[[], Any], seconds: float = 0.1) -> float:
    """Seconds of a call, the smallest of `ROUNDS` rounds."""
    for _ in range(5):
        call()
    start = time.perf_counter()
    call()
    times = max(1, int(seconds / (time.perf_counter() - start)))
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - start) / times)
    return min(rounds)


def small(keras: Any) -> dict[str, float]:
    """Microseconds of calls on small arrays."""
    layers, ops, metrics = keras.layers, keras.ops, keras.metrics
    rng = np.random.default_rng(0)
    x, a, images = (ops.convert_to_tensor(rng.random(s, dtype="float32")) for s in ((32, 100), (4, 4), (4, 16, 16, 3)))
    labels, scores = ops.convert_to_tensor(rng.integers(0, 10, 32)), ops.convert_to_tensor(rng.random((32, 10), dtype="float32"))
    model = keras.Sequential([keras.Input((100,)), layers.Dense(64, activation="relu"), layers.Dense(10)])
    model.compile("adam", "mse")
    rows, targets = rng.random((32, 100), dtype="float32"), rng.random((32, 10), dtype="float32")
    many, many_targets = np.repeat(rows, 100, 0), np.repeat(targets, 100, 0)
    dense, norm, dropout, conv = layers.Dense(64, activation="relu"), layers.LayerNormalization(), layers.Dropout(0.5), layers.Conv2D(8, 3)
    mean, accuracy = metrics.Mean(), metrics.SparseCategoricalAccuracy()
    calls: dict[str, Callable[[], Any]] = {
        "ops.add (4, 4)": lambda: ops.add(a, a),
        "ops.matmul (4, 4)": lambda: ops.matmul(a, a),
        "ops.mean (4, 4)": lambda: ops.mean(a, axis=1),
        "ops.softmax (4, 4)": lambda: ops.softmax(a),
        "Dense (32, 100)": lambda: dense(x),
        "LayerNormalization (32, 100)": lambda: norm(x),
        "Dropout (32, 100)": lambda: dropout(x, training=True),
        "Conv2D (4, 16, 16, 3)": lambda: conv(images),
        "Sequential (32, 100)": lambda: model(x),
        "Mean.update_state": lambda: mean.update_state(a),
        "SparseCategoricalAccuracy.update_state": lambda: accuracy.update_state(labels, scores),
        "predict_on_batch": lambda: model.predict_on_batch(rows),
        "train_on_batch": lambda: model.train_on_batch(rows, targets),
    }
    found = {name: best(call) * 1e6 for name, call in calls.items()}
    found["a step of fit"] = best(lambda: model.fit(many, many_targets, batch_size=32, verbose=0), 0.3) / 100 * 1e6
    return found


def rows(keras: Any) -> dict[str, float]:
    """Milliseconds of preprocessing layers on `ROWS` rows."""
    layers = keras.layers
    rng = np.random.default_rng(0)
    words = np.array([f"word{k}" for k in range(2000)])
    single = words[rng.integers(0, len(words), ROWS)]
    texts = np.array([" ".join(words[rng.integers(0, len(words), 8)]) for _ in range(ROWS)])
    numbers, integers = rng.standard_normal((ROWS, 1)).astype("float32"), rng.integers(0, 50, (ROWS, 1))
    lookup = layers.StringLookup(vocabulary=[str(w) for w in words])
    vectors = layers.TextVectorization(max_tokens=1500, output_sequence_length=10)
    vectors.adapt(texts[:5000])
    normal, buckets = layers.Normalization(), layers.Discretization(num_bins=10)
    normal.adapt(numbers)
    buckets.adapt(numbers)
    by_integer, category = layers.IntegerLookup(vocabulary=list(range(50))), layers.CategoryEncoding(num_tokens=50, output_mode="one_hot")
    hashing = layers.Hashing(num_bins=100)
    calls: dict[str, Callable[[], Any]] = {
        "StringLookup": lambda: lookup(single),
        "TextVectorization": lambda: vectors(texts),
        "Hashing": lambda: hashing(single),
        "IntegerLookup": lambda: by_integer(integers),
        "CategoryEncoding": lambda: category(integers),
        "Normalization": lambda: normal(numbers),
        "Discretization": lambda: buckets(numbers),
    }
    return {name: best(call, 0.0) * 1e3 for name, call in calls.items()}


if __name__ == "__main__":
    print(json.dumps({"small": small, "rows": rows}[sys.argv[2]](importlib.import_module(sys.argv[1]))))
