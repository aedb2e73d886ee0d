"""K functions of neural networks: normalisation, cross-entropies, convolution and pooling, with the 2017 arguments."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.backend.theano_style.symbolic_shapes import channels_first
from symkeras.errors import ConfigError, ShapeError
from symkeras.ops.convolution import explicit_padding, spread_argument
from symkeras.ops.elementwise import promoted
from symkeras.ops.op import OPS, apply
from symkeras.ops.sizes import as_shape


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None) -> Any:
    """x where positive, `alpha` times x elsewhere, at most `max_value`."""
    y = ops.relu(x) if isinstance(alpha, (int, float)) and alpha == 0 else ops.where(ops.greater(x, 0), x, ops.multiply(x, alpha))
    return y if max_value is None else ops.minimum(y, max_value)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """`x` over its Euclidean norm along `axis` (of all elements when None)."""
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12)))


# ---- normalisation ---------------------------------------------------------------------------------------------------


def normalize_batch_in_training(x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3) -> tuple[Any, Any, Any]:
    """`x` normalised by its own mean and variance over `reduction_axes`, and that mean and variance.

    Args:
        gamma, beta: scale and offset for the remaining axes; 1 and 0 when None.
    """
    axes = sorted(a % len(ops.shape(x)) for a in reduction_axes)
    mean, variance = ops.mean(x, axes), ops.var(x, axes)
    wide = tuple(1 if k in axes else d for k, d in enumerate(ops.shape(x)))
    mean_, variance_, gamma_, beta_ = (None if v is None else ops.reshape(v, wide) for v in (mean, variance, gamma, beta))
    return batch_normalization(x, mean_, variance_, beta_, gamma_, epsilon), mean, variance


def batch_normalization(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, epsilon: float = 1e-3) -> Any:
    """(x - mean) * gamma / sqrt(var + epsilon) + beta; beta comes before gamma, and either may be None."""
    scale = ops.rsqrt(ops.add(var, epsilon))
    out = ops.multiply(ops.subtract(x, mean), scale if gamma is None else ops.multiply(scale, gamma))
    return out if beta is None else ops.add(out, beta)


# ---- cross-entropies -------------------------------------------------------------------------------------------------


def _check_order(output: Any, target: Any, activation: str, loss: str) -> None:
    from symkeras.losses.logits import logits_behind

    if logits_behind(target, activation) is not None and logits_behind(output, activation) is None:
        raise ConfigError(
            f"K.{loss}: the target is a {activation} and the output is not. Since 2.0.7 Keras takes (target, output); here the order is that of "
            f"2.0.4, (output, target). By name both read alike: K.{loss}(target=y_true, output=y_pred)"
        )


def categorical_crossentropy(output: Any, target: Any, from_logits: bool = False) -> Any:
    """-sum(target * log(output)) over the last axis.

    The arguments come in the order of Keras 2.0.4, predictions first; give them by name where code has to run on later versions.

    Args:
        output: probabilities or logits, (B, ..., V).
        target: probabilities of the same shape.
        from_logits: whether `output` holds logits.

    Raises:
        ConfigError: `target` comes from a softmax and `output` does not: they were exchanged.
    """
    from symkeras.losses.crossentropy import categorical_crossentropy as loss

    _check_order(output, target, "softmax", "categorical_crossentropy")
    return loss(target, output, from_logits)


def sparse_categorical_crossentropy(output: Any, target: Any, from_logits: bool = False) -> Any:
    """-log of the output for the class that each integer of `target` names; predictions first, as in Keras 2.0.4.

    Args:
        output: probabilities or logits, (B, ..., V).
        target: integers of the shape of `output` without its last axis, or with 1 there.
        from_logits: whether `output` holds logits.

    Raises:
        ConfigError: `target` comes from a softmax and `output` does not: they were exchanged.
    """
    from symkeras.losses.crossentropy import sparse_categorical_crossentropy as loss

    _check_order(output, target, "softmax", "sparse_categorical_crossentropy")
    return loss(target, output, from_logits)


def binary_crossentropy(output: Any, target: Any, from_logits: bool = False) -> Any:
    """-(target * log(output) + (1 - target) * log(1 - output)), element by element; predictions first, as in Keras 2.0.4.

    Args:
        output: probabilities or logits.
        target: probabilities of the same shape.
        from_logits: whether `output` holds logits.

    Raises:
        ConfigError: `target` comes from a sigmoid and `output` does not: they were exchanged.
    """
    from symkeras.losses.crossentropy import binary_terms

    _check_order(output, target, "sigmoid", "binary_crossentropy")
    return binary_terms(ops.convert_to_tensor(target), ops.convert_to_tensor(output), from_logits)


# ---- convolution and pooling -----------------------------------------------------------------------------------------


def _conv(x: Any, kernel: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any, n: int) -> Any:
    if len(ops.shape(kernel)) != n + 2:
        raise ShapeError(f"conv{n}d expects a kernel of {n + 2} axes, received shape {ops.shape(kernel)}")
    return ops.conv(x, kernel, strides, padding, "channels_first" if channels_first(data_format) else "channels_last", dilation_rate)


def conv1d(x: Any, kernel: Any, strides: int = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: int = 1) -> Any:
    """Convolution of sequences with a kernel (K, C, O); padding "valid", "same" or "causal"."""
    return _conv(x, kernel, strides, padding, data_format, dilation_rate, 1)


def conv2d(x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None, dilation_rate: Any = (1, 1)) -> Any:
    """Convolution of images with a kernel (K, K, C, O)."""
    return _conv(x, kernel, strides, padding, data_format, dilation_rate, 2)


def conv3d(x: Any, kernel: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
           dilation_rate: Any = (1, 1, 1)) -> Any:  # fmt: skip
    """Convolution of volumes with a kernel (K, K, K, C, O)."""
    return _conv(x, kernel, strides, padding, data_format, dilation_rate, 3)


def conv2d_transpose(x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None) -> Any:
    """The transpose of a convolution with a kernel (K, K, O, C): what, convolved, has the shape of `x`.

    Args:
        output_shape: the whole shape of the result, with the batch axis; sizes may be tensors made of `K.shape`.
    """
    first = channels_first(data_format)
    target = as_shape(output_shape)
    if len(target) != 4:
        raise ShapeError(f"conv2d_transpose: output_shape needs the batch axis, two sizes and the channels, received {target}")
    spatial = target[2:] if first else target[1:-1]
    steps = spread_argument(strides, 2, "strides")
    size = [k for k in ops.shape(kernel)[:2] if isinstance(k, int)]
    if len(size) < 2:
        raise ShapeError(f"conv2d_transpose: the sizes of a kernel must be known, received shape {ops.shape(kernel)}")
    pads = explicit_padding(padding, spatial, size, steps, (1, 1))
    attrs = {"spatial": spatial, "strides": steps, "padding": pads, "dilation": (1, 1), "groups": 1}
    x = ops.transpose(x, (0, 2, 3, 1)) if first else x
    y = apply(OPS["conv_input_grad"], promoted("float", x, kernel), attrs)
    return ops.transpose(y, (0, 3, 1, 2)) if first else y


def separable_conv2d(x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
                     data_format: str | None = None, dilation_rate: Any = (1, 1)) -> Any:  # fmt: skip
    """Each channel convolved with its own kernels (K, K, C, M), then all mixed by a kernel (1, 1, C * M, O)."""
    *size, channels, multiplier = ops.shape(depthwise_kernel)
    grouped = ops.reshape(depthwise_kernel, (*size, 1, channels * multiplier))
    return _conv(_conv(x, grouped, strides, padding, data_format, dilation_rate, 2), pointwise_kernel, 1, "valid", data_format, 1, 2)


_POOLS = {"max": ops.max_pool, "avg": ops.average_pool}


def _pool(x: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None, pool_mode: str) -> Any:
    if pool_mode not in _POOLS:
        raise ConfigError(f'pool_mode must be "max" or "avg", received {pool_mode!r}')
    return _POOLS[pool_mode](x, pool_size, strides, padding, "channels_first" if channels_first(data_format) else "channels_last")


def pool2d(x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None, pool_mode: str = "max") -> Any:
    """The largest element ("max") or the mean ("avg") of each window of images."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x: Any, pool_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None, pool_mode: str = "max") -> Any:
    """The largest element ("max") or the mean ("avg") of each window of volumes."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """`x` plus a bias: one number per channel (C,), or one per place (*S, C), in this order for both data formats."""
    ndim, sizes = len(ops.shape(x)), ops.shape(bias)
    first = channels_first(data_format) and ndim > 2
    if len(sizes) == 1:
        wide = (1, sizes[0], *(1,) * (ndim - 2)) if first else (*(1,) * (ndim - 1), sizes[0])
        return ops.add(x, ops.reshape(bias, wide))
    if len(sizes) != ndim - 1:
        raise ShapeError(f"bias_add: a bias for x of {ndim} axes has 1 or {ndim - 1} axes, received shape {sizes}")
    return ops.add(x, ops.expand_dims(ops.moveaxis(bias, -1, 0) if first else bias, 0))
