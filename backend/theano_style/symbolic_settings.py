"""Settings, names and dtypes: what K offers besides tensors."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.backend import allocation
from symkeras.backend.theano_style.symbolic_phase import free_learning_phase
from symkeras.config import floatx, image_data_format, set_image_data_format
from symkeras.errors import ConfigError
from symkeras.graph import dtypes as promotion
from symkeras.graph.provenance import layer_scope
from symkeras.graph.tensor import Tensor
from symkeras.random.seed_generator import forget_global_seed_generator
from symkeras.utils.naming import reset_uids


def cast_to_floatx(x: Any) -> Any:
    """`x` in `floatx`; numbers and lists become arrays."""
    return ops.cast(x, floatx()) if ops.is_symbolic(x) else np.asarray(x, dtype=floatx())


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is the output of a layer or an `Input`."""
    return isinstance(x, Tensor) and x._keras_history is not None


def is_sparse(tensor: Any) -> bool:
    """False: all tensors are dense."""
    return False


def to_dense(tensor: Any) -> Any:
    """`tensor` itself: all tensors are dense."""
    return tensor


def print_tensor(x: Any, message: str = "") -> Any:
    """Print an array and return it.

    Raises:
        ConfigError: a symbolic tensor: graphs have no effects but updates; make it an output of `K.function` instead.
    """
    if ops.is_symbolic(x):
        raise ConfigError(f"K.print_tensor: {x!r} is symbolic and a graph cannot print; make it an output of K.function and print that")
    print(message, x)
    return x


def image_dim_ordering() -> str:
    """ "th" for channels first, "tf" for channels last."""
    return "th" if image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the position of the channels: "th" (first) or "tf" (last)."""
    if dim_ordering not in ("th", "tf"):
        raise ConfigError(f'dim_ordering must be "th" (channels first) or "tf" (channels last), received {dim_ordering!r}')
    set_image_data_format("channels_first" if dim_ordering == "th" else "channels_last")


def manual_variable_initialization(value: bool) -> None:
    """Variables have their values from the start: anything but False is refused."""
    if value:
        raise ConfigError("manual_variable_initialization: variables are initialised when they are made; only False is offered")


def clear_session(free_memory: bool = True) -> None:
    """Begin anew: automatic names, draws without a seed, and the learning phase are as in a new process.

    Models that somebody holds stay as they are and go on working. Those that were dropped refer to themselves (a layer knows its
    calls, a call its layer), so their memory comes back when Python next collects garbage: with `free_memory`, here. Storage that was held for the
    steps of an engine goes back to the system then, too.

    Args:
        free_memory: whether to collect garbage now.

    >>> from symkeras import layers
    >>> clear_session(); layers.Dense(1).name
    'dense'
    """
    reset_uids()
    free_learning_phase()
    forget_global_seed_generator()
    if free_memory:
        gc.collect()
        allocation.give_back()


def name_scope(name: str) -> AbstractContextManager[None]:
    """A context in which nodes and variables carry `name` in their paths."""
    return layer_scope(name)


def result_type(*dtypes: Any) -> str:
    """The dtype an operation on these dtypes gives."""
    found = [promotion.standardize(d) for d in dtypes]
    if any(d in promotion.FLOAT8 for d in found):
        raise ConfigError(f"numbers of 8 bits are not converted by themselves: cast them first; received {', '.join(found)}")
    return promotion.result_type(*dtypes)


def standardize_dtype(dtype: Any) -> str:
    """The canonical name of a dtype; None is `floatx`."""
    return promotion.standardize(dtype)


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype holds real floating numbers."""
    return promotion.is_float(promotion.standardize(dtype))


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype holds integers; bool does not."""
    return promotion.is_int(promotion.standardize(dtype))
