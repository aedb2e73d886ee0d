"""What a functional model computes on arrays before its compiled graph: the layers that read texts, or hash, and all that these need.

A batch goes through the stage first. What the graph then begins with are the results of the stage, and those inputs that are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symkeras.errors import ConfigError
from symkeras.graph import dims
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.array_layer import is_outside_of_graphs
from symkeras.layers.calls import CallRecord, record_of
from symkeras.layers.replay import Replay
from symkeras.models.feeds.arrays import Arrays
from symkeras.models.feeds.feed import Stretch, one_batch
from symkeras.ops import phase


class Prepared(list[Any]):
    """What the graph of a model begins with, in order, in place of the model's inputs."""


class ArrayStage:
    """The part of a model that computes on arrays.

    Args:
        inputs: of the model, flat.
        outputs: of the model, and the losses that its graph adds.
        records: the calls of layers between them, in order.
        again: makes calls again (`functional.run_again`).

    Attributes:
        begins: what the graph begins with: the inputs that are numbers, and results of the stage.
        records: the calls that the graph makes.
    """

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], records: Sequence[CallRecord], again: Callable[..., Any]):
        self._inputs, self._again = inputs, again
        on_arrays = {id(r) for r in records if _is_on_arrays(r)}
        found, in_graph = _ends(outputs, on_arrays)
        texts = [t for t in found if t.dtype == "string"]
        self._texts = [t.name for t in texts]
        self.begins = [t for t in inputs if t.dtype != "string"] + [t for t in found if t.node not in {i.node for i in inputs}]
        needed = _needed(found)
        self._records = [r for r in records if id(r) in needed]
        self.records = [r for r in records if id(r) in in_graph]

    @property
    def types(self) -> list[TensorType]:
        """The types of what the graph begins with."""
        return [t.node.tensor_type.with_shape((dims.symbol("batch"), *t.node.tensor_type.shape[1:])) for t in self.begins]

    @property
    def names(self) -> list[str]:
        """The names of what the graph begins with."""
        return [record.layer.name if (record := record_of(t.node)) is not None else t.name for t in self.begins]

    @property
    def layers(self) -> list[str]:
        """The layers that read texts, or hash."""
        return [r.layer.name for r in self._records if _is_on_arrays(r)]

    def weights(self) -> list[str]:
        """The paths of the weights that layers of the stage would train."""
        return [v.path for r in self._records for v in r.layer.trainable_weights]

    def compute(self, arrays: Sequence[Any]) -> Prepared:
        """What the graph begins with, for one batch of the inputs, which fit the model.

        Raises:
            ConfigError: the graph would begin with texts.
        """
        if self._texts:
            raise ConfigError(
                f"compiled graphs hold numbers: {', '.join(self._texts)} holds texts; call the model on arrays instead"
            )
        replay = Replay({t.node: a for t, a in zip(self._inputs, arrays, strict=True)})
        replay.known[phase.learning_phase().node] = np.bool_(False)
        found = self._again(replay, self._records, self.begins)
        return Prepared(None if a is None else np.asarray(a).astype(t.dtype, copy=False) for a, t in zip(found, self.begins, strict=True))


def _is_on_arrays(record: CallRecord) -> bool:
    return is_outside_of_graphs(record.layer) or any(t.dtype == "string" for t in record.inputs)


def _ends(outputs: Sequence[Tensor], on_arrays: set[int]) -> tuple[list[Tensor], set[int]]:
    """The results of calls on arrays, and texts, from which `outputs` are computed, and the calls in between."""
    ends: dict[Any, Tensor] = {}
    between: set[int] = set()
    seen = set()
    todo = [t.node for t in reversed(outputs)]
    while todo:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        record = record_of(node)
        if (record is not None and id(record) in on_arrays) or node.dtype == "string":
            ends[node] = next((t for t in record.outputs if t.node is node), Tensor(node)) if record is not None else Tensor(node)
        elif record is not None:
            between.add(id(record))
            todo.extend(t.node for t in reversed(record.inputs))
        else:
            todo.extend(reversed(node.inputs))
    return list(ends.values()), between


def _needed(tensors: Iterable[Tensor]) -> set[int]:
    """The calls that tensors need."""
    found: set[int] = set()
    seen = set()
    todo = [t.node for t in tensors]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            record = record_of(node)
            if record is not None:
                found.add(id(record))
            todo.extend([t.node for t in record.inputs] if record is not None else node.inputs)
    return found


def prepared(model: Any, stretches: Iterable[Stretch], mode: str) -> Iterator[Stretch]:
    """Stretches of data, batch by batch after the array stage where the model has one; as they are where it has none.

    Raises:
        ConfigError: layers of the stage have weights that are to be trained.
    """
    for stretch in stretches:
        if any(a is not None and a.dtype.kind in "USO" for a in stretch.data.x):
            model._ensure_built(stretch.data.x, stretch.data.structure)
        stage = model._of_graph("_array_stage")
        if stage is None:
            yield stretch
            continue
        if mode == "train" and (trained := stage.weights()):
            raise ConfigError(
                f"model {model.name!r}: {trained[0]} and {len(trained) - 1} more weights are computed with on arrays, before the compiled graph, "
                "since layers that read texts or hash depend on them, or are in one model with them; put those layers at the beginning of this model"
            )
        for batch in stretch.batches:
            yield one_batch(_batch(model, stage, stretch, batch))


def _batch(model: Any, stage: ArrayStage, stretch: Stretch, number: int) -> Arrays:
    """One batch, after the array stage."""
    begin = number * stretch.batch_size
    end = min(begin + stretch.batch_size, stretch.data.rows)
    rows = slice(begin, end) if stretch.order is None else stretch.order[begin:end]
    x, y, weights = ([None if a is None else a[rows] for a in group] for group in (stretch.data.x, stretch.data.y, stretch.data.weights))
    found = stage.compute(model._fitted(x))
    return replace(stretch.data, x=list(found), y=y, weights=weights, structure=found)
