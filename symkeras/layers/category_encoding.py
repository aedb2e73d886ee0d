"""`CategoryEncoding`: integers as vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, positive_int
from symkeras.errors import ConfigError
from symkeras.layers.categories import dense, encoded, output_mode
from symkeras.layers.layer import Layer


class CategoryEncoding(Layer):
    """Integers below a known number as vectors of 0 and 1, or of counts.

    Args:
        num_tokens: how many integers there are, from 0 on; others give zeros.
        output_mode: "one_hot" for each integer; "multi_hot" or "count" for each row of them.
        sparse: must be False.

    Input shape:
        (B,) or (B, T)

    Output shape:
        (B, V) for "multi_hot" and "count"; (..., V) for "one_hot", without a last axis of size 1

    Raises:
        ConfigError: `count_weights` for another output than "count".

    Example:
        >>> CategoryEncoding(4, output_mode="count")([[0, 3, 3]], count_weights=[[1.0, 0.5, 2.0]]).tolist()
        [[1.0, 0.0, 0.0, 2.5]]
    """

    @checked(num_tokens=positive_int, output_mode=output_mode("one_hot", "multi_hot", "count"), sparse=dense)
    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if num_tokens is None:
            raise ConfigError("CategoryEncoding: num_tokens must be a positive integer, received None; IntegerLookup learns which integers there are")
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise ConfigError(f"CategoryEncoding {self.name!r}: count_weights go with output_mode='count' only, received {self.output_mode!r}")
        inputs = inputs if ops.is_symbolic(inputs) else np.asarray(inputs)
        return encoded(inputs, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}
