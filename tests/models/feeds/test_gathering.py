"""Batches are gathered from arrays of every layout and dtype, and no array is ever copied as a whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, utils

ROWS, SIZE = 4000, 200
VALUES = np.random.default_rng(0).normal(size=(ROWS, SIZE)).astype("float32")
SUMS = VALUES[:, :1] + VALUES[:, 1:2]


def misaligned(values: np.ndarray) -> np.ndarray:
    record = np.zeros(len(values), [("flag", "i1"), ("x", "f4", values.shape[1:])])
    record["x"] = values
    return record["x"]


def mapped(values: np.ndarray, folder: Path, order: str) -> np.ndarray:
    array = np.lib.format.open_memmap(str(folder / "x.npy"), "w+", values.dtype, values.shape, order == "F")
    array[:] = values
    return np.load(folder / "x.npy", mmap_mode="r")


LAYOUTS: dict[str, Callable[[np.ndarray, Path], np.ndarray]] = {
    "one of a pair": lambda v, folder: np.stack([v, -v], axis=1)[:, 0],
    "every other row": lambda v, folder: np.repeat(v, 2, axis=0)[::2],
    "some columns": lambda v, folder: np.concatenate([v, v], axis=1)[:, :SIZE],
    "backwards": lambda v, folder: np.ascontiguousarray(v[::-1])[::-1],
    "by column": lambda v, folder: np.asfortranarray(v),
    "out of line": lambda v, folder: misaligned(v),
    "bytes swapped": lambda v, folder: v.astype(">f4"),
    "another precision": lambda v, folder: v.astype("float64"),
    "half precision": lambda v, folder: v.astype("float16").astype("float32").astype("float16"),
    "a mapped file": lambda v, folder: mapped(v, folder, "C"),
    "a mapped file by column": lambda v, folder: mapped(v, folder, "F"),
    "in rows": lambda v, folder: v,
}


def model() -> Any:
    made = Sequential([Input((SIZE,)), layers.Dense(1, kernel_initializer="ones")])
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches_are_gathered_from_every_layout_without_copying_the_whole(layout: str, tmp_path: Path) -> None:
    x = LAYOUTS[layout](VALUES, tmp_path)
    plain, other = model(), model()
    exact = VALUES if x.dtype.itemsize > 2 else VALUES.astype("float16").astype("float32")
    histories = []
    for trained, rows in ((plain, exact), (other, x)):
        utils.set_random_seed(3)
        trained.fit(rows, SUMS, batch_size=8, steps_per_epoch=1, verbose=0)  # compiled outside of what is measured
        tracemalloc.start()
        histories.append(trained.fit(rows, SUMS, batch_size=50, epochs=2, steps_per_epoch=12, verbose=0).history)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < VALUES.nbytes / 4
    assert histories[0] == histories[1]
    assert plain.evaluate(exact, SUMS, verbose=0) == other.evaluate(x, SUMS, verbose=0)


def test_targets_and_weights_may_be_views_as_well() -> None:
    pairs = np.stack([SUMS, -SUMS], axis=1)
    weights = np.linspace(0, 1, 2 * ROWS)[::2]
    histories = []
    for y, w in ((pairs[:, 0], weights), (SUMS, weights.copy())):
        utils.set_random_seed(3)
        histories.append(model().fit(VALUES, y, sample_weight=w, batch_size=500, verbose=0).history)
    assert histories[0] == histories[1]
