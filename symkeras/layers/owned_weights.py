"""The weights of a layer and of those below it; a base of `Layer`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.arguments import boolean, checked, one_of, optional, real_numbers, several, text
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dtypes, provenance
from symkeras.graph.ownership import note_change
from symkeras.graph.variable import Variable, first_value
from symkeras.layers.calls import _context
from symkeras.layers.replay import evaluated
from symkeras.layers.tracking import Tracker

if TYPE_CHECKING:
    from symkeras.layers.layer import Layer

_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")


_NAME_FIRST = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
"""The order of arguments of `add_weight` in Keras 2, where the first was a name."""


def _name_first(add: Callable[..., Variable]) -> Callable[..., Variable]:
    """`add_weight`, which takes the order of Keras 2, too: there the first argument is a text."""

    @functools.wraps(add)
    def added(self: Any, *args: Any, **kwargs: Any) -> Variable:
        if args and isinstance(args[0], str):
            given = dict(zip(_NAME_FIRST, args, strict=False))
            if len(args) > len(_NAME_FIRST) or not given.keys().isdisjoint(kwargs):
                raise ConfigError(f"layer {self.name!r}: add_weight({args[0]!r}, ...) takes {', '.join(_NAME_FIRST[1:])} after the name, each once")
            args, kwargs = (), {**kwargs, **given}
        return add(self, *args, **kwargs)

    return added


class OwnedWeights:
    """What a layer holds and trains, in order of definition."""

    name: str
    path: str | None
    built: bool
    variable_dtype: str
    quantization_mode: str | None
    _has_mode: Any
    _no_mode: Any
    _tracker: Tracker
    _trainable: bool

    @_name_first
    @checked(trainable=boolean, autocast=boolean, overwrite_with_gradient=boolean, name=optional(text), aggregation=optional(one_of(*_AGGREGATIONS)))
    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                   regularizer: Any = None, constraint: Any = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
                   name: str | None = None) -> Variable:  # fmt: skip
        """A new weight of this layer.

        Args:
            shape: sizes of its axes, `()` by default; a text here is the name, as first argument in Keras 2.
            initializer: name, object or function; Glorot uniform for floats, zeros otherwise, when None.
            dtype: the layer's variable dtype when None.
            trainable: whether it receives gradients.
            autocast: whether it is read in the dtype that the layer computes in, where that is another one.
            regularizer, constraint: applied to it while training.
            aggregation: for Keras' signature, where each device has a variable of its own to be brought together; here there is one.
            overwrite_with_gradient: whether optimizers assign its gradient to it, which `ops.custom_gradient` chooses, as a running statistic.
            name: shown in summaries and files.
        """
        from symkeras import constraints, initializers, regularizers

        mode = self.quantization_mode
        if mode is not None and not self._has_mode(mode):
            raise self._no_mode(mode)
        shape = () if shape is None else tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if any(not isinstance(d, (int, np.integer)) for d in shape):
            raise ShapeError(f"layer {self.name!r}: a weight {name or ''} of shape {shape} needs known sizes; give the input's sizes")
        dtype = dtypes.standardize(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        initial = initializers.get(initializer)
        with provenance.layer_scope(self.name) if self.path is None else nullcontext():  # made by the constructor, outside of `build`
            variable = Variable(
                lambda shape, dtype: evaluated(first_value(initial, shape, dtype)), shape=shape, dtype=dtype, trainable=trainable, name=name,
                regularizer=regularizers.get(regularizer), constraint=constraints.get(constraint), autocast=autocast,
            )  # fmt: skip
        variable.is_frozen = not self._trainable
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._tracker.add(variable)
        return variable

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, trainable: bool = True, autocast: bool = True, regularizer: Any = None,
                     constraint: Any = None, name: str | None = None) -> Variable:  # fmt: skip
        """A new weight of this layer; see `add_weight`."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    @property
    def trainable(self) -> bool:
        """Whether the weights of this layer and its sublayers receive gradients."""
        return _context.trainable.get(self, self._trainable) if _context.trainable else self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        note_change()
        object.__setattr__(self, "_trainable", value)
        for v in self._tracker.weights:
            v.is_frozen = not value
        for layer in self._layers:
            layer.trainable = value

    @property
    def _layers(self) -> list[Layer]:
        return self._tracker.layers

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """This layer and all below it, each once, in order of definition."""
        seen: dict[int, Layer] = {}
        stack: list[Any] = [self] if include_self else list(reversed(self._layers))
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen[id(layer)] = layer
                if recursive or layer is self:
                    stack.extend(reversed(layer._layers))
        return list(seen.values())

    def _collect(self, own: Callable[[Layer], Sequence[Variable]]) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in self._flatten_layers():
            for v in own(layer):
                found.setdefault(v.uid, v)
        return list(found.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights: own trainable ones, own others, then those of sublayers."""
        return self._collect(lambda layer: layer._tracker.weights)

    @property
    def variables(self) -> list[Variable]:
        """Weights, and the seeds of random layers; what metrics hold is in `metrics_variables`."""
        measured = {v.uid for v in self.metrics_variables}
        return [v for v in self._state if v.uid not in measured]

    @property
    def _state(self) -> list[Variable]:
        """All variables below this layer, those of metrics among them."""
        return self._collect(lambda layer: layer._tracker.variables)

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that receive gradients."""
        frozen = {v.uid for layer in self._flatten_layers() if not layer.trainable for v in layer.weights}
        return [v for v in self.weights if v.is_parameter and v.uid not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Weights that do not receive gradients."""
        trainable = {v.uid for v in self.trainable_weights}
        return [v for v in self.weights if v.uid not in trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All state that does not receive gradients."""
        trainable = {v.uid for v in self.trainable_weights}
        return [v for v in self.variables if v.uid not in trainable]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that this layer and those below it hold."""
        return list({id(m): m for layer in self._flatten_layers() for m in layer._tracker.metrics}.values())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of all metrics."""
        return [v for m in self.metrics for v in m.variables]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    @checked(weights=several(real_numbers))
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights; nothing changes when one does not fit.

        Raises:
            ShapeError: another number of arrays, or another shape.
        """
        own, given = self.weights, [np.asarray(w) for w in weights]
        if len(own) != len(given):
            raise ShapeError(f"layer {self.name!r} has {len(own)} weights, received {len(given)} arrays")
        for v, w in zip(own, given, strict=True):
            if v.shape != w.shape:
                raise ShapeError(f"layer {self.name!r}: weight {v.path!r} expects shape {v.shape}, received {w.shape}")
        for v, w in zip(own, given, strict=True):
            v.set(w)

    def count_params(self) -> int:
        """Number of elements in all weights."""
        if not self.built:
            raise ConfigError(f"layer {self.name!r} has no weights yet: call it, or build it, first")
        return sum(v.size for v in self.weights)
