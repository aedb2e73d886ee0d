"""Data of other libraries, as arrays and batches of arrays. Nothing is imported: a thing is known by the module its class comes from."""

from __future__ import annotations

import sys
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


# ---- graphs of TensorFlow --------------------------------------------------------------------------------------------


def is_pending(args: tuple[Any, ...]) -> bool:
    """Whether the first argument is, or begins with, a tensor of a graph of TensorFlow, as in the function of `Dataset.map`."""
    first = args[0] if args else None
    while isinstance(first, (list, tuple, dict)) and first:
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    kind = type(first)
    return kind.__name__ == "SymbolicTensor" and kind.__module__.startswith("tensorflow.")


def later(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Tensors of TensorFlow's graph for what a function of arrays gives, which is called whenever that graph runs.

    The function is called twice at once, on zeros with one and two for the sizes that are not known, to learn dtypes and shapes.

    Raises:
        DataError: a tensor of unknown rank.
    """
    leaves = tree.flatten((args, kwargs))
    places = [k for k, leaf in enumerate(leaves) if is_pending((leaf,))]

    def call(arrays: list[Any]) -> Any:
        given = list(leaves)
        for k, a in zip(places, arrays, strict=True):
            given[k] = a
        own_args, own_kwargs = tree.pack_sequence_as((args, kwargs), given)
        return fn(*own_args, **own_kwargs)

    with sys.modules["tensorflow.python.framework.ops"].init_scope():  # out of the graph that is being made
        one, two = (call([_zeros_like(leaves[k], size) for k in places]) for size in (1, 2))
    samples = [np.asarray(a) for a in tree.flatten(one)]
    kinds = [a.dtype.name if a.dtype.kind in "biuf" else "string" for a in samples]

    def run(*arrays: Any) -> list[np.ndarray]:
        found = zip(tree.flatten(call([*arrays])), kinds, strict=True)
        return [np.asarray(a, object if kind == "string" else kind) for a, kind in found]

    outputs = sys.modules["tensorflow.python.ops.script_ops"].numpy_function(run, [leaves[k] for k in places], kinds)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for output, a, b in zip(outputs, samples, map(np.asarray, tree.flatten(two)), strict=True):
        output.set_shape([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)])
    return tree.pack_sequence_as(one, outputs) if tree.is_nested(one) else outputs[0]


def _zeros_like(x: Any, size: int) -> np.ndarray:
    if x.shape.rank is None:
        raise DataError(f"a layer needs tensors of known rank, received {x} in a graph of TensorFlow")
    shape = [size if n is None else n for n in x.shape.as_list()]
    dtype = x.dtype.as_numpy_dtype
    return np.full(shape, b"", object) if dtype is object or x.dtype.name == "string" else np.zeros(shape, dtype)
