"""`EinsumDense`: a dense layer over any axes, given by an equation."""

from __future__ import annotations

import copy
import re
from typing import Any

from symkeras import activations, ops, regularizers
from symkeras.arguments import axis_sizes, checked, optional, text
from symkeras.errors import ConfigError, ShapeError
from symkeras.initializers import VarianceScaling
from symkeras.layers.einsum_axes import EinsumAxes
from symkeras.layers.quantized_products import QuantizedProducts
from symkeras.layers.weight_options import options_of, refuse, set_weight_options, weight_options_config

_OPTIONS = options_of("kernel", "bias")
_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class EinsumDense(QuantizedProducts):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: such as "abc,cd->abd" or "...x,xy->...y"; the second operand is the kernel.
        output_shape: sizes of the output without the batch axis (and without what `...` stands for); None where the input decides.
        activation: name or function; none when None.
        bias_axes: letters of the output along which a bias is added; no bias when None.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights.
        kernel_constraint, bias_constraint: applied to the weights after each step.
        lora_rank, lora_alpha: see `enable_lora`, which they ask for.
        gptq_unpacked_column_size: accepted for Keras' signature, refused when given.
        quantization_config: see `quantize`; used where `dtype` is a quantized policy.
        **kwargs: those of `Layer`.

    Input shape:
        As the first term of the equation says, batch axis first.

    Output shape:
        As the last term says.

    Raises:
        ConfigError: the equation does not parse, or a letter comes from nowhere.
        ShapeError: a size of the kernel is unknown, or input and output disagree.

    Example:
        >>> import numpy as np
        >>> layer = EinsumDense("abc,cd->abd", output_shape=(None, 2), bias_axes="d", kernel_initializer="ones")
        >>> layer(np.ones((1, 2, 3))).tolist()
        [[[3.0, 3.0], [3.0, 3.0]]]
    """

    _quantized_modes = ("int8", "float8")

    @checked(equation=text, output_shape=axis_sizes, bias_axes=optional(text))
    def __init__(self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: Any = None,
                 lora_alpha: Any = None, gptq_unpacked_column_size: Any = None, quantization_config: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        refuse("EinsumDense", gptq_unpacked_column_size=gptq_unpacked_column_size)
        self._set_quantization(quantization_config)
        self._set_lora(lora_rank, lora_alpha)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        set_weight_options(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape, self.full_output_shape = einsum_shapes(self.equation, self.bias_axes, input_shape, self.partial_output_shape)
        self._axes = EinsumAxes.of(self.equation, len(input_shape))
        self._build_weight(kernel_shape, self._initializer_along_axes())
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                shape=bias_shape, initializer=self.bias_initializer, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip

        self._build_lora()

    def _initializer_along_axes(self) -> Any:
        """What the kernel begins with: a scaled variance goes by the axes that are summed over, and those that the output has."""
        initial = self.kernel_initializer
        if not isinstance(initial, VarianceScaling) or None not in (initial.input_axes, initial.output_axes):
            return initial
        terms, result = self.equation.replace(".", "").split("->")
        letters = terms.split(",")[1]
        along = copy.copy(initial)
        along.input_axes = [k for k, letter in enumerate(letters) if letter not in result]
        along.output_axes = [k for k, letter in enumerate(letters) if letter in result]
        return along

    @property
    def kernel(self) -> Any:
        """As the second term of the equation says; with LoRA the frozen kernel and its difference; quantized to int8 without LoRA, the integers."""
        return self._adapted()

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self._product(inputs, training)
        if self.bias is not None:
            x = self._added(x, self.bias)
        return self.activation(x) if self.activation is not None else x

    def _contract(self, x: Any, kernel: Any) -> Any:
        return ops.einsum(self.equation, x, kernel)

    def _gradient_of_inputs(self, upstream: Any, kernel: Any, x: Any) -> Any:
        return self._axes.gradient_of_inputs(upstream, kernel, x)

    @property
    def _scaled_axes(self) -> tuple[int, ...]:
        return self._axes.summed(self._axes.kernel)

    @property
    def _input_axes(self) -> tuple[int, ...]:
        return self._axes.summed(self._axes.inputs)

    def _scale_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes = dict(zip(self._axes.kernel, shape, strict=True))
        return tuple(sizes.get(letter, 1) for letter in self._axes.output)

    def _kept_scale(self, scale: Any) -> Any:
        return self._axes.beside_output(scale, self._axes.kernel)

    def _scale_beside_weight(self, scale: Any) -> Any:
        return self._axes.beside_kernel(scale)

    def _input_scale(self, scale: Any) -> Any:
        return self._axes.beside_output(scale, self._axes.inputs)

    def get_config(self) -> dict[str, Any]:
        own = {
            "output_shape": self.partial_output_shape, "equation": self.equation, "bias_axes": self.bias_axes,
            "activation": activations.serialize(self.activation), "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }  # fmt: skip
        return {**super().get_config(), **own, **weight_options_config(self, *_OPTIONS)}


def einsum_shapes(equation: str, bias_axes: str | None, input_shape: Any, output_shape: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """The shapes of kernel, bias (None without one) and output that an equation asks for.

    >>> einsum_shapes("abc,cd->abd", "d", (None, 5, 3), (None, 4))
    ((3, 4), (4,), (None, 5, 4))
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    if not match or (bool(match[1]), bool(match[3])) != (bool(match[5]), bool(match[7])) or (match[1] and match[3]):
        raise ConfigError(f"EinsumDense: {equation!r} is no equation such as 'ab,bc->ac', '...x,xy->...y' or 'ab...,bc->ac...'")
    letters, kernel, result = match[2], match[4], match[6]
    elided = len(input_shape) - len(letters)
    if elided < 0 or (elided > 0 and not match[1] and not match[3]):
        raise ShapeError(f"EinsumDense {equation!r} names {len(letters)} axes, received input shape {tuple(input_shape)}")
    before = elided if match[1] else 0
    dots = tuple(input_shape[:before] if match[1] else input_shape[len(letters) :])
    inputs = dict(zip(letters, input_shape[before:], strict=False))
    sizes = output_shape if before else (input_shape[0], *output_shape)
    if len(sizes) != len(result):
        raise ShapeError(
            f"EinsumDense {equation!r} gives {len(result)} axes, received output_shape {tuple(output_shape)} for input shape {tuple(input_shape)}"
        )
    outputs: dict[str, Any] = {}
    for letter, size in zip(result, sizes, strict=True):
        if letter not in inputs and letter not in kernel:
            raise ConfigError(f"EinsumDense {equation!r}: {letter!r} is in the output and nowhere else")
        known = inputs.get(letter)
        if size is not None and known is not None and size != known:
            raise ShapeError(f"EinsumDense {equation!r}: {letter!r} is {known} in the input and {size} in output_shape {tuple(output_shape)}")
        outputs[letter] = known if size is None else size
    for letter in kernel:
        if inputs.get(letter, outputs.get(letter)) is None:
            raise ShapeError(f"EinsumDense {equation!r}: the size of {letter!r} is unknown for input shape {tuple(input_shape)}")
    kernel_shape = tuple(inputs.get(letter, outputs.get(letter)) for letter in kernel)
    full = (*dots, *outputs.values()) if match[1] else (*outputs.values(), *dots)
    return kernel_shape, _bias_shape(equation, bias_axes, result, outputs, 0 if match[1] else len(dots)), full


def _bias_shape(equation: str, bias_axes: str | None, result: str, outputs: dict[str, Any], after: int) -> tuple[Any, ...] | None:
    if bias_axes is None or bias_axes == "":
        return None
    unknown = [letter for letter in bias_axes if letter not in result]
    if unknown:
        raise ConfigError(f"EinsumDense {equation!r}: bias_axes {bias_axes!r} names {unknown[0]!r}, which is no axis of the output")
    first = min(result.index(letter) for letter in bias_axes)
    return tuple(outputs[letter] if letter in bias_axes else 1 for letter in result[first:]) + (1,) * after
