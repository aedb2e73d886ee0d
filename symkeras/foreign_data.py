"""Data of other libraries, as arrays and batches of arrays. Nothing is imported: a thing is known by the module its class comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import DataError


class Batches:
    """Batches that can be gone through again and again.

    Args:
        begin: gives a new iterator.
    """

    def __init__(self, begin: Callable[[], Iterator[Any]]):
        self._begin = begin

    def __iter__(self) -> Iterator[Any]:
        return self._begin()


def batches(x: Any) -> Any:
    """A `tf.data.Dataset` as batches of arrays; anything else as it is.

    Raises:
        DataError: a lazy table.
    """
    if _is(x, "polars", "LazyFrame"):
        raise DataError("a polars LazyFrame has no rows yet: give frame.collect()")
    return Batches(x.as_numpy_iterator) if _is(x, "tensorflow", "DatasetV2") or _is(x, "tensorflow", "Dataset") else x


def is_samples(x: Any) -> bool:
    """Whether `x` is a `torch.utils.data.Dataset`, which gives samples rather than batches."""
    return _is(x, "torch", "Dataset")


def stacked(samples: list[Any]) -> Any:
    """Samples, each an array or a nesting of arrays, as one batch.

    >>> stacked([(np.zeros(2), 1), (np.ones(2), 0)])[1].tolist()
    [1, 0]
    """
    return tree.map_structure(lambda *leaves: np.stack([array(leaf) for leaf in leaves]), *samples)


def batches_of_samples(x: Any, batch_size: int) -> Batches:
    """Batches of an iterable of samples."""

    def begin() -> Iterator[Any]:
        samples: list[Any] = []
        for sample in x:
            samples.append(sample)
            if len(samples) == batch_size:
                yield stacked(samples)
                samples = []
        if samples:
            yield stacked(samples)

    return Batches(begin)


def array(x: Any) -> np.ndarray:
    """`x` as an array: tensors of PyTorch also from a device or with a gradient, tables whose missing numbers are NaN.

    Raises:
        DataError: a table with a column that is no numbers.
        ValueError: rows that make no array.
    """
    if _is(x, "torch", "Tensor"):
        x = x.detach().cpu()
    elif _is(x, "pandas", "DataFrame") or _is(x, "polars", "DataFrame"):
        columns = [(name, array(x[name])) for name in x.columns]
        wrong = next((name for name, column in columns if column.dtype.kind not in "biuf"), None)
        if wrong is not None:
            raise DataError(f"a table of numbers is expected: column {wrong!r} has dtype {x[wrong].dtype}")
        return np.stack([column for _, column in columns], axis=1) if columns else np.zeros((len(x), 0))
    elif _is(x, "pandas", "Series") and getattr(x.dtype, "kind", "O") in "iufb" and x.isna().any():
        return x.to_numpy(dtype="float64", na_value=np.nan)
    return np.asarray(x)


def _is(x: Any, package: str, name: str) -> bool:
    """Whether the class of `x`, or one that it comes from, is called `name` and lies in `package`."""
    return any(c.__name__ == name and c.__module__.split(".")[0] == package for c in type(x).__mro__)
