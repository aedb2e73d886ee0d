"""Random bits: those of `numpy.random.Philox`, drawn on the host in the middle of the graph.

The ten rounds as operations of TensorFlow, which does not fuse them, take twenty times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.backend.tensorflow.real import tf
from symkeras.ops.op import OPS

_BITS = OPS["random_bits"]


def random_bits(state: Any, stream: int, shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform random integers of an unsigned dtype, a pure function of the state u64[2]."""

    def draw(state: np.ndarray) -> np.ndarray:
        return _BITS.value(state, stream=stream, shape=shape, dtype=dtype)

    return tf.ensure_shape(tf.numpy_function(draw, [state], dtype, stateful=False), shape)
