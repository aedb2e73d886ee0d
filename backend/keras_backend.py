"""The Theano-style functions of Keras 2.0.4, `from symkeras import backend as K`, and those of Keras 3's `keras.backend`.

All names and argument names are those of 2017. What is a plain renaming of an op is a row of `RENAMED`; the rest is
defined in the modules `symbolic_*`. Variables among the arguments are read when the compiled function runs, so
`K.sum(K.square(layer.kernel))` is a graph. Not offered, with the reason when called: see `NOT_OFFERED`.
"""

from __future__ import annotations

import gc as _gc
from collections.abc import Callable as _Callable
from typing import Any as _Any

import numpy as _np

from symkeras import config as _config
from symkeras import ops as _ops
from symkeras.backend import symbolic_arrays as _arrays
from symkeras.backend import symbolic_control as _control
from symkeras.backend import symbolic_ctc as _ctc
from symkeras.backend import symbolic_function as _function
from symkeras.backend import symbolic_nn as _nn
from symkeras.backend import symbolic_phase as _phase
from symkeras.backend import symbolic_random as _random
from symkeras.backend import symbolic_shapes as _shapes
from symkeras.backend import symbolic_variables as _variables
from symkeras.errors import ConfigError as _ConfigError
from symkeras.graph import dtypes as _dtypes
from symkeras.graph.provenance import layer_scope as _layer_scope
from symkeras.graph.tensor import Tensor as _Tensor
from symkeras.ops.op import dtype_of as _dtype_of
from symkeras.utils import naming as _naming

