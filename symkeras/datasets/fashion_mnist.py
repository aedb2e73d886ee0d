"""Fashion-MNIST: 70 000 pictures of clothes of 28x28 pixels in ten classes (Xiao, Rasul and Vollgraf 2017)."""

from __future__ import annotations

import numpy as np

from symkeras.datasets.local_files import SOURCE, Split, find, read_idx


def load_data(path: str = "fashion-mnist") -> Split:
    """The pictures in their four files.

    Args:
        path: the folder of `train-images-idx3-ubyte.gz` and its three companions; absolute, or below `$KERAS_HOME/datasets`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (60000, 28, 28) and (10000, 28, 28), labels uint8.

    Raises:
        DataError: a file is not there.
    """

    def read(kind: str, rank: int) -> np.ndarray:
        name = f"{kind}-{'images' if rank == 3 else 'labels'}-idx{rank}-ubyte.gz"
        return read_idx(find(f"{path}/{name}", source=SOURCE + name))

    return (read("train", 3), read("train", 1)), (read("t10k", 3), read("t10k", 1))
