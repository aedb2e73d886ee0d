"""`MultiOptimizer`: an optimizer of its own for each part of a model, by the paths of variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from symkeras.arguments import checked, function, optional, positive, refusal, text
from symkeras.errors import ConfigError
from symkeras.graph import provenance
from symkeras.graph.variable import Variable
from symkeras.optimizers.loss_scale_optimizer import LossScaleOptimizer
from symkeras.optimizers.optimizer import Optimizer


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Optimizers by the paths of variables; called with a variable it gives the one of its path.

    Args:
        default_optimizer: for variables that no key fits.
        optimizer_map: path -> optimizer. A key that is no path itself is a regular expression for whole paths: "encoder/.*".

    Raises:
        ConfigError: what is given is no optimizer, a key is there already, or several keys fit a path.

    Example:
        >>> from symkeras.optimizers import SGD, Adam
        >>> chosen = OptimizerMap(SGD(name="rest"), {"encoder/.*": Adam(name="inner")})
        >>> chosen["encoder/dense/kernel"].name, chosen["decoder/kernel"].name
        ('inner', 'rest')
    """

    def __init__(self, default_optimizer: Any, optimizer_map: Mapping[str, Any] | None = None):
        if optimizer_map is not None and not isinstance(optimizer_map, Mapping):
            raise refusal("OptimizerMap: optimizer_map", "a dict of path to optimizer", optimizer_map)
        self._default = _one(default_optimizer, "OptimizerMap: default_optimizer")
        self._optimizers: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer for variables that no key fits."""
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        fitting = [pattern for pattern in self._optimizers if re.fullmatch(pattern, key)]
        if len(fitting) > 1:
            raise ConfigError(f"OptimizerMap: path {key!r} fits the keys {', '.join(map(repr, fitting))}; one at most may fit")
        return self._optimizers[fitting[0]] if fitting else self._default

    def __setitem__(self, key: str, optimizer: Any) -> None:
        if not isinstance(key, str):
            raise refusal("OptimizerMap: a key", "the path of a variable", key)
        if key in self._optimizers:
            raise ConfigError(f"OptimizerMap: {key!r} has the optimizer {self._optimizers[key].name!r} already; delete it first")
        try:
            re.compile(key)
        except re.error as error:
            raise ConfigError(f"OptimizerMap: the key {key!r} is neither a path nor a regular expression: {error}") from error
        self._optimizers[key] = _one(optimizer, f"OptimizerMap[{key!r}]")

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __contains__(self, key: object) -> bool:
        return key in self._optimizers

    def __len__(self) -> int:
        return len(self._optimizers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this map again."""
        from symkeras.saving.serialization import serialize_keras_object

        return {"default_optimizer": serialize_keras_object(self._default), "optimizer_map": serialize_keras_object(self._optimizers)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A map from its config."""
        from symkeras.optimizers.registry import deserialize

        given = config.get("optimizer_map") or {}
        if not isinstance(given, Mapping):
            raise ConfigError(f"OptimizerMap.from_config: optimizer_map must be a dict of path to config, received {given!r}")
        read = {key: one if isinstance(one, Optimizer) else deserialize(one, custom_objects) for key, one in given.items()}
        return cls(deserialize(config.get("default_optimizer") or {}, custom_objects), read)


class MultiOptimizer(Optimizer):
    """Each variable is updated by the optimizer that is chosen for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to an optimizer.
        loss_scale_factor: that of all optimizers chosen, in the place of theirs.
        name: made from the class name when None.

    Raises:
        ConfigError: what is chosen is no optimizer, or one that consists of others.

    Example:
        >>> import numpy as np
        >>> from symkeras.optimizers import SGD
        >>> a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
        >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"b": SGD(0.25)}))
        >>> optimizer.apply([np.float32([1.0]), np.float32([1.0])], [a, b])
        >>> a.numpy().tolist(), b.numpy().tolist()
        ([0.5], [0.75])
    """

    @checked(optimizer_map=function, loss_scale_factor=optional(positive), name=optional(text))
    def __init__(self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None):
        self._inner: list[Optimizer] = []
        self._chosen: dict[Variable, Optimizer] = {}
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Any) -> Optimizer:
        if not any(one is optimizer for one in self._inner):
            self._inner.append(_one(optimizer, "MultiOptimizer: what optimizer_map gives"))
            optimizer.loss_scale_factor = self.loss_scale_factor
        return optimizer

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers chosen from."""
        return list(self._inner)

    @property
    def variables(self) -> list[Variable]:
        """Own state, then that of each optimizer."""
        return [*self._variables, *(v for optimizer in self._inner for v in optimizer.variables)]

    @property
    def learning_rate(self) -> Any:
        """None for the whole: each of `optimizers` has its own."""
        raise AttributeError("a MultiOptimizer has no learning rate: each of its optimizers has one")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(f"a MultiOptimizer has no learning rate: set {value!r} on one of its optimizers")

    lr = learning_rate

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied and the gradients of all optimizers are divided by."""
        return self.__dict__.get("_loss_scale_factor")

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner:
            optimizer.loss_scale_factor = value

    def build(self, variables: Sequence[Variable]) -> None:
        for v in (v for v in variables if v not in self._chosen):
            self._chosen[v] = self._take(self._optimizer_map(v))
        for optimizer in self._inner:
            own = [v for v in variables if self._chosen[v] is optimizer]
            if own:
                optimizer.build(own)
        super().build(variables)

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        if not len(grads):
            return
        pairs = self._present(grads, self._variables_for(grads, trainable_variables))
        for optimizer in self._inner:
            own = [(g, v) for g, v in pairs if self._chosen[v] is optimizer]
            if own:
                optimizer.apply_gradients(own)
        with provenance.part_scope("optimizer"), provenance.layer_scope(self.name):
            self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        for optimizer in self._inner if self.built else ():
            own = [v for v in var_list if self._chosen[v] is optimizer]
            if own:
                optimizer.finalize_variable_values(own)

    def _state_names(self) -> tuple[str, ...]:
        """Keras' files have the state of each optimizer a second time, below this list."""
        return ("optimizers",)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {"optimizer_map": serialize_keras_object(self._optimizer_map), "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        from symkeras.saving.registration import CustomObjectScope
        from symkeras.saving.serialization import deserialize_keras_object

        with CustomObjectScope(custom_objects):
            chosen = deserialize_keras_object(config.get("optimizer_map"))
        return cls(**{**config, "optimizer_map": chosen})


def _one(optimizer: Any, where: str) -> Optimizer:
    """An optimizer that updates variables itself."""
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        raise refusal(where, "an Optimizer that is neither a LossScaleOptimizer nor a MultiOptimizer", optimizer)
    return optimizer
