"""`DTypePolicy`: the dtype that a layer computes in, and the one of its weights."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ConfigError, DtypeError, nearest
from symkeras.graph import dtypes

MIXED = {"mixed_float16": ("float16", "float32"), "mixed_bfloat16": ("bfloat16", "float32")}
"""Policies that compute in another dtype than they keep weights in: name -> (compute dtype, variable dtype)."""


class DTypePolicy:
    """The dtype that a layer computes in, and the one of its weights.

    Args:
        name: a dtype for both, such as "float32"; or "mixed_float16" or "mixed_bfloat16", which compute in 16 bits and keep weights in float32.
            That of the process (`config.dtype_policy`) when None.

    Raises:
        ConfigError: an unknown name; that of a quantized policy, which `dtype_policies.get` makes.
        DtypeError: the name is no text; bfloat16 without the package `ml_dtypes`.

    Example:
        >>> policy = DTypePolicy("mixed_float16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('float16', 'float32')
        >>> DTypePolicy("float64").variable_dtype
        'float64'
    """

    def __init__(self, name: str | None = None):
        if name is None:
            from symkeras.dtype_policies.global_policy import dtype_policy

            name = dtype_policy().name
        if not isinstance(name, str):
            raise DtypeError(f"DTypePolicy: name must be a text such as 'mixed_float16', received {name!r} of type {type(name).__name__}")
        self._name = name
        self._compute_dtype, self._variable_dtype = _dtypes_of(name)

    @property
    def name(self) -> str:
        """The name it was made with."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype that floating inputs and weights are cast to before a layer computes."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The mode of a `QuantizedDTypePolicy`; None for any other."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """`x` in `dtype` where it is a floating tensor or array and `autocast` says so.

        Args:
            x: a tensor, an array, or anything else, which comes back as it is.
            autocast: whether floating numbers are cast at all.
            dtype: what they are cast to.

        >>> import numpy as np
        >>> DTypePolicy("mixed_float16").convert_input(np.ones(2, "float32"), True, "float16").dtype
        dtype('float16')
        """
        from symkeras import ops

        if not autocast or not hasattr(x, "dtype") or not dtypes.is_float(ops.op.dtype_of(x)):
            return x
        return ops.cast(x, dtype)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this policy again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A policy from its config."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(other) in (DTypePolicy, FloatDTypePolicy) and self._name == other._name  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name for `DTypePolicy`.

    Raises:
        DtypeError: no policy of floats.
    """


def _dtypes_of(name: str) -> tuple[str, str]:
    """The dtypes of computation and of variables that a name means."""
    if name in MIXED:
        return dtypes.standardize(MIXED[name][0]), MIXED[name][1]
    if "_from_" in name:
        raise ConfigError(f"DTypePolicy: {name!r} is the name of a quantized policy; write dtype_policies.get({name!r})")
    if name in dtypes.ALL:
        return dtypes.standardize(name), name
    try:
        dtype = dtypes.standardize(name)
    except DtypeError:
        raise ConfigError(
            f"Cannot convert {name!r} to a dtype policy; known are dtypes, and 'mixed_float16'.{nearest(name, (*dtypes.ALL, *MIXED))}"
        ) from None
    return dtype, dtype
