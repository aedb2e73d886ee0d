"""Dtype policies from names, dtypes and configs, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.arguments import refusal
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.dtype_policies.global_policy import dtype_policy
from symkeras.dtype_policies.quantized_policy import quantized
from symkeras.errors import ConfigError, DtypeError
from symkeras.graph import dtypes


def get(identifier: Any) -> DTypePolicy:
    """The dtype policy that a name, dtype, config or policy means; that of the process for None.

    Args:
        identifier: the name, config or policy.

    Raises:
        ConfigError: it means none, or one that symkeras does not have.

    >>> get("mixed_float16"), get(float)
    (<DTypePolicy "mixed_float16">, <DTypePolicy "float32">)
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return quantized(identifier) if "_from_" in identifier else DTypePolicy(identifier)
    named = getattr(identifier, "name", None)
    try:
        return DTypePolicy(named if isinstance(named, str) else dtypes.standardize(identifier))
    except (ConfigError, DtypeError) as error:
        raise refusal("dtype", "a dtype, the name of a dtype policy, or a DTypePolicy", identifier) from error


def serialize(dtype_policy: DTypePolicy) -> Any:
    """The config of a dtype policy.

    Args:
        dtype_policy: the policy.

    >>> serialize(DTypePolicy("float32"))["config"]
    {'name': 'float32'}
    """
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(dtype_policy)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The dtype policy that a config describes.

    Args:
        config: what `serialize` gave.
        custom_objects: name -> class, beside the registered ones.

    Raises:
        ConfigError: it describes something else, or a policy that symkeras does not have.

    >>> deserialize(serialize(DTypePolicy("mixed_float16"))).compute_dtype
    'float16'
    """
    from symkeras.saving.registration import CustomObjectScope
    from symkeras.saving.serialization import deserialize_keras_object

    if not isinstance(config, Mapping) or "config" not in config:
        raise ConfigError(f"a dtype given as a config holds the config of a policy, received {config!r}")
    complete = config if "class_name" in config else {"class_name": "DTypePolicy", **config}
    with CustomObjectScope(custom_objects):
        found = deserialize_keras_object(complete)
    if not isinstance(found, DTypePolicy):
        raise ConfigError(f"a dtype given as a config holds the config of a policy, received {config!r}")
    return found
