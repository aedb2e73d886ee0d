"""Functional models: a graph of layer calls from inputs to outputs, replayed whenever a function is compiled.

What lies between two layer calls (`x + y`, `ops.exp(x)`) is plain graph and is carried over; the calls themselves are
made again, with `training` known, so that one definition serves training and inference.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.arguments import boolean, checked, optional, settings
from symkeras.errors import ConfigError, DataError, ShapeError, nearest
from symkeras.graph import provenance, tracing
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.layers.array_layer import is_outside_of_graphs
from symkeras.layers.calls import CallRecord, definition_context, record_of, set_mask, surroundings
from symkeras.layers.input import Input, InputLayer
from symkeras.layers.layer import Layer
from symkeras.layers.replay import Replay
from symkeras.layers.texts import is_text, text_array
from symkeras.models.array_stage import ArrayStage, Prepared
from symkeras.models.definition import define, definition_of
from symkeras.models.feeds.flattening import warn_of_other_nesting
from symkeras.models.layer_order import layers_by_depth, records_by_depth
from symkeras.models.model import Model, make_functional
from symkeras.ops import phase

_OF_THE_GRAPH = frozenset(
    {"_input_structure", "_output_structure", "_flat_inputs", "_flat_outputs", "_records", "_graph_layers", "_graph_losses", "_array_stage"}
)


class Functional(Model):
    """A model given by its symbolic inputs and outputs; see `Model`.

    Raises:
        ConfigError: the outputs need a tensor that is not among the inputs, an output needs none of them, an input comes
            twice, or two layers have one name.
    """

    _is_replayed = True
    _is_closed = False
    _made_anew = Model._made_anew | _OF_THE_GRAPH

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Any):
        inputs = kwargs.pop("input", inputs)
        outputs = kwargs.pop("output", outputs)
        trainable = optional(boolean)(kwargs.pop("trainable", None), f"{type(self).__name__}: trainable")
        super().__init__(name=name, **{"autocast": False, **kwargs})
        self._set_graph(inputs, outputs)
        if trainable is False:
            self.trainable = False

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        for t in (*tree.flatten(inputs), *tree.flatten(outputs)):
            if not isinstance(t, Tensor):
                raise ConfigError(f"model {self.name!r}: inputs and outputs must be symbolic tensors (from Input), received {t!r}")
        flat = tree.flatten(inputs)
        if len({t.node for t in flat}) < len(flat):
            raise ConfigError(f"model {self.name!r}: every input may come once, received {', '.join(t.name for t in flat)}")
        if any(_input_layer(t) is None for t in flat):
            inputs, outputs = _on_inputs_of_its_own(inputs, outputs, self.name)
        flat_in, flat_out = tree.flatten(inputs), tree.flatten(outputs)
        layers = layers_by_depth(flat_in, flat_out)
        _check_names(layers, self.name)
        own = {
            "_input_structure": inputs, "_output_structure": outputs, "_flat_inputs": flat_in, "_flat_outputs": flat_out,
            "_records": _records(flat_in, flat_out, self.name), "_graph_layers": layers, "_graph_losses": (),
        }  # fmt: skip
        own["_array_stage"] = _stage(flat_in, flat_out, own["_records"])
        for attribute, value in own.items():
            object.__setattr__(self, attribute, value)
        self.built = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _blank, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if _is_made_like(type(self)):
            state["attributes"]["_init_arguments"] = ((), {})
        return {**state, "definition": definition_of(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        inputs, outputs, losses = define(state["definition"])
        self._set_graph(inputs, outputs)
        self.add_loss(losses)

    def _add_loss_of_graph(self, loss: Tensor) -> None:
        """Compute `loss`, a tensor of the graph, at every call; the layers that it needs besides belong to the model from now on."""
        losses = (*self._graph_losses, loss)
        records = _records(self._flat_inputs, self._flat_outputs, self.name, losses)
        layers = list(dict.fromkeys((*self._graph_layers, *layers_by_depth(self._flat_inputs, [loss]))))
        _check_names(layers, self.name)
        stage = _stage(self._flat_inputs, [*self._flat_outputs, *losses], records)
        for attribute, value in {"_graph_losses": losses, "_records": records, "_graph_layers": layers, "_array_stage": stage}.items():
            object.__setattr__(self, attribute, value)
        self._forget_steps()

    @property
    def _layers(self) -> list[Layer]:
        own = {id(layer): layer for layer in (*getattr(self, "_graph_layers", ()), *self._tracker.layers)}
        return list(own.values())

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
        return _unpacked(tree.map_structure(lambda t: t.shape, self._input_structure))

    @property
    def output_shape(self) -> Any:
        return _unpacked(tree.map_structure(lambda t: t.shape, self._output_structure))

    @property
    def operations(self) -> list[Any]:
        """The layers between the inputs and the outputs, both included, in order; what the graph computes between them is none of these."""
        return self.layers

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs: what dicts of data are keyed by."""
        return [record.layer.name if (record := record_of(t.node)) is not None else t.name for t in self._flat_inputs]

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

    # ---- calling -------------------------------------------------------------------------------------------------

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return self._call_as(self, inputs, training, mask)

    def _call_as(self, model: Model, inputs: Any, training: Any, mask: Any) -> Any:
        """The call; what the graph adds to the losses is added by `model`."""
        if isinstance(inputs, Prepared):
            assert self._array_stage is not None
            return self._replay(inputs, training, model, self._array_stage.begins, self._array_stage.records)
        values = self._fitted(self._ordered(inputs))
        if mask is not None:
            masks = self._ordered(mask) if tree.is_nested(mask) else [mask]
            for x, m in zip(values, masks, strict=False):
                if m is not None:
                    set_mask(x, m)
        return self._replay(values, training, model, self._flat_inputs, self._records)

    def _fitted(self, flat: Sequence[Any]) -> list[Any]:
        return [self._fit_input(x, t) for x, t in zip(flat, self._flat_inputs, strict=True)]

    def _ordered(self, inputs: Any) -> list[Any]:
        """The inputs in the model's order, from one, a list, or a dict by structure or by names."""
        if isinstance(inputs, (dict, list, tuple)):
            warn_of_other_nesting(inputs, self.input_names, self._input_structure)
        if isinstance(inputs, dict):
            is_by_key = isinstance(self._input_structure, dict) and self._input_structure.keys() <= inputs.keys()
            keys = sorted(self._input_structure) if is_by_key else self.input_names
            missing = [k for k in keys if k not in inputs]
            if missing:
                expected = sorted(self._input_structure) if isinstance(self._input_structure, dict) else keys
                hint = nearest(missing[0], list(inputs))
                raise DataError(f"model {self.name!r} expects the inputs {expected}, received {sorted(inputs)}: {missing[0]!r} is missing.{hint}")
            inputs = [inputs[k] for k in keys]
        elif isinstance(inputs, (list, tuple)) and isinstance(own := self._input_structure, dict) and list(own) != sorted(own):
            raise DataError(f"model {self.name!r}: its inputs are a dict of {', '.join(own)}, whose order is not that of a list; give a dict")
        if len(self._flat_inputs) == 1 and self._flat_inputs[0].dtype == "string" and isinstance(inputs, (list, tuple)) and is_text(inputs):
            inputs = text_array(inputs, f"model {self.name!r}")
        flat = tree.flatten(inputs)
        if len(flat) != len(self._flat_inputs):
            raise DataError(f"model {self.name!r} expects {len(self._flat_inputs)} inputs {self.input_names}, received {len(flat)}")
        return flat

    def _fit_input(self, x: Any, expected: Tensor) -> Any:
        """`x` with the dtype of an input, and with a last axis of size 1 added or taken away where that is missing."""
        if x is None:
            if expected._keras_history.operation.optional:
                return None
            raise DataError(f"model {self.name!r}: input {expected.name!r} received None, and is not optional")
        if isinstance(x, Tensor):
            mask = x._keras_mask
            if x.dtype != expected.dtype:
                x = ops.cast(x, expected.dtype)
                x._keras_mask = mask
        elif expected.dtype == "string":
            x = text_array(x, f"model {self.name!r}: input {expected.name!r}")
        else:
            x = ops.as_array(x).astype(expected.dtype, copy=False)
        shape = tuple(x.shape)
        if len(shape) == expected.ndim - 1 and expected.shape[-1] == 1:
            return x[..., None] if isinstance(x, np.ndarray) else ops.expand_dims(x, -1)
        if len(shape) == expected.ndim + 1 and shape[-1] == 1:
            return x[..., 0] if isinstance(x, np.ndarray) else ops.squeeze(x, -1)
        pairs = list(zip(shape, expected.shape, strict=False))[1:]
        if len(shape) != expected.ndim or any(None not in (a, b) and a != b for a, b in pairs):
            raise ShapeError(f"model {self.name!r}: input {expected.name!r} expects shape {expected.shape}, received {shape}")
        return x

    def _replay(self, values: Sequence[Any], training: Any, model: Model, begins: Sequence[Tensor], records: Sequence[CallRecord]) -> Any:
        """What the outputs are where `begins` are `values`, by making the calls of `records` again."""
        replay = Replay({t.node: v for t, v in zip(begins, values, strict=True)})
        if training is not None or not replay.is_symbolic:
            replay.known[phase.learning_phase().node] = training if isinstance(training, Tensor) else np.bool_(bool(training))
        around, trace = surroundings(), tracing.current()
        before = len(around.losses)
        outputs = run_again(replay, records, self._output_structure)
        around.losses[before:] = [(layer, replay.resolve(loss)) for layer, loss in around.losses[before:]]
        around.losses += [(model, replay.value(loss)) for loss in self._graph_losses]
        around.replays.append(replay)
        if trace is not None:
            trace.pending.update({v: replay.resolve(t) for v, t in trace.pending.items()})
        return _unpacked(outputs)

    # ---- config --------------------------------------------------------------------------------------------------

    def _state_names(self) -> list[str]:
        return ["layers", *super()._state_names()]

    def get_config(self) -> dict[str, Any]:
        from symkeras.models.functional_config import functional_config

        return functional_config(self) if _is_made_like(type(self)) else Model.get_config(self)

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.models.functional_config import functional_from_config

        is_graph = {"layers", "input_layers", "output_layers"} <= config.keys()
        return functional_from_config(cls, config, custom_objects) if is_graph and _is_made_like(cls) else cls(**config)


