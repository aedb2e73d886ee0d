"""`plot_model`: the layers of a model as a drawing, without graphviz."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import boolean, checked, one_of, optional, path, positive_int
from symkeras.errors import ConfigError
from symkeras.graph.drawing import DIRECTIONS, Box, Drawing
from symkeras.layers.calls import CallRecord, record_of
from symkeras.models.layer_order import parents_of


@checked(
    to_file=optional(path), show_shapes=boolean, show_dtype=boolean, show_layer_names=boolean, rankdir=one_of(*DIRECTIONS),
    expand_nested=boolean, dpi=positive_int, show_layer_activations=boolean, show_trainable=boolean,
)  # fmt: skip
def plot_model(model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = False,
               rankdir: str = "TB", expand_nested: bool = False, dpi: int = 200, show_layer_activations: bool = False,
               show_trainable: bool = False) -> Drawing:  # fmt: skip
    """Draw the layers of a model. Nothing needs to be installed for .svg and .html.

    Args:
        model: built, so that its layers are known.
        to_file: .svg, .html, or .png where Pillow is installed; nothing is written when None.
        show_shapes: whether boxes have the shapes of inputs and outputs.
        show_dtype: whether they have the dtype of what they give.
        show_layer_names: whether they have the names of layers beside their classes.
        rankdir: "TB" from top to bottom, "BT", "LR" or "RL".
        expand_nested: whether the layers of models inside are drawn in their place.
        dpi: of a .png.
        show_layer_activations: whether boxes name the activation of layers that have one.
        show_trainable: whether boxes say which layers are not trained.

    Returns:
        The drawing, which notebooks show.

    Raises:
        ConfigError: a model that is not built, or a file that cannot be written.

    Example:
        >>> from symkeras import Input, Sequential, layers
        >>> plot_model(Sequential([Input((4,)), layers.Dense(2)]), to_file=None, show_shapes=True)
        <drawing of 2 boxes and 1 arrows>
    """
    show = _Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    plan = _Plan(show, expand_nested)
    plan.add(model, "")
    drawing = Drawing(plan.boxes, plan.edges, model.name, rankdir)
    if to_file is not None:
        drawing.save(to_file, dpi)
    return drawing


class _Shown:
    """What stands in a box."""

    def __init__(self, shapes: bool, dtype: bool, names: bool, activations: bool, trainable: bool):
        self._shapes, self._dtype, self._names, self._activations, self._trainable = shapes, dtype, names, activations, trainable

    def box(self, call: CallRecord, prefix: str) -> Box:
        layer: Any = call.layer
        lines = [f"{prefix}{layer.name} ({type(layer).__name__})" if self._names else type(layer).__name__]
        activation = getattr(layer, "activation", None)
        if self._activations and activation is not None:
            lines.append(f"activation: {getattr(activation, '__name__', type(activation).__name__)}")
        if self._shapes:
            if call.inputs:
                lines.append(f"input: {', '.join(str(t.shape) for t in call.inputs)}")
            lines.append(f"output: {', '.join(str(t.shape) for t in call.outputs)}")
        if self._dtype:
            lines.append(f"dtype: {', '.join(dict.fromkeys(t.dtype for t in call.outputs))}")
        if self._trainable and layer.weights:
            lines.append("trainable" if layer.trainable else "not trainable")
        return Box(lines, "layer" if layer.weights else "part", hint=f"{prefix}{layer.name}")


class _Plan:
    """Boxes and arrows of a model, and of the models inside where they are asked for."""

    def __init__(self, shown: _Shown, expand_nested: bool):
        self.boxes: list[Box] = []
        self.edges: list[tuple[int, int]] = []
        self._shown = shown
        self._expand = expand_nested

    def add(self, model: Any, prefix: str, given: list[list[int]] | None = None) -> list[list[int]]:
        """Draw the calls of a model, whose inputs are drawn from `given`; for each output the boxes it comes from. Nesting sets the recursion."""
        graph = getattr(model, "_functional", None) or model
        calls = getattr(graph, "_records", None)
        if calls is None:
            raise ConfigError(f"plot_model: the layers of model {model.name!r} are not known as a graph; call it, or build it, first")
        ends: dict[int, list[list[int]]] = {}
        for t, boxes in zip(graph.inputs, given or [], strict=False):
            record = record_of(t.node)
            if record is not None:
                ends[id(record)] = [boxes]
        for call in dict.fromkeys((*(r for t in graph.inputs if (r := record_of(t.node)) is not None), *calls)):
            if id(call) in ends:
                continue
            sources = [_boxes(t, ends) for t in call.inputs]
            if self._expand and (getattr(call.layer, "_functional", None) or hasattr(call.layer, "_records")):
                ends[id(call)] = self.add(call.layer, f"{prefix}{call.layer.name}/", sources)
                continue
            number = len(self.boxes)
            self.boxes.append(self._shown.box(call, prefix))
            self.edges += [(source, number) for boxes in sources for source in boxes]
            ends[id(call)] = [[number] for _ in call.outputs]
        return [_boxes(t, ends) for t in graph.outputs]


def _boxes(tensor: Any, ends: dict[int, list[list[int]]]) -> list[int]:
    """The boxes that a tensor comes from, through operations between layers too."""
    record = record_of(tensor.node)
    if record is not None and id(record) in ends:
        outputs = ends[id(record)]
        k = next((k for k, t in enumerate(record.outputs) if t.node is tensor.node), 0)
        return outputs[k] if k < len(outputs) else outputs[0]
    return list(dict.fromkeys(box for parent in parents_of(tensor.node) if id(parent) in ends for outputs in ends[id(parent)] for box in outputs))
