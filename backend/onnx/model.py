"""A graph as an ONNX model in memory, with its weights beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from symkeras.backend.onnx.table import TABLE, check_expressible
from symkeras.backend.onnx.writer import Writer, element_type
from symkeras.graph.escaping import printable
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node

LEAST_OPSET = 18
"""The first version of ONNX' operators that has all that is written here; ONNX Runtime has it since 1.14."""
MOST_EMBEDDED = 1 << 31
"""Bytes of weights from which on they lie outside of the model: protocol buffers end at 2 GiB."""
SMALL = 1024
"""Elements up to which a weight always lies in the model itself: shapes are inferred from such."""
_SHOWN = 16
"""Elements up to which a weight is shown in the text of a model."""


@dataclass
class Model:
    """An ONNX model.

    Attributes:
        proto: the model; its initializers are not in it.
        arrays: they, by name.
        read: the variables among them.
        inputs, outputs: their names in the model, in order; those of states are not among them.
        states: for each variable that is an input its name; `news`, the name of its new value.
    """

    proto: onnx.ModelProto
    arrays: dict[str, np.ndarray]
    read: list[Any]
    inputs: list[str]
    outputs: list[str]
    states: dict[Any, str] = field(default_factory=dict)
    news: dict[Any, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes of all initializers."""
        return sum(a.nbytes for a in self.arrays.values())

    def named(self, name: str) -> list[onnx.NodeProto]:
        """The nodes of this name, also in graphs within."""
        found, todo = [], [self.proto.graph]
        while todo:
            for n in todo.pop().node:
                found += [n] if n.name == name else []
                todo += [a.g for a in n.attribute if a.type == onnx.AttributeProto.GRAPH]
        return found

    def embedded(self) -> onnx.ModelProto:
        """The model with its initializers in it."""
        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        proto.graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(a).reshape(a.shape), name) for name, a in self.arrays.items())
        return proto

    def referring(self, places: Mapping[str, tuple[str, int]], small: int = 0) -> onnx.ModelProto:
        """The model with initializers that lie elsewhere: by name the file and where in it; the others, of up to `small` elements, in it."""
        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        for name, a in self.arrays.items():
            if name not in places and a.size <= small:
                proto.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(a).reshape(a.shape), name))
                continue
            location, offset = places.get(name, ("weights", 0))
            tensor = proto.graph.initializer.add(name=name, data_type=element_type(str(a.dtype)), dims=a.shape)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in {"location": location, "offset": offset, "length": a.nbytes}.items():
                tensor.external_data.add(key=key, value=str(value))
        return proto

    @property
    def text(self) -> str:
        """The model in ONNX' own text form, with small weights in full."""
        return onnx.printer.to_text(self.referring({}, _SHOWN))


def model_of(graph: Graph, opset: int = LEAST_OPSET, is_exact: bool = True, title: str = "", results: Sequence[str] = ()) -> Model:
    """`graph` as an ONNX model; variables that it updates become inputs, and their new values outputs.

    Raises:
        BackendError: it holds what ONNX cannot express; each node is named, and nothing is written.
    """
    check_expressible(graph, title or graph.name)
    w = Writer(TABLE, opset, is_exact)
    updated = [n for n, _ in graph.updates]
    read: dict[Node, str] = {n: n.attrs["name"] for n in updated if graph.users.get(n) or n in graph.roots}
    outputs = [*_names(graph, results), *(f"{n.attrs['name']}_new" for n in updated)]
    proto = w.main(graph, [n.attrs["name"] for n in graph.inputs], outputs, read)
    proto.doc_string = printable(title or graph.name)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets), producer_name="symkeras")
    given, names = [i.name for i in proto.input], [o.name for o in proto.output]
    count = len(graph.inputs)
    return Model(
        model, w.arrays, list(w.read), given[:count], names[: len(graph.outputs)],
        {n.attrs["variable"]: name for n, name in zip(read, given[count:], strict=True)},
        {n.attrs["variable"]: name for n, name in zip(updated, names[len(graph.outputs) :], strict=True)},
    )  # fmt: skip


def _names(graph: Graph, results: Sequence[str]) -> list[str]:
    if len(results) == len(graph.outputs):
        return list(results)
    return ["output"] if len(graph.outputs) == 1 else [f"output_{k + 1}" for k in range(len(graph.outputs))]
