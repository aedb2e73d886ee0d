"""The functions of a model: one graph each for training, testing and predicting, compiled when first needed.

A training step is traced once: forward, losses, gradients, optimizer, metrics, and every variable they assign become
one graph with updates. What is fetched from it is nothing: metrics are variables, read when somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff.reverse import gradients
from symkeras.backend.interface import Executable, compile_graph
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes, tracing
from symkeras.graph.graph import Graph
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.layer import call_context
from symkeras.ops.leaves import placeholder_node


@dataclass(frozen=True)
class Signature:
    """Types of the flat inputs, targets and sample weights (None where there is none) of a function."""

    x: tuple[TensorType, ...]
    y: tuple[TensorType | None, ...] = ()
    weights: tuple[TensorType | None, ...] = ()


def batch_type(array: Any, like: TensorType | None = None) -> TensorType:
    """The type that batches of `array` are computed in: the batch size symbolic, floats as `floatx`, integers as int32."""
    kind = array.dtype.kind
    dtype = dtypes.config.floatx() if kind in "fc" else "bool" if kind == "b" else "int32"
    if like is not None:
        return like
    return TensorType((dims.symbol("batch"), *map(int, array.shape[1:])), dtype)


class Step:
    """One compiled function of a model.

    Attributes:
        executable: what runs; its inputs are all of x, then the targets and weights that are there.
        structure: the nesting of the predictions.
    """

    def __init__(self, model: Any, mode: str, signature: Signature, x_structure: Any, backend: str | None, options: dict[str, Any]):
        self.mode = mode
        self.signature = signature
        self.structure: Any = None
        x = [Tensor(placeholder_node(t, n)) for t, n in zip(signature.x, _x_names(model, len(signature.x)), strict=True)]
        with tracing.Trace() as trace, call_context(mode == "train") as context:
            build = {"train": self._train, "test": self._test, "predict": self._predict}[mode]
            extra, outputs = build(model, tree.pack_sequence_as(x_structure, x), context)
            inputs = [t.node for t in (*x, *extra)]
            graph = Graph(inputs, [t.node for t in outputs], trace.updates(), f"{model.name}_{mode}")
        self.executable: Executable = compile_graph(graph, backend, **options)

    def _predict(self, model: Any, x: Any, context: Any) -> tuple[list[Tensor], list[Tensor]]:
        self.structure = model(x, training=False) if model._takes_training else model(x)
        return [], [ops.as_tensor(t) for t in tree.flatten(self.structure)]

    def _targets(self, names: Sequence[str]) -> tuple[list[Any], list[Any]]:
        y = [None if t is None else Tensor(placeholder_node(t, f"{n}_target")) for t, n in zip(self.signature.y, names, strict=True)]
        w = [None if t is None else Tensor(placeholder_node(t, f"{n}_weight")) for t, n in zip(self.signature.weights, names, strict=True)]
        return y, w

    def _forward(self, model: Any, x: Any, training: bool) -> tuple[list[Tensor], list[Any], list[Any], Any]:
        outputs = model(x, training=training) if model._takes_training else model(x)
        self.structure = outputs
        y_pred = tree.flatten(outputs)
        names = model._names_of_outputs(len(y_pred))
        if len(self.signature.y) != len(names):
            raise ConfigError(f"model {model.name!r} has {len(names)} outputs ({', '.join(names)}), received {len(self.signature.y)} targets")
        y, w = self._targets(names)
        model._compilation.bind(names, y, y_pred)
        return y_pred, y, w, model._loss_of(x, y, outputs, w, training)

    def _test(self, model: Any, x: Any, context: Any) -> tuple[list[Tensor], list[Tensor]]:
        y_pred, y, w, loss = self._forward(model, x, False)
        model._track(loss, y, y_pred, w)
        return [t for t in (*y, *w) if t is not None], []

    def _train(self, model: Any, x: Any, context: Any) -> tuple[list[Tensor], list[Tensor]]:
        y_pred, y, w, loss = self._forward(model, x, True)
        if loss.ndim != 0:
            raise ShapeError(f"model {model.name!r}: the loss must be a scalar, it has shape {loss.shape}")
        optimizer = model.optimizer
        variables = model.trainable_variables
        if not variables:
            raise ConfigError(f"model {model.name!r} has no trainable weights")
        if not optimizer.built:
            with tracing.suspended():
                optimizer.build(variables)
        scaled = optimizer.scale_loss(loss)
        optimizer.apply(gradients(scaled, variables), variables)
        model._track(loss, y, y_pred, w)
        return [t for t in (*y, *w) if t is not None], []


def _x_names(model: Any, count: int) -> list[str]:
    try:
        names = list(model.input_names)
    except (AttributeError, ShapeError):
        names = []
    return names if len(names) == count else [f"x{k}" if count > 1 else "x" for k in range(count)]


def fill(target: np.ndarray, source: np.ndarray) -> None:
    """Copy a batch into the place where a function reads it, converting its dtype."""
    if source.shape != target.shape:
        source = source.reshape(target.shape)
    np.copyto(target, source, casting="unsafe")
