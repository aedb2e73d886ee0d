"""In which dtypes a layer computes and keeps its weights; a base of `Layer`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from symkeras import dtype_policies
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.dtype_policies.dtype_policy_map import DTypePolicyMap
from symkeras.dtype_policies.quantized_policy import MODES, NOT_OFFERED, check_mode
from symkeras.errors import ConfigError, NotOfferedError
from symkeras.graph import dtypes, provenance
from symkeras.layers.tracking import Tracker


class Precision:
    """The dtypes of a layer, by its policy."""

    _dtype_policy: DTypePolicy
    autocast: bool
    name: str
    built: bool
    call: Callable[..., Any]
    _tracker: Tracker
    _place: str | None
    _quantized_modes: ClassVar[tuple[str, ...]] = ()
    _is_quantized = False

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
        if self._is_quantized and not isinstance(policy, DTypePolicyMap) and policy.quantization_mode != self.quantization_mode is not None:
            what = f"{type(self).__name__} {self.name!r} is quantized, by {self._policy().name!r}"
            raise ConfigError(f"{what}: its weights are in few bits, and a policy of another mode does not bring them back; received {policy.name!r}")
        if isinstance(own, DTypePolicyMap) and not isinstance(policy, DTypePolicyMap) and self.path:
            if self.path in own:
                del own[self.path]
            own[self.path] = policy
        else:
            self._dtype_policy = policy
        if policy.quantization_mode is not None and self.built and not self._is_quantized:
            self.quantize(policy.quantization_mode)

    def quantize(self, mode: Any = None, config: Any = None, **kwargs: Any) -> None:
        """Keep the main weight in few bits: layers that can do it define it.

        Args:
            mode: the kind of quantization.
            config: how, in more words.
            **kwargs: what goes with it.

        Raises:
            NotOfferedError: this layer cannot.
        """
        raise self._no_mode(mode)

    def quantized_build(self, input_shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of a mode: layers that can be quantized define it.

        Args:
            input_shape: the shape of the main weight.
            mode: the kind of quantization.
            config: how, in more words.

        Raises:
            NotOfferedError: this layer cannot.
        """
        raise self._no_mode(mode)

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """What a call of the layer computes under a quantized policy.

        A layer of one's own defines `_int8_call` or `_float8_call`, with the arguments of `call`, beside `quantize` and `quantized_build`. Without
        one it is `call`, which the layers of Keras that can be quantized compute by their mode.

        Args:
            *args, **kwargs: those of `call`.
        """
        own = getattr(self, f"_{self.quantization_mode}_call", None)
        return (self.call if own is None else own)(*args, **kwargs)

    def _has_mode(self, mode: str) -> bool:
        return mode in self._quantized_modes or hasattr(self, f"_{mode}_call")

    def _check_quantizable(self, mode: str) -> None:
        """Raise ConfigError where the layer has no weights yet, is quantized already, or computes in a dtype that does not go with a mode."""
        what = f"{type(self).__name__} {self.name!r}: quantize({mode!r})"
        if not self.built:
            raise ConfigError(f"{what}: the layer is not built yet, and has no weights")
        if self._is_quantized:
            raise ConfigError(f"{what}: the layer is already quantized, by {self._policy().name!r}")
        if mode == "int8" and self.compute_dtype == "float16":
            raise ConfigError(f"{what} does not go with float16, whose range its products leave; use mixed_bfloat16")

    def _untrack_variable(self, variable: Any) -> None:
        """Own a variable no longer: a `quantize` of one's own takes the floating weight away so, as in Keras."""
        self._tracker.forget(variable)

    def _quantization_mode_error(self, mode: Any) -> NotOfferedError:
        """The error that Keras' layers raise by this name."""
        return self._no_mode(mode)

    def _no_mode(self, mode: Any) -> NotOfferedError:
        """The error of a mode that this layer does not have."""
        if mode in NOT_OFFERED:
            check_mode(mode, f"{type(self).__name__} {self.name!r}")
        modes = ", ".join(repr(one) for one in MODES if self._has_mode(one)) or "none"
        return NotOfferedError(f"{type(self).__name__} {self.name!r} has no quantization mode {mode!r}; it has {modes}")

    @property
    def quantization_mode(self) -> str | None:
        """"int8" or "float8" where the layer is quantized, or will be once it is built; else None."""
        return self._policy().quantization_mode

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


def quantizing(quantize: Callable[..., Any]) -> Callable[..., Any]:
    """`quantize` as a class of layers defines it: with mode and config made one, for a layer that can be quantized, which takes new variables
    meanwhile."""

    @functools.wraps(quantize)
    def quantized(self: Any, mode: Any = None, config: Any = None, **kwargs: Any) -> None:
        from symkeras.quantizers.quantization_config import resolved

        config = resolved(mode, config, f"{type(self).__name__} {self.name!r}: quantize")
        self._check_quantizable(config.mode)
        with provenance.layer_scope(self._place or self.name, self.path), self._tracker.unlocked():
            quantize(self, mode=config.mode, config=config, **kwargs)

    return quantized
