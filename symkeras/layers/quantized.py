"""A main weight in int8 with a scale for each channel: what `quantize` of Dense, EinsumDense and embeddings does.

How the products of the first two go then is in `quantized_products.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.errors import ConfigError, NotOfferedError
from symkeras.graph.variable import Variable
from symkeras.layers.low_rank import LowRank
from symkeras.quantizers.abs_max import abs_max_quantize
from symkeras.quantizers.quantization_config import QuantizationConfig
from symkeras.quantizers.quantizer import AbsMaxQuantizer


class Quantized(LowRank):
    """A layer whose main weight may be kept in int8; W is then near the integers divided by their scale.

    A subclass says `_quantized_modes` in its own body: what inherits it may use the weight in another way, and is quantized with
    `type_check=False` alone.

    Attributes:
        quantization_config: what `quantize` was given, None before.
    """

    quantization_config: QuantizationConfig | None = None

    def _set_quantization(self, config: Any) -> None:
        """Take the argument of a constructor; a policy asks for what it describes."""
        if isinstance(config, Mapping):
            from symkeras.saving.serialization import deserialize_keras_object

            config = deserialize_keras_object(config)
        if config is not None and not isinstance(config, QuantizationConfig):
            raise ConfigError(f"{type(self).__name__}: quantization_config must be a QuantizationConfig or None, received {config!r}")
        self.quantization_config = config

    # ---- weights -----------------------------------------------------------------------------------------------------

    def _build_weight(self, shape: Any, initializer: Any) -> None:
        """Make the main weight, as integers and scale where the policy says so."""
        mode, name = self.quantization_mode, self.adapts
        if mode is not None:
            self.quantized_build(shape, mode, self.quantization_config)
        if mode != "int8":
            options = {option: getattr(self, f"{name}_{option}") for option in ("regularizer", "constraint")}
            setattr(self, f"_{name}", self.add_weight(shape=shape, initializer=initializer, name=name, **options))

    def quantized_build(self, input_shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of a mode; `quantize` and `build` do it.

        Args:
            input_shape: the shape of the main weight, which Keras calls so.
            mode: "int8", or another that the layer has.
            config: a `QuantizationConfig` or None.

        Raises:
            NotOfferedError: the layer has no such mode.
        """
        if mode not in self._quantized_modes:
            raise self._no_mode(mode)
        getattr(self, f"_{mode}_build")(tuple(input_shape), config)
        self._is_quantized = True

    def _int8_build(self, shape: tuple[int, ...], config: Any) -> None:
        self.inputs_quantizer = QuantizationConfig.activation_quantizer_or_default(config, AbsMaxQuantizer())
        self._add_integers(self.adapts, shape, self._scale_shape(shape))

    def _add_integers(self, name: str, shape: tuple[int, ...], scale_shape: tuple[int, ...]) -> None:
        """The variables of a weight called `name`, kept in the attribute with an underscore before where it is the main one."""
        attribute = f"_{name}" if name == self.adapts else name
        setattr(self, attribute, self.add_weight(shape=shape, initializer="zeros", dtype="int8", trainable=False, name=name))
        scale = self.add_weight(shape=scale_shape, initializer="ones", trainable=False, name=f"{name}_scale")
        setattr(self, f"{name}_scale", scale)

    # ---- scales: a subclass says along which axes of its weight one goes, and how the variable lies ------------------------

    _scaled_axes: Any = 0

    def _scale_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the variable for a weight of some shape."""
        return tuple(size for k, size in enumerate(shape) if k != self._scaled_axes % len(shape))

    def _kept_scale(self, scale: Any) -> Any:
        """A scale with the axes of the weight, as the variable lies."""
        return ops.squeeze(scale, self._scaled_axes)

    def _scale_beside_weight(self, scale: Any) -> Any:
        """The variable, laid out so that the weight can be divided by it."""
        return ops.expand_dims(scale, self._scaled_axes)

    @property
    def _scale_variable(self) -> Variable:
        return getattr(self, f"{self.adapts}_scale")

    # ---- quantize ----------------------------------------------------------------------------------------------------

    def quantize(self, mode: Any = None, config: Any = None, type_check: bool = True) -> None:
        """Keep the main weight in few bits from now on; what was compiled before goes on with the old one, `Model.quantize` forgets it.

        Args:
            mode: "int8"; Dense and EinsumDense have "float8" as well, for training.
            config: a `QuantizationConfig` with quantizers of your own.
            type_check: whether a subclass of a layer of Keras is refused, since it may use the weight in another way.

        Raises:
            ConfigError: the layer is not built, is quantized already, or computes in float16; or `mode` is none.
            NotOfferedError: the layer has no such mode.

        >>> from symkeras import layers
        >>> layer = layers.Dense(100)
        >>> layer.build((None, 50))
        >>> layer.quantize("int8")
        >>> [(w.name, w.dtype, w.shape) for w in layer.weights]
        [('bias', 'float32', (100,)), ('kernel', 'int8', (50, 100)), ('kernel_scale', 'float32', (100,))]
        """
        if type_check and "_quantized_modes" not in vars(type(self)):
            what = f"{type(self).__name__} {self.name!r}: quantize"
            raise NotOfferedError(f"{what}: a subclass may use the {self.adapts} in a way of its own; quantize it with type_check=False")
        if mode not in self._quantized_modes:
            raise self._no_mode(mode)
        self.quantization_config = config
        getattr(self, f"_quantize_{mode}")(config)
        if self.quantization_mode is None:
            self.dtype_policy = f"{mode}_from_{self._policy().name}"

    def _quantize_int8(self, config: QuantizationConfig) -> None:
        weight = self._frozen
        integers, scale = self._integers_of(weight, config, self._scaled_axes)
        scale = self._kept_scale(scale)
        delattr(self, f"_{self.adapts}")
        self.quantized_build(weight.shape, "int8", config)
        self._frozen.set(integers)
        self._scale_variable.set(scale)

    def _integers_of(self, weight: Variable, config: QuantizationConfig, axes: Any) -> tuple[Any, Any]:
        quantizer = QuantizationConfig.weight_quantizer_or_default(config, AbsMaxQuantizer(axes))
        return quantizer(weight.numpy(), to_numpy=True)

    # ---- with a difference of low rank, and in files ---------------------------------------------------------------------

    def _base(self) -> Any:
        if self.quantization_mode != "int8":
            return super()._base()
        return ops.divide(self._frozen, self._scale_beside_weight(self._scale_variable))

    def _merged(self) -> dict[int, Any]:
        if self.quantization_mode != "int8":
            return super()._merged()
        integers, scale = abs_max_quantize(np.asarray(self._adapted()), self._scaled_axes, to_numpy=True)
        return {self._frozen.uid: integers, self._scale_variable.uid: self._kept_scale(scale)}

    def _stored_variables(self) -> list[Variable]:
        """The main weight, the bias, then the rest, however the layer came to have them."""
        first = (getattr(self, f"_{self.adapts}", None), getattr(self, "bias", None))
        return sorted(super()._stored_variables(), key=lambda v: next((k for k, one in enumerate(first) if v is one), 2))

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {**super().get_config(), "quantization_config": serialize_keras_object(self.quantization_config)}
