"""Activations as layers: any by name, and those with settings or weights of their own."""

from __future__ import annotations

from typing import Any

from symkeras import activations, ops
from symkeras.arguments import axis_numbers, checked, non_negative, number, optional
from symkeras.errors import ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

MASKED_LOGIT = {"float16": -3e4}
"""What a masked position is set to before a softmax; -1e9 for all other dtypes."""


class _Elementwise(Layer):
    """Keeps shape and mask; `_settings` are the arguments that the config holds."""

    _needs_no_build = True
    _settings: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self._settings}}


class Activation(_Elementwise):
    """An activation function as a layer.

    Args:
        activation: name or function.

    Input shape:
        any

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> Activation("relu")(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class ReLU(_Elementwise):
    """x from `threshold` to `max_value`, `max_value` above, negative_slope * (x - threshold) below.

    Args:
        max_value: upper limit, none when None.
        negative_slope: slope below the threshold.
        threshold: where the function leaves 0.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: one of them is negative.

    Example:
        >>> import numpy as np
        >>> ReLU(max_value=2.0, negative_slope=0.5)(np.array([-2.0, 1.0, 3.0])).tolist()
        [-1.0, 1.0, 2.0]
    """

    _settings = ("max_value", "negative_slope", "threshold")

    @checked(max_value=optional(non_negative), negative_slope=non_negative, threshold=non_negative)
    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


class LeakyReLU(_Elementwise):
    """x where positive, negative_slope * x elsewhere (Maas et al. 2013).

    Args:
        negative_slope: slope below 0; `alpha` is its name of 2017.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: the slope is negative.

    Example:
        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([-2.0, 1.0])).tolist()
        [-1.0, 1.0]
    """

    _settings = ("negative_slope",)

    @checked(negative_slope=non_negative)
    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        negative_slope = non_negative(kwargs.pop("alpha", negative_slope), "LeakyReLU: alpha")
        super().__init__(**kwargs)
        self.negative_slope = float(negative_slope)

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


class ThresholdedReLU(_Elementwise):
    """x where above theta, 0 elsewhere (Konda et al. 2015); a layer of Keras 2.

    Args:
        theta: the threshold.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ConfigError: theta is negative.

    Example:
        >>> import numpy as np
        >>> ThresholdedReLU(1.0)(np.array([-2.0, 1.0, 1.5])).tolist()
        [0.0, 0.0, 1.5]
    """

    _settings = ("theta",)

    @checked(theta=non_negative)
    def __init__(self, theta: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.theta = float(theta)

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.compute_dtype)
        return ops.where(ops.less_equal(x, self.theta), ops.zeros_like(x), x)  # NaN stays NaN


class PReLU(_Elementwise):
    """x where positive, alpha * x elsewhere, with a learned alpha (He et al. 2015).

    Args:
        alpha_initializer: how alpha begins.
        alpha_regularizer: penalty on alpha.
        alpha_constraint: applied to alpha after each step.
        shared_axes: axes, counted with the batch axis, along which alpha has size 1.

    Input shape:
        (B, ...)

    Output shape:
        that of the input

    Raises:
        ShapeError: the size of an axis is unknown and the axis not shared.

    Example:
        >>> import numpy as np
        >>> PReLU(alpha_initializer="ones")(np.array([[-2.0, 1.0]])).tolist()
        [[-2.0, 1.0]]
    """

    _settings = ("shared_axes",)

    @checked(shared_axes=optional(axis_numbers))
    def __init__(self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
                 shared_axes: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        set_weight_options(self, alpha_initializer=alpha_initializer, alpha_regularizer=alpha_regularizer, alpha_constraint=alpha_constraint)
        self.shared_axes = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else None if shared_axes is None else [shared_axes]

    def build(self, input_shape: Any) -> None:
        shared = {axis % len(input_shape) for axis in self.shared_axes or ()}
        shape = tuple(1 if axis in shared else size for axis, size in enumerate(input_shape))[1:]
        if None in shape:
            raise ShapeError(f"PReLU {self.name!r} needs known sizes on all axes that are not shared, received {tuple(input_shape)}")
        self.alpha = self.add_weight(
            shape=shape, initializer=self.alpha_initializer, regularizer=self.alpha_regularizer, constraint=self.alpha_constraint, name="alpha",
        )  # fmt: skip
        axes = {axis: size for axis, size in enumerate(input_shape) if axis > 0 and axis not in shared} if shared else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        return ops.where(ops.greater(inputs, 0), inputs, ops.multiply(inputs, self.alpha))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **weight_options_config(self, *options_of("alpha"))}


class ELU(_Elementwise):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015).

    Args:
        alpha: minus the limit for x towards minus infinity.

    Input shape:
        any

    Output shape:
        that of the input

    Example:
        >>> import numpy as np
        >>> ELU(2.0)(np.array([-1.0, 1.0])).round(3).tolist()
        [-1.2640000581741333, 1.0]
    """

    _settings = ("alpha",)

    @checked(alpha=number())
    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = float(alpha)

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, alpha=self.alpha)


class Softmax(_Elementwise):
    """exp(x) over its sum along `axis`; masked positions get 0.

    Args:
        axis: one axis, or several that share one sum.

    Input shape:
        any

    Output shape:
        that of the input

    Raises:
        ShapeError: the mask does not broadcast to the inputs.

    Example:
        >>> import numpy as np
        >>> Softmax()(np.zeros((1, 2))).tolist()
        [[0.5, 0.5]]
    """

    _settings = ("axis",)

    @checked(axis=axis_numbers)
    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            self._check_mask(inputs, mask)
            mask = mask if ops.op.dtype_of(mask) == "bool" else ops.greater(mask, 0.5)
            inputs = ops.where(mask, inputs, MASKED_LOGIT.get(ops.op.dtype_of(inputs), -1e9))
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        if len(axes) == 1:
            out = ops.softmax(inputs, axis=axes[0])
        else:
            out = ops.exp(ops.subtract(inputs, ops.logsumexp(inputs, axis=axes, keepdims=True)))
        return out if mask is None else ops.where(mask, out, 0)

    def _check_mask(self, inputs: Any, mask: Any) -> None:
        pairs = zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
        if len(mask.shape) > len(inputs.shape) or any(m not in (None, 1) and x not in (None, m) for m, x in pairs):
            raise ShapeError(f"Softmax {self.name!r}: a mask of shape {tuple(mask.shape)} does not broadcast to inputs {tuple(inputs.shape)}")
