"""`HashedCrossing`: features together as the number of a bin, by their hash."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import checked, positive_int
from symkeras.errors import DataError, ShapeError
from symkeras.graph.tensor import Tensor
from symkeras.layers.array_layer import ArrayLayer, promised
from symkeras.layers.categories import dense, encoded, output_mode
from symkeras.layers.fingerprints import concatenated, hashes_of
from symkeras.layers.hashing import texts_or_integers
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.layer import Layer

_SEED = 0xDECAFCAFFE
"""What TensorFlow's crossing begins with."""


class HashedCrossing(ArrayLayer):
    """Two or more features together as the number of one of some bins: the same as TensorFlow's.

    Args:
        num_bins: how many bins there are.
        output_mode: "int", or "one_hot" vectors.
        sparse: must be False.
        dtype: as for `Layer`.

    Input shape:
        a list or tuple of at least two of (), (B,) or (B, 1), all alike; texts or integers

    Output shape:
        that of one input for "int"; (B, V) for "one_hot"

    Raises:
        DataError: not several inputs, or such that are neither texts nor integers.
        ShapeError: inputs of other shapes.

    The layer computes on arrays. In a functional model it may come first, on inputs of texts or integers.

    Example:
        >>> layer = HashedCrossing(num_bins=5)
        >>> layer((np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102]))).tolist()
        [1, 4, 1, 1, 3]
    """

    @checked(num_bins=positive_int, output_mode=output_mode("int", "one_hot"), sparse=dense)
    def __init__(self, num_bins: int, output_mode: str = "int", sparse: bool = False, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype="int64" if output_mode == "int" and dtype is None else dtype, **kwargs)
        self.num_bins, self.output_mode, self.sparse = num_bins, output_mode, sparse

    @callable_in_tensorflow
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise DataError(f"HashedCrossing {self.name!r} expects a list or tuple of at least two inputs, received {inputs!r}")
        if not any(isinstance(x, Tensor) for x in inputs):
            inputs = [self._read_one(x) for x in inputs]
        return Layer.__call__(self, inputs, *args, **kwargs)

    def _read_one(self, x: Any) -> np.ndarray:
        array = np.asarray(x)
        if array.dtype.kind not in "iuOUS":
            raise DataError(f"HashedCrossing {self.name!r} expects texts or integers, received an array of {array.dtype}")
        return texts_or_integers(array, f"HashedCrossing {self.name!r}")

    def call(self, inputs: Any) -> Any:
        shape = self._one_shape([tuple(x.shape) for x in inputs])
        if any(isinstance(x, Tensor) for x in inputs):
            return promised(self, [tuple(x.shape) for x in inputs], self.dtype)
        found = np.full(int(np.prod(shape)), _SEED, np.uint64)
        for x in inputs:  # integers are their own hashes
            with np.errstate(over="ignore"):
                found = concatenated(found, x.ravel().view(np.uint64) if x.dtype.kind == "i" else hashes_of(x).ravel())
        bins = (found % np.uint64(self.num_bins)).astype(np.int64).reshape(shape)
        return encoded(bins, self.output_mode, self.num_bins, self.dtype)

    def _one_shape(self, shapes: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[1] != 1) or any(len(s) != len(first) or s[1:] != first[1:] for s in shapes):
            raise ShapeError(f"HashedCrossing {self.name!r} expects inputs that all have shape (), (B,) or (B, 1), received {shapes}")
        if any(None not in (a, b) and a != b for s in shapes for a, b in zip(s[:1], first[:1], strict=True)):
            raise ShapeError(f"HashedCrossing {self.name!r} expects inputs of one shape, received {shapes}")
        return first

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = self._one_shape([tuple(s) for s in input_shape])
        if self.output_mode == "int":
            return shape
        return (*(shape[:-1] if len(shape) > 1 else shape), self.num_bins) if shape else (1, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("num_bins", "output_mode", "sparse", "name", "dtype")}

