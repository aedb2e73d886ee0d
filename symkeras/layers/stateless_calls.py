"""Calling a layer with the values of its variables as arguments; a base of `Layer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops, tree
from symkeras.errors import ConfigError
from symkeras.graph.stateless import with_values


class StatelessCalls:
    """`stateless_call`, for a class that is called and has variables."""

    name: str
    built: bool
    losses: list[Any]
    trainable_variables: Any
    non_trainable_variables: Any

    def stateless_call(self, trainable_variables: Sequence[Any], non_trainable_variables: Sequence[Any], *args: Any, return_losses: bool = False,
                       **kwargs: Any) -> Any:  # fmt: skip
        """Call the layer while its variables hold given values; the variables keep theirs.

        Args:
            trainable_variables: one value for each of `trainable_variables`.
            non_trainable_variables: one value for each of `non_trainable_variables`.
            *args, **kwargs: of the call.
            return_losses: whether to give the losses of the call and the penalties of weights, too.

        Returns:
            The outputs, the values of `non_trainable_variables` after the call, and if asked for a list of losses.

        Raises:
            ConfigError: the layer is not built.
            ShapeError: another number of values, or a value of another shape.

        Example:
            >>> import numpy as np
            >>> from symkeras import layers
            >>> layer = layers.Dense(1, use_bias=False)
            >>> layer.build((None, 2))
            >>> y, rest = layer.stateless_call([np.ones((2, 1), "float32")], [], np.array([[1.0, 2.0]]))
            >>> y.tolist(), rest
            ([[3.0]], [])
        """
        if not self.built:
            raise ConfigError(f"layer {self.name!r}: stateless_call() needs the layer's variables; call or build it first")
        fixed = list(self.non_trainable_variables)
        own = [*self.trainable_variables, *fixed]
        if len(trainable_variables) != len(own) - len(fixed):
            raise ConfigError(f"layer {self.name!r} has {len(own) - len(fixed)} trainable variables, received {len(trainable_variables)} values")
        values = [*trainable_variables, *non_trainable_variables]
        is_symbolic = ops.is_symbolic(*values, *tree.flatten((args, kwargs)))

        def call() -> tuple[Any, list[Any]]:
            outputs = self(*args, **kwargs)  # type: ignore[operator]
            return outputs, list(self.losses) if return_losses else []

        (outputs, losses), scope = with_values(f"layer {self.name!r}", own, values, call, is_symbolic, return_losses)
        after = [scope.get_current_value(v) for v in fixed]
        return (outputs, after, losses) if return_losses else (outputs, after)
