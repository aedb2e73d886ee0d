"""Boston housing: the median value of homes in 506 places near Boston (Harrison and Rubinfeld 1978).

One of its thirteen columns rests on the assumption that racial segregation moves prices: of use to study just that, not as an
example of regression; take `california_housing` for it.
"""

from __future__ import annotations

from symkeras.datasets.local_files import Split, check_split, find, read_arrays, shuffled


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """The table in Keras' file.

    Args:
        path: absolute, or below `$KERAS_HOME/datasets`.
        test_split: share of the rows at the end that are for testing.
        seed: of the order.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: thirteen numbers per row, and the value in thousands of dollars.

    Raises:
        ConfigError: `test_split` outside of [0, 1).
        DataError: the file is not there.
    """
    check_split(test_split)
    arrays = read_arrays(find(path))
    x, y = shuffled(seed, arrays["x"], arrays["y"])
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])
