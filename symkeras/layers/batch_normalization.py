"""`BatchNormalization`: each channel scaled to mean 0 and variance 1 over the batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.arguments import axis_number, boolean, checked, either, fraction, non_negative, number, one_of, optional, several, table_of
from symkeras.errors import ConfigError, ShapeError
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
        renorm: whether training normalises as inference would, by slow statistics of its own (Ioffe 2017): the batch's own result times
            r = deviation of the batch / slow deviation, plus d = (mean of the batch - slow mean) / slow deviation, both without gradients.
        renorm_clipping: a dict of bounds "rmin", "rmax" of r and "dmax" of the size of d.
        renorm_momentum: how slowly the statistics of renorm follow.
        synchronized: accepted for Keras' signature; refused when true.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Raises:
        ConfigError: synchronized is asked for, or `renorm_clipping` has other keys or bounds that cross.
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
        renorm=boolean, renorm_clipping=optional(table_of(one_of("rmin", "rmax", "dmax"), optional(number()))), renorm_momentum=fraction,
    )  # fmt: skip
    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
                 renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        refuse("BatchNormalization", synchronized=synchronized)
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
        self.renorm = renorm
        self.renorm_clipping = _bounds(renorm_clipping) if renorm else None
        self.renorm_momentum = renorm_momentum
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        size = axis_size(self, input_shape, self.axis)
        self.gamma, self.beta = scale_and_center(self, (size,), self.scale, self.center)
        self.moving_mean = self._statistic("moving_mean", size, self.moving_mean_initializer)
        self.moving_variance = self._statistic("moving_variance", size, self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = self._statistic("moving_stddev", size, self._initial_deviation)
            self.renorm_mean = self._statistic("renorm_mean", size, self.moving_mean_initializer)
            self.renorm_stddev = self._statistic("renorm_stddev", size, self._initial_deviation)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def _statistic(self, name: str, size: int, initializer: Any) -> Any:
        return self.add_weight(shape=(size,), initializer=initializer, trainable=False, autocast=False, name=name)

    def _initial_deviation(self, shape: Any, dtype: Any = None) -> Any:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        dtype = self.compute_dtype
        x = ops.cast(inputs, "float32") if dtype in dtypes.NARROW else inputs
        ones, zeros = np.ones(self.moving_mean.shape, self.variable_dtype), np.zeros(self.moving_mean.shape, self.variable_dtype)
        gamma, beta = ones if self.gamma is None else self.gamma, zeros if self.beta is None else self.beta
        axis = self.axis % len(x.shape)
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            if self.renorm:
                gamma, beta = self._corrected(gamma, beta, mean, ops.sqrt(ops.add(variance, self.epsilon)))
            self._follow(self.moving_mean, mean, self.momentum)
            if not self.renorm:
                self._follow(self.moving_variance, variance, self.momentum)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable and mask is None:
            axes = tuple(k for k in range(len(x.shape)) if k != axis)
            wide = tuple(d if k == axis else 1 for k, d in enumerate(ops.shape(x)))
            y = ops.layer_normalization(x, ops.reshape(gamma, wide), ops.reshape(beta, wide), axis=axes, epsilon=self.epsilon)
        else:
            y = ops.batch_normalization(x, mean, variance, axis, beta, gamma, self.epsilon)
        return ops.cast(y, dtype)

    def _corrected(self, gamma: Any, beta: Any, mean: Any, deviation: Any) -> tuple[Any, Any]:
        """gamma and beta that make of the batch's own result r times it plus d; the statistics of renorm follow."""
        slow = ops.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
        bounds = self.renorm_clipping or {}
        r = ops.divide(deviation, slow)
        d = ops.divide(ops.subtract(mean, self.renorm_mean), slow)
        r = r if bounds.get("rmin") is None else ops.maximum(r, bounds["rmin"])
        r = r if bounds.get("rmax") is None else ops.minimum(r, bounds["rmax"])
        d = d if bounds.get("dmax") is None else ops.clip(d, -bounds["dmax"], bounds["dmax"])
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        self._follow(self.renorm_mean, mean, self.renorm_momentum)
        self._follow(self.renorm_stddev, deviation, self.renorm_momentum)
        followed = self._follow(self.moving_stddev, deviation, self.momentum)
        self.moving_variance.assign(ops.maximum(ops.subtract(ops.square(followed), self.epsilon), 0.0))
        return ops.multiply(gamma, r), ops.add(ops.multiply(gamma, d), beta)

    def _follow(self, moving: Any, batch: Any, momentum: float) -> Any:
        """The next value of a moving statistic, which is assigned."""
        followed = ops.add(ops.multiply(moving, momentum), ops.multiply(batch, 1.0 - momentum))
        moving.assign(followed)
        return followed

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
        renorm = {name: getattr(self, name) for name in ("renorm", "renorm_clipping", "renorm_momentum")}
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS), "synchronized": False, **renorm}


def _bounds(clipping: Any) -> dict[str, Any]:
    """`renorm_clipping`, whose bounds do not cross."""
    bounds = dict(clipping or {})
    least, most, shift = (bounds.get(name) for name in ("rmin", "rmax", "dmax"))
    if least is not None and most is not None and most < least:
        raise ConfigError(f"BatchNormalization: in renorm_clipping rmax should be at least rmin, received {bounds}")
    if shift is not None and shift < 0:
        raise ConfigError(f"BatchNormalization: in renorm_clipping dmax should be non-negative, received {bounds}")
    return bounds


def axis_size(layer: Layer, input_shape: Any, axis: int) -> int:
    """The size along `axis`.

    Raises:
        ShapeError: there is no such axis, or its size is unknown.
    """
    if not -len(input_shape) <= axis < len(input_shape) or input_shape[axis] is None:
        raise ShapeError(f"{type(layer).__name__} {layer.name!r} needs a known size on axis {axis}, received shape {tuple(input_shape)}")
    return int(input_shape[axis])


def scale_and_center(layer: Any, shape: tuple[int, ...], scale: bool, center: bool) -> tuple[Any, Any]:
    """The weights gamma and beta of `layer`, each None where it does without."""
    made = []
    for name, wanted in (("gamma", scale), ("beta", center)):
        made.append(layer.add_weight(
            shape=shape, initializer=getattr(layer, f"{name}_initializer"), regularizer=getattr(layer, f"{name}_regularizer"),
            constraint=getattr(layer, f"{name}_constraint"), name=name,
        ) if wanted else None)  # fmt: skip
    return made[0], made[1]
