"""`StackedRNNCells`: several cells that behave as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symkeras import ops, tree
from symkeras.arguments import anything, checked, settings, several
from symkeras.errors import ConfigError
from symkeras.layers.building import build_sublayer
from symkeras.layers.layer import Layer


class StackedRNNCells(Layer):
    """Cells one above the other: each takes the output of the one below, in the same time step.

    Args:
        cells: cells, or objects with `call` and `state_size`, from the lowest to the highest.
        **kwargs: those of `Layer`.

    Input shape:
        (B, I) and a list of the states of each cell

    Output shape:
        (B, O) of the highest cell and the new states in the same nesting

    Raises:
        ConfigError: a cell has no `call` or no `state_size`.

    Example:
        >>> from symkeras.layers import LSTMCell
        >>> stack = StackedRNNCells([LSTMCell(3), LSTMCell(2)])
        >>> stack.state_size, stack.output_size
        ([[3, 3], [2, 2]], 2)
    """

    @checked(cells=several(anything, least=1))
    def __init__(self, cells: Sequence[Any], **kwargs: Any):
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The `state_size` of every cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the highest cell's output."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The first states of every cell."""
        return [initial_state_of(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (tree.flatten(input_shape)[0], output_size_of(cell))

    def call(self, inputs: Any, states: Any, training: Any = False, **kwargs: Any) -> tuple[Any, list[Any]]:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, new = call_cell(cell, inputs, list(state) if tree.is_nested(state) else [state], training, kwargs)
            new_states.append(new if tree.is_nested(state) or len(new) > 1 else new[0])
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        cells = [deserialize_keras_object(cell, custom_objects=custom_objects) for cell in config["cells"]]
        return super().from_config({**config, "cells": cells})


def check_cell(cell: Any) -> None:
    """Raise ConfigError unless `cell` has what a recurrent layer asks of a cell."""
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ConfigError(f"a recurrent cell needs {name!r}, received {cell!r}")
    sizes = tree.flatten(cell.state_size)
    if not sizes or not all(isinstance(size, int) for size in sizes):
        raise ConfigError(f"the state_size of a recurrent cell is an int or a list of ints, received {cell.state_size!r}")


def build_cell(cell: Any, input_shape: Any) -> None:
    """Build a cell that is a layer, for one time step of shape (B, I)."""
    if isinstance(cell, Layer):
        build_sublayer(cell, input_shape)


def call_cell(cell: Any, inputs: Any, states: Any, training: Any, kwargs: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """One step of a cell, which may be a layer or any object with `call`: output and a list of states."""
    kwargs = dict(kwargs or {})
    if isinstance(cell, Layer) and cell._takes_training:
        kwargs["training"] = training
    call: Any = cell if callable(cell) else cell.call
    output, new_states = call(inputs, states, **kwargs)
    return output, list(new_states) if tree.is_nested(new_states) else [new_states]


def output_size_of(cell: Any) -> int:
    """The size of a cell's output: that of its first state where the cell does not say."""
    size = getattr(cell, "output_size", None)
    return size if size is not None else tree.flatten(cell.state_size)[0]


def initial_state_of(cell: Any, batch_size: Any, dtype: str) -> Any:
    """The first states of a cell: its own, or zeros."""
    own = getattr(cell, "get_initial_state", None)
    if own is not None:
        return own(batch_size=batch_size)
    return tree.map_structure(lambda size: ops.zeros((batch_size, size), dtype), cell.state_size)
