"""Data in every form that fit takes, as batches: arrays, lists, dicts, generators, sequences.

Arrays are checked as a whole before anything is computed; batches of them are gathered straight into the memory that
the compiled function reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import DataError


@dataclass
class Batch:
    """One batch: flat inputs, targets and sample weights (None where there is none)."""

    x: list[Any]
    y: list[Any]
    weights: list[Any]
    size: int


@dataclass
class Arrays:
    """A data set in memory.

    Attributes:
        x, y, weights: flat lists of arrays with one first axis; None where there is no target or weight.
        structure: the nesting of x.
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
        """The first part, and the last `share` of the rows."""
        if not 0 < share < 1:
            raise DataError(f"validation_split must lie between 0 and 1, received {share}")
        cut = int(self.rows * (1 - share))
        if cut == 0 or cut == self.rows:
            raise DataError(f"validation_split={share} of {self.rows} rows leaves no rows on one side")
        return self._rows(slice(0, cut)), self._rows(slice(cut, None))

    def _rows(self, part: slice) -> Arrays:
        def cut(arrays: list[Any]) -> list[Any]:
            return [None if a is None else a[part] for a in arrays]

        return Arrays(cut(self.x), cut(self.y), cut(self.weights), self.structure, self.batch_size)


def flat_inputs(x: Any, names: Sequence[str]) -> tuple[list[Any], Any]:
    """The arrays of x in the model's order, and their nesting."""
    if isinstance(x, Mapping) and names and all(n in x for n in names):
        x = [x[n] for n in names]
        return [_array(a, n) for a, n in zip(x, names, strict=True)], x if len(names) > 1 else x[0]
    if isinstance(x, Mapping):
        x = dict(x)
        if names and not any(tree.is_nested(v) for v in x.values()) and set(x) != set(names) and len(names) > 1:
            raise DataError(f"the model's inputs are {', '.join(names)}; received data for {', '.join(map(str, x))}")
    structure = x
    if (isinstance(x, (list, tuple)) and x and not any(hasattr(a, "shape") or tree.is_nested(a) for a in x)) or (isinstance(x, (list, tuple)) and len(names) == 1 and x and not any(hasattr(a, "shape") for a in tree.flatten(x))):
        x = structure = np.asarray(x)
    flat = [_array(a, f"x[{k}]") for k, a in enumerate(tree.flatten(x))]
    return flat, structure


def _array(a: Any, what: str) -> np.ndarray:
    array = np.asarray(a)
    if array.dtype.kind not in "biufc":
        raise DataError(f"{what}: expected numbers, received dtype {array.dtype}")
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
            raise DataError(f"{what}: there is no output {unknown[0]!r}; outputs: {', '.join(names)}")
        return [None if y.get(n) is None else _array(y[n], f"{what}[{n!r}]") for n in names]
    if len(names) == 1:
        if isinstance(y, (list, tuple)) and len(y) == 1 and hasattr(y[0], "shape"):
            y = y[0]
        return [_array(y, what)]
    if not isinstance(y, (list, tuple)):
        if what == "sample_weight":
            return [_array(y, what)] * len(names)
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received one array")
    if len(y) != len(names):
        raise DataError(f"{what}: the model has {len(names)} outputs ({', '.join(names)}), received {len(y)} arrays")
    return [None if a is None else _array(a, f"{what}[{k}]") for k, a in enumerate(y)]


def check_rows(x: Sequence[Any], y: Sequence[Any], weights: Sequence[Any]) -> int:
    """The common number of rows.

    Raises:
        DataError: they differ, or there are none.
    """
    sizes = {f"{what}{f'[{k}]' if len(group) > 1 else ''}": len(a) for what, group in (("x", x), ("y", y), ("sample_weight", weights))
             for k, a in enumerate(group) if a is not None}  # fmt: skip
    if len(set(sizes.values())) != 1:
        raise DataError(f"all arrays must have the same number of rows; received {', '.join(f'{k}: {n}' for k, n in sizes.items())}")
    rows = next(iter(sizes.values()))
    if rows == 0:
        raise DataError("the data has no rows")
    return rows


def check_targets(y: Sequence[Any], names: Sequence[str]) -> None:
    """Raise DataError where a target is NaN."""
    for a, n in zip(y, names, strict=False):
        if a is not None and a.dtype.kind == "f" and np.isnan(a.sum()) and np.isnan(a).any():
            row = int(np.argwhere(np.isnan(a))[0][0])
            raise DataError(f"the target of {n!r} holds NaN (first in row {row}): the loss would be NaN and so would all weights")


def weighted_by_class(y: np.ndarray, weights: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """Sample weights from the class of every target (one-hot or integer), times those there are."""
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else np.round(y.reshape(y.shape[: max(1, y.ndim - 1)])).astype(np.int64)
    table = np.ones(max(int(classes.max(initial=0)) + 1, max(class_weight, default=0) + 1), np.float32)
    for k, w in class_weight.items():
        table[int(k)] = w
    own = table[classes]
    return own if weights is None else own * weights


def is_stream(x: Any) -> bool:
    """Whether x is a generator, iterator or sequence of batches rather than data."""
    if isinstance(x, (np.ndarray, list, tuple, Mapping)) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__next__") or hasattr(x, "__iter__") or hasattr(x, "__getitem__")


class Stream:
    """Batches from a generator, iterator, or an object with `__len__` and `__getitem__` (Keras' Sequence, PyDataset)."""

    def __init__(self, source: Any, steps: int | None):
        self.source = source
        self.is_indexed = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self.steps = steps if steps is not None else (len(source) if hasattr(source, "__len__") else None)
        self._iterator: Iterator[Any] | None = None

    def epoch(self, shuffle: bool = False) -> Iterator[Any]:
        """Raw batches of one epoch."""
        if self.is_indexed:
            order = np.random.permutation(len(self.source)) if shuffle else range(len(self.source))
            count = self.steps if self.steps is not None else len(self.source)
            for k in range(count):
                yield self.source[int(order[k % len(self.source)])]
            if hasattr(self.source, "on_epoch_end"):
                self.source.on_epoch_end()
            return
        is_restartable = isinstance(self.source, Iterable) and not hasattr(self.source, "__next__")
        if self._iterator is None or (is_restartable and self.steps is None):
            self._iterator = iter(self.source)
        done = 0
        while self.steps is None or done < self.steps:
            try:
                batch = next(self._iterator)
            except StopIteration:
                self._iterator = None
                if self.steps is None:
                    return
                if is_restartable and done:
                    self._iterator = iter(self.source)
                    continue
                raise DataError(f"the generator ended after {done} of {self.steps} batches of this epoch") from None
            yield batch
            done += 1


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of a raw batch: (x,), (x, y) or (x, y, weights), or x alone."""
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise DataError(f"a batch must be x, (x, y) or (x, y, sample_weight), received a tuple of {len(batch)}")
    return (*batch, None, None)[:3] if len(batch) < 3 else batch  # type: ignore[return-value]
