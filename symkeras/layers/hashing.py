"""`Hashing`: texts and integers as the number of a bin, by their hash."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras.arguments import checked, either, integer, optional, positive_int
from symkeras.errors import ConfigError, DataError
from symkeras.layers.array_layer import ArrayLayer
from symkeras.layers.categories import dense, encoded, output_mode
from symkeras.layers.fingerprints import hashes_of
from symkeras.layers.index_lookup import SALT
from symkeras.layers.texts import is_text, text_array


class Hashing(ArrayLayer):
    """Texts or integers as the number of one of some bins: the same as TensorFlow's.

    Args:
        num_bins: how many bins there are, that of `mask_value` among them.
        mask_value: what alone is in bin 0.
        salt: one or two integers: then SipHash with this key says the bin, and FarmHash when None.
        output_mode: "int", or vectors: "one_hot", "multi_hot" or "count"; see `CategoryEncoding`.
        sparse: must be False.

    Input shape:
        any; texts, or numbers, of which the whole part counts

    Output shape:
        that of the input for "int"; (B, V) for "multi_hot" and "count"; (..., V) for "one_hot", without a last axis of size 1

    Raises:
        ConfigError: a dtype that is no integer, for "int".
        DataError: inputs that are neither texts nor numbers.

    The layer computes on arrays. In a functional model it may come first, on an `Input` of texts or integers.

    Example:
        >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [0], [1], [1], [2]]
    """

    @checked(num_bins=positive_int, mask_value=optional(either(integer(), lambda v, w: v if isinstance(v, str) else integer()(v, w))), salt=SALT,
             output_mode=output_mode("int", "one_hot", "multi_hot", "count"), sparse=dense)  # fmt: skip
    def __init__(self, num_bins: int, mask_value: Any = None, salt: Any = None, output_mode: str = "int", sparse: bool = False, **kwargs: Any):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else settings.floatx()
        super().__init__(**kwargs)
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise ConfigError(f"Hashing: with output_mode='int', dtype must be 'int32' or 'int64', received {self.dtype!r}")
        self.num_bins, self.mask_value, self.output_mode, self.sparse = num_bins, mask_value, output_mode, sparse
        self.salt = None if salt is None else [salt, salt] if isinstance(salt, int) else list(salt)

    def _read(self, inputs: Any) -> np.ndarray:
        return texts_or_integers(inputs, f"Hashing {self.name!r}")

    def _compute(self, inputs: np.ndarray) -> Any:
        values = np.squeeze(inputs, -1) if self.output_mode == "one_hot" and inputs.ndim and inputs.shape[-1] == 1 else inputs
        return encoded(self._bins(values), self.output_mode, self.num_bins, self.dtype)

    def _bins(self, values: np.ndarray) -> np.ndarray:
        has_mask = self.mask_value is not None and self.num_bins > 1
        bins = (hashes_of(values, self.salt) % np.uint64(self.num_bins - has_mask)).astype(np.int64)
        return np.where(values == self.mask_value, 0, bins + 1) if has_mask else bins

    @property
    def _output_dtype(self) -> str:
        return self.dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot":
            return (*(shape[:-1] if shape and shape[-1] == 1 else shape), self.num_bins)
        return (*shape[:1], *shape[2:], self.num_bins) if len(shape) > 1 else (self.num_bins,)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in ("num_bins", "salt", "mask_value", "output_mode", "sparse")}}


def texts_or_integers(x: Any, where: str) -> np.ndarray:
    """An array of texts, as NumPy's own or as `str` objects, or of int64; numbers lose what is behind the point.

    Raises:
        DataError: something else.
    """
    if is_text(x):
        return text_array(x, where)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError(f"{where}: the rows make no array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} expects texts or integers, received an array of {array.dtype}")
    return array.astype(np.int64, copy=False)

