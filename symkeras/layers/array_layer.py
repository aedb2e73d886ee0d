"""Layers that compute on arrays, outside of graphs: what reads or gives texts, and hashes.

In a functional model such a layer gives a symbolic tensor that stands for what it will have computed: `symkeras.models.array_stage` runs the
layers of this kind, and all that they need, on every batch before the compiled graph, which begins with their results.
"""

from __future__ import annotations

from typing import Any

from symkeras.errors import SymbolicValueError
from symkeras.graph import provenance
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import surroundings
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.layer import Layer
from symkeras.layers.shapes import map_shapes


class ArrayLayer(Layer):
    """A layer that takes one input and computes on arrays; a subclass defines `_read`, `_compute` and `_output_dtype`."""

    _is_outside_of_graphs = True
    """Whether a symbolic call only stands for one on arrays."""

    @callable_in_tensorflow
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        is_read = isinstance(inputs, Tensor)
        return super().__call__(inputs if is_read else self._read(inputs), *args, **kwargs)

    def _read(self, inputs: Any) -> Any:
        """The array of what the layer was called on."""
        raise NotImplementedError

    def _compute(self, inputs: Any) -> Any:
        """The result for an array, or for a tensor where the layer works in graphs."""
        raise NotImplementedError

    @property
    def _output_dtype(self) -> str:
        """The dtype of the result."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, Tensor) and self._is_outside_of_graphs:
            return promised(self, inputs.shape, self._output_dtype)
        return self._compute(inputs)

    def get_build_config(self) -> dict[str, Any]:
        return {}

    def build_from_config(self, config: dict[str, Any]) -> None:
        self.built = True


def promised(layer: Layer, input_shape: Any, dtype: str) -> Tensor:
    """The tensor that stands for what a layer will have computed on arrays.

    Raises:
        SymbolicValueError: in a compiled step, whose arrays are there already.
    """
    from symkeras.layers.input import symbolic_input

    if surroundings().is_step:
        raise SymbolicValueError(
            f"{type(layer).__name__} {layer.name!r} computes on arrays, outside of compiled graphs: in a functional model it may only depend on "
            f"inputs and layers without weights; elsewhere apply it to the data first, as in dataset.map({layer.name}) ({provenance.user_line()})"
        )
    return symbolic_input(layer.compute_output_shape(map_shapes(tuple, input_shape)), dtype, layer.name)


def is_outside_of_graphs(layer: Layer) -> bool:
    """Whether a layer, or one below it, computes on arrays only."""
    return any(isinstance(one, ArrayLayer) and one._is_outside_of_graphs for one in layer._flatten_layers())
