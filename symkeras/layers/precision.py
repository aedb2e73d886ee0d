"""In which dtypes a layer computes and keeps its weights; a base of `Layer`."""

from __future__ import annotations

from typing import Any

from symkeras import dtype_policies
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.dtype_policies.dtype_policy_map import DTypePolicyMap
from symkeras.errors import ConfigError
from symkeras.graph import dtypes
from symkeras.not_offered import reason


class Precision:
    """The dtypes of a layer, by its policy."""

    _dtype_policy: DTypePolicy
    autocast: bool

    @property
    def path(self) -> str | None:
        """The layer's name behind those of the layers it was built in; None before it is built."""
        return self.__dict__.get("_path")

    @property
    def dtype_policy(self) -> DTypePolicy:
        """What says in which dtypes the layer computes and keeps its weights; set, it goes for weights that are made later."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy, own = dtype_policies.get(value), self._dtype_policy
        if isinstance(own, DTypePolicyMap) and not isinstance(policy, DTypePolicyMap) and self.path:
            if self.path in own:
                del own[self.path]
            own[self.path] = policy
        else:
            self._dtype_policy = policy

    def quantize(self, mode: Any = None, **kwargs: Any) -> None:
        """Refused, with the reason: symkeras has no weights of less than 16 bits.

        Args:
            mode: what Keras calls the kind of quantization.
            **kwargs: what goes with it.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{type(self).__name__} {getattr(self, 'name', '')!r}: quantize({mode!r}) is not offered: {reason('quantizers')}")

    def _policy(self) -> DTypePolicy:
        """The policy of this very layer, where a map was given."""
        policy = self._dtype_policy
        return policy[self.path] if isinstance(policy, DTypePolicyMap) and self.path else policy

    @property
    def compute_dtype(self) -> str:
        """The dtype that floating inputs and weights are cast to in `call`."""
        return self._policy().compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._policy().variable_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that floating inputs are cast to."""
        return self.compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of weights."""
        return self.variable_dtype

    def _read_dtype(self) -> str | None:
        """The dtype that `call` reads floating weights in; None for their own."""
        policy = self._policy()
        computed = policy.compute_dtype
        return computed if self.autocast and computed != policy.variable_dtype and dtypes.is_float(computed) else None
