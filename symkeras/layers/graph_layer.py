"""`GraphLayer`: a graph as a layer, for what a functional model computes between its layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, either, instance, text
from symkeras.errors import ConfigError
from symkeras.graph.graph import Graph
from symkeras.graph.text import print_graph
from symkeras.layers.layer import Layer
from symkeras.layers.replay import apply_graph
from symkeras.ops import phase


class GraphLayer(Layer):
    """Applies a graph to its inputs; it has no weights.

    Configs of functional models use it for operations between layers, such as `x + y`: the graph is kept as its text.

    Args:
        graph: a graph without variables, or the text of one. A last input called `learning_phase` is given by the layer.

    Input shape:
        one tensor per input of the graph, as separate arguments

    Output shape:
        that of the graph's output; a list for several

    Raises:
        ConfigError: the graph reads or updates variables.
        GraphError: the text is not that of a graph.

    Example:
        >>> layer = GraphLayer('''graph twice(%x: f32[batch, 2]) {
        ...   %0 = add(%x, %x): f32[batch, 2]
        ...   return %0
        ... }''')
        >>> layer(np.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    @checked(graph=either(text, instance(Graph, "a graph")))
    def __init__(self, graph: Graph | str, **kwargs: Any):
        super().__init__(**{"autocast": False, **kwargs})
        self.graph = Graph.parse(graph, variables=False) if isinstance(graph, str) else graph
        if self.graph.variables:
            names = ", ".join(repr(n.attrs["name"]) for n in self.graph.variables)
            raise ConfigError(f"layer {self.name!r}: a GraphLayer has no variables, its graph reads {names}; put what uses them into a layer")
        self._needs_phase = bool(self.graph.inputs) and self.graph.inputs[-1].attrs["name"] == "learning_phase"
        self.built = True

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["attributes"] |= {"graph": print_graph(self.graph, comments=False), "_init_arguments": ((), {})}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.graph = Graph.parse(str(self.graph), variables=False)

    def call(self, *inputs: Any, training: Any = None) -> Any:
        values = [x if ops.is_symbolic(x) else ops.as_array(x) for x in inputs]
        if len(values) != len(self.graph.inputs) - self._needs_phase:
            raise ConfigError(f"layer {self.name!r} takes {len(self.graph.inputs) - self._needs_phase} inputs, received {len(values)}")
        typed = [ops.cast(x, n.dtype) for x, n in zip(values, self.graph.inputs, strict=False)]
        if self._needs_phase:
            is_unknown = training is None and ops.is_symbolic(*values)
            typed.append(phase.learning_phase() if is_unknown else training if ops.is_symbolic(training) else np.bool_(bool(training)))
        outputs = apply_graph(self.graph, typed)
        return outputs[0] if len(outputs) == 1 else outputs

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "graph": print_graph(self.graph, comments=False)}
