"""MNIST: 70 000 handwritten digits of 28x28 pixels (LeCun, Cortes and Burges 1998)."""

from __future__ import annotations

from symkeras.datasets.local_files import Split, find, read_arrays


def load_data(path: str = "mnist.npz") -> Split:
    """The digits in Keras' file.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (60000, 28, 28) and (10000, 28, 28), labels uint8.

    Raises:
        DataError: the file is not there.
    """
    arrays = read_arrays(find(path))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
