"""Arguments of layers as Keras 1 spelled them, in a table: `Layer` has them put into today's names before a layer's constructor runs.

A name that Keras 1 had and that means nothing today is refused, with what to write instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from symkeras.errors import ConfigError

_KERNEL = {"init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "W_constraint": "kernel_constraint"}
_BIAS = {"b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint", "bias": "use_bias"}
_WEIGHTS = {**_KERNEL, **_BIAS}
_IMAGES = {"dim_ordering": "data_format", "border_mode": "padding"}
_ROWS = {"nb_filter": "filters", "filter_length": "kernel_size", "subsample_length": "strides", "border_mode": "padding", "subsample": "strides",
         "atrous_rate": "dilation_rate"}  # fmt: skip
_CONV = {**_WEIGHTS, **_IMAGES, "nb_filter": "filters", "subsample": "strides", "atrous_rate": "dilation_rate"}
_RECURRENT = {
    **_KERNEL, "b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint", "output_dim": "units", "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation", "U_regularizer": "recurrent_regularizer", "U_constraint": "recurrent_constraint",
    "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "forget_bias_init": "unit_forget_bias", "consume_less": "implementation",
}  # fmt: skip
_BY_DEPTHWISE = {"depthwise_init": "depthwise_initializer", "pointwise_init": "pointwise_initializer"}
SPELLINGS: dict[str, dict[str, str]] = {
    "Dense": {**_WEIGHTS, "output_dim": "units"},
    "Embedding": {"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer", "W_constraint": "embeddings_constraint"},
    "SimpleRNN": _RECURRENT, "LSTM": _RECURRENT, "GRU": _RECURRENT,
    "Dropout": {"p": "rate"}, "GaussianDropout": {"p": "rate"}, "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"}, "SpatialDropout3D": {"p": "rate", "dim_ordering": "data_format"},
    "GaussianNoise": {"sigma": "stddev"},
    "Conv1D": {**_WEIGHTS, **_ROWS}, "LocallyConnected1D": {**_WEIGHTS, **_ROWS},
    "Conv2D": _CONV, "Conv3D": _CONV, "Conv2DTranspose": _CONV, "Conv3DTranspose": _CONV, "LocallyConnected2D": _CONV,
    "SeparableConv2D": {**_CONV, **_BY_DEPTHWISE},
    "ConvLSTM2D": {**_RECURRENT, **_CONV, "bias": "use_bias"},
    **{f"{kind}Pooling1D": {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"} for kind in ("Max", "Average")},
    **{f"{kind}Pooling{rank}D": _IMAGES for kind in ("Max", "Average") for rank in (2, 3)},
    **{f"Global{kind}Pooling{rank}D": {"dim_ordering": "data_format"} for kind in ("Max", "Average") for rank in (2, 3)},
    "UpSampling1D": {"length": "size"},
    **{f"{kind}{rank}D": {"dim_ordering": "data_format"} for kind in ("UpSampling", "ZeroPadding", "Cropping") for rank in (2, 3)},
    "BatchNormalization": {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    "PReLU": {"init": "alpha_initializer"},
}  # fmt: skip
"""Layer -> name of Keras 1 -> name of today."""
_VALUES: dict[str, dict[Any, Any]] = {
    "dim_ordering": {"tf": "channels_last", "th": "channels_first", "default": None},
    "forget_bias_init": {"one": True, "ones": True, "zero": False, "zeros": False},
    "consume_less": {"cpu": 0, "mem": 1, "gpu": 2},
}
_KERNELS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
"""Sizes of kernels that were arguments of their own, by how many they are."""
_GONE: dict[str, dict[str, str]] = {
    "Embedding": {"dropout": "put SpatialDropout1D behind the layer"},
    "BatchNormalization": {"mode": "there is mode 0 alone, statistics of each feature"},
    "Conv2DTranspose": {"output_shape": "the shape follows from that of the input, and output_padding says which one where it may have several"},
    "Conv3DTranspose": {"output_shape": "the shape follows from that of the input, and output_padding says which one where it may have several"},
}


def respelled(init: Callable[..., None], layer: str) -> Callable[..., None]:
    """A constructor that takes the names of Keras 1, too."""
    names, gone = SPELLINGS[layer], _GONE.get(layer, {})
    kernels = next((k for k in _KERNELS if len(k) == (3 if layer.endswith(("3D", "3DTranspose")) else 2)), ())
    old = {*names, *gone, *(kernels if names.get("nb_filter") else ())}

    @functools.wraps(init)
    def constructor(self: Any, *args: Any, **kwargs: Any) -> None:
        if not old.isdisjoint(kwargs):
            args, kwargs = _with_kernel(args, kwargs, len(kernels), _behind_kernel(layer))
            kwargs = _today(layer, names, gone, kernels, kwargs)
        init(self, *args, **kwargs)

    return constructor


def _today(layer: str, names: dict[str, str], gone: dict[str, str], kernels: tuple[str, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    found = {k: v for k, v in kwargs.items() if k not in names and k not in gone and k not in kernels}
    for name in gone.keys() & kwargs.keys():
        if kwargs[name] not in (0, None):
            raise ConfigError(f"{layer}: {name}={kwargs[name]!r} is an argument of Keras 1 that is not offered: {gone[name]}")
    if {*kernels} <= kwargs.keys():
        found["kernel_size"] = tuple(kwargs[k] for k in kernels)
    for name in (k for k in names if k in kwargs):
        if names[name] in found:
            raise ConfigError(f"{layer}: {name} is what Keras 1 called {names[name]}, and both are given")
        value = kwargs[name]
        found[names[name]] = _VALUES[name].get(value, value) if name in _VALUES and isinstance(value, str) else value
    return found


class _OldName(type):
    """The class of a class that stands for another one, and takes its kernel's sizes as Keras 1 did."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        kind = cls.__dict__.get("_stands_for")
        if kind is None:  # a subclass of the old name
            return super().__call__(*args, **kwargs)
        args, kwargs = _with_kernel(args, kwargs, kind.rank, _behind_kernel(kind.__name__))
        return kind(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        kind = cls.__dict__.get("_stands_for")
        return super().__instancecheck__(instance) if kind is None else isinstance(instance, kind)

    def __subclasscheck__(cls, subclass: type) -> bool:
        kind = cls.__dict__.get("_stands_for")
        return super().__subclasscheck__(subclass) if kind is None else issubclass(subclass, kind)


def _behind_kernel(layer: str) -> tuple[str, ...]:
    """What came behind the sizes of the kernel in Keras 1."""
    return ("output_shape", "init", "activation") if layer.endswith("Transpose") else ("init", "activation")


def _with_kernel(args: tuple[Any, ...], kwargs: dict[str, Any], rank: int, behind: tuple[str, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments by place as Keras 1 had them, with the sizes of the kernel as one, and by name those `behind` them."""
    if rank < 2 or len(args) <= rank or not all(isinstance(size, int) and not isinstance(size, bool) for size in args[: rank + 1]):
        return args, kwargs
    rest = args[rank + 1 :]
    if len(rest) > len(behind):
        raise ConfigError(f"a convolution with its kernel's sizes apart takes {', '.join(behind)} behind them by place, received {rest!r}")
    return (args[0], args[1 : rank + 1]), {**dict(zip(behind, rest, strict=False)), **kwargs}


def old_name(name: str, kind: type) -> Any:
    """`kind` under a name of Keras 1, whose kernel's sizes are arguments of their own: `Convolution2D(32, 3, 3)` has kernels of 3 by 3."""
    return _OldName(name, (kind,), {"_stands_for": kind, "__doc__": kind.__doc__, "__module__": kind.__module__})


_MERGED = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}


def merge(inputs: Any, mode: Any = "sum", concat_axis: int = -1, dot_axes: Any = -1, output_shape: Any = None, output_mask: Any = None,
          arguments: Any = None, name: str | None = None) -> Any:  # fmt: skip
    """Several tensors as one, as Keras 1 spelled it; `add`, `concatenate` and their like are today's names.

    Args:
        inputs: the tensors.
        mode: "sum", "mul", "ave", "max", "concat", "dot", "cos", or a function of the list of tensors.
        concat_axis: of "concat".
        dot_axes: of "dot" and "cos".
        output_shape, output_mask, arguments: as of `Lambda`, where the mode is a function.
        name: of the layer.

    Raises:
        ConfigError: a mode that is not known.

    >>> import numpy as np
    >>> merge([np.ones((1, 2)), np.ones((1, 3))], mode="concat").shape
    (1, 5)
    """
    from symkeras import layers

    if callable(mode):
        return layers.Lambda(mode, output_shape=output_shape, mask=output_mask, arguments=arguments, name=name)(inputs)
    if mode in _MERGED:
        return getattr(layers, _MERGED[mode])(name=name)(inputs)
    if mode == "concat":
        return layers.Concatenate(concat_axis, name=name)(inputs)
    if mode in ("dot", "cos"):
        return layers.Dot(dot_axes, normalize=mode == "cos", name=name)(inputs)
    raise ConfigError(f"merge: mode must be one of {[*_MERGED, 'concat', 'dot', 'cos']} or a function, received {mode!r}")