def _blank(cls: type) -> Any:
    """An instance without state, of a class that may be a user's, not yet known to be functional in this process."""
    if not issubclass(cls, Functional):
        make_functional(cls)
    return Layer.__new__(cls)


def _unpacked(x: Any) -> Any:
    """The one thing in a list or tuple of one: what `Model([a], [b])` gives and takes."""
    return x[0] if type(x) in (list, tuple) and len(x) == 1 else x


def _is_made_like(cls: type) -> bool:
    """Whether `cls` is constructed from inputs and outputs, as `Functional` is."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    return [p.name for p in parameters[:2]] == ["inputs", "outputs"] or {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds


def _input_layer(t: Tensor) -> InputLayer | None:
    """The `Input` that `t` comes from, None for any other tensor."""
    record = record_of(t.node)
    return record.layer if record is not None and isinstance(record.layer, InputLayer) else None


def _on_inputs_of_its_own(inputs: Any, outputs: Any, model: str) -> tuple[Any, Any]:
    """The same calls on new inputs, where an input is a tensor in the middle of another model."""
    flat = tree.flatten(inputs)
    records = _records(flat, tree.flatten(outputs), model)
    with tracing.suspended(), definition_context():
        names = _apart([f"{t.name}_input" for t in flat])
        fresh = [
            t if _input_layer(t) is not None else Input(batch_shape=t.shape, dtype=t.dtype, name=name) for t, name in zip(flat, names, strict=True)
        ]
        replay = Replay({t.node: x for t, x in zip(flat, fresh, strict=True)})
        return tree.pack_sequence_as(inputs, fresh), run_again(replay, records, outputs)


def _apart(names: Sequence[str]) -> list[str]:
    """Names that are used again with numbers behind them."""
    seen = Counter[str]()
    out = []
    for name in names:
        out.append(f"{name}_{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return out


def run_again(replay: Replay, records: Sequence[CallRecord], outputs: Any, call: Callable[..., Any] | None = None) -> Any:
    """Make the calls again on what their arguments stand for, or `call(layer, ...)` instead; what the outputs stand for then."""
    for record in records:
        args, kwargs = tree.map_structure(replay.value, (record.args, record.kwargs))
        with provenance.at_lines(record.lines):
            results = record.layer(*args, **kwargs) if call is None else call(record.layer, *args, **kwargs)
        for t, y in zip(record.outputs, [y for y in tree.flatten(results) if y is not None], strict=False):
            replay.put(t.node, replay.resolve(y))
    return tree.map_structure(replay.value, outputs)


def _stage(inputs: Sequence[Tensor], outputs: Sequence[Tensor], records: Sequence[CallRecord]) -> ArrayStage | None:
    """What is computed on arrays before the graph, None where nothing is."""
    has_texts = any(t.dtype == "string" for t in inputs)
    return ArrayStage(inputs, outputs, records, run_again) if has_texts or any(is_outside_of_graphs(r.layer) for r in records) else None


def _check_names(layers: Sequence[Layer], model: str) -> None:
    names: dict[str, Layer] = {}
    for layer in layers:
        if names.setdefault(layer.name, layer) is not layer:
            raise ConfigError(f"model {model!r}: two layers are called {layer.name!r}; names must be unique")


def _records(inputs: Sequence[Tensor], outputs: Sequence[Tensor], model: str, losses: Sequence[Tensor] = ()) -> list[CallRecord]:
    """The layer calls between inputs and outputs, in Keras' order; then those of losses, which need none of the inputs, in order of calling."""
    stop = {t.node for t in inputs}
    found: dict[int, CallRecord] = {}
    order: dict[int, int] = {}
    parents: dict[Node, Sequence[Node]] = {}
    todo = [t.node for t in (*outputs, *losses)]
    while todo:
        node = todo.pop()
        if node in parents:
            continue
        record = record_of(node)
        parents[node] = ()
        if node in stop:
            continue
        if node.op.name == "placeholder":
            if node is not phase.learning_phase().node:
                names = ", ".join(repr(t.name) for t in inputs)
                source = f"{node.attrs['name']!r} ({node.type})"
                what = "the outputs and losses" if losses else "the outputs"
                raise ConfigError(f"model {model!r}: {what} depend on {source}, which is not among the inputs ({names})")
        elif record is not None:
            found[id(record)] = record
            order[id(record)] = min(order.get(id(record), node.uid), node.uid)
            parents[node] = [t.node for t in record.inputs]
        else:
            parents[node] = node.inputs
        todo.extend(parents[node])
    connected = set(stop)
    for node in sorted(parents, key=lambda n: n.uid):
        if any(p in connected for p in parents[node]):
            connected.add(node)
    for t in outputs:
        if t.node not in connected:
            raise ConfigError(f"model {model!r}: output {t.name!r} ({t.node.type}) depends on none of the inputs")
    ranks = {id(r): k for k, r in enumerate(records_by_depth(inputs, outputs))}
    return sorted(found.values(), key=lambda r: (ranks.get(id(r), len(ranks)), order[id(r)]))
