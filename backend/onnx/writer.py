"""An ONNX graph while it grows: values, initializers, sizes known when it runs, and graphs within.

Names are C identifiers made from layers and operators, each given once in the whole model, so that graphs within read values of those around
them. A size that is no number is computed, from the shapes of the inputs, once and in the outermost graph.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from symkeras import ops
from symkeras.backend.onnx import magnitudes
from symkeras.compiler.program import naming
from symkeras.errors import BackendError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Dim, Size
from symkeras.graph.escaping import ascii_words
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.onnx_marks import EXACT
from symkeras.ops.evaluation import evaluate
from symkeras.ops.leaves import placeholder_node
from symkeras.ops.op import Composite
from symkeras.ops.reductions import meets_nothing

Expression = Callable[..., Any]
"""What writes an op: a function of the writer, the node and the terms of its inputs, which gives a term, or a tuple of them."""
_LOOP = (("step", TensorType((), "int64")), ("goes_on", TensorType((), "bool")))
"""The inputs that the body of ONNX' Loop has before others."""


@dataclass(frozen=True)
class Term:
    """A value of the graph, with the arithmetic of numbers; a Python number beside it becomes a constant of its dtype."""

    writer: Writer
    name: str
    dtype: str

    def _with(self, op: str, other: Any, dtype: str | None = None) -> Term:
        return self.writer.op(op, self, self.writer.like(self, other), dtype=dtype or self.dtype)

    def __add__(self, other: Any) -> Term:
        return self._with("Add", other)

    def __sub__(self, other: Any) -> Term:
        return self._with("Sub", other)

    def __mul__(self, other: Any) -> Term:
        return self._with("Mul", other)

    def __truediv__(self, other: Any) -> Term:
        return self._with("Div", other)

    def __neg__(self) -> Term:
        return self.writer.op("Neg", self)

    def __lt__(self, other: Any) -> Term:
        return self._with("Less", other, "bool")

    def __gt__(self, other: Any) -> Term:
        return self._with("Greater", other, "bool")

    def __and__(self, other: Term) -> Term:
        return self._with("And", other)

    def __or__(self, other: Term) -> Term:
        return self._with("Or", other)

    def __invert__(self) -> Term:
        return self.writer.op("Not", self)

    def equals(self, other: Any) -> Term:
        return self._with("Equal", other, "bool")

    def cast(self, dtype: str) -> Term:
        """The numbers in another dtype."""
        if dtype == self.dtype:
            return self
        return self.writer.op("Cast", self, dtype=dtype, to=element_type(dtype))


def element_type(dtype: str) -> int:
    """ONNX' number of a dtype."""
    return onnx.TensorProto.BFLOAT16 if dtype == "bfloat16" else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


