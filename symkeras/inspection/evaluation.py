"""Values of any node of any stage, by the reference; on copies: nothing is written, nothing that runs is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.errors import SymkerasError
from symkeras.foreign_dtypes import kind
from symkeras.graph import dims, dtypes, provenance
from symkeras.graph.compilation import Compilation
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.node import Node, make
from symkeras.graph.types import TensorType
from symkeras.graph.variable import Pack, Variable
from symkeras.lazy import lazy
from symkeras.ops.evaluation import sizes, solve_dims, value_of

SIZES = (4, 9, 33)
"""What symbolic sizes are where no inputs are given: the first of these that the graph can be evaluated with."""
TOLERANCES = {"float16": (2e-2, 1e-3), "bfloat16": (5e-2, 5e-3), "float32": (1e-4, 1e-12), "float64": (1e-10, 1e-24)}
"""By dtype: a difference relative to the largest element, and an absolute one, that other orders of sums and other functions may make."""

ROUNDING = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""By dtype, the distance from 1 to the next number."""
SHAKES = (1, 2)
"""How often, by which seeds, what is computed from is moved by a few roundings, to see how far a result moves by itself."""
SLACK = 16
"""How many times farther than that a result may be and still be alike."""


def sizes_of(graph: Graph, size: int) -> dict[str, int]:
    """The same size for every symbol that a graph, or one within, knows."""
    return {s: size for n in every_node(graph) for t in n.types for s in dims.symbols_of(t.shape)}


class Valuation:
    """The values of nodes, computed when they are asked for.

    Args:
        graph: which has the inputs.
        arrays: one per input; random ones where there are none. What graphs within have as inputs is random.
        size: what symbolic sizes are that no input has.
        variables: the values of variables that are not to be their own.
    """

    def __init__(self, graph: Graph, arrays: Sequence[Any] = (), size: int = SIZES[0], variables: Mapping[Node, Any] | None = None):
        self._graph = graph
        names = [n.attrs["name"] for n in graph.inputs]
        known = solve_dims([n.tensor_type for n in graph.inputs], [np.shape(a) for a in arrays], names) if len(arrays) else {}
        self.env = {**sizes_of(graph, size), **known}
        self._variables = variables or {}
        self._given, self._size = arrays, size
        self._values: dict[Node, Any] = {}
        self._within: dict[Node, frozenset[Node]] = {}
        own = set(graph.inputs)
        self._own = own
        if len(arrays):
            self._values.update((n, np.asarray(a, n.dtype)) for n, a in zip(graph.inputs, arrays, strict=True))

    def value(self, node: Node) -> Any:
        """The value of a node: an array, or a tuple of them."""
        with sizes(self.env), np.errstate(all="ignore"):
            for n in self._missing(node):
                self._within[n] = frozenset().union(*(self._within.get(i, frozenset()) for i in n.inputs))
                if n.op.name == "placeholder":
                    if n not in self._own:
                        self._within[n] = frozenset([n])
                    self._values[n] = drawn(n.tensor_type, self.env, n.attrs["name"])
                else:
                    self._values[n] = value_of(n, self._graph, self._values, self.env, self._variables)
        return self._values[node]

    def _missing(self, node: Node) -> list[Node]:
        todo, seen = [node], {}
        while todo:
            n = todo.pop()
            if n not in self._values and n.uid not in seen:
                seen[n.uid] = n
                todo += n.inputs
        return [seen[uid] for uid in sorted(seen)]

    @lazy
    def _shaken(self) -> list[Valuation]:
        """The same on inputs and variables moved by a few roundings."""
        found = {n: self._variables.get(n, n.attrs["variable"].array) for n in every_node(self._graph) if n.op.name == "variable"}
        return [
            Valuation(self._graph, [shaken(a, s) for a in self._given], self._size, {n: shaken(a, s) for n, a in found.items()}) for s in SHAKES
        ]

    def is_rounding(self, off: float, of: Callable[[Valuation], Any]) -> bool:
        """Whether a value that is `off` by so much is so by rounding: by no more than it moves itself where all moves by a few roundings.

        Args:
            of: what gives the value.
        """
        return off <= SLACK * largest_move(of(self), [of(v) for v in self._shaken])

    def inputs_within(self, node: Node) -> frozenset[Node]:
        """The inputs of graphs within that a node whose value was asked for is computed from."""
        return self._within.get(node, frozenset())


