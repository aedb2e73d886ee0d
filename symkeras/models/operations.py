"""The operations that a config may name in the place of a layer: a list, beside which nothing of `symkeras.ops` can be reached."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from symkeras import ops
from symkeras.errors import ConfigError, nearest

# Each takes at least one tensor. Left out is what makes tensors out of nothing, calls functions, or is no operation.
_ROWS = (
    "abs absolute arccos arccosh arcsin arcsinh arctan arctan2 arctanh ceil cos cosh erf erfinv exp exp2 expm1 floor isfinite isinf isnan",
    "log log10 log1p log2 negative reciprocal rint round rsqrt sign sin sinh sqrt square tan tanh trunc stop_gradient",
    "add divide floor_divide logaddexp maximum minimum mod multiply power subtract true_divide equal greater greater_equal less less_equal",
    "not_equal logical_and logical_not logical_or logical_xor bitwise_and bitwise_not bitwise_or bitwise_xor left_shift right_shift where clip",
    "all any argmax argmin cumprod cumsum logsumexp max mean min moments prod std sum var argsort sort top_k",
    "broadcast_to cast concatenate expand_dims flip full_like moveaxis one_hot ones_like pad ravel repeat reshape scatter split squeeze stack",
    "swapaxes take take_along_axis tile transpose zeros_like dot einsum matmul outer tensordot average_pool conv max_pool",
    "batch_normalization layer_normalization celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid",
    "log_softmax relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink",
    "threshold",
)
_NAMES = frozenset(name for row in _ROWS for name in row.split())


def operation(class_name: str) -> Callable[..., Any]:
    """What Keras' operation of this class computes.

    Raises:
        ConfigError: it is none that configs may name.
    """
    found = get_item if class_name == "GetItem" else _named(class_name)
    if found is None:
        raise ConfigError(f"the config holds the operation {class_name!r}, which symkeras.ops does not offer.{nearest(_snake(class_name), _NAMES)}")
    return found


def is_operation(class_name: str) -> bool:
    """Whether a config may name an operation by this class."""
    return class_name == "GetItem" or _snake(class_name) in _NAMES


def _named(class_name: str) -> Callable[..., Any] | None:
    name = _snake(class_name)
    return getattr(ops, name) if name in _NAMES else None


def _snake(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()


def get_item(x: Any, key: Any) -> Any:
    """A piece of a tensor; a list of indices is one per axis."""
    return x[tuple(key) if isinstance(key, list) else key]
