"""`IntegerLookup`: integers as indices of a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, integer, one_of, optional
from symkeras.errors import ConfigError, DataError
from symkeras.graph.tensor import Tensor
from symkeras.layers.categories import insertion_points
from symkeras.layers.index_lookup import IndexLookup


class IntegerLookup(IndexLookup):
    """Integers as indices of a vocabulary, which is given, or which `adapt` learns; or indices as the integers.

    Args:
        max_tokens: most indices, those for masked and unknown integers among them; None for no limit.
        num_oov_indices: indices for unknown integers; with 0 an unknown integer is an error, on arrays.
        mask_token: the integer whose index is 0; in other outputs than integers it counts for nothing.
        oov_token: what an index of no integer gives, with `invert`.
        vocabulary: the integers, or the path of a file with one a line.
        vocabulary_dtype: must be "int64".
        idf_weights: a weight for each of them, for `output_mode="tf_idf"`.
        invert: whether indices are turned into the integers instead.
        output_mode: "int", or vectors: "one_hot", "multi_hot", "count" or "tf_idf"; see `StringLookup`.
        sparse: must be False.
        pad_to_max_tokens: whether vectors are `max_tokens` long in any case.
        oov_method: how unknown integers are dealt to several indices: "floormod" by their remainder, "farmhash" by their hash.
        salt: one or two integers, under which they are hashed.

    Input shape:
        any

    Output shape:
        that of the input for "int"; (..., V) for "one_hot", without a last axis of size 1; (B, V) for the others and an input (B, T)

    Raises:
        ConfigError: arguments that do not go together; see `set_vocabulary`.
        DataError: inputs that are no integers.

    The layer works in graphs, but for `oov_method="farmhash"` with several indices, which is computed on arrays.

    Example:
        >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> layer(np.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
        [[1, 3, 4], [4, 0, 2]]
    """

    _token_dtype = "int64"
    _of_file = staticmethod(lambda line: int(np.int64(int(line))))

    @checked(mask_token=optional(integer()), oov_token=optional(integer()), vocabulary_dtype=one_of("int64"))
    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None, oov_token: int | None = -1,
                 vocabulary: Any = None, vocabulary_dtype: str = "int64", idf_weights: Any = None, invert: bool = False, output_mode: str = "int",
                 sparse: bool = False, pad_to_max_tokens: bool = False, oov_method: str = "floormod", salt: Any = None, name: str | None = None,
                 **kwargs: Any):  # fmt: skip
        self.vocabulary_dtype = vocabulary_dtype
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary=vocabulary, idf_weights=idf_weights, invert=invert,
            output_mode=output_mode, sparse=sparse, pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, name=name, salt=salt, **kwargs,
        )  # fmt: skip

    @property
    def _is_outside_of_graphs(self) -> bool:  # type: ignore[override]
        return self.num_oov_indices > 1 and self.oov_method == "farmhash" and not self.invert

    def _index(self) -> None:
        tokens = np.array(self._tokens, np.int64)
        order = np.argsort(tokens)
        object.__setattr__(self, "_sorted", tokens[order])
        object.__setattr__(self, "_places", order + self._token_start)
        object.__setattr__(self, "_direct", self._direct_table() if len(tokens) else None)

    def _direct_table(self) -> np.ndarray | None:
        """The index of every integer from below the least to above the largest of the vocabulary, where these lie close together."""
        low, high = int(self._sorted[0]), int(self._sorted[-1])
        if high - low > 16 * len(self._sorted) + 1024 or low == np.iinfo(np.int64).min or high == np.iinfo(np.int64).max:
            return None
        table = np.full(high - low + 3, -1, np.int64)
        table[self._sorted - low + 1] = self._places
        return table

    def _read(self, inputs: Any) -> np.ndarray:
        return self._tokens_in(inputs)

    def _tokens_in(self, data: Any) -> np.ndarray:
        try:
            array = np.asarray(data)
        except ValueError as error:
            raise DataError(f"IntegerLookup {self.name!r}: the rows make no array: {error}") from error
        if array.dtype.kind not in "biuf":
            raise DataError(f"IntegerLookup {self.name!r} expects integers, received an array of {array.dtype}")
        return array.astype(np.int64, copy=False)

    def _tokens_of(self, vocabulary: Any) -> list[int]:
        found = np.asarray(vocabulary)
        if found.ndim != 1 or (found.dtype.kind not in "iu" and found.size):
            raise ConfigError(f"IntegerLookup {self.name!r}: a vocabulary is a list of integers, received {vocabulary!r}")
        return found.tolist()

    def _find(self, inputs: Any) -> Any:
        if not len(self._sorted):
            return ops.full_like(inputs, -1, dtype="int64")
        if isinstance(inputs, Tensor):
            inputs = ops.cast(inputs, "int64")
        elif self._direct is not None:
            low = self._sorted[0] - 1
            return self._direct[np.clip(inputs, low, self._sorted[-1] + 1) - low]
        near = ops.minimum(insertion_points(self._sorted, inputs), len(self._sorted) - 1)
        return ops.where(ops.equal(ops.take(self._sorted, near, axis=0), inputs), ops.take(self._places, near, axis=0), -1)

    def _equals(self, inputs: Any, token: int) -> Any:
        return ops.equal(inputs, token)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}
