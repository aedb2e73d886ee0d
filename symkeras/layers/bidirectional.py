"""`Bidirectional`: a recurrent layer over a sequence and its mirror image."""

from __future__ import annotations

from typing import Any

from symkeras import ops, tree
from symkeras.arguments import checked, one_of, optional, real_numbers, settings, several
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.building import build_sublayer
from symkeras.layers.layer import Layer

MERGES = {
    "sum": ops.add,
    "mul": ops.multiply,
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1),
    "ave": lambda a, b: ops.multiply(ops.add(a, b), 0.5),
    None: lambda a, b: (a, b),
}
"""What becomes of the outputs of the two directions."""

_SHARED = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Two recurrent layers, one from the beginning and one from the end (Schuster and Paliwal 1997).

    With `return_sequences` the outputs of masked steps are zeros, and those of the second layer are put back in time
    order before they are merged.

    Args:
        layer: a recurrent layer (or a layer with `go_backwards`, `return_sequences` and `return_state`); it is copied.
        merge_mode: "sum", "mul", "concat", "ave", or None for both outputs.
        weights: first values: the first half for the forward layer, the second half for the backward one.
        backward_layer: the layer from the end; a copy of `layer` with `go_backwards` when None.
        **kwargs: those of `Layer`.

    Input shape:
        (B, T, I); call keywords `initial_state` (the states of the forward layer, then of the backward one), `mask` (B, T)

    Output shape:
        that of the layer, with twice its last axis for "concat"; a tuple with all states after it where the layer returns states

    Raises:
        ConfigError: an unknown `merge_mode`, or two layers that do not fit together.

    Example:
        >>> import numpy as np
        >>> from symkeras.layers import LSTM
        >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 3, 5), "float32")).shape
        (2, 3, 8)
    """

    @checked(merge_mode=one_of(*MERGES), weights=optional(several(real_numbers)))
    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any):
        for one in (layer, backward_layer) if backward_layer is not None else (layer,):
            if not isinstance(one, Layer):
                raise ConfigError(f"Bidirectional wraps a recurrent layer, received {one!r}")
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward", {})
        self.backward_layer: Any = backward_layer or _copy(layer, "backward", {"go_backwards": True})
        self._check_pair()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self._initial_weights = list(weights) if weights else None
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_pair(self) -> None:
        a, b = self.forward_layer, self.backward_layer
        if a.go_backwards == b.go_backwards:
            raise ConfigError(f"Bidirectional: both layers have go_backwards={a.go_backwards}; one of them must go the other way")
        for name in _SHARED:
            if getattr(a, name) != getattr(b, name):
                raise ConfigError(f"Bidirectional: the layers disagree on {name}: {getattr(a, name)} and {getattr(b, name)}")

    def build(self, input_shape: Any) -> None:
        build_sublayer(self.forward_layer, input_shape)
        build_sublayer(self.backward_layer, input_shape)
        if self._initial_weights is not None:
            half = len(self._initial_weights) // 2
            self.forward_layer.set_weights(self._initial_weights[:half])
            self.backward_layer.set_weights(self._initial_weights[half:])

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None) -> Any:
        first, second = _halves(initial_state, self.name)
        y, *states = self._one(self.forward_layer, sequences, first, mask, training)
        z, *others = self._one(self.backward_layer, sequences, second, mask, training)
        y, z = (ops.cast(x, self.compute_dtype) for x in (y, z))
        if self.return_sequences:
            z = ops.flip(z, 1)
        output = MERGES[self.merge_mode](y, z)
        if not self.return_state:
            return output
        return (*output, *states, *others) if self.merge_mode is None else (output, *states, *others)

    def _one(self, layer: Any, sequences: Any, state: Any, mask: Any, training: Any) -> tuple[Any, ...]:
        kwargs: dict[str, Any] = {} if state is None else {"initial_state": state}
        if layer._takes_training:
            kwargs["training"] = training
        if layer._takes_mask:
            kwargs["mask"] = mask
        result = layer(sequences, **kwargs)
        return tuple(result) if self.return_state else (result,)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            masks += [None] * (2 * len(tree.flatten(self.forward_layer.state_size)))
        return masks if len(masks) > 1 else mask

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        shape, *states = shape if self.return_state else (shape,)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], 2 * shape[-1])
        shapes = [shape, shape] if self.merge_mode is None else [shape]
        return (*shapes, *states, *states) if len(shapes) > 1 or self.return_state else shape

    @property
    def states(self) -> tuple[Any, ...] | None:
        """The states of a stateful layer: those of the forward layer, then those of the backward one."""
        a, b = self.forward_layer.states, self.backward_layer.states
        return (*a, *b) if a and b else None

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zeros."""
        if not self.stateful:
            raise ConfigError(f"Bidirectional {self.name!r} is not stateful and has no states to reset")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        layers = {"layer": serialize_keras_object(self.forward_layer), "backward_layer": serialize_keras_object(self.backward_layer)}
        return {**super().get_config(), "merge_mode": self.merge_mode, **layers}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        config = dict(config)
        for key in ("layer", "backward_layer"):
            if config.get(key) is not None:
                config[key] = deserialize_keras_object(config[key], custom_objects=custom_objects)
        return super().from_config(config)


def _copy(layer: Any, prefix: str, changes: dict[str, Any]) -> Any:
    """A new layer with the config of `layer`, named after it, without its weights."""
    name = f"{prefix}_{layer.name.removeprefix(f'{prefix}_')}"
    return type(layer).from_config({**layer.get_config(), **changes, "name": name})


def _halves(initial_state: Any, name: str) -> tuple[Any, Any]:
    if initial_state is None:
        return None, None
    states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
    if len(states) % 2:
        raise ShapeError(f"Bidirectional {name!r} takes as many initial states for each direction, received {len(states)} in all")
    half = len(states) // 2
    return states[:half], states[half:]
