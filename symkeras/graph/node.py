"""Nodes: immutable, interned, typed when they are built.

A node is one operation applied to other nodes, and stands for its value. What is written twice at one place of a model is one
node; within a `Compilation` what is computed twice is one node, wherever it was written: structural equality is identity, and
common subexpressions never arise. A node with several results (scan, top_k) has a tuple of types, and `item` nodes pick one
result each.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from symkeras import locks
from symkeras.errors import ShapeError
from symkeras.graph import provenance
from symkeras.graph.provenance import Origin
from symkeras.graph.types import NodeType, TensorType

if TYPE_CHECKING:
    from symkeras.ops.op import Op

OPS: dict[str, Op] = {}
"""Every operation by name. `symkeras.ops` fills it: a graph knows operations by this table alone."""

T = TypeVar("T")
_counter = itertools.count()
_uids = itertools.count()
_Table: TypeAlias = "MutableMapping[tuple[Any, ...], Node]"
_written: weakref.WeakValueDictionary[tuple[Any, ...], Node] = weakref.WeakValueDictionary()
_lock = locks.reentrant_lock()
_MOST_ELEMENTS = 1 << 48
_SOURCELESS = frozenset({"constant", "dim", "placeholder", "variable"})
"""Nodes of no one place: they come from nowhere, and are the same in all graphs."""


class _Forms(dict[type, "Callable[[Any], Any] | None"]):
    """By class, how an attribute stands in the table: None for as itself."""

    def __missing__(self, cls: type) -> Callable[[Any], Any] | None:
        form = self[cls] = next((self[base] for base in cls.__mro__ if base in self), None)
        return form


_forms = _Forms({float: float.hex})  # -0.0 == 0.0 == 0, yet they are different attributes; NaN is like NaN


def keyed_by_identity(cls: type[T]) -> type[T]:
    """A class of attributes that are equal only to themselves: the table of nodes names them, and does not keep them alive.

    A node holds its attributes, and its entry goes with it; so the number that names one is good as long as the entry. Were
    the attribute itself in the table, one that holds its own node (a variable) would never be freed.
    """
    _forms[cls] = id
    return cls


class Literal:
    """A constant array as an attribute: equal when dtype, shape and bits are equal (NaN equals itself, -0.0 is not 0.0).

    It lies row by row: kernels step through its memory, and of two equal arrays the first one stands for both.
    """

    __slots__ = ("_key", "array")

    def __init__(self, array: Any):
        array = np.asarray(array)
        if array.flags.writeable or not array.flags.c_contiguous:
            array = array.copy("C")
            array.flags.writeable = False
        self.array = array
        self._key = (array.dtype, array.shape, array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        from symkeras.graph.text import literal_text

        return literal_text(self.array)


class Node:
    """One operation in a symbolic graph; build nodes with `make`, never directly.

    Attributes:
        op: the operation (an `Op` of the table in `symkeras.ops`).
        inputs: the nodes it reads.
        attrs: its static arguments, hashable.
        type: shape and dtype of the result, or a tuple of them.
        uid: grows in the order of building, so sorting by it is a topological order.
        origins: where it comes from (see `provenance`); the one part that may grow, when equal nodes merge.
        call: what else made it and lives as long: the record of a layer's call, None for most.
        place: where its value was written, among others: that of the node it replaces in a compilation, else by its uid.
    """

    __slots__ = ("__weakref__", "attrs", "call", "inputs", "op", "origins", "place", "type", "uid")

    def __init__(self, op: Op, inputs: tuple[Node, ...], attrs: dict[str, Any], type: NodeType, origins: tuple[Origin, ...]):
        self.op = op
        self.inputs = inputs
        self.attrs = attrs
        self.type = type
        self.uid = next(_counter)
        self.origins = origins
        self.call: Any = None
        self.place = self.uid

    @property
    def shape(self) -> tuple[Any, ...]:
        """Shape of the single result, ints and dims."""
        return self.tensor_type.shape

    @property
    def dtype(self) -> str:
        return self.tensor_type.dtype

    @property
    def ndim(self) -> int:
        return len(self.tensor_type.shape)

    @property
    def tensor_type(self) -> TensorType:
        """The type of a node with one result."""
        if isinstance(self.type, tuple):
            raise TypeError(f"{self.op.name} has {len(self.type)} results; pick one with item")
        return self.type

    @property
    def types(self) -> tuple[TensorType, ...]:
        """The types of all results."""
        return self.type if isinstance(self.type, tuple) else (self.type,)

    def __repr__(self) -> str:
        return f"<{self.op.name} {self.type}>"


def make(op: Op, inputs: Iterable[Node], attrs: dict[str, Any] | None = None, type: NodeType | None = None) -> Node:
    """The node of `op` on `inputs`: the one that exists already, or a new one whose type is inferred now.

    Args:
        op: the operation.
        inputs: nodes that it reads.
        attrs: static attributes, by the schema of the operation.

    Raises:
        GraphError: an attribute that the op does not have, or a value that it cannot have.
        ShapeError, DtypeError: from the op's inference, on the user's own line.
    """
    inputs = tuple(inputs)
    attrs = {} if attrs is None else attrs
    maker = scope.maker
    table = _written if maker is None or op.name in _SOURCELESS else maker.nodes
    origins = () if op.name in _SOURCELESS else provenance.current()
    values = tuple([(k, v if (form := _forms[v.__class__]) is None else form(v)) for k, v in attrs.items()])
    key = (op.name, tuple(map(id, inputs)), values, origins if table is _written else None)
    try:
        node = table.get(key)
    except TypeError:  # a list is no attribute yet
        node = None
    if node is None:
        node = _new(table, key, op, inputs, attrs, type, origins)
    if node.origins != origins:
        node.origins = provenance.merge(node.origins, origins)
    if _recording.nodes is not None:
        _recording.nodes.add(node)
    return node


def _new(table: _Table, key: tuple[Any, ...], op: Op, inputs: tuple[Node, ...], attrs: dict[str, Any], type: NodeType | None,
         origins: tuple[Origin, ...]) -> Node:  # fmt: skip
    types = [n.type for n in inputs]
    plain = op.checked(types, attrs)
    if plain is not attrs:
        return make(op, inputs, plain, type)
    if type is None:
        type = op.type_of(*types, **attrs)
    _check_sizes(op, type)
    with _lock:
        other = table.get(key)  # from another thread, since we looked
        if other is None:
            other = table[key] = Node(op, inputs, attrs, type, origins)
            if scope.maker is not None:
                scope.maker.made(other)
        return other


def _check_sizes(op: Op, type: NodeType) -> None:
    """Raise ShapeError for a tensor that cannot be: with an axis below zero, or larger than any memory."""
    for t in type if isinstance(type, tuple) else (type,):
        elements = 1
        for d in t.shape:
            if isinstance(d, int):
                elements *= d or 1
                if d < 0 or elements > _MOST_ELEMENTS:
                    raise ShapeError(f"{op.name} would give {t}: {'a size below zero' if d < 0 else 'larger than any memory'}")


class Maker(Protocol):
    """What keeps the nodes made within it apart from all others (see `compilation`)."""

    nodes: MutableMapping[tuple[Any, ...], Node]

    def made(self, node: Node) -> None:
        """Told of every new node."""
        ...


class Scope(threading.local):
    """Of each thread: the compilation under way, None while models are written."""

    maker: Maker | None = None


scope = Scope()


class _Recording(threading.local):
    nodes: set[Node] | None = None


_recording = _Recording()


class recording:
    """Context that gathers the nodes asked for within it, whether they existed before or not: what a piece of code builds.

    A recording within another keeps its nodes to itself.
    """

    def __enter__(self) -> set[Node]:
        self._before = _recording.nodes
        _recording.nodes = set()
        return _recording.nodes

    def __exit__(self, *_: object) -> None:
        _recording.nodes = self._before


def fresh_uid() -> int:
    """A number that keeps a node apart from all others."""
    return next(_uids)


def placeholder_node(type: TensorType, name: str) -> Node:
    """A fresh placeholder; no two are the same node."""
    return make(OPS["placeholder"], (), {"name": name, "uid": fresh_uid()}, type)


def reachable(roots: Iterable[Node]) -> list[Node]:
    """Every node that `roots` need, in topological order (inputs before users). No recursion."""
    seen: dict[int, Node] = {}
    todo = list(roots)
    while todo:
        node = todo.pop()
        if node.uid not in seen:
            seen[node.uid] = node
            todo.extend(node.inputs)
    return [seen[uid] for uid in sorted(seen)]


def unreshaped(node: Node) -> Node:
    """What gives `node` by reshaping alone: the node itself, if it is no reshape."""
    while node.op.name == "reshape":
        node = node.inputs[0]
    return node


def users(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each node, the nodes among `nodes` that read it (once per reading)."""
    found: dict[Node, list[Node]] = {n: [] for n in nodes}
    for n in found:
        for i in n.inputs:
            found[i].append(n)
    return found


def live_nodes() -> Iterator[Node]:
    """All interned nodes that are alive, for tests of memory."""
    return iter(list(_written.values()))
