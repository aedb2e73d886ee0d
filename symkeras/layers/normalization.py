"""Normalisation within each sample: over features, over groups of channels, to unit length, to unit root mean square."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import axis_number, axis_numbers, boolean, checked, either, non_negative, one_of, positive_int
from symkeras.errors import ShapeError
from symkeras.graph import dtypes
from symkeras.layers.batch_normalization import axis_size, scale_and_center
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

_OPTIONS = options_of("beta", "gamma")


class _Affine(Layer):
    """Keeps the shape; gamma and beta with their options."""

    settings: tuple[str, ...]

    def __init__(self, epsilon: float, center: bool, scale: bool, options: dict[str, Any], **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        set_weight_options(self, **options)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in self.settings}
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS)}

    def _wide(self, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """gamma and beta in `shape`, which broadcasts to the input; ones and zeros in place of those the layer does without."""
        gamma = ops.ones(shape, self.variable_dtype) if self.gamma is None else ops.reshape(self.gamma, shape)
        beta = ops.zeros(shape, self.variable_dtype) if self.beta is None else ops.reshape(self.beta, shape)
        return gamma, beta


class LayerNormalization(_Affine):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, the statistics of each sample over `axis` (Ba et al. 2016).

    Args:
        axis: one axis or several; gamma and beta have their sizes.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer, gamma_initializer: how the weights begin.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: applied to the weights after each step.
        **kwargs: those of `Layer`; `rms_scaling=True` of earlier Keras 3 gives x / sqrt(variance + epsilon) * gamma, without a beta.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Raises:
        ConfigError: `axis` is neither an integer nor a list of them.
        ShapeError: a size along `axis` is unknown.

    Example:
        >>> import numpy as np
        >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]])).tolist()
        [[-1.0, 1.0]]
    """

    settings = ("axis", "epsilon", "center", "scale")

    @checked(axis=axis_numbers, epsilon=non_negative, center=boolean, scale=boolean)
    def __init__(self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):  # fmt: skip
        self.rms_scaling = boolean(kwargs.pop("rms_scaling", False), "LayerNormalization: rms_scaling")
        options = {
            "beta_initializer": beta_initializer, "gamma_initializer": gamma_initializer, "beta_regularizer": beta_regularizer,
            "gamma_regularizer": gamma_regularizer, "beta_constraint": beta_constraint, "gamma_constraint": gamma_constraint,
        }  # fmt: skip
        super().__init__(epsilon, center, scale, options, **kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis

    def build(self, input_shape: Any) -> None:
        self._sizes = _sizes(self, input_shape, self.axis)
        has_scale, has_center = self.scale or self.rms_scaling, self.center and not self.rms_scaling
        self.gamma, self.beta = scale_and_center(self, self._sizes, has_scale, has_center)

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x = ops.cast(inputs, "float32") if dtype in dtypes.NARROW else inputs
        axes, wide = _placed(self._sizes, self.axis, len(x.shape))
        gamma, beta = self._wide(wide)
        if self.rms_scaling:
            root = ops.rsqrt(ops.add(ops.var(x, axis=axes, keepdims=True), self.epsilon))
            return ops.cast(ops.multiply(ops.multiply(x, root), gamma), dtype)
        return ops.cast(ops.layer_normalization(x, gamma, beta, axis=axes, epsilon=self.epsilon), dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class GroupNormalization(_Affine):
    """As layer normalisation, over all of space and each group of channels (Wu and He 2018).

    Args:
        groups: number of groups; -1 for one per channel (instance normalisation).
        axis: the channels.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether gamma multiplies.
        beta_initializer, gamma_initializer: how the weights begin.
        beta_regularizer, gamma_regularizer: penalties on the weights.
        beta_constraint, gamma_constraint: applied to the weights after each step.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Raises:
        ConfigError: `groups` is neither positive nor -1.
        ShapeError: the channels are unknown or do not divide into the groups.

    Example:
        >>> import numpy as np
        >>> GroupNormalization(2, epsilon=0.0)(np.array([[1.0, 3.0, 5.0, 9.0]])).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    settings = ("groups", "axis", "epsilon", "center", "scale")

    @checked(groups=either(positive_int, one_of(-1)), axis=axis_number, epsilon=non_negative, center=boolean, scale=boolean)
    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any):  # fmt: skip
        options = {
            "beta_initializer": beta_initializer, "gamma_initializer": gamma_initializer, "beta_regularizer": beta_regularizer,
            "gamma_regularizer": gamma_regularizer, "beta_constraint": beta_constraint, "gamma_constraint": gamma_constraint,
        }  # fmt: skip
        super().__init__(epsilon, center, scale, options, **kwargs)
        self.autocast = False  # what float16 cannot hold is normalised before it becomes float16
        self.groups = groups
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        channels = axis_size(self, input_shape, self.axis)
        self.groups = channels if self.groups == -1 else self.groups
        if not channels or channels % self.groups:
            raise ShapeError(f"GroupNormalization {self.name!r}: {channels} channels do not divide into {self.groups} groups")
        self.gamma, self.beta = scale_and_center(self, (channels,), self.scale, self.center)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x = ops.cast(inputs, "float32" if dtype in dtypes.NARROW else dtype)
        sizes, axis = ops.shape(x), self.axis % len(x.shape)
        width = sizes[axis] // self.groups
        split = ops.reshape(x, (*sizes[:axis], self.groups, width, *sizes[axis + 1 :]))
        shape = tuple(self.groups if k == axis else width if k == axis + 1 else 1 for k in range(len(sizes) + 1))
        axes = tuple(k for k in range(1, len(sizes) + 1) if k != axis)
        gamma, beta = self._wide(shape)  # type: ignore[arg-type]
        y = ops.layer_normalization(split, gamma, beta, axis=axes, epsilon=self.epsilon)
        return ops.cast(ops.reshape(y, sizes), dtype)


class RMSNormalization(Layer):
    """x / sqrt(mean(x**2) + epsilon) * scale, the mean of each sample over `axis` (Zhang and Sennrich 2019).

    Args:
        axis: one axis or several; the scale has their sizes.
        epsilon: added to the mean square.
        **kwargs: those of `Layer`.

    Input shape:
        (B, ..., C)

    Output shape:
        that of the input

    Raises:
        ConfigError: `axis` is neither an integer nor a list of them.
        ShapeError: a size along `axis` is unknown.

    Example:
        >>> import numpy as np
        >>> RMSNormalization(epsilon=0.0)(np.array([[3.0, 4.0, 0.0, 0.0]])).tolist()
        [[1.2000000476837158, 1.600000023841858, 0.0, 0.0]]
    """

    @checked(axis=axis_numbers, epsilon=non_negative)
    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self._sizes = _sizes(self, input_shape, self.axis)
        self.scale = self.add_weight(shape=self._sizes, initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        axes, wide = _placed(self._sizes, self.axis, len(inputs.shape))
        return ops.cast(ops.rms_normalization(inputs, ops.reshape(self.scale, wide), axes, self.epsilon), self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """Each sample divided by its Euclidean length over `axis`; nothing is divided by less than 1e-12.

    Args:
        axis: one axis or several.
        **kwargs: those of `Layer`.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: `axis` is neither an integer nor a list of them.

    Example:
        >>> import numpy as np
        >>> UnitNormalization()(np.array([[3.0, 4.0]])).round(3).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """

    _needs_no_build = True

    @checked(axis=axis_numbers)
    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return unit_length(inputs, self.axis, 1e-12)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def unit_length(x: Any, axis: Any, epsilon: float) -> Any:
    """`x` over its Euclidean length along `axis`, or over `epsilon` where it is shorter; the gradient at 0 is finite."""
    return ops.multiply(x, ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon**2)))


def _sizes(layer: Layer, input_shape: Any, axis: Any) -> tuple[int, ...]:
    """The sizes along `axis`, one axis or several, in the order of the axes; all are known."""
    for a in axis if isinstance(axis, list) else [axis]:
        axis_size(layer, input_shape, a)
    return tuple(int(input_shape[a]) for a in _from_front(axis, len(input_shape)))


def _placed(sizes: tuple[int, ...], axis: Any, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of an input of `rank` axes, and the shape in which weights of `sizes` broadcast to it; an axis from the end stays one."""
    axes = _from_front(axis, rank)
    size_of = dict(zip(axes, sizes, strict=True))
    return axes, tuple(size_of.get(k, 1) for k in range(axes[0], rank))


def _from_front(axis: Any, rank: int) -> tuple[int, ...]:
    return tuple(sorted(a % rank for a in (axis if isinstance(axis, list) else [axis])))
