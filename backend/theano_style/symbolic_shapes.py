"""Shapes as tensors (the other way is `ops.sizes`), and `lifted`, which makes the K functions build graphs from variables."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.errors import ConfigError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.op import as_tensor


def shape(x: Any) -> Any:
    """The shape of `x` as an int32 vector: a tensor for a tensor, an array for an array."""
    sizes = ops.shape(x)
    if not isinstance(x, Tensor):
        return np.array(sizes, "int32")
    if not sizes:
        return as_tensor(np.zeros((0,), "int32"))
    return as_tensor(ops.stack([ops.cast(as_tensor(d, "int32"), "int32") for d in sizes]))


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape as a tuple, with None for sizes that are not known."""
    return tuple(d if isinstance(d, int) else None for d in ops.shape(x))


def channels_first(data_format: str | None) -> bool:
    """Whether `data_format` (that of the configuration when None) puts the channels second.

    Raises:
        ConfigError: neither "channels_first" nor "channels_last".
    """
    chosen = config.image_data_format() if data_format is None else data_format
    if chosen not in ("channels_first", "channels_last"):
        raise ConfigError(f'data_format must be "channels_first", "channels_last" or None, received {data_format!r}')
    return chosen == "channels_first"


def is_in_layer_call() -> bool:
    """Whether a layer is being called in this thread."""
    calls = sys.modules.get("symkeras.layers.calls")
    return calls is not None and calls.surroundings().depth > 0


def symbolic(x: Any) -> Any:
    """`x` with variables (in lists and tuples too) as symbolic tensors.

    A layer that is called on arrays computes at once, so there variables stay what they are.
    """
    if isinstance(x, Variable) and (x.symbolic or tracing.current() is not None or not is_in_layer_call()):
        return as_tensor(x)
    if isinstance(x, (list, tuple)) and any(isinstance(e, Variable) for e in x):
        return [symbolic(e) for e in x]
    return x


def lifted(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` with variables among its arguments made symbolic: `K.square(weight)` builds a graph that reads the weight."""

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        return fn(*map(symbolic, args), **{k: symbolic(v) for k, v in kwargs.items()})

    return call
