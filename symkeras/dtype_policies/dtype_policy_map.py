"""`DTypePolicyMap`: policies by the paths of layers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from symkeras.arguments import refusal
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.dtype_policies.global_policy import dtype_policy
from symkeras.errors import ConfigError


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers: given as `dtype` to a layer and those within it, each takes the policy of its path.

    Args:
        default_policy: for paths that no key fits; that of the process when None.
        policy_map: path -> policy. A key that is no path itself is a regular expression for whole paths: "encoder/.*".

    Raises:
        ConfigError: a default that is a map, a key that is no text, a value that is no policy.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("mixed_float16")})
        >>> policies["encoder/dense"], policies["decoder"]
        (<DTypePolicy "mixed_float16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ConfigError("DTypePolicyMap: default_policy must be a policy, received another map")
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise refusal("DTypePolicyMap: policy_map", "a dict of path to policy", policy_map, has_type=False)
        self._given = default_policy
        self._policies: dict[str, DTypePolicy] = {}
        if default_policy is not None:
            _policy(default_policy)
        for key, policy in (policy_map or {}).items():
            self[key] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy for paths that no key fits."""
        return dtype_policy() if self._given is None else _policy(self._given)

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        return self.default_policy.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        fitting = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(fitting) > 1:
            raise ConfigError(f"DTypePolicyMap: path {key!r} fits the keys {', '.join(map(repr, fitting))}; one at most may fit")
        return self._policies[fitting[0]] if fitting else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if not isinstance(key, str):
            raise refusal("DTypePolicyMap: a key", "the path of a layer", key)
        if key in self._policies:
            raise ConfigError(f"DTypePolicyMap: {key!r} has the policy {self._policies[key]} already; delete it first")
        if not isinstance(policy, DTypePolicy) or isinstance(policy, DTypePolicyMap):
            raise refusal(f"DTypePolicyMap[{key!r}]", "a DTypePolicy", policy)
        try:
            re.compile(key)
        except re.error as error:
            raise ConfigError(f"DTypePolicyMap: the key {key!r} is neither a path nor a regular expression: {error}") from error
        self._policies[key] = policy

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        default = self._given if isinstance(self._given, (str, type(None))) else serialize_keras_object(self._given)
        return {"default_policy": default, "policy_map": serialize_keras_object(self._policies)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        policies = deserialize_keras_object(config.get("policy_map") or {})
        return cls(config.get("default_policy"), policies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and (self._policies, self.default_policy) == (other._policies, other.default_policy)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default_policy={self.default_policy.name!r}, mapping={[(key, p.name) for key, p in self._policies.items()]}>"


def _policy(given: Any) -> DTypePolicy:
    from symkeras.dtype_policies.registry import get

    return get(given)
