"""Dense layers that Keras 2 kept from Keras 1: `MaxoutDense` and `Highway`."""

from __future__ import annotations

from typing import Any

from symkeras import activations, ops
from symkeras.arguments import boolean, checked, positive_int
from symkeras.errors import ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

_OPTIONS = options_of("kernel", "bias")


class _OfRows(Layer):
    """What both share: rows of a known size, a kernel and a bias with their options, `W` and `b` in the names of 2017."""

    def __init__(self, use_bias: bool, kwargs: dict[str, Any]):
        input_dim = kwargs.pop("input_dim", None)
        if input_dim is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_dim,)
        names = {"init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "W_constraint": "kernel_constraint",
                 "b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint"}  # fmt: skip
        given = {names.get(k, k): kwargs.pop(k) for k in (*names, *_OPTIONS) if k in kwargs}
        use_bias = kwargs.pop("bias", use_bias)
        super().__init__(**kwargs)
        self.use_bias = boolean(use_bias, f"{type(self).__name__}: use_bias")
        defaults = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}
        set_weight_options(self, **{option: given.get(option, defaults.get(option)) for option in _OPTIONS})
        self.input_spec = InputSpec(ndim=2)

    def _width(self, input_shape: Any) -> int:
        width = input_shape[-1]
        if width is None:
            raise ShapeError(f"{type(self).__name__} {self.name!r} needs a last axis of known size, received {tuple(input_shape)}")
        self.input_spec = InputSpec(ndim=2, axes={-1: width})
        return int(width)

    def _weight(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> Any:
        kind = "bias" if name[0] == "b" else "kernel"
        return self.add_weight(
            shape=shape, name=name, initializer=initializer or getattr(self, f"{kind}_initializer"), regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_bias": self.use_bias, **weight_options_config(self, *_OPTIONS)}


class MaxoutDense(_OfRows):
    """The largest of several linear functions, for each unit (Goodfellow et al. 2013); a layer of Keras 1, kept by Keras 2.

    Args:
        output_dim: number of units, O.
        nb_feature: number of linear functions for each unit, F.
        use_bias: whether biases are added; `bias` is its name of 2017.
        **kwargs: `kernel_initializer` (`init`), `bias_initializer`, `kernel_regularizer` (`W_regularizer`) and their like, `input_dim`, and
            those of `Layer`.

    Input shape:
        (B, I)

    Output shape:
        (B, O)

    Raises:
        ConfigError: `output_dim` or `nb_feature` is no positive integer.
        ShapeError: an input of another rank, or of unknown size.

    Example:
        >>> import numpy as np
        >>> MaxoutDense(3, nb_feature=2)(np.ones((2, 5), "float32")).shape
        (2, 3)
    """

    @checked(output_dim=positive_int, nb_feature=positive_int)
    def __init__(self, output_dim: int, nb_feature: int = 4, use_bias: bool = True, **kwargs: Any):
        super().__init__(use_bias, kwargs)
        self.output_dim, self.nb_feature = output_dim, nb_feature

    def build(self, input_shape: Any) -> None:
        width = self._width(input_shape)
        self.W = self._weight("W", (self.nb_feature, width, self.output_dim))
        self.b = self._weight("b", (self.nb_feature, self.output_dim)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        y = ops.matmul(ops.expand_dims(inputs, 0), self.W)
        y = y if self.b is None else ops.add(y, ops.expand_dims(self.b, 1))
        return ops.max(y, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_dim": self.output_dim, "nb_feature": self.nb_feature}


class Highway(_OfRows):
    """A dense layer, mixed with its input by a learned gate (Srivastava et al. 2015); a layer of Keras 1, kept by Keras 2.

    With t = sigmoid(x @ W_carry + b_carry) the output is t * activation(x @ W + b) + (1 - t) * x.

    Args:
        activation: name or function; none when None.
        use_bias: whether biases are added; `bias` is its name of 2017.
        **kwargs: `kernel_initializer` (`init`), `bias_initializer`, `kernel_regularizer` (`W_regularizer`) and their like, `input_dim`, and
            those of `Layer`.

    Input shape:
        (B, I)

    Output shape:
        (B, I)

    Raises:
        ConfigError: an unknown activation.
        ShapeError: an input of another rank, or of unknown size.

    Example:
        >>> import numpy as np
        >>> Highway(init="zeros", bias=False)(np.array([[1.0, 2.0]], "float32")).tolist()
        [[0.5, 1.0]]
    """

    def __init__(self, activation: Any = None, use_bias: bool = True, **kwargs: Any):
        super().__init__(use_bias, kwargs)
        self.activation = activations.get(activation)

    def build(self, input_shape: Any) -> None:
        width = self._width(input_shape)
        self.W = self._weight("W", (width, width))
        self.W_carry = self._weight("W_carry", (width, width))
        self.b = self._weight("b", (width,)) if self.use_bias else None
        self.b_carry = self._weight("b_carry", (width,), "ones") if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        gate, y = ops.matmul(inputs, self.W_carry), ops.matmul(inputs, self.W)
        gate = ops.sigmoid(gate if self.b_carry is None else ops.add(gate, self.b_carry))
        y = y if self.b is None else ops.add(y, self.b)
        y = y if self.activation is None else self.activation(y)
        return ops.add(ops.multiply(gate, y), ops.multiply(ops.subtract(1.0, gate), inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