def shaken(value: Any, seed: int) -> np.ndarray:
    """An array whose floats are moved by up to four roundings; what is no float, and zero, stays as it is."""
    array = np.asarray(value)
    if str(array.dtype) not in ROUNDING:
        return array
    moves = np.random.default_rng([seed, array.size]).uniform(-4, 4, array.shape) * ROUNDING[str(array.dtype)]
    with np.errstate(all="ignore"):
        return (array * (1 + moves)).astype(array.dtype)


def largest_move(value: Any, others: Iterable[Any]) -> float:
    """The largest finite distance of a value, an array or a tuple of them, from others like it."""
    found = 0.0
    for other in others:
        for a, b in zip(value, other, strict=True) if isinstance(value, tuple) else [(value, other)]:
            with np.errstate(all="ignore"):
                off = np.abs(np.asarray(a).astype(complex) - np.asarray(b).astype(complex))
            found = max(found, float(off[np.isfinite(off)].max(initial=0.0)))
    return found


def drawn(type: TensorType, env: Mapping[str, int], seed: str = "") -> np.ndarray:
    """A random array of a type: floats from -2 to 2, whole numbers 0 and 1, so that they are indices of whatever is looked up."""
    rng = np.random.default_rng([ord(c) for c in seed])
    shape = dims.evaluate(type.shape, env)
    if dtypes.is_inexact(type.dtype):
        return rng.uniform(-2, 2, shape).astype(type.dtype)
    return rng.integers(0, 2, shape).astype(type.dtype)


def telling_values(graph: Graph) -> dict[Node, np.ndarray]:
    """The values of variables, with what is zero in those of floats replaced: a bias of zeros hides whether it is added."""
    bases: dict[int, np.ndarray] = {}
    found = {}
    for n in dict.fromkeys(n for n in every_node(graph) if n.op.name == "variable"):
        array = n.attrs["variable"].array
        base = array.base if isinstance(array.base, np.ndarray) else array
        if id(base) not in bases:
            copy = np.array(base)
            if kind(copy.dtype) == "f":
                rng = np.random.default_rng(copy.size)
                copy = np.where(copy == 0, rng.uniform(0.1, 1, copy.shape), copy).astype(copy.dtype)
            bases[id(base)] = copy
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        found[n] = np.ndarray(array.shape, array.dtype, bases[id(base)].reshape(-1).view(np.uint8), offset) if array.size else array
    return found


def results(graph: Graph, valuation: Valuation, variables: Iterable[Node]) -> list[tuple[str, Any]]:
    """(what, value) of the outputs, and of what some variables hold after the updates, in whatever pieces these are written."""
    found = [(f"output {k}", valuation.value(n)) for k, n in enumerate(graph.outputs)]
    new = {v.attrs["variable"]: n for v, n in graph.updates}
    for node in variables:
        v = node.attrs["variable"]
        if v in new:
            found.append((v.path, valuation.value(new[v])))
            continue
        whole = next((f for f in new if f.flat_of is not None and np.shares_memory(f.array, v.array)), None)
        if whole is not None:
            start = (v.array.__array_interface__["data"][0] - whole.array.__array_interface__["data"][0]) // v.array.itemsize
            found.append((v.path, np.asarray(valuation.value(new[whole])).ravel()[start : start + v.size].reshape(v.shape)))
    return found


