"""Policies of layers that keep weights, or take products, in 8 bits."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import checked, optional, positive_int, text
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.errors import ConfigError, NotOfferedError, nearest
from symkeras.not_offered import mode_reason

MODES = ("int8", "float8")
NOT_OFFERED = ("int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a layer that is quantized: it computes, and keeps its other weights, as the policy it came from says.

    Args:
        mode: "int8" or "float8".
        source_name: the name of the policy it came from; that of the process when None.

    Raises:
        ConfigError: an unknown mode or name; "int8" from a policy that computes in float16.
        NotOfferedError: a mode of Keras that symkeras does not have.

    Example:
        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.quantization_mode, policy.variable_dtype
        ('int8_from_mixed_bfloat16', 'int8', 'float32')
    """

    @checked(mode=text, source_name=optional(text))
    def __init__(self, mode: str, source_name: str | None = None):
        check_mode(mode, type(self).__name__)
        super().__init__(source_name)
        if mode == "int8" and self.compute_dtype == "float16":
            raise ConfigError(f"{type(self).__name__}: mode 'int8' does not go with float16, whose range its products leave; use mixed_bfloat16")
        self._mode, self._source_name = mode, self._name
        self._name = f"{mode}_from_{self._name}"

    @property
    def quantization_mode(self) -> str:
        return self._mode

    def get_config(self) -> dict[str, Any]:
        return {"mode": self._mode, "source_name": self._source_name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.get_config() == other.get_config()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self._name}">'


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer whose products take float8 in training.

    Args:
        mode: "float8".
        source_name: the name of the policy it came from; that of the process when None.
        amax_history_length: of how many steps the largest magnitudes are kept.

    Raises:
        ConfigError: an unknown mode or name, or `amax_history_length` is no positive integer.

    Example:
        >>> QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=16).name
        'float8_from_float32'
    """

    default_amax_history_length = 1024

    @checked(amax_history_length=positive_int)
    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024):
        super().__init__(mode, source_name)
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """Of how many steps the largest magnitudes are kept."""
        return self._amax_history_length

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


def check_mode(mode: Any, where: str) -> None:
    """Refuse what is no mode, and with its reason a mode that is not offered."""
    if isinstance(mode, str) and mode.partition("/")[0] in NOT_OFFERED:
        raise NotOfferedError(f"{where}: mode {mode!r} is not offered: {mode_reason(mode.partition('/')[0])}")
    if not isinstance(mode, str) or mode not in MODES:
        raise ConfigError(f"{where}: mode must be one of {', '.join(map(repr, MODES))}, received {mode!r}.{nearest(str(mode), MODES)}")


def quantized(name: str) -> QuantizedDTypePolicy:
    """The quantized policy of a name.

    >>> quantized("int8_from_float32")
    <QuantizedDTypePolicy "int8_from_float32">
    """
    mode, _, source = name.partition("_from_")
    return QuantizedFloat8DTypePolicy(mode, source) if mode == "float8" else QuantizedDTypePolicy(mode, source)
