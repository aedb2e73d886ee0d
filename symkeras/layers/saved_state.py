"""What files keep of a layer: its config and its own variables; a base of `Layer`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from symkeras import dtype_policies
from symkeras.arguments import checked, instance, settings
from symkeras.dtype_policies.dtype_policy import DTypePolicy, FloatDTypePolicy
from symkeras.errors import ShapeError
from symkeras.graph.variable import Variable
from symkeras.layers.operation import Operation
from symkeras.layers.owned_weights import OwnedWeights

_STORE = instance(Mapping, "a dict or a part of a file")  # type: ignore[type-abstract]


class SavedState(OwnedWeights, Operation):
    """Configs, and the part of a file that is the layer's own."""

    activity_regularizer: Any
    _dtype_policy: DTypePolicy

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this layer again, weights aside."""
        base: dict[str, Any] = {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}
        if self.activity_regularizer is not None:
            from symkeras import regularizers

            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is SavedState.get_config:
            base |= self._init_config()
        return base

    def _init_config(self) -> dict[str, Any]:
        """The arguments of `__init__` as they were given, for layers that do not write `get_config`."""
        args, kwargs = self._init_arguments
        names = [p.name for p in inspect.signature(type(self).__init__).parameters.values()][1:]
        given = dict(zip(names, args, strict=False)) | kwargs
        return {k: v for k, v in given.items() if k not in ("name", "trainable", "dtype")}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        config = dict(config)
        if isinstance(config.get("dtype"), (dict, DTypePolicy)):
            policy = dtype_policies.get(config["dtype"])
            config["dtype"] = policy.name if type(policy) in (DTypePolicy, FloatDTypePolicy) else policy
        return super().from_config(config)

    @checked(store=_STORE)
    def save_own_variables(self, store: Any) -> None:
        """Put this layer's own variables into `store` under "0", "1", ..."""
        for k, value in enumerate(self._stored_values()):
            store[str(k)] = value

    @checked(store=_STORE)
    def load_own_variables(self, store: Any) -> None:
        """Read this layer's own variables from `store`."""
        own = self._stored_variables()
        self._check_stored(store, len(own))
        for k, v in enumerate(own):
            v.set(np.asarray(store[str(k)]))

    def _stored_variables(self) -> list[Variable]:
        """The own variables that a file has, in its order."""
        return self._tracker.weights

    def _stored_values(self) -> list[Any]:
        """What a file has of them."""
        return [v.numpy() for v in self._stored_variables()]

    def _check_stored(self, store: Any, count: int) -> None:
        if len(store.keys()) != count:
            raise ShapeError(f"layer {self.name!r} has {count} own variables, the file holds {len(store.keys())}")

    _state_kind = "layer"

    def _state_variables(self) -> list[Variable] | None:
        """The own variables that a file has, in order; None for a class that reads them in its own way."""
        return self._stored_variables() if type(self).load_own_variables is SavedState.load_own_variables else None

    def _variables_written(self) -> list[Variable]:
        """What reading this layer from a file may write."""
        return self._state
