"""`BatchNormalization`: each channel scaled to mean 0 and variance 1 over the batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.arguments import axis_number, boolean, checked, either, fraction, non_negative, several
from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.weight_options import options_of, refuse, set_weight_options, weight_options_config

_OPTIONS = (*options_of("beta", "gamma"), "moving_mean_initializer", "moving_variance_initializer")


class BatchNormalization(Layer):
    """(x - mean) * gamma / sqrt(variance + epsilon) + beta, the statistics along `axis` (Ioffe and Szegedy 2015).

    While training, mean and (population) variance are those of the batch, and the moving ones follow them:
    moving = moving * momentum + batch * (1 - momentum). Otherwise, and while the layer is not trainable, the moving ones
    are used. Steps that a mask excludes do not count.

    Args:
        axis: the axis that keeps its statistics, usually the channels.
        momentum: how slowly the moving statistics follow.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: how the weights begin.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: applied to the weights after each step.
        renorm, renorm_clipping, renorm_momentum, synchronized: accepted for Keras' signature; the first and last are refused when true.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Raises:
        ConfigError: renorm or synchronized is asked for.
        ShapeError: the size along `axis` is unknown, or the mask has not one axis less than the input.

    Example:
        >>> layer = BatchNormalization(epsilon=0.0)
        >>> layer(np.array([[1.0], [3.0]]), training=True).tolist()
        [[-1.0], [1.0]]
        >>> layer.moving_mean.numpy().round(3).tolist()
        [0.019999999552965164]
    """

    @checked(
        axis=either(axis_number, several(axis_number, count=1)), momentum=fraction, epsilon=non_negative, center=boolean, scale=boolean,
        renorm_momentum=fraction,
    )  # fmt: skip
    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
                 renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        refuse("BatchNormalization", renorm=renorm, renorm_clipping=renorm_clipping, synchronized=synchronized)
        self.axis = int(axis[0]) if isinstance(axis, (list, tuple)) and len(axis) == 1 else int(axis)  # files of 2017 hold a list
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        set_weight_options(
            self, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer, moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer, beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint, gamma_constraint=gamma_constraint,
        )  # fmt: skip
        self.renorm_momentum = renorm_momentum
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        size = axis_size(self, input_shape, self.axis)
        self.gamma, self.beta = scale_and_center(self, (size,))
        self.moving_mean = self.add_weight(
            shape=(size,), initializer=self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean",
        )  # fmt: skip
        self.moving_variance = self.add_weight(
            shape=(size,), initializer=self.moving_variance_initializer, trainable=False, autocast=False, name="moving_variance",
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        dtype = self.compute_dtype
        x = ops.cast(inputs, "float32") if dtype in dtypes.NARROW else inputs
        ones, zeros = np.ones(self.moving_mean.shape, self.variable_dtype), np.zeros(self.moving_mean.shape, self.variable_dtype)
        gamma, beta = ones if self.gamma is None else self.gamma, zeros if self.beta is None else self.beta
        axis = self.axis % len(x.shape)
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable and mask is None:
            axes = tuple(k for k in range(len(x.shape)) if k != axis)
            wide = tuple(d if k == axis else 1 for k, d in enumerate(ops.shape(x)))
            y = ops.layer_normalization(x, ops.reshape(gamma, wide), ops.reshape(beta, wide), axis=axes, epsilon=self.epsilon)
        else:
            y = ops.batch_normalization(x, mean, variance, axis, beta, gamma, self.epsilon)
        return ops.cast(y, dtype)

    def _follow(self, moving: Any, batch: Any) -> None:
        moving.assign(ops.add(ops.multiply(moving, self.momentum), ops.multiply(batch, 1.0 - self.momentum)))

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and population variance of the batch, over the steps that count."""
        ndim = len(x.shape)
        axes = tuple(k for k in range(ndim) if k != self.axis % ndim)
        if mask is None:
            return ops.moments(x, axes)
        if len(mask.shape) != ndim - 1:
            raise ShapeError(f"BatchNormalization {self.name!r} expects a mask of {ndim - 1} axes for {tuple(x.shape)}, received {tuple(mask.shape)}")
        kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), ops.shape(x))
        count = ops.add(ops.sum(ops.cast(kept, x.dtype), axis=axes, keepdims=True), config.epsilon())
        mean = ops.divide(ops.sum(ops.where(kept, x, 0), axis=axes, keepdims=True), count)
        squares = ops.square(ops.where(kept, ops.subtract(x, mean), 0))
        variance = ops.divide(ops.sum(squares, axis=axes, keepdims=True), count)
        return ops.reshape(mean, self.moving_mean.shape), ops.reshape(variance, self.moving_mean.shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("axis", "momentum", "epsilon", "center", "scale")}
        fixed = {"synchronized": False, "renorm": False, "renorm_clipping": None, "renorm_momentum": self.renorm_momentum}
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS), **fixed}


def axis_size(layer: Layer, input_shape: Any, axis: int) -> int:
    """The size along `axis`.

    Raises:
        ShapeError: there is no such axis, or its size is unknown.
    """
    if not -len(input_shape) <= axis < len(input_shape) or input_shape[axis] is None:
        raise ShapeError(f"{type(layer).__name__} {layer.name!r} needs a known size on axis {axis}, received shape {tuple(input_shape)}")
    return int(input_shape[axis])


def scale_and_center(layer: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The weights gamma and beta of `layer`, each None where it does without."""
    made = []
    for name, wanted in (("gamma", layer.scale), ("beta", layer.center)):
        made.append(layer.add_weight(
            shape=shape, initializer=getattr(layer, f"{name}_initializer"), regularizer=getattr(layer, f"{name}_regularizer"),
            constraint=getattr(layer, f"{name}_constraint"), name=name,
        ) if wanted else None)  # fmt: skip
    return made[0], made[1]
