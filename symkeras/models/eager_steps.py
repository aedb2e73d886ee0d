"""Steps of models compiled with `run_eagerly=True`: their Python runs for every batch, on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.backend.interface import Executable
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.layers.calls import call_context
from symkeras.lazy import lazy
from symkeras.models.own_steps import METHODS, check_step, logs_of, own_step
from symkeras.models.steps import Signature, Step, x_names
from symkeras.ops.leaves import placeholder_node


class EagerStep(Step):
    """A step that nothing is compiled for; `executable` runs the model's `train_step`, `test_step` or `predict_step` as Python.

    Args:
        model, mode, signature, x_structure, options: as for `Step`.
    """

    def __init__(self, model: Any, mode: str, signature: Signature, x_structure: Any, options: Mapping[str, Any]):
        self.mode, self.signature, self.structure = mode, signature, None
        self.extra = []
        self.has_own_logs = mode != "predict" and (own_step(model, mode) is not None or model._has_own_metrics())
        self._arguments = model, mode, signature, x_structure, "interpreter", options
        names = [*x_names(model, len(signature.x)), *(f"y{k}" for k in range(len(signature.y))), *(f"w{k}" for k in range(len(signature.weights)))]
        types = [*signature.x, *signature.y, *signature.weights]
        inputs = [placeholder_node(t, n) for t, n in zip(types, names, strict=True) if t is not None]
        self.executable = _Python(Graph(inputs, [], name=f"{model.name}_{mode}"), self)

    @lazy
    def traced(self) -> Executable:
        """The same step as a graph, to look at."""
        return Step(*self._arguments).executable

    def run(self, arrays: list[np.ndarray]) -> list[Any]:
        """One step; what it gives are the predictions, or the logs of a step of the model's own."""
        model, mode, signature, structure = self._arguments[:4]
        rest = iter(arrays)
        x, y, w = ([None if t is None else next(rest) for t in types] for types in (signature.x, signature.y, signature.weights))
        batch = signature.batch(tree.pack_sequence_as(structure, x), y, w)
        with call_context(mode == "train"), provenance.at_lines(provenance.user_lines()):
            step = getattr(model, METHODS[mode])
            check_step(step, mode)
            found = step(batch)
        if mode == "predict":
            self.structure = found
            return [np.array(a) for a in tree.flatten(found)]
        if not self.has_own_logs:
            return []
        logs = logs_of(model, mode, found)
        self.extra = list(logs)
        return list(logs.values())


class _Python(Executable):
    def __init__(self, graph: Graph, step: EagerStep):
        super().__init__(graph, "interpreter")
        self._step = step

    def __call__(self, *arrays: Any) -> list[Any]:
        return self._step.run([np.array(a) for a in arrays])
