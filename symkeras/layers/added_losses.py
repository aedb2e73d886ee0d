"""Losses that layers add by themselves; a base of `Layer`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from symkeras.arguments import real_numbers
from symkeras.errors import ConfigError
from symkeras.graph import provenance, stateless, tracing
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.layers.calls import _context
from symkeras.layers.owned_weights import OwnedWeights
from symkeras.layers.replay import evaluated


class AddedLosses(OwnedWeights):
    """What a layer adds to the loss of the model: in calls, by functions, for its weights."""

    _added_losses: list[Any]
    _losses: list[tuple[Any, Any]]

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add scalar losses to what training minimises.

        Args:
            loss: a tensor or a list of them, in `call`; or, anywhere, a function without arguments. A functional model
                also takes tensors of its graph.
            inputs: what Keras 2 asked for; the graph says by itself what a loss depends on.

        Raises:
            ConfigError: a symbolic tensor outside of `call`, for a layer that is no functional model; something else than numbers or functions.

        Example:
            >>> import numpy as np
            >>> from symkeras import ops
            >>> from symkeras.layers import Layer
            >>> class Small(Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(ops.sum(ops.square(inputs)))
            ...         return inputs
            >>> layer = Small()
            >>> _ = layer(np.array([1.0, 2.0]))
            >>> [float(loss) for loss in layer.losses]
            [5.0]
        """
        for one in loss if isinstance(loss, (list, tuple)) else [loss]:
            if isinstance(one, Callable) and not isinstance(one, Tensor):
                self._added_losses.append(one)
                continue
            if not isinstance(one, (Tensor, Variable)):
                real_numbers(one, f"layer {self.name!r}: a loss")
            if _context.depth:
                _context.losses.append((self, one))
            elif isinstance(one, Tensor):
                self._add_loss_of_graph(one)
            else:
                self._losses.append((None, one))

    def _add_loss_of_graph(self, loss: Tensor) -> None:
        raise ConfigError(
            f"layer {self.name!r}: outside of call() only a functional model takes a tensor as a loss, received {loss!r} "
            f"({provenance.user_line()}); give a function without arguments"
        )

    @property
    def losses(self) -> list[Any]:
        """What was added in the call under way, or else in the last one; functions given to `add_loss`; penalties of weights."""
        layers = list(self._flatten_layers())
        if _context.depth:
            own = {id(layer) for layer in layers}
            found = [loss for layer, loss in _context.losses if id(layer) in own]
        else:
            found = [loss for layer in layers for loss in layer._kept_losses()]
        found += [fn() for layer in layers for fn in layer._added_losses]
        return found + self._regularization_losses()

    def _kept_losses(self) -> list[Any]:
        trace = tracing.current()
        if trace is None:
            return [loss for made_in, loss in self._losses if made_in is None]
        return [loss for made_in, loss in self._losses if made_in is not None and made_in() is trace]

    def _keep_losses(self) -> None:
        """Remember the losses of the outermost call that ends here; those of a trace are seen only in it."""
        trace = tracing.current()
        made_in = None if trace is None else weakref.ref(trace)
        for layer in self._flatten_layers():
            if layer._losses:
                layer._losses = []
        scope = stateless.current()
        for layer, loss in _context.losses:
            kept = evaluated(loss)
            layer._losses.append((made_in, kept))
            if scope is not None and scope.collect_losses:
                scope.add_loss(kept)

    def _regularization_losses(self) -> list[Any]:
        return [v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None]
