"""Handwritten digits of 8x8 pixels, shipped with symkeras (E. Alpaydin and C. Kaynak 1998, CC BY 4.0)."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from symkeras.datasets.local_files import Split

TRAINING_ROWS = 1437


def load_data() -> Split:
    """The digits: 1 437 for training and the 360 after them, most of them by other writers, for testing.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (B, 8, 8) with values from 0 to 16, labels uint8 (B,).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, x_test.shape, int(x_train.max())
        ((1437, 8, 8), (360, 8, 8), 16)
    """
    with files("symkeras").joinpath("data/digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    return (x[:TRAINING_ROWS], y[:TRAINING_ROWS]), (x[TRAINING_ROWS:], y[TRAINING_ROWS:])
