"""Functional models to configs and back, in Keras 3's format.

A config lists the layers with their calls (`inbound_nodes`), whose arguments mention tensors by `keras_history`:
[layer, call, output]. Only calls that belong to the model count. What is computed between layers becomes a
`GraphLayer`; the operations that Keras writes in such places (modules `keras.src.ops.*`) are read as calls of
`symkeras.ops`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symkeras import layers as layer_table
from symkeras import tree
from symkeras.errors import ConfigError, nearest
from symkeras.graph import dtypes, tracing
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import CallRecord, definition_context, record_of
from symkeras.layers.graph_layer import GraphLayer
from symkeras.layers.layer import Layer
from symkeras.models import tensorflow_operations
from symkeras.models.layer_order import calls_by_depth
from symkeras.models.operations import is_operation, operation
from symkeras.ops import phase
from symkeras.ops.leaves import placeholder_node
from symkeras.saving.lookup import _complete
from symkeras.saving.serialization import TensorReference, config_errors, custom_object, deserialize_keras_object, serialize_keras_object

History = tuple[str, int, int]
"""Name of a layer, number of the call, number of the output: where a config says a tensor comes from."""


def functional_config(model: Any) -> dict[str, Any]:
    """The config of a functional model: {name, trainable, layers, input_layers, output_layers}, and losses where tensors were added as such.

    Args:
        model: a `Functional`.

    Raises:
        ConfigError: the model uses a variable that belongs to no layer.
    """
    writer = _Writer(model)
    output_layers = tree.map_structure(writer.outside, model.output)
    losses = {"losses": [writer.outside(loss) for loss in model._graph_losses]} if model._graph_losses else {}
    entries = {id(layer): writer.layer(layer) for layer in model._graph_layers}
    entries.update((id(node), entry) for node, entry in writer.graph_layers.items())
    order = [id(call) for call in calls_by_depth(model.inputs, model.outputs)]  # in which the model that is read has them, and their weights
    return {
        "name": model.name, "trainable": model.trainable,
        "layers": [entries[key] for key in dict.fromkeys((*order, *entries)) if key in entries],
        "input_layers": tree.map_structure(writer.outside, model.input), "output_layers": output_layers, **losses,
    }  # fmt: skip


class _Writer:
    """Turns the layers and tensors of one model into what its config says of them."""

    def __init__(self, model: Any):
        self.model = model
        self.calls: dict[int, list[CallRecord]] = {id(layer): [] for layer in model._graph_layers}
        own = {id(record) for record in model._records} | {id(record_of(t.node)) for t in model.inputs}
        for layer in model._graph_layers:
            self.calls[id(layer)] = [record for record in layer._inbound_nodes if id(record) in own]
        self.taken = {layer.name for layer in model._graph_layers}
        self._names = {t.node: name for t, name in zip(model.outputs, model.output_names, strict=True)}
        self.graph_layers: dict[Node, dict[str, Any]] = {}
        self._between: dict[Node, str] = {}

    def layer(self, layer: Layer) -> dict[str, Any]:
        """The entry of a layer, with its calls."""
        nodes = [self._call(record) for record in self.calls[id(layer)] if record.inputs]
        return {**serialize_keras_object(layer), "name": layer.name, "inbound_nodes": nodes}

    def _call(self, record: CallRecord) -> dict[str, Any]:
        given = record.kwargs if not _is_own_mask(record) else {k: v for k, v in record.kwargs.items() if k != "mask"}
        args, kwargs = tree.map_structure(lambda x: self._mention(x, record.layer), (record.args, given))
        return {"args": serialize_keras_object(list(args)), "kwargs": serialize_keras_object(kwargs)}

    def _mention(self, x: Any, layer: Layer) -> Any:
        """An argument of a call; tensors by their history."""
        if not isinstance(x, Tensor):
            return x
        node = x.node
        source = node.inputs[0] if node.op.name == "cast" else None
        if source is not None and layer.autocast and record_of(source) is not None and dtypes.is_float(source.dtype):
            node = source  # the layer casts its inputs again
        shape = [d if isinstance(d, int) else None for d in node.shape]
        return {"class_name": "__keras_tensor__", "config": {"shape": shape, "dtype": node.dtype, "keras_history": list(self._history(node))}}

    def outside(self, t: Tensor) -> list[Any]:
        """An input or output of the model. The calls of functional models count from 1 here, though not in arguments."""
        name, call, output = self._history(t.node)
        record = record_of(t.node)
        return [name, call + (record is not None and _counts_from_one(record.layer)), output]

    def _history(self, node: Node) -> History:
        record = record_of(node)
        if record is None:
            return self._graph_between(node), 0, 0
        calls = self.calls[id(record.layer)]
        number = next(k for k, other in enumerate(calls) if other is record)
        return record.layer.name, number, next(k for k, t in enumerate(record.outputs) if t.node is node)

    def _graph_between(self, node: Node) -> str:
        """The name of the layer that computes `node` from the outputs of layers."""
        if node not in self._between:
            name = self._between[node] = self._fresh_name(self._names.get(node, node.op.name))
            border = _border(node)
            inputs = {n: placeholder_node(n.tensor_type, f"x{k}") for k, n in enumerate(border)}
            learning_phase = phase.learning_phase().node
            given = [*inputs.values(), learning_phase] if _reads(node, learning_phase, border) else list(inputs.values())
            layer = GraphLayer(Graph(given, [substitute([node], inputs)[node]], name=name), name=name)
            args = [self._mention(Tensor(n), layer) for n in border]
            self.graph_layers[node] = {**serialize_keras_object(layer), "name": name, "inbound_nodes": [{"args": args, "kwargs": {}}]}
        return self._between[node]

    def _fresh_name(self, base: str) -> str:
        name, k = base, 1
        while name in self.taken:
            name, k = f"{base}_{k}", k + 1
        self.taken.add(name)
        return name


def _is_own_mask(record: CallRecord) -> bool:
    """Whether the mask of a call is the one its input carries anyway: Keras writes that down, too."""
    mask = record.kwargs.get("mask")
    own = record.args[0]._keras_mask if record.args and isinstance(record.args[0], Tensor) else None
    return isinstance(mask, Tensor) and isinstance(own, Tensor) and mask.node is own.node


def _border(node: Node) -> list[Node]:
    """The outputs of layers that `node` is computed from, in the order in which `layers_by_depth` meets them."""
    found: list[Node] = []
    seen: set[Node] = set()
    todo = [node]
    while todo:
        n = todo.pop()
        if n in seen:
            continue
        seen.add(n)
        if record_of(n) is not None:
            found.append(n)
        else:
            todo.extend(reversed(n.inputs))
    return found


def _reads(node: Node, wanted: Node, border: Sequence[Node]) -> bool:
    stop, seen, todo = set(border), set(), [node]
    while todo:
        n = todo.pop()
        if n is wanted:
            return True
        if n not in seen and n not in stop:
            seen.add(n)
            todo.extend(n.inputs)
    return False


def _counts_from_one(layer: Any) -> bool:
    """Whether Keras counts the calls of `layer` from 1 where it names inputs and outputs of models: for functional models."""
    from symkeras.models.functional import Functional

    return isinstance(layer, Functional)


# ---- reading -----------------------------------------------------------------------------------------------------


def functional_from_config(cls: type, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that a config describes, with fresh weights.

    Args:
        cls: class of the model.
        config: what `functional_config` or Keras wrote; configs of Keras 2 as well.
        custom_objects: name -> class or function that the config mentions, beside the registered ones.

    Raises:
        ConfigError: a call mentions a tensor that no layer gives.
    """
    rest = {k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers", "losses")}
    with tracing.suspended(), definition_context(), config_errors(cls.__name__):
        reader = _Reader(config["layers"], custom_objects)
        inputs, outputs = reader.outside(config["input_layers"]), reader.outside(config["output_layers"])
        model = cls(inputs=inputs, outputs=outputs, **rest)
        model.add_loss(reader.outside(config.get("losses", [])))
        return model


class _Operation:
    """An operation of `symkeras.ops` in the place of a layer.

    Attributes:
        outputs: the tensors of every call.
    """

    def __init__(self, data: Mapping[str, Any]):
        name = data["class_name"]
        self.name = data["name"]
        self.outputs: list[list[Tensor]] = []
        if name in tensorflow_operations.CLASSES:
            self.settings, self._function = {}, tensorflow_operations.tensorflow_operation(data["config"].get("function"))
        else:
            self.settings = {k: _plain(v) for k, v in data["config"].items() if k not in ("name", "dtype", "trainable")}
            self._function = operation(name)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        if not any(isinstance(x, Tensor) for x in _leaves((args, kwargs))):
            raise ConfigError(f"the config calls the operation {self.name!r} on no tensor")
        self.outputs.append(tree.flatten(self._function(*args, **self.settings, **kwargs)))


def _means_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is that of an operation; files of Keras 3 in the old format leave the module out."""
    if entry.get("module") and entry["class_name"] not in tensorflow_operations.CLASSES:
        return re.match(r"(keras|symkeras)\.(src\.)?ops\b", str(entry["module"])) is not None
    name = entry["class_name"]
    if name in tensorflow_operations.CLASSES:
        return True
    if custom_object(name) is not None or not is_operation(name):
        return False
    if name not in _Layers():
        return True
    if name == "Reshape":  # a layer of this name has a `target_shape`
        return "newshape" in entry["config"]
    return name in _MERGING and "trainable" not in entry["config"] and _takes_tensors(entry["inbound_nodes"])


_MERGING = ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Dot")
"""Layers that take one list of tensors, and share their names with operations that take tensors one by one."""


def _takes_tensors(nodes: Sequence[Any]) -> bool:
    first = nodes[0] if nodes else None
    args = first.get("args") if isinstance(first, Mapping) else None
    return bool(args) and isinstance(args[0], Mapping)


def _plain(value: Any) -> Any:
    value = deserialize_keras_object(value)
    return tuple(value) if isinstance(value, list) else value


class _Reader:
    """Makes the layers of a config, then their calls, each as soon as its arguments exist."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], custom_objects: Mapping[str, Any] | None):
        self.made: dict[str, Any] = {}
        self.calls: dict[str, list[list[Tensor]]] = {}
        waiting: list[tuple[str, list[Any]]] = []
        for entry in entries:
            name = entry.get("name") or entry["config"]["name"]
            made = _Operation({**entry, "name": name}) if _means_operation(entry) else layer_from_config(entry, custom_objects)
            self.made[name] = made
            waiting.append((name, list(entry["inbound_nodes"])))
            is_input = not entry["inbound_nodes"] and isinstance(made, Layer) and made._inbound_nodes
            self.calls[name] = [made._inbound_nodes[0].outputs] if is_input else []  # type: ignore[union-attr]
        self._make_calls(waiting)

    def _make_calls(self, waiting: list[tuple[str, list[Any]]]) -> None:
        """Make the calls of each layer in order; one that lacks a tensor waits for the call that gives it."""
        blocked: dict[tuple[str, int], list[str]] = {}
        left = {name: deque(nodes) for name, nodes in waiting}
        ready = deque(name for name, nodes in waiting if nodes)
        while ready:
            name = ready.popleft()
            while left[name]:
                args, kwargs = self._arguments(left[name][0])
                missing = next((m for x in _leaves((args, kwargs)) if (m := self._missing(x, name)) is not None), None)
                if missing is not None:
                    blocked.setdefault(missing, []).append(name)
                    break
                left[name].popleft()
                self._make_call(name, _mapped(args, self._tensor), _mapped(kwargs, self._tensor))
                ready.extend(blocked.pop((name, len(self.calls[name]) - 1), ()))
        if lacking := [name for name, nodes in left.items() if nodes]:
            gives = "arguments no layer gives, or only they themselves in a loop"
            raise ConfigError(f"the config has calls whose {gives}: of {', '.join(map(repr, lacking[:10]))}")

    def _make_call(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        layer = self.made[name]
        results = layer(*args, **kwargs)
        self.calls[name].append(layer.outputs[-1] if isinstance(layer, _Operation) else [t for t in tree.flatten(results) if isinstance(t, Tensor)])

    def _arguments(self, node: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call, in which tensors are mentioned."""
        if isinstance(node, list):
            args: Any = [TensorReference((), "", entry[:3]) for entry in node]
            return [args[0] if len(args) == 1 else args], {k: v for entry in node for k, v in (entry[3] if len(entry) > 3 else {}).items()}
        return deserialize_keras_object(node["args"]), deserialize_keras_object(node["kwargs"])

    def _missing(self, x: Any, name: str) -> tuple[str, int] | None:
        """The call that an argument waits for, None for one that is there."""
        if not isinstance(x, TensorReference):
            return None
        if x.keras_history is None:
            raise ConfigError(f"the config calls {name!r} on a tensor without history: it cannot be made again")
        source, call, _ = x.keras_history
        if source not in self.calls:
            raise ConfigError(f"the config calls {name!r} on an output of {source!r}, a layer it does not have.{nearest(source, self.calls)}")
        return None if 0 <= call < len(self.calls[source]) else (source, call)

    def _tensor(self, x: Any) -> Any:
        if not isinstance(x, TensorReference):
            return x
        source, call, output = x.keras_history
        return self.calls[source][call][output]

    def outside(self, structure: Any) -> Any:
        """Inputs or outputs of the model in their nesting."""
        if _is_history(structure):
            name, call, output = structure
            if name not in self.calls:
                raise ConfigError(f"the config names {name!r} as an input or output, a layer it does not have.{nearest(name, self.calls)}")
            return self.calls[name][call - _counts_from_one(self.made[name])][output]
        if isinstance(structure, Mapping):
            return {k: self.outside(v) for k, v in structure.items()}
        parts = [self.outside(v) for v in structure]
        return tuple(parts) if isinstance(structure, tuple) else parts


def layer_from_config(entry: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The layer of an entry in the config of a model; one of Keras 2, which names no module, is looked up by its class."""
    if "module" not in entry:
        entry = _complete(entry, _Layers(), "layer")
    return deserialize_keras_object(entry, custom_objects=custom_objects)


class _Layers(dict[str, Any]):
    """The layers and models by name, for configs that name no module."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys((*dir(layer_table), "Functional", "Model", "Sequential")))

    def get(self, key: str, default: Any = None) -> Any:
        from symkeras import models

        if key not in self:
            return default
        return getattr(models if key in ("Functional", "Model", "Sequential") else layer_table, key)


def _is_history(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and len(x) == 3 and isinstance(x[0], str) and all(isinstance(k, int) for k in x[1:])


def _leaves(x: Any) -> list[Any]:
    """The leaves of a nesting, in which a `TensorReference`, though a tuple, is one."""
    if isinstance(x, TensorReference):
        return [x]
    if isinstance(x, Mapping):
        return [leaf for v in x.values() for leaf in _leaves(v)]
    return [leaf for v in x for leaf in _leaves(v)] if isinstance(x, (list, tuple)) else [x]


def _mapped(x: Any, fn: Callable[[Any], Any]) -> Any:
    if isinstance(x, TensorReference):
        return fn(x)
    if isinstance(x, Mapping):
        return {k: _mapped(v, fn) for k, v in x.items()}
    return type(x)(_mapped(v, fn) for v in x) if isinstance(x, (list, tuple)) else fn(x)