class Writer:
    """See the module.

    Args:
        table: op -> what writes it.
        opset: the version of ONNX' operators.
        is_exact: whether NaN and infinities come out as the reference has them, also where engines lose them in ONNX' own operator.

    Attributes:
        arrays: the initializers by name.
        read: the variables whose values are among them.
        within_bodies: extrema in graphs within that are errors where they meet nothing; those of the model itself are looked at before it runs.
        finite: nodes that are being written for inputs by which they and what they read are finite.
    """

    def __init__(self, table: Mapping[str, Expression], opset: int, is_exact: bool = True):
        self.opset = opset
        self.is_exact = is_exact
        self.arrays: dict[str, np.ndarray] = {}
        self.read: dict[Any, Term] = {}
        self.within_bodies: set[Node] = set()
        self.finite: Collection[Node] = ()
        self._table = table
        self._scopes: list[list[onnx.NodeProto]] = [[]]
        self._taken = naming.Taken()
        self._constants: dict[Any, Term] = {}
        self._symbols: dict[str, Callable[[], Term]] = {}
        self._sizes: dict[Size, Term] = {}
        self._node: Node | None = None

    # ---- nodes and constants -----------------------------------------------------------------------------------------

    def op(self, kind: str, *inputs: Any, dtype: str | None = None, **attrs: Any) -> Term:
        """A node with one result, of the dtype of its first input where none is given; arrays among the inputs become constants."""
        return self.ops(kind, *inputs, dtypes=(dtype,), **attrs)[0]

    def ops(self, kind: str, *inputs: Any, dtypes: Sequence[str | None], **attrs: Any) -> list[Term]:
        """A node with several results."""
        given = [x if isinstance(x, Term) or x is None else self.constant(x) for x in inputs]
        own = next((x.dtype for x in given[:1] if x is not None), None)
        results = [Term(self, self.name(kind), _known(d or own, kind)) for d in dtypes]
        self._add(kind, [x.name if x else "" for x in given], [r.name for r in results], attrs)
        return results

    def _add(self, kind: str, inputs: list[str], outputs: list[str], attrs: dict[str, Any], scope: int = -1) -> None:
        while inputs and not inputs[-1]:
            inputs.pop()
        node = helper.make_node(kind, inputs, outputs, name=outputs[0], **attrs)
        if self._node is not None and self._node.origins:
            node.doc_string = naming.origin(self._node)
        self._scopes[scope].append(node)

    def name(self, kind: str) -> str:
        """A new name, from the layer that is being written and `kind`."""
        origins = self._node.origins if self._node is not None else ()
        layer = origins[0].layer.rsplit("/", 1)[-1] if origins else ""
        return self.named(f"{layer}_{kind}")

    def named(self, text: str) -> str:
        """A new name made from a text."""
        word = ascii_words(text) or "value"
        return naming.unique(f"v_{word}" if word[0].isdigit() else word, self._taken)

    def constant(self, array: Any, name: str = "") -> Term:
        """A constant; equal ones are one."""
        array = np.asarray(array)
        key = (array.dtype, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest())
        if key not in self._constants:
            shown = f"c_{naming.identifier(str(array.item()))}" if array.size == 1 else "table"
            self._constants[key] = self.weight(array, name or shown)
        return self._constants[key]

    def like(self, x: Term, value: Any) -> Term:
        """A number in the dtype of a term; a term as it is."""
        return value if isinstance(value, Term) else self.constant(np.asarray(value, x.dtype))

    def weight(self, array: np.ndarray, name: str) -> Term:
        """An initializer of its own."""
        term = Term(self, self.named(name), dtypes.standardize(array.dtype))
        self.arrays[term.name] = array
        return term

    def computed(self, function: Callable[..., Any], type: TensorType, x: Term) -> Term:
        """What a function of tensors makes of a term: an initializer where the term is one, so that no engine computes it again."""
        if x.name not in self.arrays:
            return self.expand(function, [type], [x])
        array = self.arrays[x.name]
        stand_in = placeholder_node(TensorType(array.shape, x.dtype), "x")
        value = evaluate(Graph([stand_in], [ops.as_tensor(function(Tensor(stand_in))).node]), [array])[0][0]
        return self.constant(value, x.name)

    # ---- sizes -------------------------------------------------------------------------------------------------------

    def sizes(self, shape: Sequence[Size]) -> Term:
        """Sizes as a vector of int64."""
        if all(isinstance(d, int) for d in shape):
            return self.constant(np.array(shape, np.int64))
        parts = [self.size(d) for d in shape]
        return parts[0] if len(parts) == 1 else self._outermost("Concat", *parts, axis=0)

    def size(self, size: Size) -> Term:
        """A size as a vector of one int64."""
        if isinstance(size, int):
            return self.constant(np.array([size], np.int64))
        if size not in self._sizes:
            total: Term | None = None
            for monomial, coefficient in size.terms:
                product: Term | None = self.size(coefficient) if coefficient != 1 or not monomial else None
                for atom in monomial:
                    value = self._atom(atom)
                    product = value if product is None else self._outermost("Mul", product, value)
                assert product is not None
                total = product if total is None else self._outermost("Add", total, product)
            assert total is not None
            self._sizes[size] = total
        return self._sizes[size]

    def _atom(self, atom: Any) -> Term:
        if isinstance(atom, str):
            if atom not in self._symbols:
                raise BackendError(f"the size {atom} follows from no input")
            return self._symbols[atom]()
        kind, a, b = atom[0], self.size(atom[1]), self.size(atom[2])
        if kind == "max":
            return self._outermost("Max", a, b)
        return self._outermost("Div", self._outermost("Sub", a, self._outermost("Mod", a, b)), b)  # the remainder has the sign of b

    def _outermost(self, kind: str, *inputs: Term, **attrs: Any) -> Term:
        before, self._node = self._node, None
        try:
            result = Term(self, self.named("size"), "int64")
            self._add(kind, [x.name for x in inputs], [result.name], attrs, 0)
        finally:
            self._node = before
        return result

    def _learn_symbols(self, inputs: Sequence[Node], terms: Sequence[Term]) -> None:
        """Where each symbolic size is found: in the shape of an input, by itself or in `2*batch + 1`."""
        places = [(d, t, k) for n, t in zip(inputs, terms, strict=True) for k, d in enumerate(n.shape) if isinstance(d, Dim)]
        for d, term, axis in sorted(places, key=lambda p: len(p[0].terms) + abs(p[0].terms[0][1])):
            names = d.symbols()
            if len(names) == 1 and (name := next(iter(names))) not in self._symbols and all(m in ((), (name,)) for m, _ in d.terms):
                self._symbols[name] = lambda d=d, term=term, axis=axis, name=name: self._solved(d, term, axis, name)

    def _solved(self, d: Dim, term: Term, axis: int, name: str) -> Term:
        own = dims.symbol(name)
        assert isinstance(own, Dim)
        if own not in self._sizes:
            found = self._outermost("Shape", term, start=axis, end=axis + 1)
            parts = dict(d.terms)
            if () in parts:
                found = self._outermost("Sub", found, self.size(parts[()]))
            if parts[(name,)] != 1:
                found = self._outermost("Div", found, self.size(parts[(name,)]))
            self._sizes[own] = found
        return self._sizes[own]

    # ---- graphs ------------------------------------------------------------------------------------------------------

    def main(self, graph: Graph, inputs: Sequence[str], outputs: Sequence[str], states: Mapping[Node, str] | None = None) -> onnx.GraphProto:
        """The whole graph, with these names; variables of `states` are inputs of those names, and their new values are outputs."""
        given = [(n, Term(self, self.named(name), n.dtype)) for n, name in zip(graph.inputs, inputs, strict=True)]
        given += [(n, Term(self, self.named(name), n.dtype)) for n, name in (states or {}).items()]
        self._learn_symbols(graph.inputs, [t for _, t in given[: len(graph.inputs)]])
        final = [self.named(name) for name in outputs]
        results = self._with_pools(graph, dict(given))
        self._node = None
        for x, name in zip(results, final, strict=True):
            self._add("Identity", [x.name], [name], {})
        self._drop_unused(final)
        return self._closed(
            graph.name, self._scopes[0], [(t.name, n.tensor_type) for n, t in given],
            [(name, n.tensor_type) for name, n in zip(final, graph.roots, strict=True)],
        )  # fmt: skip

    def _with_pools(self, graph: Graph, given: Mapping[Node, Any]) -> list[Term]:
        """The roots of the whole graph: written for finite pools, and where the inputs do not promise that, once more for all numbers."""
        pools = [n for n in graph.nodes if n.op.name == "max_pool" and dtypes.is_float(n.dtype)] if self.is_exact else []
        largest, finite = magnitudes.bounded(graph, pools) if pools else (0.0, set())
        if not finite:
            return self.write(graph.roots, given)
        self.finite = finite
        found = self.write(graph.roots, given)
        self.finite, self._node = (), None
        small: Term | None = None
        for n in graph.inputs:
            if dtypes.is_float(n.dtype):
                wide = given[n] if n.dtype in ("float32", "float64") else given[n].cast("float32")
                own = self.op("ReduceSumSquare", wide, keepdims=0) < magnitudes.of_input(n, largest) ** 2
                small = own if small is None else small & own
        if small is None:
            return found
        return self.choice(small, lambda: found, lambda: self.write(graph.roots, given), [n.tensor_type for n in graph.roots])

    def _drop_unused(self, outputs: Sequence[str]) -> None:
        """Leave out nodes and weights that nobody reads."""
        used, kept = set(outputs), []
        for n in reversed(self._scopes[0]):
            if used.intersection(n.output):
                kept.append(n)
                used.update(i for inner in _every([n]) for i in inner.input)
                used.update(o.name for inner in _every([n]) for a in inner.attribute if a.type == onnx.AttributeProto.GRAPH for o in a.g.output)
        self._scopes[0][:] = kept[::-1]
        self.arrays = {name: a for name, a in self.arrays.items() if name in used}

    @contextmanager
    def within(self) -> Iterator[list[onnx.NodeProto]]:
        """Nodes written here belong to a graph within."""
        node = self._node
        self._scopes.append([])
        try:
            yield self._scopes[-1]
        finally:
            self._scopes.pop()
            self._node = node

    def body(self, graph: Graph, own: Sequence[Node], captured: Sequence[Term],
             goes_on: Callable[[list[Term]], Term] | None = None) -> onnx.GraphProto:  # fmt: skip
        """A graph within: `own` are those of its inputs that it is given, `captured` stands for the others in the graph around it.

        Args:
            goes_on: for the body of ONNX' Loop, whether there is another step, from the terms of the outputs.
        """
        inputs = [*(_LOOP if goes_on else ()), *((str(n.attrs["name"]), n.tensor_type) for n in own)]
        with self.within() as nodes:
            terms = [Term(self, self.named(name), t.dtype) for name, t in inputs]
            results = self.inline(graph, [*terms[len(terms) - len(own) :], *captured])
            outputs = [(r, n.tensor_type) for r, n in zip(results, graph.outputs, strict=True)]
            if goes_on:
                outputs.insert(0, (goes_on(results), TensorType((), "bool")))
            closed = [(self.op("Identity", r).name, t) for r, t in outputs]
            return self._closed(graph.name, nodes, [(t.name, type) for t, (_, type) in zip(terms, inputs, strict=True)], closed)

    def choice(self, predicate: Term, then: Callable[[], Sequence[Term]], otherwise: Callable[[], Sequence[Term]],
               types: Sequence[TensorType]) -> list[Term]:  # fmt: skip
        """Values of these types, written in two ways that would be alike if engines did all right: the predicate chooses when the model runs."""
        branches = []
        for name, make in (("own", then), (EXACT, otherwise)):
            with self.within() as nodes:
                results = [(self.op("Identity", x).name, t) for x, t in zip(make(), types, strict=True)]
                branches.append(self._closed(name, nodes, [], results))
        return self.ops("If", predicate, dtypes=[t.dtype for t in types], then_branch=branches[0], else_branch=branches[1])

    def inline(self, graph: Graph, inputs: Sequence[Term]) -> list[Term]:
        """The outputs of a graph within, written where we are."""
        self.within_bodies.update(n for n in graph.nodes if n.op.name in ("max", "min") and not meets_nothing(n, graph))
        return self.write(graph.outputs, dict(zip(graph.inputs, inputs, strict=True)))

    def expand(self, function: Callable[..., Any], node_types: Sequence[TensorType], inputs: Sequence[Term]) -> Term:
        """What a function of tensors computes from terms of these types, as one term."""
        stand_ins = [placeholder_node(t, "x") for t in node_types]
        result = function(*map(Tensor, stand_ins))
        return self.write([result.node], dict(zip(stand_ins, inputs, strict=True)))[0]

    def write(self, roots: Sequence[Node], known: Mapping[Node, Any]) -> list[Term]:
        """Terms for nodes that are computed from known ones."""
        values: dict[Node, Any] = dict(known)
        outer = self._node
        for n in reachable(roots):
            if n not in values:
                if n.origins:
                    self._node = n
                values[n] = self._written(n, values)
        self._node = outer
        return [values[n] for n in roots]

    def _written(self, n: Node, values: dict[Node, Any]) -> Any:
        name = n.op.name
        if name == "constant":
            return self.constant(n.attrs["value"].array)
        if name == "variable":
            variable = n.attrs["variable"]
            if variable not in self.read:
                self.read[variable] = self.weight(variable.array, n.attrs["name"])
            return self.read[variable]
        if name == "placeholder":  # of a graph whose inputs nobody reads
            raise BackendError(f"input {n.attrs['name']!r} has no value")
        if name == "item":
            return values[n.inputs[0]][n.attrs["index"]]
        inputs = [values[i] for i in n.inputs]
        if name in self._table:
            return self._table[name](self, n, *inputs)
        return self.decomposed(n, inputs)

    def decomposed(self, n: Node, inputs: Sequence[Term]) -> Term:
        """A composite by its decomposition."""
        op = n.op
        assert isinstance(op, Composite), op.name
        return self.expand(lambda *x: op.decompose(*x, **n.attrs), [i.tensor_type for i in n.inputs], inputs)

    @staticmethod
    def _closed(name: str, nodes: Sequence[onnx.NodeProto], inputs: Sequence[tuple[str, TensorType]],
                outputs: Sequence[tuple[str, TensorType]]) -> onnx.GraphProto:  # fmt: skip
        given, made = ([_port(n, t) for n, t in part] for part in (inputs, outputs))
        return helper.make_graph(list(nodes), ascii_words(name) or "graph", given, made)


def _known(dtype: str | None, kind: str) -> str:
    assert dtype is not None, f"{kind} has neither a first input nor a dtype"
    return dtype


def _port(name: str, t: TensorType) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type(t.dtype), [_dim(d) for d in t.shape])


def _every(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Nodes, and those of graphs within."""
    for n in nodes:
        yield n
        for a in n.attribute:
            if a.type == onnx.AttributeProto.GRAPH:
                yield from _every(a.g.node)


def _dim(d: Size) -> int | str | None:
    """A size for the type of an input or output: a number, the name of a symbol, None for anything else."""
    if isinstance(d, int):
        return d
    names = d.symbols()
    name = next(iter(names))
    return (ascii_words(name) or None) if len(names) == 1 and d == dims.symbol(name) else None
