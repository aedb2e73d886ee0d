"""CIFAR-10: 60 000 colour images of 32x32 pixels in ten classes (Krizhevsky 2009)."""

from __future__ import annotations

import numpy as np

from symkeras import config
from symkeras.datasets.local_files import Split, find, read_cifar

_SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_PLACES = ("cifar-10-batches-py-target", "cifar-10-batches-py", "cifar-10-python.tar.gz")


def load_data(path: str | None = None) -> Split:
    """The images in the archive of their authors, packed or unpacked.

    Args:
        path: the archive or its folder; where Keras has it, below `$KERAS_HOME/datasets`, when None.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), channels first
        where the image data format says so; labels uint8 (B, 1).

    Raises:
        DataError: neither the archive nor the folder is there.
    """
    place = find(*((path,) if path else _PLACES), source=_SOURCE)
    batches = [read_cifar(place, f"data_batch_{k}", "labels") for k in range(1, 6)]
    x_test, y_test = read_cifar(place, "test_batch", "labels")
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    if config.image_data_format() == "channels_last":
        x_train, x_test = x_train.transpose(0, 2, 3, 1), x_test.transpose(0, 2, 3, 1)
    return (x_train, y_train), (x_test, y_test)
