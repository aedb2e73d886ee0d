"""The functions of a model: one graph each for training, testing and predicting, compiled when first needed.

A training step is traced once: forward, losses, gradients, optimizer, metrics, and every variable they assign become
one graph with updates. What is fetched from it is nothing: metrics are variables, read when somebody looks.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras import config, ops, tree
from symkeras.autodiff.reverse import gradients
from symkeras.backend.interface import Executable, compile_graph
from symkeras.distribution.scope import distribution
from symkeras.errors import ConfigError, DataError, GradientError, ShapeError
from symkeras.foreign_dtypes import kind
from symkeras.graph import dims, provenance, tracing
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.calls import call_context, surroundings
from symkeras.models.compilation import rows_of
from symkeras.models.own_steps import check_step, logs_of, loss_arguments, own_step, pack_x_y_sample_weight
from symkeras.ops.leaves import placeholder_node


@dataclass(frozen=True)
class Signature:
    """Types of the flat inputs, targets and sample weights of a function; None for those that are not there.

    `nesting` is that of the targets and of the weights where a method of the model's own takes them as they were given, None for none.
    """

    x: tuple[TensorType | None, ...]
    y: tuple[TensorType | None, ...] = ()
    weights: tuple[TensorType | None, ...] = ()
    nesting: tuple[Any, Any] | None = None

    def batch(self, x: Any, y: Sequence[Any], weights: Sequence[Any]) -> Any:
        """A batch as a step of a model takes it, from x and flat targets and weights."""
        if self.nesting is not None:
            parts = [None if like is None else tree.pack_sequence_as(like, flat) for like, flat in zip(self.nesting, (y, weights), strict=True)]
        else:
            parts = [None if all(a is None for a in flat) else flat[0] if len(flat) == 1 else flat for flat in (y, weights)]
        return pack_x_y_sample_weight(x, *parts)


def batch_type(array: Any, like: TensorType | None = None) -> TensorType:
    """The type that batches of `array` are computed in: the batch size symbolic, floats as `floatx`, integers as int32."""
    if like is not None:
        return like
    return TensorType((dims.symbol("batch"), *map(int, array.shape[1:])), batch_dtype(array.dtype))


def batch_dtype(dtype: Any) -> str:
    """The dtype that data of `dtype` are computed in; "string" for texts."""
    found = "U" if dtype == "string" else kind(np.dtype(dtype))
    if found in "USO":
        return "string"
    return config.floatx() if found == "f" else "bool" if found == "b" else "int32"


def weight_type(array: Any) -> TensorType:
    """The type of batches of sample weights."""
    return TensorType((dims.symbol("batch"), *map(int, array.shape[1:])), config.floatx())


class Step:
    """One compiled function of a model.

    Attributes:
        executable: what runs; its inputs are all of x, then the targets and weights that are there.
        structure: the nesting of the predictions.
        extra: names of what a model's own `compute_metrics` adds to the logs: the outputs of training and testing.
        has_own_logs: whether these are all logs: those that a model's own `train_step` or `test_step` gave.
    """

    def __init__(self, model: Any, mode: str, signature: Signature, x_structure: Any, backend: str | None, options: Mapping[str, Any]):
        self.mode = mode
        self.signature = signature
        self.structure: Any = None
        self.extra: list[str] = []
        self.has_own_logs = False
        names = x_names(model, len(signature.x))
        inputs = [None if t is None else Tensor(placeholder_node(t, n)) for t, n in zip(signature.x, names, strict=True)]
        x = [t for t in inputs if t is not None]
        with tracing.Trace() as trace, call_context(mode == "train", is_step=True), provenance.at_lines(provenance.user_lines()):
            build = {"train": self._train, "test": self._test, "predict": self._predict}[mode] if own_step(model, mode) is None else self._own
            targets, outputs = build(model, tree.pack_sequence_as(x_structure, inputs))
            own = [*x, *targets]
            outputs = resolved(outputs, own, model.name)
            trace.pending.update(zip(trace.pending, resolved(list(trace.pending.values()), own, model.name), strict=True))
            graph = Graph([t.node for t in (*x, *targets)], [t.node for t in outputs], trace.updates(), f"{model.name}_{mode}")
        self.executable: Executable = compile_graph(graph, backend, distribution(), **options)

    def packed(self, outputs: Sequence[Any]) -> Any:
        """Predictions in the nesting that the model gives them."""
        return tree.pack_sequence_as(self.structure, outputs) if tree.is_nested(self.structure) else outputs[0]

    def _own(self, model: Any, x: Any) -> tuple[list[Tensor], list[Tensor]]:
        """A step that the model defines itself."""
        y, w = self._given()
        step = own_step(model, self.mode)
        assert step is not None
        check_step(step, self.mode)
        found = step(self.signature.batch(x, y, w))
        given = [t for t in (*y, *w) if t is not None]
        if self.mode == "predict":
            self.structure = found
            return given, [ops.as_tensor(t) for t in tree.flatten(found)]
        logs = logs_of(model, self.mode, found)
        self.extra, self.has_own_logs = list(logs), True
        return given, [ops.as_tensor(v) for v in logs.values()]

    def _predict(self, model: Any, x: Any) -> tuple[list[Tensor], list[Tensor]]:
        self.structure = model(x, training=False) if model._takes_training else model(x)
        return [], [ops.as_tensor(t) for t in tree.flatten(self.structure)]

    def _test(self, model: Any, x: Any) -> tuple[list[Tensor], list[Tensor]]:
        y_pred, y, w, loss = self._forward(model, x, False)
        return [t for t in (*y, *w) if t is not None], self._track(model, x, y, y_pred, w, loss)

    def _train(self, model: Any, x: Any) -> tuple[list[Tensor], list[Tensor]]:
        y_pred, y, w, loss = self._forward(model, x, True)
        variables = model.trainable_variables
        if variables:
            self._optimize(model, loss, variables)
        else:
            warnings.warn(f"model {model.name!r} has no trainable weights: its steps compute the loss and the metrics, and change no weight")
        return [t for t in (*y, *w) if t is not None], self._track(model, x, y, y_pred, w, loss)

    def _optimize(self, model: Any, loss: Any, variables: list[Any]) -> None:
        """Let the optimizer assign the variables."""
        optimizer = model.optimizer
        with provenance.at_lines(model._compilation.lines), provenance.part_scope("loss"):
            grads = gradients(optimizer.scale_loss(loss), variables)
        if all(g is None for g in grads):
            raise GradientError(
                f"model {model.name!r}: the loss has no gradient with respect to any trainable weight: it depends on none of them, "
                "or only through operations without a gradient (argmax, comparisons, rounding, integers)"
            )
        with tracing.suspended():
            optimizer.build(variables)
        with provenance.at_lines(model._compilation.lines):
            optimizer.apply(grads, variables)

    def _forward(self, model: Any, x: Any, training: bool) -> tuple[list[Tensor], list[Any], list[Any], Any]:
        outputs = model(x, training=training) if model._takes_training else model(x)
        self.structure = outputs
        y_pred = tree.flatten(outputs)
        names = model._names_of_outputs(outputs)
        if self.signature.nesting is not None:
            y, w = self._given()
        else:
            if len(self.signature.y) != len(names):
                raise DataError(f"model {model.name!r} has {len(names)} outputs ({', '.join(names)}), received {len(self.signature.y)} targets")
            y = [None if t is None else Tensor(placeholder_node(t, f"{n}_target")) for t, n in zip(self.signature.y, names, strict=True)]
            w = [None if t is None else Tensor(placeholder_node(t, f"{n}_weight")) for t, n in zip(self.signature.weights, names, strict=True)]
            model._compilation.bind_losses(names, y, y_pred)
            model._compilation.bind_metrics(names, y, y_pred)
        arguments = loss_arguments(model, x, self._nested(y, 0), outputs, self._nested(w, 1), training)
        with provenance.at_lines(model._compilation.lines), provenance.part_scope("loss"):
            loss = model.compute_loss(**arguments)
            if loss is None:
                raise ConfigError(f"model {model.name!r}: compute_loss() gave None; it must give the scalar to minimise")
            loss = ops.as_tensor(ops.convert_to_tensor(loss))
        loss = resolved([loss], [t for t in (*tree.flatten(x), *y, *w) if t is not None], model.name)[0]
        if loss.ndim != 0:
            raise ShapeError(f"model {model.name!r}: the loss must be a scalar, it has shape {loss.shape}")
        return y_pred, y, w, loss

    def _given(self) -> tuple[list[Any], list[Any]]:
        """Placeholders for targets and weights of which the model alone knows what they are of."""
        y, w = ([None if t is None else Tensor(placeholder_node(t, f"{what}{k or ''}")) for k, t in enumerate(types)]
                for what, types in (("y", self.signature.y), ("sample_weight", self.signature.weights)))  # fmt: skip
        return y, w

    def _nested(self, flat: list[Any], which: int) -> Any:
        """Targets (0) or weights (1) as the model's own methods get them: None for none at all, else as they were given or in the nesting of
        the predictions."""
        if all(t is None for t in flat):
            return None
        if self.signature.nesting is not None:
            return tree.pack_sequence_as(self.signature.nesting[which], flat)
        return tree.pack_sequence_as(self.structure, flat) if tree.is_nested(self.structure) else flat[0]

    def _track(self, model: Any, x: Any, y: list[Any], y_pred: list[Any], w: list[Any], loss: Any) -> list[Tensor]:
        """Let the metrics take the step into account; what the model's own `compute_metrics` gives beyond them."""
        with provenance.at_lines(model._compilation.lines), provenance.part_scope("metrics"):
            return self._tracked(model, x, y, y_pred, w, loss)

    def _tracked(self, model: Any, x: Any, y: list[Any], y_pred: list[Any], w: list[Any], loss: Any) -> list[Tensor]:
        with provenance.part_scope("loss"):
            model._compilation.tracker.update_state(loss, sample_weight=rows_of(next(t for t in tree.flatten(x) if t is not None)))
        given_y, given_w = self._nested(y, 0), self._nested(w, 1)
        if not model._has_own_metrics():
            if self.signature.nesting is not None:
                model._update_metrics(given_y, self.structure, given_w)
            else:
                model._compilation.update_metrics(y, y_pred, w)
            return []
        results = model.compute_metrics(x, given_y, self.structure, given_w) or {}
        known = model.get_metrics_result()
        extra = {k: v for k, v in results.items() if k not in known}
        self.extra = list(extra)
        return [ops.as_tensor(v) for v in extra.values()]