def difference(found: Any, expected: Any, tolerance: tuple[float, float] | None = None) -> tuple[float, tuple[int, ...]] | None:
    """The largest difference of two values and where it is; None where it is within the tolerance (by dtype, see `TOLERANCES`)."""
    a, b = np.asarray(found), np.asarray(expected)
    if a.shape != b.shape:
        return float("inf"), ()
    if a.size == 0:
        return None
    rtol, atol = (0.0, 0.0) if not dtypes.is_inexact(str(b.dtype)) else tolerance or TOLERANCES.get(str(b.dtype), TOLERANCES["float32"])
    wide: Any = complex if "c" in (a.dtype.kind, b.dtype.kind) else float
    a, b = a.astype(wide), b.astype(wide)
    with np.errstate(all="ignore"):
        off = np.abs(a - b)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    off = np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf))
    scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    place = np.unravel_index(int(off.argmax()), off.shape)
    largest = float(off[place])
    return None if largest <= rtol * scale + atol else (largest, tuple(map(int, place)))


def copied(graph: Graph) -> Graph:
    """The same graph on copies of its variables; names, origins and inputs are those that it has."""
    nodes = list(dict.fromkeys(every_node(graph)))
    with Compilation({n: graph.names[n] for n in nodes}) as compilation, provenance.inherit(()):
        new = _Copy(compilation).graph(graph)
        compilation.names.settle(every_node(new))
    return new


class _Copy:
    def __init__(self, compilation: Compilation):
        self._compilation = compilation
        self._graphs: dict[Graph, Graph] = {}
        self._variables: dict[Variable, Variable] = {}
        self._packs: dict[Pack, Pack] = {}

    def graph(self, graph: Graph) -> Graph:
        if graph not in self._graphs:
            new: dict[Node, Node] = {}
            for n in graph.nodes:
                new[n] = self._node(n, [new[i] for i in n.inputs])
                if new[n] is not n:
                    self._compilation.replaced(n, new[n])
            updates = [(new[v], new[n]) for v, n in graph.updates]
            self._graphs[graph] = Graph(graph.inputs, [new[n] for n in graph.outputs], updates, graph.name)
        return self._graphs[graph]

    def _node(self, node: Node, inputs: list[Node]) -> Node:
        if node.op.name == "variable":
            return self.variable(node.attrs["variable"]).node
        if node.op.is_leaf:
            return node
        attrs = {k: self.graph(v) if isinstance(v, Graph) else v for k, v in node.attrs.items()}
        with provenance.replacing(node):
            return make(node.op, inputs, attrs, node.type)

    def variable(self, v: Variable) -> Variable:
        pack = v.flat_of or v.pack
        if pack is not None and pack not in self._packs:
            self._packs[pack] = Pack([self._alone(part) for part in pack.variables], pack.name)
        if v.flat_of is None:
            return self._alone(v)
        assert pack is not None
        start = (v.array.__array_interface__["data"][0] - pack.array.__array_interface__["data"][0]) // v.array.itemsize
        parts = [p for p in pack.variables if start <= pack.start(p) < start + v.size]
        flat = self._packs[pack].flat(self._alone(parts[0]), self._alone(parts[-1]))
        flat.path, flat.place = v.path, v.place
        return flat

    def _alone(self, v: Variable) -> Variable:
        if v not in self._variables:
            copy = self._variables[v] = Variable(v.numpy(), dtype=v.dtype, trainable=v.is_parameter, name=v.name)
            copy.path, copy.place = v.path, v.place
        return self._variables[v]


def given_or_drawn(graph: Graph, arrays: Sequence[Any]) -> list[np.ndarray]:
    """One array per input: those given, or random ones of sizes with which the graph can be evaluated.

    Raises:
        SymkerasError: it cannot be evaluated with those given, or with any tried.
    """
    if len(arrays) or not graph.inputs:
        from symkeras.backend.interface import input_arrays

        return input_arrays(graph, arrays)
    problem: Exception | None = None
    for size in SIZES:
        env = sizes_of(graph, size)
        found = [drawn(n.tensor_type, env, n.attrs["name"]) for n in graph.inputs]
        try:
            valuation = Valuation(graph, found, size)
            for n in graph.roots:
                valuation.value(n)
        except (SymkerasError, ValueError, IndexError) as error:
            problem = error
        else:
            return found
    raise SymkerasError(f"graph {graph.name!r} cannot be evaluated with random inputs, give some: {problem}")


__all__ = ["TOLERANCES", "Valuation", "copied", "difference", "drawn", "given_or_drawn", "results", "telling_values"]
