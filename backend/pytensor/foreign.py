"""PyTensor Ops that run an operation of ours in NumPy: what PyTensor lacks, or has with another meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from symkeras.backend import interface
from symkeras.backend.engine.walk import Here
from symkeras.errors import ShapeError
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import make
from symkeras.graph.provenance import Origin
from symkeras.graph.types import TensorType as Type
from symkeras.ops.leaves import placeholder
from symkeras.ops.op import OPS

Variable = Any


class Reference(Op):
    """An operation by its reference value.

    Args:
        op: its name.
        attrs: its attributes, with sizes evaluated.
        types: dtype and shape of each result.
        origins: the user's lines, for errors.
    """

    __props__ = ("op", "attrs", "types")

    def __init__(self, op: str, attrs: Mapping[str, Any], types: Sequence[tuple[str, tuple[int, ...]]], origins: tuple[Origin, ...]):
        self.op = op
        self.origins = origins
        self.attrs = tuple(sorted(attrs.items()))
        self.arguments = dict(self.attrs)
        self.types = tuple(types)

    def __str__(self) -> str:
        return f"{type(self).__name__}{{{', '.join([self.op, *(f'{k}={v}' for k, v in self.attrs)])}}}"

    def make_node(self, *inputs: Variable) -> Apply:
        return Apply(self, list(inputs), [TensorType(dtype, shape)() for dtype, shape in self.types])

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[tuple[int, ...]]:
        return [shape for _, shape in self.types]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        try:
            found = self.compute(*inputs)
        except (IndexError, ValueError) as error:
            provenance.raise_at(error, self.origins)
        for storage, value, (dtype, shape) in zip(output_storage, found if isinstance(found, (tuple, list)) else (found,), self.types, strict=True):
            value = np.asarray(value, dtype)
            if value.shape != shape:
                raise ShapeError(f"{self.op} gave shape {value.shape}, its type promises {shape}{provenance.where(self.origins)}")
            storage[0] = value.copy() if value.base is not None or any(value is x for x in inputs) else value

    def compute(self, *arrays: np.ndarray) -> Any:
        """The results of the operation: one array, or several."""
        return OPS[self.op].value(*arrays, **self.arguments)


class Kernel(Reference):
    """An operation by the kernel of the NumPy backend, where that is much faster than the reference value."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._compiled: dict[Any, Callable[..., Any]] = {}

    def compute(self, *arrays: np.ndarray) -> Any:
        key = tuple((a.shape, a.dtype.name) for a in arrays)
        if key not in self._compiled:
            given = [placeholder(Type(*t)) for t in key]
            node = make(OPS[self.op], [x.node for x in given], self.arguments)
            self._compiled[key] = interface.get("numpy").compile(Graph([x.node for x in given], [node]), level="O0")
        return self._compiled[key](*arrays)


class Extent(Op):
    """The least and the largest of integers: what an index check compares with its bounds."""

    __props__ = ()

    def make_node(self, indices: Variable) -> Apply:
        return Apply(self, [indices], [TensorType("int64", (2,))()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        (x,) = inputs
        output_storage[0][0] = np.array([np.min(x), np.max(x)]).astype(np.int64)


def reference(here: Here, *inputs: Variable, by: type[Reference] = Reference) -> Any:
    """The results of a node by its operation in NumPy: one tensor, or a list of them."""
    found = by(here.node.op.name, here.attrs, list(zip(here.dtypes, here.shapes, strict=True)), here.node.origins)(*inputs, return_list=True)
    return found if isinstance(here.node.type, tuple) else found[0]
