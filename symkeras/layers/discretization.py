"""`Discretization`: numbers as the index of the range that they lie in."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, non_negative_int, number, optional, settings, several
from symkeras.errors import ConfigError, DataError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor
from symkeras.layers.adaptation import batches_of, changed, traced
from symkeras.layers.categories import dense, encoded, insertion_points, output_mode
from symkeras.layers.input import symbolic_input
from symkeras.layers.layer import Layer


class Discretization(Layer):
    """Numbers as the index of their range, between bounds that are given, or that `adapt` takes from data so that ranges hold equally many.

    Args:
        bin_boundaries: the bounds, in order; a number at a bound is in the range above it, NaN in the last one.
        num_bins: how many ranges `adapt` makes.
        epsilon: how exact the quantiles of `adapt` are, as a share of the data.
        output_mode: "int", or vectors: "one_hot", "multi_hot" or "count"; see `CategoryEncoding`.
        sparse: must be False.
        dtype: as for `Layer`.

    Input shape:
        any

    Output shape:
        that of the input for "int"; (B, V) for "multi_hot" and "count"; (..., V) for "one_hot", without a last axis of size 1

    Raises:
        ConfigError: both or neither of `bin_boundaries` and `num_bins`, bounds that are not in order, or a call before `adapt`.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
        [[0, 2, 3, 1]]
        >>> layer = Discretization(num_bins=4)
        >>> layer.adapt(np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.5, 0.0]]))
        >>> layer.bin_boundaries
        [0.0, 0.5, 1.5]
    """

    @checked(bin_boundaries=optional(several(number())), num_bins=optional(non_negative_int), epsilon=number(above=0, most=1),
             output_mode=output_mode("int", "one_hot", "multi_hot", "count"), sparse=dense)  # fmt: skip
    def __init__(self, bin_boundaries: Any = None, num_bins: int | None = None, epsilon: float = 0.01, output_mode: str = "int",
                 sparse: bool = False, dtype: Any = None, name: str | None = None):  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        if (num_bins is None) == (bin_boundaries is None):
            raise ConfigError(f"Discretization: one of bin_boundaries and num_bins, received {bin_boundaries!r} and {num_bins!r}")
        if bin_boundaries is not None and any(a > b for a, b in itertools.pairwise(bin_boundaries)):
            raise ConfigError(f"Discretization: bin_boundaries must be in order, received {bin_boundaries!r}")
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        self.num_bins, self.epsilon, self.output_mode, self.sparse = num_bins, epsilon, output_mode, sparse
        self.reset_state()

    # ---- adapting ----------------------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the bounds from data: quantiles, up to `epsilon`.

        Args:
            data: an array, or batches of arrays: a `PyDataset`, a list, a generator; of tuples the first is taken.
            steps: how many batches are taken at most; all when None.

        Raises:
            ConfigError: the bounds were given to the constructor.
            DataError: no numbers, or no data.
        """
        if self.num_bins is None:
            raise ConfigError(f"Discretization {self.name!r} has the bin_boundaries it was given: adapt has nothing to do")
        self.reset_state()
        are_batches = isinstance(data, (list, tuple)) and any(np.ndim(part) for part in data)
        for batch, _ in batches_of(iter(data) if are_batches else data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take note of the quantiles of a batch."""
        try:
            values = np.sort(np.asarray(data).astype("float32", casting="same_kind" if np.asarray(data).dtype.kind == "f" else "unsafe").ravel())
        except (TypeError, ValueError):
            raise DataError(f"Discretization {self.name!r}: adapt expects arrays of numbers, received {type(data).__name__}") from None
        stride = max(values.size * self.epsilon, 1)
        kept = values[int(stride - 1) :: int(stride)]
        merged = np.concatenate([np.stack([kept, np.full(kept.shape, stride, "float32")]), self._summary], axis=1)
        object.__setattr__(self, "_summary", _compressed(merged[:, np.argsort(merged[0])], self.epsilon))

    def finalize_state(self) -> None:
        """Make the bounds of what was noted."""
        if self.num_bins is None:
            return
        if not self._summary.size:
            raise DataError(f"Discretization {self.name!r}: adapt received no data")
        self.bin_boundaries = _compressed(self._summary, 1.0 / self.num_bins)[0, :-1].tolist() if self.num_bins else []
        changed(self)

    def reset_state(self) -> None:
        """Forget what was noted."""
        object.__setattr__(self, "_summary", np.zeros((2, 0), "float32"))

    # ---- computing ---------------------------------------------------------------------------------------------------

    def _bounds(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ConfigError(f"Discretization {self.name!r} has no bounds yet: give bin_boundaries, or call adapt")
        return self.bin_boundaries

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        if isinstance(x, Tensor):
            traced(self)
        bounds = self._bounds()
        places = insertion_points(np.asarray(bounds, self.compute_dtype), x, "right")
        return encoded(places, self.output_mode, len(bounds) + 1, "int32" if self.output_mode == "int" else self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output shape for an input shape, also before `adapt`, which makes `num_bins` ranges of other bounds."""
        count = len(self.bin_boundaries) + 1 if self.bin_boundaries is not None else max(self.num_bins or 0, 1)
        with tracing.Trace():
            return encoded(symbolic_input(input_shape, "int32"), self.output_mode, count, self.compute_dtype).shape

    def get_config(self) -> dict[str, Any]:
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name", "dtype")
        return {name: getattr(self, name) for name in names}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any]) -> Any:
        config = dict(config)
        adapted = config.pop("bin_boundaries") if config.get("num_bins") is not None and config.get("bin_boundaries") is not None else None
        layer = super().from_config(config)
        if adapted is not None:
            layer.bin_boundaries = [float(b) for b in several(number())(adapted, "Discretization: bin_boundaries")]
        return layer

    def load_own_variables(self, store: Any) -> None:
        """Nothing: the config holds the bounds. Files of Keras 2 hold a summary of the data beside it."""


def _compressed(summary: np.ndarray, share: float) -> np.ndarray:
    """Values and weights in order, reduced to values that have `share` of the weight before them each; as they are where they are that few."""
    if summary.shape[1] * share < 1:
        return summary
    weights = summary[1].cumsum()
    parts = weights / weights[-1]
    wanted = share + np.arange(0.0, 1.0, share)
    kept = np.interp(wanted, parts, weights)
    return np.stack([np.interp(wanted, parts, summary[0]), np.diff(kept, prepend=0)]).astype("float32")
