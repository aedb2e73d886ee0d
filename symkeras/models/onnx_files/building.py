"""A functional model from the nodes of an ONNX graph.

A value is an array where it follows from constants, a symbolic tensor where it follows from inputs, and an array of objects (ints and dims) where
it is sizes: shapes are computed with in Python, so that they may be symbolic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.errors import DataError, DtypeError, GradientError, ShapeError, SymkerasError
from symkeras.graph import dims, room
from symkeras.graph.escaping import ascii_words, printable
from symkeras.graph.graph import Graph
from symkeras.graph.node import reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.input import Input
from symkeras.layers.layer import Layer
from symkeras.models.onnx_files.classical import Refusal
from symkeras.models.onnx_files.reading import array_of, kind_of
from symkeras.models.onnx_files.table import TABLE
from symkeras.ops.evaluation import evaluate
from symkeras.ops.leaves import placeholder_node

MOST_ELEMENTS = 2**31
"""Elements of a value for one row."""


class Call:
    """One node, for the function that makes something of it.

    Attributes:
        kind: its operator.
        inputs: the values it reads, None for those left out.
        outputs: the names of its results.
        weight_names: where its weights may be: its inputs, and what another node adds that is computed with it.
        opset: the version of the operators.
    """

    def __init__(self, builder: Builder, node: Any):
        self.builder = builder
        self.node = node
        self.kind = kind_of(node)
        self.inputs: list[Any] = [builder.value(i) if i else None for i in node.input]
        self.outputs = list(node.output)
        self.weight_names = list(node.input)
        self.opset = builder.opset
        self._attributes = {a.name: a for a in node.attribute}

    @property
    def where(self) -> str:
        name = printable(self.node.name)
        return f"{self.kind} {name!r}" if name else f"{self.kind} that gives {', '.join(map(printable, self.outputs))}"

    def input(self, k: int) -> Any:
        """The k-th input, None where it is left out."""
        return self.inputs[k] if k < len(self.inputs) else None

    def attribute(self, name: str, otherwise: Any = None) -> Any:
        """An attribute in plain Python."""
        from onnx import AttributeProto  # type: ignore[import-not-found]

        a = self._attributes.get(name)
        if a is None:
            return otherwise
        readers: dict[int, Callable[[], Any]] = {
            AttributeProto.FLOAT: lambda: float(a.f), AttributeProto.INT: lambda: int(a.i),
            AttributeProto.STRING: lambda: a.s.decode("utf-8", "replace"),
            AttributeProto.FLOATS: lambda: [float(v) for v in a.floats], AttributeProto.INTS: lambda: [int(v) for v in a.ints],
            AttributeProto.STRINGS: lambda: [v.decode("utf-8", "replace") for v in a.strings],
            AttributeProto.TENSOR: lambda: array_of(a.t, self.builder.path),
        }  # fmt: skip
        if a.type not in readers:
            raise self.refused(f"its attribute {printable(name)!r} is of a kind that is not covered")
        return readers[a.type]()

    def needed(self, name: str) -> Any:
        """An attribute that must be there."""
        value = self.attribute(name)
        self.require(value is not None, f"it lacks the attribute {name!r}")
        return value

    def refused(self, why: str) -> DataError:
        """The error for a form of an operator that is not covered."""
        return DataError(f"{self.builder.path}: {self.where}: {why}")

    def require(self, holds: bool, why: str) -> None:
        if not holds:
            raise self.refused(why)

    def integers(self, k: int, attribute: str = "") -> list[int] | None:
        """The integers of an input, or of an attribute in older versions; None where there are none."""
        value = self.input(k)
        if value is None:
            given = self.attribute(attribute) if attribute else None
            return [given] if isinstance(given, int) else given
        array = self.constant(k)
        return [int(v) for v in array.ravel()]

    def sizes(self, k: int) -> list[Any]:
        """The sizes that an input holds: ints and dims."""
        value = self.input(k)
        self.require(isinstance(value, np.ndarray) and value.ndim <= 1, "its sizes are computed from data, which is not covered")
        return [d if isinstance(d, dims.Dim) else int(d) for d in np.atleast_1d(value)]

    def constant(self, k: int) -> np.ndarray:
        """An input that must be a constant."""
        value = self.input(k)
        self.require(isinstance(value, np.ndarray) and value.dtype != object, f"its input {k} must be a constant, which it is not")
        return value

    def number(self, k: int, attribute: str, otherwise: Any) -> Any:
        """A number from an input, or from an attribute in older versions."""
        value = self.input(k)
        return self.attribute(attribute, otherwise) if value is None else self.constant(k).reshape(-1)[0].item()

    def tensor(self, k: int = 0) -> Any:
        """An input as a tensor or an array of numbers; sizes become numbers."""
        value = self.input(k)
        self.require(value is not None, f"it has no input {k}")
        return as_numbers(value)

    def operand(self, k: int) -> Any:
        """An input as `tensor` gives it, and a weight as one that trains where it meets data."""
        meets_data = any(isinstance(v, Tensor) or (isinstance(v, np.ndarray) and v.dtype == object) for v in self.inputs)
        name = self.node.input[k]
        return self.builder.trained(name) if meets_data and name in self.builder.weights else self.tensor(k)

    def apply(self, function: Callable[..., Any], *values: Any) -> Any:
        """A function of tensors; of arrays alone it is computed at once, if there is room for all that it makes."""
        if any(isinstance(v, Tensor) for v in values):
            return function(*values)
        stand_ins = [placeholder_node(TensorType(v.shape, str(v.dtype)), "x") for v in values]
        results = function(*map(Tensor, stand_ins))
        flat = results if isinstance(results, (tuple, list)) else [results]
        nodes = [ops.as_tensor(r).node for r in flat]
        if not all(t.is_static for n in nodes for t in n.types):  # a constant of a symbolic shape
            return function(*map(ops.as_tensor, values))
        for n in reachable(nodes):
            for t in n.types if n not in stand_ins else ():
                room.take(dims.evaluate(t.shape, {}), t.dtype, self.where)
        found = evaluate(Graph(stand_ins, nodes), list(values))[0]
        return found if isinstance(results, (tuple, list)) else found[0]

    def layer(self, layer: Layer, x: Any, weights: Sequence[np.ndarray], part: int = 0, **options: Any) -> Any:
        """A layer called on tensors, with these weights, or the given part of them; where another node reads the same ones, its layer."""
        tensors = [as_tensor(v) for v in x] if isinstance(x, list) else as_tensor(x)
        names = [i for i in self.weight_names if i in self.builder.weights]
        given = [self.builder.weights[i] for i in names]
        config = {k: v for k, v in layer.get_config().items() if k != "name"}
        key = (type(layer), repr(config), part, *given) if any(np.ptp(self.builder.values[i]) > 0 for i in names) else None
        shared = self.builder.layers.get(key)
        if shared is not None:
            return shared(tensors, **options)
        result = layer(tensors, **options)
        layer.set_weights(list(weights))
        if key is not None:  # vectors of one number are written once for all layers that begin so
            self.builder.layers[key] = layer
        return result

    def name(self) -> str:
        """A name for a layer of this node that no other has."""
        return self.builder.name(self.node.name or self.node.op_type)


def is_weight(array: np.ndarray) -> bool:
    """Whether an array may be one: a single number is none, and a mask with infinities neither."""
    return array.dtype.kind == "f" and array.size > 1 and bool(np.isfinite(array).all())


def as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else ops.as_tensor(as_numbers(value))


def as_numbers(value: Any) -> Any:
    """Sizes as a tensor of int64 where they are symbolic, as an array where they are not."""
    if not isinstance(value, np.ndarray) or value.dtype != object:
        return value
    flat = [ops.cast(ops.as_tensor(d), "int64") if isinstance(d, dims.Dim) else np.int64(d) for d in value.ravel()]
    if not any(isinstance(d, Tensor) for d in flat):
        return np.array([int(d) for d in flat], np.int64).reshape(value.shape)
    return ops.reshape(ops.stack(flat), value.shape)


class Builder:
    """See the module.

    Args:
        graph: that of the file.
        arrays: its initializers.

    Attributes:
        weights: the names of the initializers that are weights where they take part in sums and products, and of what follows from them alone;
            for each what it is of, which is equal where two are the same.
        batch: the number of rows that the file fixes, None where it fixes none.
        readers: the nodes that read each value.
        inputs: those of the model.
        layers: by what they are and the weights that they read.
        taken: sums that a layer before them has computed already, and the values that they come to.
    """

    def __init__(self, graph: Any, arrays: dict[str, np.ndarray], opset: int, path: Path):
        self.graph, self.opset, self.path = graph, opset, path
        self.arrays = arrays
        self.values: dict[str, Any] = dict(arrays)
        self.weights: dict[str, Any] = {name: name for name, a in arrays.items() if is_weight(a)}
        self.batch: int | None = None
        self.taken: dict[str, str] = {}
        self.inputs: list[Tensor] = []
        self.layers: dict[Any, Layer] = {}
        self._trained: dict[Any, Tensor] = {}
        self._names: set[str] = set()
        self.readers: dict[str, list[Any]] = {}

    def model(self, nodes: Sequence[Any], outputs: Sequence[str], name: str) -> Any:
        """The model that gives these values."""
        from symkeras.models.functional import Functional

        for n in nodes:
            for i in n.input:
                self.readers.setdefault(i, []).append(n)
        read = {*self.readers, *outputs}
        inputs = self.inputs = [self._input(i) for i in self.graph.input if i.name not in self.arrays and i.name in read]
        for n in nodes:
            self._add(n)
        results = [self.value(o) for o in outputs]
        for o, r in zip(outputs, results, strict=True):
            if not isinstance(r, Tensor):
                raise DataError(f"{self.path}: {printable(o)!r} depends on no input, so no model can give it")
        return Functional(inputs if len(inputs) != 1 else inputs[0], results if len(results) != 1 else results[0], name=ascii_words(name) or "model")

    def _input(self, info: Any) -> Tensor:
        from onnx import helper  # type: ignore[import-not-found]

        kind = info.type.tensor_type
        name = printable(info.name)
        if not info.type.HasField("tensor_type") or not kind.HasField("shape") or not kind.shape.dim:
            raise DataError(f"{self.path}: input {name!r} is no tensor with a batch axis, which is not covered")
        try:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type)).name
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(f"{self.path}: input {name!r} has dtype {kind.elem_type}, which is not covered") from error
        if dtype == "object":
            raise DataError(f"{self.path}: input {name!r} takes texts, which no tensor holds")
        sizes = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim]
        if sizes[0] is not None:
            self.batch = sizes[0]
        try:
            tensor = Input(tuple(sizes[1:]), dtype=dtype, name=self.name(info.name))
        except SymkerasError as error:
            raise DataError(f"{self.path}: input {name!r}: {error}") from error
        self.values[info.name] = tensor
        return tensor

    def _add(self, node: Any) -> None:
        call = None
        if node.output[0] in self.taken:
            self.values[node.output[0]] = self.value(self.taken[node.output[0]])
            return
        try:
            call = Call(self, node)
            results = TABLE[call.kind](call)
        except (ShapeError, DtypeError, GradientError) as error:
            raise DataError(f"{self.path}: {call.where if call else kind_of(node)}: {error}") from error
        except (IndexError, TypeError, ValueError, KeyError, OverflowError) as error:
            if isinstance(error, SymkerasError):
                raise
            where = call.where if call else kind_of(node)
            raise DataError(f"{self.path}: {where} is not what ONNX says it is: {type(error).__name__}: {printable(error)}") from error
        is_of_weights = any(i in self.weights for i in node.input)
        for k, (name, value) in enumerate(zip(node.output, results if isinstance(results, (tuple, list)) else (results,), strict=False)):
            if is_of_weights and isinstance(value, np.ndarray) and is_weight(value):
                self.weights[name] = self.weights[node.input[0]] if node.op_type == "Identity" else self._source(node, k)
            if name:
                self._check_size(value, call)
                if name in self.values:
                    raise DataError(f"{self.path}: two nodes give {printable(name)!r}: refused")
                self.values[name] = value

    def _check_size(self, value: Any, call: Call) -> None:
        if isinstance(value, Tensor) and math.prod(d for d in value.dims if isinstance(d, int)) > MOST_ELEMENTS:
            raise call.refused(f"it gives {value.node.type}, more than {MOST_ELEMENTS} elements of one row: refused")

    def value(self, name: str) -> Any:
        if name not in self.values:
            raise DataError(f"{self.path}: nothing gives {printable(name)!r} before it is read")
        value = self.values[name]
        if isinstance(value, Refusal):
            raise DataError(f"{self.path}: {printable(name)!r}: {value.why}")
        return value

    def trained(self, name: str) -> Tensor:
        """A weight as a tensor, the same for all that read it."""
        from symkeras.layers.with_weight import WithWeight

        source = self.weights[name]
        if source not in self._trained:
            array = self.values[name]
            layer = WithWeight("value", array.shape, name=self.name(name), dtype=str(array.dtype))
            self._trained[source] = layer(self.inputs[0])
            layer.set_weights([array])
        return self._trained[source]

    def _source(self, node: Any, k: int) -> Any:
        """What the k-th result of a node of weights and constants is of."""
        constants = [self.values.get(i) for i in node.input if i not in self.weights]
        read = [*(self.weights.get(i) for i in node.input), *(a.tolist() if isinstance(a, np.ndarray) else a for a in constants)]
        attributes = sorted(a.SerializeToString() for a in node.attribute)
        return repr((node.op_type, k, attributes, read))

    def name(self, text: str) -> str:
        """A name for a layer, from one in the file."""
        word = ascii_words(text) or "layer"
        unique, k = word, 1
        while unique in self._names:
            k += 1
            unique = f"{word}_{k}"
        self._names.add(unique)
        return unique

    def only_reader(self, name: str) -> Any:
        """The node that alone reads a value; None where several do, or where it is given."""
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in {o.name for o in self.graph.output} else None

