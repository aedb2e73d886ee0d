"""The inputs and outputs of a layer's symbolic calls, of which functional models are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras.errors import ConfigError, SymkerasError
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import CallRecord, mask_of


class InboundCalls:
    """What layers say of the symbolic calls that were made of them, `_inbound_nodes`, in order."""

    name: str
    _inbound_nodes: list[CallRecord]

    @property
    def input(self) -> Any:
        """The input of the first symbolic call of this layer."""
        return self.get_input_at(0)

    @property
    def output(self) -> Any:
        """The output of the first symbolic call of this layer; `get_output_at` gives those of the others."""
        return self.get_output_at(0)

    def get_input_at(self, node_index: int) -> Any:
        """The input of the k-th symbolic call."""
        return _unwrap(self._call_at(node_index).inputs)

    def get_output_at(self, node_index: int) -> Any:
        """The output of the k-th symbolic call."""
        return _unwrap(self._call_at(node_index).outputs)

    def get_input_shape_at(self, node_index: int) -> Any:
        """The shape of the input of the k-th symbolic call."""
        return _unwrap([t.shape for t in self._call_at(node_index).inputs])

    def get_output_shape_at(self, node_index: int) -> Any:
        """The shape of the output of the k-th symbolic call."""
        return _unwrap([t.shape for t in self._call_at(node_index).outputs])

    def get_input_mask_at(self, node_index: int) -> Any:
        """The mask of the input of the k-th symbolic call, None where there is none."""
        return _unwrap([mask_of(t) for t in self._call_at(node_index).inputs])

    def get_output_mask_at(self, node_index: int) -> Any:
        """The mask of the output of the k-th symbolic call, None where there is none."""
        return _unwrap([mask_of(t) for t in self._call_at(node_index).outputs])

    def _call_at(self, index: int) -> CallRecord:
        calls = self._inbound_nodes
        if not calls:
            raise SymkerasError(f"layer {self.name!r} was never called on a symbolic tensor")
        if not -len(calls) <= index < len(calls):
            raise ConfigError(f"layer {self.name!r} was called {len(calls)} times on symbolic tensors, there is no call {index}")
        return calls[index]

    @property
    def input_shape(self) -> Any:
        """The shape of the input, the same in all symbolic calls."""
        return self._shape_in_all_calls("input_shape", lambda call: call.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, the same in all symbolic calls."""
        return self._shape_in_all_calls("output_shape", lambda call: call.outputs)

    def _shape_in_all_calls(self, what: str, tensors: Callable[[CallRecord], list[Tensor]]) -> Any:
        self._call_at(0)
        shapes = [[t.shape for t in tensors(call)] for call in self._inbound_nodes]
        if any(other != shapes[0] for other in shapes):
            raise SymkerasError(f"layer {self.name!r} has no one {what}: its calls have {', '.join(str(_unwrap(s)) for s in shapes)}")
        return _unwrap(shapes[0])


def _unwrap(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