# name -> (what it gives, the op behind the 2017 arguments)
RENAMED: dict[str, tuple[str, _Callable[..., _Any]]] = {
    "cast": ("`x` in another dtype.", lambda x, dtype: _ops.cast(x, dtype)),
    # products and look-up
    "dot": ("The product over the last axis of `x` and the last but one of `y`.", lambda x, y: _ops.dot(x, y)),
    "transpose": ("`x` with its axes reversed.", lambda x: _ops.transpose(x)),
    "gather": ("The rows of `reference` at `indices`.", lambda reference, indices: _ops.take(reference, indices, axis=0)),
    # reductions
    "max": ("The largest element over `axis`.", lambda x, axis=None, keepdims=False: _ops.max(x, axis, keepdims)),
    "min": ("The smallest element over `axis`.", lambda x, axis=None, keepdims=False: _ops.min(x, axis, keepdims)),
    "sum": ("The sum over `axis`.", lambda x, axis=None, keepdims=False: _ops.sum(x, axis, keepdims)),
    "prod": ("The product over `axis`.", lambda x, axis=None, keepdims=False: _ops.prod(x, axis, keepdims)),
    "mean": ("The mean over `axis`; of integers in `floatx`.", lambda x, axis=None, keepdims=False: _ops.mean(x, axis, keepdims)),
    "var": ("The population variance over `axis`.", lambda x, axis=None, keepdims=False: _ops.var(x, axis, keepdims)),
    "std": ("The population standard deviation over `axis`.", lambda x, axis=None, keepdims=False: _ops.std(x, axis, keepdims)),
    "any": ("Whether any element over `axis` is not 0.", lambda x, axis=None, keepdims=False: _ops.any(x, axis, keepdims)),
    "all": ("Whether no element over `axis` is 0.", lambda x, axis=None, keepdims=False: _ops.all(x, axis, keepdims)),
    "argmax": ("The index of the largest element along `axis`.", lambda x, axis=-1: _ops.argmax(x, axis)),
    "argmin": ("The index of the smallest element along `axis`.", lambda x, axis=-1: _ops.argmin(x, axis)),
    "cumsum": ("The running sum along `axis`.", lambda x, axis=0: _ops.cumsum(x, axis)),
    "cumprod": ("The running product along `axis`.", lambda x, axis=0: _ops.cumprod(x, axis)),
    "logsumexp": ("log(sum(exp(x))) over `axis`, without overflow.", lambda x, axis=None, keepdims=False: _ops.logsumexp(x, axis, keepdims)),
    # element by element
    "square": ("x squared.", lambda x: _ops.square(x)),
    "abs": ("|x|.", lambda x: _ops.absolute(x)),
    "sqrt": ("The square root of x; of negative numbers 0.", lambda x: _ops.sqrt(_ops.maximum(x, 0))),
    "exp": ("e to the power x.", lambda x: _ops.exp(x)),
    "log": ("The natural logarithm.", lambda x: _ops.log(x)),
    "round": ("The nearest whole number; halves go to the even one.", lambda x: _ops.round(x)),
    "sign": ("-1, 0 or 1.", lambda x: _ops.sign(x)),
    "pow": ("x to the power a.", lambda x, a: _ops.power(x, a)),
    "sin": ("The sine, x in radians.", lambda x: _ops.sin(x)),
    "cos": ("The cosine, x in radians.", lambda x: _ops.cos(x)),
    "equal": ("x == y.", lambda x, y: _ops.equal(x, y)),
    "not_equal": ("x != y.", lambda x, y: _ops.not_equal(x, y)),
    "greater": ("x > y.", lambda x, y: _ops.greater(x, y)),
    "greater_equal": ("x >= y.", lambda x, y: _ops.greater_equal(x, y)),
    "less": ("x < y.", lambda x, y: _ops.less(x, y)),
    "less_equal": ("x <= y.", lambda x, y: _ops.less_equal(x, y)),
    "maximum": ("The larger of x and y.", lambda x, y: _ops.maximum(x, y)),
    "minimum": ("The smaller of x and y.", lambda x, y: _ops.minimum(x, y)),
    # shapes
    "concatenate": ("Tensors joined along `axis`.", lambda tensors, axis=-1: _ops.concatenate(tensors, axis)),
    "reshape": ("`x` in another shape; one size may be -1.", lambda x, shape: _ops.reshape(x, _shapes.as_shape(shape))),
    "permute_dimensions": ("The axes of `x` in the order `pattern`.", lambda x, pattern: _ops.transpose(x, pattern)),
    "repeat_elements": ("Every element `rep` times along `axis`.", lambda x, rep, axis: _ops.repeat(x, rep, axis)),
    "flatten": ("`x` as a vector.", lambda x: _ops.reshape(x, (-1,))),
    "batch_flatten": ("(B, ...) as (B, D).", lambda x: _ops.reshape(x, (_ops.shape(x)[0], -1))),
    "expand_dims": ("A new axis of size 1.", lambda x, axis=-1: _ops.expand_dims(x, axis)),
    "squeeze": ("`x` without an axis of size 1.", lambda x, axis: _ops.squeeze(x, axis)),
    "stack": ("Tensors of one shape along a new axis.", lambda x, axis=0: _ops.stack(x, axis)),
    "one_hot": ("1 at the class each integer names.", lambda indices, num_classes: _ops.one_hot(indices, _shapes.as_size(num_classes))),
    "reverse": ("`x` in reverse order along `axes`.", lambda x, axes: _ops.flip(x, axes)),
    "ndim": ("The number of axes.", lambda x: len(_ops.shape(x))),
    # activations
    "elu": ("x where positive, alpha * (exp(x) - 1) elsewhere.", lambda x, alpha=1.0: _ops.elu(x, alpha=alpha)),
    "softmax": ("exp(x) over its sum along `axis`.", lambda x, axis=-1: _ops.softmax(x, axis=axis)),
    "softplus": ("log(1 + exp(x)).", lambda x: _ops.softplus(x)),
    "softsign": ("x / (1 + |x|).", lambda x: _ops.divide(x, _ops.add(_ops.absolute(x), 1))),
    "sigmoid": ("1 / (1 + exp(-x)).", lambda x: _ops.sigmoid(x)),
    "hard_sigmoid": ("0.2 * x + 0.5 between 0 and 1, as in 2017.", lambda x: _ops.clip(_ops.add(_ops.multiply(x, 0.2), 0.5), 0.0, 1.0)),
    "tanh": ("The hyperbolic tangent.", lambda x: _ops.tanh(x)),
}  # fmt: skip

# the functions that are more than a renaming, by the module that defines them
DEFINED: dict[_Any, str] = {
    _arrays: "batch_dot repeat tile arange temporal_padding spatial_2d_padding spatial_3d_padding resize_images resize_volumes "
    "pattern_broadcast in_top_k",
    _nn: "relu l2_normalize normalize_batch_in_training batch_normalization categorical_crossentropy sparse_categorical_crossentropy "
    "binary_crossentropy conv1d conv2d conv3d conv2d_transpose separable_conv2d pool2d pool3d bias_add",
    _shapes: "shape int_shape",
    _variables: "zeros_like ones_like identity",
    _random: "dropout random_normal random_uniform random_binomial truncated_normal",
    _control: "switch foldl foldr map_fn rnn",
    _phase: "in_train_phase in_test_phase",
    _ctc: "ctc_batch_cost",
    _function: "gradients stop_gradient",
}

# name -> why it is not offered
NOT_OFFERED: dict[str, str] = {
    "ctc_decode": "decoding searches over sequences outside of a graph; take K.argmax over the classes, then drop repeats and blanks",
    "ctc_label_dense_to_sparse": "there are dense tensors only",
    "get_session": "there are no sessions; K.function compiles and runs",
    "set_session": "there are no sessions; K.function compiles and runs",
}

