"""Random bits: those of `numpy.random.Philox`, drawn on the host in the middle of the graph.

As operations of TensorFlow, which does not fuse them, the ten rounds take three times as long for 200 000 numbers of 16 bits, and as long for 300.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.backend.engine import philox
from symkeras.backend.tensorflow.real import tf


def random_bits(state: Any, stream: int, shape: tuple[int, ...], dtype: str) -> Any:
    """Uniform random integers of an unsigned dtype, a pure function of the state u64[2]."""

    def draw(state: np.ndarray) -> np.ndarray:
        return philox.on_host(state, stream, shape, dtype)

    return tf.ensure_shape(tf.numpy_function(draw, [state], dtype, stateful=False), shape)
