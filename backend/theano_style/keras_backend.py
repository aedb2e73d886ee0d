"""The Theano-style functions of Keras 2.0.4, `from symkeras import backend as K`, and those of Keras 3's `keras.backend`.

Names and argument names are those of 2017. Plain renamings of ops are rows of `symbolic_renames.RENAMED`; everything else is
defined in the modules below. `K.ctc_label_dense_to_sparse`, `K.get_session` and `K.set_session` are not
offered: calling them says why, and what to use instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import config
from symkeras.backend.theano_style import (
    symbolic_arrays,
    symbolic_control,
    symbolic_ctc,
    symbolic_function,
    symbolic_nn,
    symbolic_phase,
    symbolic_random,
    symbolic_settings,
    symbolic_shapes,
    symbolic_variables,
)
from symkeras.backend.theano_style.symbolic_renames import RENAMED
from symkeras.backend.theano_style.symbolic_shapes import lifted
from symkeras.errors import ConfigError
from symkeras.graph.variable import Variable as Variable
from symkeras.utils import naming

# functions of tensors, by the module that defines them; variables among their arguments are read when the compiled
# function runs, so K.l2_normalize(layer.kernel) is a graph
OF_TENSORS: dict[Any, str] = {
    symbolic_arrays: "batch_dot repeat tile arange clip temporal_padding spatial_2d_padding spatial_3d_padding resize_images "
    "resize_volumes pattern_broadcast in_top_k",
    symbolic_nn: "relu l2_normalize normalize_batch_in_training batch_normalization categorical_crossentropy "
    "sparse_categorical_crossentropy binary_crossentropy conv1d conv2d conv3d conv2d_transpose separable_conv2d pool2d pool3d bias_add",
    symbolic_shapes: "shape int_shape",
    symbolic_variables: "zeros_like ones_like identity",
    symbolic_random: "dropout random_normal random_uniform random_binomial truncated_normal",
    symbolic_control: "switch foldl foldr map_fn rnn",
    symbolic_phase: "in_train_phase in_test_phase",
    symbolic_ctc: "ctc_batch_cost ctc_decode",
    symbolic_function: "stop_gradient",
    symbolic_settings: "cast_to_floatx",
}

# everything else
OTHERS: dict[Any, str] = {
    symbolic_function: "function gradients eval",
    symbolic_variables: "placeholder variable constant zeros ones eye random_uniform_variable random_normal_variable count_params "
    "get_value batch_get_value set_value batch_set_value get_variable_shape update update_add update_sub moving_average_update",
    symbolic_phase: "learning_phase set_learning_phase",
    symbolic_settings: "is_keras_tensor is_sparse to_dense print_tensor image_dim_ordering set_image_dim_ordering "
    "manual_variable_initialization clear_session name_scope result_type standardize_dtype is_float_dtype is_int_dtype",
    config: "backend epsilon set_epsilon floatx set_floatx image_data_format set_image_data_format",
    naming: "get_uid reset_uids",
}

# name -> why it is not offered
NOT_OFFERED: dict[str, str] = {
    "ctc_label_dense_to_sparse": "there are dense tensors only",
    "get_session": "there are no sessions; K.function compiles and runs",
    "set_session": "there are no sessions; K.function compiles and runs",
}


def _renamed(name: str, doc: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = doc
    return lifted(fn)


def _refusal(name: str, reason: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConfigError(f"K.{name} is not offered: {reason}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not offered: {reason}."
    return refuse


def _table() -> dict[str, Callable[..., Any]]:
    table = {name: _renamed(name, doc, fn) for name, (doc, fn) in RENAMED.items()}
    table |= {name: lifted(getattr(module, name)) for module, names in OF_TENSORS.items() for name in names.split()}
    table |= {name: getattr(module, name) for module, names in OTHERS.items() for name in names.split()}
    return table | {name: _refusal(name, reason) for name, reason in NOT_OFFERED.items()}


FUNCTIONS = _table()
"""Every K function by name."""

globals().update(FUNCTIONS)
__all__ = sorted(FUNCTIONS)  # noqa: PLE0605
