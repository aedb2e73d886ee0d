"""How a layer is to be quantized: the mode, and what makes small numbers of its weights and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.dtype_policies.quantized_policy import check_mode
from symkeras.errors import ConfigError, NotOfferedError
from symkeras.quantizers.quantizer import AbsMaxQuantizer


class QuantizationConfig:
    """How a layer is to be quantized; use a subclass.

    Args:
        weight_quantizer: makes small numbers of weights; that of the layer when None.
        activation_quantizer: makes small numbers of inputs; they stay as they are when None.

    Raises:
        ConfigError: a quantizer that cannot be called.

    >>> QuantizationConfig.weight_quantizer_or_default(None, "the default")
    'the default'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None):
        for name, given in (("weight_quantizer", weight_quantizer), ("activation_quantizer", activation_quantizer)):
            if given is not None and (isinstance(given, type) or not callable(given)):
                raise ConfigError(f"{type(self).__name__}: {name} must be a Quantizer or None, received {given!r}")
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def mode(self) -> str:
        """The name of the mode; a subclass says it."""
        raise NotOfferedError(f"{type(self).__name__} does not define mode; use Int8QuantizationConfig or Float8QuantizationConfig")

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs."""
        from symkeras.saving.serialization import serialize_keras_object

        return {name: serialize_keras_object(getattr(self, name)) for name in ("weight_quantizer", "activation_quantizer")}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A quantization config from its config."""
        from symkeras.saving.serialization import deserialize_keras_object

        return cls(**{name: deserialize_keras_object(config.get(name)) for name in ("weight_quantizer", "activation_quantizer")})

    @staticmethod
    def weight_quantizer_or_default(config: QuantizationConfig | None, default: Any) -> Any:
        """The quantizer of weights that `config` names; `default` where it names none."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config: QuantizationConfig | None, default: Any) -> Any:
        """The quantizer of inputs that `config` names, None among them; `default` without a config."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in int8, one scale per output channel, and inputs in int8, with scales found when the layer is called.

    Args:
        weight_quantizer: makes int8 of weights; by the largest magnitude when None.
        activation_quantizer: makes int8 of inputs; by the largest magnitude when "default"; None leaves them floating.

    Raises:
        ConfigError: a `weight_quantizer` of another dtype than int8, or no quantizer.

    >>> Int8QuantizationConfig(activation_quantizer=None).mode
    'int8'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default"):
        is_default = isinstance(activation_quantizer, str) and activation_quantizer == "default"
        super().__init__(weight_quantizer, AbsMaxQuantizer() if is_default else activation_quantizer)
        dtype = getattr(weight_quantizer, "output_dtype", "int8")
        if dtype != "int8":
            raise ConfigError(f"Int8QuantizationConfig: weight_quantizer must have output_dtype 'int8', received {dtype!r}")

    @property
    def mode(self) -> str:
        return "int8"


class Float8QuantizationConfig(QuantizationConfig):
    """Training whose products take float8, with scales by the largest magnitudes of the last steps; it has no settings.

    >>> Float8QuantizationConfig().mode
    'float8'
    """

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        return cls()


_BY_MODE: dict[str, type[QuantizationConfig]] = {"int8": Int8QuantizationConfig, "float8": Float8QuantizationConfig}


def resolved(mode: Any, config: Any, where: str) -> QuantizationConfig:
    """The config that a mode, a config, or both mean.

    Raises:
        ConfigError: neither is given, or they say different things.
        NotOfferedError: a mode of Keras that symkeras does not have.
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode is not None:
        check_mode(mode, where)
    if config is None:
        if mode is None:
            raise ConfigError(f"{where}: give a mode or a config")
        return _BY_MODE[mode]()
    if not isinstance(config, QuantizationConfig):
        raise ConfigError(f"{where}: config must be a QuantizationConfig, received {config!r}")
    if mode is not None and config.mode != mode:
        raise ConfigError(f"{where}: mode is {mode!r}, and that of config {config.mode!r}")
    check_mode(config.mode, where)
    return config
