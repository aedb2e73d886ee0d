"""Data in every form that fit takes, as batches: arrays, lists, dicts, generators, sequences.

Arrays are checked as a whole before anything is computed; batches of them are gathered straight into the memory that
the compiled function reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import DataError, nearest


@dataclass
class Arrays:
    """A data set in memory.

    Attributes:
        x, y, weights: flat lists of arrays with one first axis; None where there is no target or weight.
        structure: the nesting of x.
        batch_size: rows per step.
    """

    x: list[Any]
    y: list[Any]
    weights: list[Any]
    structure: Any
    batch_size: int

    @property
    def rows(self) -> int:
        return len(self.x[0])

    @property
    def steps(self) -> int:
        """Batches in one pass."""
        return -(-self.rows // self.batch_size)

    def split(self, share: float) -> tuple[Arrays, Arrays]:
        """The first part, and the last `share` of the rows.

        Raises:
            DataError: a share that is not between 0 and 1, or leaves no rows on one side.
        """
        if not 0 < share < 1:
            raise DataError(f"validation_split must lie between 0 and 1, received {share}")
        cut = int(self.rows * (1 - share))
        if cut == 0 or cut == self.rows:
            raise DataError(f"validation_split={share} of {self.rows} rows leaves no rows on one side")
        return self._part(slice(0, cut)), self._part(slice(cut, None))

    def _part(self, rows: slice) -> Arrays:
        x, y, weights = ([None if a is None else a[rows] for a in group] for group in (self.x, self.y, self.weights))
        return replace(self, x=x, y=y, weights=weights)


class Passes:
    """Where training stands in a data set: epochs that do not end with a pass go on in the next one.

    Args:
        data: the data set.
        shuffle: whether every pass takes the rows in a new order, drawn from NumPy's global generator.
    """

    def __init__(self, data: Arrays, shuffle: bool):
        self._data = data
        self._shuffle = shuffle
        self._next = data.steps
        self._order: np.ndarray | None = None

    def epoch(self, steps: int | None) -> Iterator[tuple[np.ndarray | None, range]]:
        """(order of the rows, numbers of the batches) of each stretch of an epoch; one whole pass when `steps` is None."""
        if steps is None:
            self._next = steps = self._data.steps
        while steps:
            if self._next >= self._data.steps:
                self._next = 0
                self._order = np.random.permutation(self._data.rows) if self._shuffle else None
            stretch = range(self._next, min(self._next + steps, self._data.steps))
            self._next += len(stretch)
            steps -= len(stretch)
            yield self._order, stretch


def flat_inputs(x: Any, names: Sequence[str], structure: Any = None) -> tuple[list[Any], Any]:
    """The arrays of x in the model's order, and their nesting.

    Args:
        x: an array, or lists or dicts of arrays; a dict may be keyed by the names of the model's inputs.
        names: of the model's inputs; empty where they are not known.
        structure: the nesting of the model's inputs, None where it is not known.
    """
    if isinstance(x, np.ndarray) and len(names) <= 1:
        return [_array(x, "x")], x
    if x is None:
        raise DataError("there is no data: x is None")
    if isinstance(x, Mapping) and names:
        is_nested_alike = isinstance(structure, Mapping) and structure.keys() <= x.keys()
        missing = [n for n in names if n not in x]
        if not missing and not is_nested_alike:
            x = [x[n] for n in names]
            x = x if len(names) > 1 else x[0]
        elif not is_nested_alike:
            known = ", ".join(sorted(structure) if isinstance(structure, Mapping) else names)
            received = ", ".join(map(str, x))
            raise DataError(f"the model's inputs are {known}; received data for {received}: {missing[0]!r} is missing.{nearest(missing[0], list(x))}")
        else:
            x = {k: x[k] for k in structure}
    leaves = tree.flatten(x)
    is_rows = isinstance(x, (list, tuple)) and not any(hasattr(a, "shape") or hasattr(a, "__array__") for a in leaves)
    if is_rows and x and (len(names) == 1 or not any(tree.is_nested(a) for a in x)):
        x = _array(x, "x")
    flat = [_array(a, "x" if len(leaves) == 1 or not tree.is_nested(x) else f"x[{k}]") for k, a in enumerate(tree.flatten(x))]
    if names and len(flat) != len(names):
        raise DataError(f"the model has {len(names)} inputs ({', '.join(names)}), received {len(flat)} arrays")
    if not flat:
        raise DataError("there is no data: x is empty")
    return flat, x


def _array(a: Any, what: str) -> np.ndarray:
    """An array with a batch axis.

    Raises:
        DataError: strings, objects, complex numbers, rows of unequal length, or a single number.
    """
    try:
        array = np.asarray(a)
    except ValueError as error:
        raise DataError(f"{what}: the rows make no array: {error}") from error
    if array.dtype.kind not in "biuf":
        example = f", such as {array.ravel()[0]!r}" if array.size else ""
        hint = "; rows of unequal length need padding" if array.dtype.kind == "O" else ""
        raise DataError(f"{what}: expected real numbers, received dtype {array.dtype}{example}{hint}")
    if array.ndim == 0:
        raise DataError(f"{what}: expected an array with a batch axis, received a scalar")
    return array


def flat_targets(y: Any, names: Sequence[str], what: str = "y") -> list[Any]:
    """One array (or None) per output, from one array, a list, or a dict by output names."""
    if y is None:
        return [None] * len(names)
    if isinstance(y, Mapping):
        unknown = [k for k in y if k not in names]
        if unknown:
            raise DataError(f"{what}: there is no output {unknown[0]!r}; outputs: {', '.join(names)}.{nearest(unknown[0], names)}")
        return [None if y.get(n) is None else _array(y[n], f"{what}[{n!r}]") for n in names]
    if len(names) == 1:
        if isinstance(y, (list, tuple)) and len(y) == 1 and (y[0] is None or hasattr(y[0], "shape")):
            y = y[0]
        return [None if y is None else _array(y, what)]
    if not isinstance(y, (list, tuple)):
        if what == "sample_weight":
            return [_array(y, what)] * len(names)
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received one array")
    if len(y) != len(names) and any(isinstance(a, (list, tuple, Mapping)) for a in y):
        y = tree.flatten(y)
    if len(y) != len(names):
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received {len(y)} arrays")
    return [None if a is None else _array(a, f"{what}[{k}]") for k, a in enumerate(y)]


def check_rows(x: Sequence[Any], y: Sequence[Any], weights: Sequence[Any]) -> int:
    """The common number of rows.

    Raises:
        DataError: they differ, or there are none.
    """
    if len(x) == 1 and not y and len(x[0]):
        return len(x[0])
    sizes = {f"{what}{f'[{k}]' if len(group) > 1 else ''}": len(a) for what, group in (("x", x), ("y", y), ("sample_weight", weights))
             for k, a in enumerate(group) if a is not None}  # fmt: skip
    if len(set(sizes.values())) != 1:
        raise DataError(f"all arrays must have the same number of rows; received {', '.join(f'{k}: {n}' for k, n in sizes.items())}")
    rows = next(iter(sizes.values()))
    if rows == 0:
        raise DataError("the data has no rows")
    return rows


def check_numbers(a: np.ndarray, name: str) -> None:
    """Raise DataError where a target is NaN."""
    if a.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        is_suspect = np.isnan(a.sum())
    if is_suspect and (where := np.isnan(a)).any():
        row = int(np.argwhere(where)[0][0])
        raise DataError(f"the target of {name!r} holds NaN (first in row {row}): the loss would be NaN and so would all weights")


def check_range(a: np.ndarray, dtype: str, name: str) -> None:
    """Raise DataError where integers do not fit the smaller integers that the model computes with."""
    if a.dtype.kind not in "iu" or dtype[:3] not in ("int", "uin") or not a.size:
        return
    expected = np.iinfo(dtype)
    given = np.iinfo(a.dtype)
    if (given.min < expected.min or given.max > expected.max) and (a.min() < expected.min or a.max() > expected.max):
        raise DataError(f"{name}: values from {a.min()} to {a.max()} do not fit {dtype}, which the model computes with")


def weighted_by_class(y: np.ndarray, weights: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """Sample weights from the class of every target (one-hot or integer), times those there are; 1 for classes not named."""
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else np.round(y.reshape(y.shape[: max(1, y.ndim - 1)])).astype(np.int64)
    own = np.ones(classes.shape, np.float32)
    for k, w in class_weight.items():
        own[classes == int(k)] = w
    return own if weights is None else own * weights


def is_stream(x: Any) -> bool:
    """Whether x is a generator, iterator or sequence of batches rather than data."""
    if isinstance(x, (np.ndarray, list, tuple, Mapping)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__")


class Stream:
    """Batches from a generator, iterator, or an object with `__len__` and `__getitem__` (Keras' Sequence, PyDataset).

    Args:
        source: what gives the batches.
        steps: batches of an epoch; all there are when None.
    """

    def __init__(self, source: Any, steps: int | None):
        self.source = source
        self.is_indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self.steps = steps if steps is not None or not self.is_indexed else len(source)
        self._is_restartable = isinstance(source, Iterable) and not hasattr(source, "__next__")
        self._iterator: Iterator[Any] | None = None

    def epoch(self, shuffle: bool = False) -> Iterator[Any]:
        """Raw batches of one epoch.

        Raises:
            DataError: the source ends before `steps` batches, or gives none.
        """
        done = 0
        for done, batch in enumerate(self._indexed(shuffle) if self.is_indexed else self._iterated(), 1):  # noqa: B007
            yield batch
        if not done:
            raise DataError("there are no batches: the generator or sequence is empty, or was used up by the epochs before")

    def _indexed(self, shuffle: bool) -> Iterator[Any]:
        size = len(self.source)
        order = np.random.permutation(size) if shuffle else np.arange(size)
        for k in range(self.steps or 0 if size else 0):
            yield self.source[int(order[k % size])]
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def _iterated(self) -> Iterator[Any]:
        is_fresh = self._iterator is None or (self._is_restartable and self.steps is None)
        if is_fresh:
            self._iterator = iter(self.source)
        done = 0
        while self.steps is None or done < self.steps:
            try:
                batch = next(self._iterator)  # type: ignore[arg-type]
            except StopIteration:
                if self.steps is None:
                    self._iterator = None
                    return
                if is_fresh or not self._is_restartable:
                    raise DataError(f"the generator ended after {done} of {self.steps} batches of this epoch") from None
                self._iterator, is_fresh = iter(self.source), True
                continue
            is_fresh = False
            yield batch
            done += 1


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of a raw batch: (x,), (x, y) or (x, y, weights), or x alone."""
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise DataError(f"a batch must be x, (x, y) or (x, y, sample_weight), received a tuple of {len(batch)}")
    return (*batch, None, None)[:3] if len(batch) < 3 else batch  # type: ignore[return-value]