def resolved(tensors: list[Tensor], own: Sequence[Tensor], model: str) -> list[Tensor]:
    """Tensors computed for a step, with what the tensors of models' definitions, over which a loss or metric is closed, are in its calls.

    Args:
        tensors: symbolic, and computed from `own` where they are closed over nothing.
        own: the placeholders of the step.
        model: its name, for messages.

    Raises:
        ConfigError: a tensor that none of the models called has.
    """
    known = {t.node for t in own}
    for replay in reversed(surroundings().replays):
        if not _foreign(tensors, known):
            return tensors
        tensors = [replay.resolve(t) for t in tensors]
    foreign = _foreign(tensors, known)
    if foreign and surroundings().replays:
        names = ", ".join(f"{n.attrs['name']!r} ({n.type})" for n in foreign)
        raise ConfigError(f"model {model!r}: a loss or metric is computed from {names}, which no model called in this step has as an input")
    return tensors


def _foreign(tensors: Sequence[Tensor], own: set[Node]) -> list[Node]:
    """The placeholders that `tensors` are computed from, besides their own."""
    seen: set[Node] = set()
    todo = [t.node for t in tensors]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(node.inputs)
    return [n for n in seen if n.op.name == "placeholder" and n not in own]


def x_names(model: Any, count: int) -> list[str]:
    """The names of a model's inputs, for the graph."""
    names = model._names_of_begins()
    return names if len(names) == count else [f"x{k}" if count > 1 else "x" for k in range(count)]
