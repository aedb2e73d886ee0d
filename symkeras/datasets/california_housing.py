"""California housing: the median value of homes in 20 640 districts of California (Pace and Barry 1997)."""

from __future__ import annotations

from symkeras.datasets.local_files import Split, check_split, find, read_arrays, shuffled
from symkeras.errors import ConfigError


def load_data(version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """The table in Keras' file.

    Args:
        version: "large" for all rows, "small" for the first 600.
        path: absolute, or below `$KERAS_HOME/datasets`.
        test_split: share of the rows at the end that are for testing.
        seed: of the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: eight numbers per row, and the value in dollars.

    Raises:
        ConfigError: `test_split` outside of [0, 1), or another `version`.
        DataError: the file is not there.
    """
    check_split(test_split)
    if version not in ("small", "large"):
        raise ConfigError(f"version must be 'small' or 'large', received {version!r}")
    arrays = read_arrays(find(path))
    rows = slice(600) if version == "small" else slice(None)
    x, y = shuffled(seed, arrays["x"][rows], arrays["y"][rows])
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
