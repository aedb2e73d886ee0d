"""A data set in memory: flat arrays with one first axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError


@dataclass
class Arrays:
    """A data set in memory, checked.

    Attributes:
        x, y, weights: flat lists of arrays with one first axis; None where an input, target or weight is left out.
        structure: the nesting of x.
        nesting: those of y and of the weights as they were given, None for none, where a method of the model's own takes them so.
    """

    x: list[Any]
    y: list[Any]
    weights: list[Any]
    structure: Any
    nesting: tuple[Any, Any] | None = None

    @property
    def rows(self) -> int:
        return len(next(a for a in self.x if a is not None))

    @property
    def present(self) -> list[Any]:
        """All arrays that are there, in the order in which a compiled function takes them."""
        return [a for a in (*self.x, *self.y, *self.weights) if a is not None]

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

    def with_class_weights(self, class_weight: Mapping[int, float]) -> Arrays:
        """The same rows, weighted by the class of their target as well.

        Raises:
            ConfigError: there are several outputs.
            DataError: there are no targets.
        """
        if len(self.y) > 1:
            raise ConfigError("class_weight goes with a single output; use sample_weight for several")
        if not self.y or self.y[0] is None:
            raise DataError("class_weight needs targets")
        weights = [_weights_by_class(self.y[0], self.weights[0] if self.weights else None, class_weight)]
        return replace(self, weights=weights, nesting=None if self.nesting is None else (self.nesting[0], 0))


def _weights_by_class(y: np.ndarray, weights: Any, class_weight: Mapping[int, float]) -> np.ndarray:
    """Sample weights from the class of every target (one-hot or integer), times those there are; 1 for classes not named."""
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else np.round(y.reshape(y.shape[: max(1, y.ndim - 1)])).astype(np.int64)
    own = np.ones(classes.shape, np.float32)
    for k, w in class_weight.items():
        own[classes == int(k)] = w
    return own if weights is None else own * weights
