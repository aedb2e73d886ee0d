"""Functional models: a graph of layer calls from inputs to outputs, replayed whenever a function is compiled.

What lies between two layer calls (`x + y`, `ops.exp(x)`) is plain graph and is substituted; the calls themselves are
made again, with `training` known, so that one definition serves training and inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.layers.input import InputLayer
from symkeras.layers.layer import CallRecord, Layer, record_of
from symkeras.models.model import Model
from symkeras.ops.evaluation import evaluate


class Functional(Model):
    """A model given by its symbolic inputs and outputs; see `Model`.

    Raises:
        ConfigError: the outputs need a tensor that is not among the inputs, or an input comes from no `Input`.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any):
        inputs = kwargs.pop("input", inputs)
        outputs = kwargs.pop("output", outputs)
        trainable = kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        self._set_graph(inputs, outputs)
        if trainable is False:
            self.trainable = False

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        object.__setattr__(self, "_input_structure", inputs)
        object.__setattr__(self, "_output_structure", outputs)
        flat_in, flat_out = tree.flatten(inputs), tree.flatten(outputs)
        for t in (*flat_in, *flat_out):
            if not isinstance(t, Tensor):
                raise ConfigError(f"model {self.name!r}: inputs and outputs must be symbolic tensors (from Input), received {t!r}")
        object.__setattr__(self, "_flat_inputs", flat_in)
        object.__setattr__(self, "_flat_outputs", flat_out)
        records = _records(flat_in, flat_out, self.name)
        object.__setattr__(self, "_records", records)
        seen: dict[int, Layer] = {}
        for t in flat_in:
            if t._keras_history is not None:
                seen.setdefault(id(t._keras_history.operation), t._keras_history.operation)
        for r in records:
            seen.setdefault(id(r.layer), r.layer)
        object.__setattr__(self, "_graph_layers", list(seen.values()))
        names: dict[str, Layer] = {}
        for layer in self._graph_layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise ConfigError(f"model {self.name!r}: two layers are called {layer.name!r}; names must be unique")
        self.built = True

    @property
    def _layers(self) -> list[Layer]:
        own = getattr(self, "_graph_layers", [])
        return [*own, *(extra for extra in self._tracker.layers if not any(extra is o for o in own))]

    @property
    def inputs(self) -> list[Tensor]:
        """The symbolic inputs, in order."""
        return list(self._flat_inputs)

    @property
    def outputs(self) -> list[Tensor]:
        """The symbolic outputs, in order."""
        return list(self._flat_outputs)

    @property
    def input(self) -> Any:
        return self._input_structure

    @property
    def output(self) -> Any:
        return self._output_structure

    @property
    def input_shape(self) -> Any:
        return tree.map_structure(lambda t: t.shape, self._input_structure)

    @property
    def output_shape(self) -> Any:
        return tree.map_structure(lambda t: t.shape, self._output_structure)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs: what dicts of data are keyed by."""
        return [t._keras_history.operation.name if t._keras_history is not None else t.name for t in self._flat_inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs; made distinct where one gives several."""
        names: list[str] = []
        for t in self._flat_outputs:
            record = record_of(t.node)
            base = record.layer.name if record is not None else t.name
            name, k = base, 1
            while name in names:
                name, k = f"{base}_{k}", k + 1
            names.append(name)
        return names

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        values = [self._fit_input(x, t) for x, t in zip(self._ordered(inputs), self._flat_inputs, strict=True)]
        if mask is not None:
            from symkeras.layers.layer import set_mask

            for x, m in zip(values, tree.flatten(mask), strict=False):
                if m is not None:
                    set_mask(x, m)
        return self._replay(values, training)

    def _ordered(self, inputs: Any) -> list[Any]:
        """The inputs in the model's order, from one, a list, or a dict by structure or by names."""
        if isinstance(inputs, dict):
            keys = list(self._input_structure) if isinstance(self._input_structure, dict) else self.input_names
            keys = sorted(keys) if isinstance(self._input_structure, dict) else keys
            missing = [k for k in keys if k not in inputs]
            if missing:
                raise DataError(f"model {self.name!r} expects the inputs {keys}, received {sorted(inputs)}: {missing} missing")
            return [inputs[k] for k in keys]
        flat = tree.flatten(inputs)
        if len(flat) != len(self._flat_inputs):
            raise DataError(f"model {self.name!r} expects {len(self._flat_inputs)} inputs {self.input_names}, received {len(flat)}")
        return flat

    def _fit_input(self, x: Any, expected: Tensor) -> Any:
        if isinstance(x, Tensor):
            mask = x._keras_mask
            if x.dtype != expected.dtype:
                x = ops.cast(x, expected.dtype)
                x._keras_mask = mask
        else:
            x = np.asarray(x)
            x = x.astype(expected.dtype, copy=False)
        shape = tuple(x.shape)
        if len(shape) == expected.ndim - 1 and expected.shape[-1] == 1:
            return ops.expand_dims(x, -1)
        fits = len(shape) == expected.ndim and all(a is None or b is None or a == b for a, b in zip(shape, expected.shape, strict=True))
        if not fits:
            raise ShapeError(f"model {self.name!r}: input {expected.name!r} expects shape {expected.shape}, received {shape}")
        return x

    def _replay(self, values: Sequence[Any], training: Any) -> Any:
        known: dict[Node, Any] = {t.node: v for t, v in zip(self._flat_inputs, values, strict=True)}
        memo: dict[Node, Any] = {}
        for record in self._records:
            args, kwargs = tree.map_structure(lambda a: _value(a, known, memo), (record.args, record.kwargs))
            outputs = record.layer(*args, **kwargs)
            for t, y in zip(record.outputs, (y for y in tree.flatten(outputs) if y is not None), strict=False):
                known[t.node] = y
        return tree.map_structure(lambda t: _value(t, known, memo), self._output_structure)

    # ---- config --------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        from symkeras.models.functional_config import functional_config

        return functional_config(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.models.functional_config import functional_from_config

        return functional_from_config(cls, config, custom_objects)


def _records(inputs: Sequence[Tensor], outputs: Sequence[Tensor], model: str) -> list[CallRecord]:
    """The layer calls between inputs and outputs, in order of calling."""
    stop = {t.node for t in inputs}
    found: dict[int, CallRecord] = {}
    seen: set[Node] = set()
    todo = [t.node for t in outputs]
    order: dict[int, int] = {}
    while todo:
        node = todo.pop()
        if node in seen or node in stop:
            continue
        seen.add(node)
        record = record_of(node)
        if record is not None and not isinstance(record.layer, InputLayer):
            found[id(record)] = record
            order[id(record)] = min(order.get(id(record), node.uid), node.uid)
            todo.extend(t.node for t in record.inputs)
        elif node.op.name == "placeholder" and node.attrs["name"] != "learning_phase":
            raise ConfigError(f"model {model!r}: the outputs depend on {node.attrs['name']!r} ({node.type}), which is not among the inputs")
        else:
            todo.extend(node.inputs)
    return sorted(found.values(), key=lambda r: order[id(r)])


def _value(x: Any, known: dict[Node, Any], memo: dict[Node, Any]) -> Any:
    """What a tensor of the definition stands for in this replay."""
    if not isinstance(x, Tensor):
        return x
    if x.node in known:
        return known[x.node]
    if x.node in memo:
        return memo[x.node]
    border = _border(x.node, known)
    values = [known[n] for n in border]
    if ops.is_symbolic(*values) or not border:
        new = Tensor(substitute([x.node], {n: ops.as_tensor(v).node for n, v in zip(border, values, strict=True)})[x.node])
        memo[x.node] = new
        return new
    from symkeras.ops.leaves import placeholder_node

    stand_ins = {n: placeholder_node(n.tensor_type, "x") for n in border}
    graph = Graph(list(stand_ins.values()), [substitute([x.node], stand_ins)[x.node]])
    memo[x.node] = evaluate(graph, values)[0][0]
    return memo[x.node]


def _border(node: Node, known: dict[Node, Any]) -> list[Node]:
    """The known nodes that `node` is computed from."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    todo = [node]
    while todo:
        n = todo.pop()
        if n in seen:
            continue
        seen.add(n)
        if n in known:
            found[n] = None
        else:
            todo.extend(n.inputs)
    return list(found)
