"""CIFAR-100: 60 000 colour images of 32x32 pixels in a hundred classes (Krizhevsky 2009)."""

from __future__ import annotations

from symkeras import config
from symkeras.datasets.local_files import Split, find, read_cifar
from symkeras.errors import ConfigError

_SOURCE = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
_PLACES = ("cifar-100-python-target", "cifar-100-python", "cifar-100-python.tar.gz")


def load_data(label_mode: str = "fine", path: str | None = None) -> Split:
    """The images in the archive of their authors, packed or unpacked.

    Args:
        label_mode: "fine" for a hundred classes, "coarse" for twenty.
        path: the archive or its folder; where Keras has it, below `$KERAS_HOME/datasets`, when None.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), channels first
        where the image data format says so; labels uint8 (B, 1).

    Raises:
        ConfigError: another `label_mode`.
        DataError: neither the archive nor the folder is there.
    """
    if label_mode not in ("fine", "coarse"):
        raise ConfigError(f"label_mode must be 'fine' or 'coarse', received {label_mode!r}")
    place = find(*((path,) if path else _PLACES), source=_SOURCE)
    (x_train, y_train), (x_test, y_test) = (read_cifar(place, part, f"{label_mode}_labels") for part in ("train", "test"))
    if config.image_data_format() == "channels_last":
        x_train, x_test = x_train.transpose(0, 2, 3, 1), x_test.transpose(0, 2, 3, 1)
    return (x_train, y_train), (x_test, y_test)