from symkeras.backend.symbolic_function import eval, function  # noqa: E402
from symkeras.backend.symbolic_phase import learning_phase, set_learning_phase  # noqa: E402
from symkeras.backend.symbolic_variables import (  # noqa: E402
    batch_get_value, batch_set_value, constant, count_params, eye, get_value, get_variable_shape, moving_average_update, ones, placeholder,
    random_normal_variable, random_uniform_variable, set_value, update, update_add, update_sub, variable, zeros,
)  # fmt: skip
from symkeras.config import backend, epsilon, floatx, image_data_format, set_epsilon, set_floatx, set_image_data_format  # noqa: E402
from symkeras.utils.naming import get_uid, reset_uids  # noqa: E402


def cast_to_floatx(x: _Any) -> _Any:
    """`x` in `floatx`; numbers and lists become arrays."""
    return _ops.cast(_shapes.symbolic(x), floatx()) if _ops.is_symbolic(x) else _np.asarray(x, dtype=floatx())


def clip(x: _Any, min_value: _Any, max_value: _Any) -> _Any:
    """`x` kept between `min_value` and `max_value`; None, or a maximum below the minimum, is no bound or the minimum."""
    if isinstance(max_value, (int, float)) and isinstance(min_value, (int, float)) and max_value < min_value:
        max_value = min_value
    x = _shapes.symbolic(x)
    x = x if min_value is None else _ops.maximum(x, min_value)
    return x if max_value is None else _ops.minimum(x, max_value)


def dtype(x: _Any) -> str:
    """The name of the dtype of `x`."""
    return _dtype_of(x)


def is_keras_tensor(x: _Any) -> bool:
    """Whether `x` is the output of a layer or an `Input`."""
    return isinstance(x, _Tensor) and x._keras_history is not None


def is_sparse(tensor: _Any) -> bool:
    """False: all tensors are dense."""
    return False


def to_dense(tensor: _Any) -> _Any:
    """`tensor` itself: all tensors are dense."""
    return tensor


def print_tensor(x: _Any, message: str = "") -> _Any:
    """Print an array and return it.

    Raises:
        ConfigError: a symbolic tensor: graphs have no effects but updates; make it an output of `K.function` instead.
    """
    if _ops.is_symbolic(x):
        raise _ConfigError(f"K.print_tensor: {x!r} is symbolic and a graph cannot print; make it an output of K.function and print that")
    print(message, x)
    return x


def image_dim_ordering() -> str:
    """ "th" for channels first, "tf" for channels last."""
    return "th" if image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the position of the channels: "th" (first) or "tf" (last)."""
    if dim_ordering not in ("th", "tf"):
        raise _ConfigError(f'dim_ordering must be "th" (channels first) or "tf" (channels last), received {dim_ordering!r}')
    set_image_data_format("channels_first" if dim_ordering == "th" else "channels_last")


def manual_variable_initialization(value: bool) -> None:
    """Variables have their values from the start: anything but False is refused."""
    if value:
        raise _ConfigError("manual_variable_initialization: variables are initialised when they are made; only False is offered")


def clear_session(free_memory: bool = True) -> None:
    """Begin automatic names again, forget `set_learning_phase`, and collect garbage where `free_memory`."""
    _naming.reset_uids()
    _phase.free_learning_phase()
    if free_memory:
        _gc.collect()


def name_scope(name: str) -> _Any:
    """A context in which nodes and variables carry `name` in their paths."""
    return _layer_scope(name)


def result_type(*dtypes: _Any) -> str:
    """The dtype an operation on these dtypes gives."""
    return _dtypes.result_type(*dtypes)


def standardize_dtype(dtype: _Any) -> str:
    """The canonical name of a dtype; None is `floatx`."""
    return _dtypes.standardize(dtype)


def is_float_dtype(dtype: _Any) -> bool:
    """Whether a dtype holds real floating numbers."""
    return _dtypes.is_float(_dtypes.standardize(dtype))


def is_int_dtype(dtype: _Any) -> bool:
    """Whether a dtype holds integers; bool does not."""
    return _dtypes.is_int(_dtypes.standardize(dtype))


def _named(name: str, doc: str, fn: _Callable[..., _Any]) -> _Callable[..., _Any]:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = doc
    return _shapes.lifted(fn)


def _refusal(name: str, reason: str) -> _Callable[..., _Any]:
    def refuse(*args: _Any, **kwargs: _Any) -> None:
        raise _ConfigError(f"K.{name} is not offered: {reason}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not offered: {reason}."
    return refuse


globals().update({name: _named(name, doc, fn) for name, (doc, fn) in RENAMED.items()})
globals().update({name: _shapes.lifted(getattr(module, name)) for module, names in DEFINED.items() for name in names.split()})
globals().update({name: _refusal(name, reason) for name, reason in NOT_OFFERED.items()})

__all__ = sorted(name for name in globals() if name[0] != "_" and name not in ("annotations", "RENAMED", "DEFINED", "NOT_OFFERED"))  # noqa: PLE0605
