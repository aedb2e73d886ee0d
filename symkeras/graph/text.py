"""The text form of graphs: what `to_text` gives parses back; what is printed is the same but for the elements of long constants.

    graph train(%x: f32[batch, 3]) {
      %dense_kernel = variable(name='dense/kernel'): f32[3, 2]
      %dense_matmul = matmul(%x, %dense_kernel): f32[batch, 2]  # dense, train.py:7
      return %dense_matmul
      update %dense_kernel <- %sgd_difference
    }

Sub-graphs of scan, cond and fused kernels follow the graph that uses them, named `@1`, `@2`, ... A comment after `#`
is provenance; it is not read back.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import GraphError, SymkerasError
from symkeras.graph import dtypes, provenance, words
from symkeras.graph.compilation import Compilation
from symkeras.graph.escaping import MOST_IN_NAME, printable
from symkeras.graph.grammar import Reader
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.naming import Names, identifier
from symkeras.graph.node import OPS, Literal, Node, fresh_uid, make, placeholder_node
from symkeras.graph.types import NodeType, TensorType

if TYPE_CHECKING:
    from symkeras.ops.op import Op

_INLINE_ELEMENTS = 64
HIDDEN = ("uid", "variable")


def literal_text(array: np.ndarray) -> str:
    """A constant in full: nested lists when it is small, else its bytes in base64."""
    if array.size <= _INLINE_ELEMENTS and array.dtype.kind != "c":
        return repr(array.tolist())
    return f"base64({base64.b64encode(array.tobytes()).decode()!r})"


def print_graph(graph: Graph, in_full: bool = True, comments: bool = True) -> str:
    """`graph` and its sub-graphs as text; constants of many elements are left out where only people read it (not `in_full`)."""
    queue, numbers, parts = [graph], {graph: ""}, []
    for g in queue:
        parts.append(_Printer(g, graph.names, numbers, queue, in_full, comments).text())
    return "\n".join(parts)


class _Printer:
    """Prints one graph; the graphs within get numbers, and wait their turn in the queue."""

    def __init__(self, graph: Graph, names: Mapping[Node, str], numbers: dict[Graph, str], queue: list[Graph], in_full: bool, comments: bool):
        self._graph, self._names, self._numbers, self._queue = graph, names, numbers, queue
        self._in_full, self._comments = in_full, comments

    def text(self) -> str:
        graph = self._graph
        header = ", ".join(f"{self._name(n)}: {n.type}" for n in graph.inputs)
        lines = [f"graph {_title(graph, self._numbers)}({header}) {{", *map(self.line, graph.in_order)]
        lines.append(f"  return {', '.join(map(self._name, graph.outputs))}".rstrip())
        lines += [f"  update {self._name(v)} <- {self._name(n)}" for v, n in graph.updates]
        return "\n".join([*lines, "}"])

    def line(self, node: Node) -> str:
        arguments = [self._name(i) for i in node.inputs]
        arguments += [f"{k}={self._attribute(v)}" for k, v in node.attrs.items() if k not in HIDDEN]
        comment = f"  # {printable(node.origins[0])}" if self._comments and node.origins and str(node.origins[0]) else ""
        return f"  {self._name(node)} = {node.op.name}({', '.join(arguments)}): {_type_text(node)}{comment}"

    def _name(self, node: Node) -> str:
        return f"%{self._names[node]}"

    def _attribute(self, value: Any) -> str:
        if isinstance(value, Graph):
            if value not in self._numbers:
                self._numbers[value] = f"@{len(self._numbers)}"
                self._queue.append(value)
            return _title(value, self._numbers)
        if isinstance(value, tuple):
            return f"({', '.join(map(self._attribute, value))}{',' if len(value) == 1 else ''})"
        if isinstance(value, Literal) and value.array.size > _INLINE_ELEMENTS and not self._in_full:
            return "..."
        return repr(value)


def _title(graph: Graph, numbers: dict[Graph, str]) -> str:
    return (re.sub(r"[^\w.-]", "_", graph.name[:MOST_IN_NAME]) or "_") + numbers[graph]


def _type_text(node: Node) -> str:
    if isinstance(node.type, tuple):
        return f"({', '.join(map(str, node.type))})"
    return str(node.type)


# ---- reading -----------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"graph ([\w.-]{1,60})(@[0-9]{1,9})?\(")
MOST_CHARACTERS = 1 << 27
MOST_LINES = 1 << 20
"""Of a text, and of the graphs within wherever they are used."""
MOST_VARIABLES = 1 << 31
"""Bytes that the variables of a text may take."""


def parse_graph(text: str, variables: bool = True) -> Graph:
    """The graph `text` describes, with fresh placeholders and unset variables.

    Args:
        text: what `print_graph` gives, or a person writes.
        variables: whether it may have any.

    Raises:
        GraphError: a line that does not parse, with its number; an attribute or a shape that an op cannot have; an inferred type
            other than the one written; or a text that is longer, deeper or larger than the limits here and in `grammar`.
    """
    with Compilation({}, distinct=True):  # nodes of its own, in the order of the text
        return _Parser(text, variables).graph()


class _Parser:
    """Reads the graphs of a text from the last, which others use, to the first."""

    def __init__(self, text: str, variables: bool):
        if len(text) > MOST_CHARACTERS or text.count("\n") > MOST_LINES:
            raise GraphError(f"the text of a graph has at most {MOST_CHARACTERS} characters in {MOST_LINES} lines, received {len(text)}")
        self._lines = [line.rstrip("\r") for line in text.split("\n")]
        self._room = MOST_VARIABLES if variables else -1
        self._graphs: dict[str, Graph] = {}
        self._names: dict[Node, str] = {}
        self._sizes: dict[str, int] = {}  # lines of each, with those of the graphs within

    def graph(self) -> Graph:
        graph = None
        for block in reversed(self._blocks()):
            graph = self._block(block)
        if graph is None:
            raise GraphError("the text holds no graph")
        names = Names({n: words.of_a_value(identifier(name)) for n, name in self._names.items() if not name.isdigit()})
        names.settle(every_node(graph))
        vars(graph)["names"] = names.of
        return graph

    def _blocks(self) -> list[list[int]]:
        """The numbers of the lines of each graph, without empty ones."""
        blocks: list[list[int]] = []
        for number, line in enumerate(self._lines):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            if stripped.startswith("graph "):
                blocks.append([])
            if not blocks:
                raise GraphError(f"line {number + 1}: a graph begins with `graph name(...) {{`, received {printable(line)!r}")
            blocks[-1].append(number)
        return blocks

    def _block(self, numbers: Sequence[int]) -> Graph:
        self._nodes: dict[str, Node] = {}
        self._outputs: list[Node] = []
        self._updates: list[tuple[Node, Node]] = []
        number = numbers[0]
        try:
            name, number_of_it, inputs = self._header(self._lines[number].strip())
            self._size = len(numbers)
            for number in numbers[1:]:
                self._line(self._lines[number].strip())
            graph = Graph(inputs, self._outputs, self._updates, name)
        except (SymkerasError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, MemoryError) as error:
            # what a text asks of an op may make it fail in any way; whoever wrote it is told where
            raise GraphError(f"line {number + 1}: {printable(self._lines[number].strip())!r}: {error}") from error
        key = f"{name}{number_of_it}"
        if key in self._graphs:
            raise GraphError(f"line {numbers[0] + 1}: there are two graphs {key}")
        self._graphs[key], self._sizes[key] = graph, self._size
        return graph

    def _header(self, line: str) -> tuple[str, str, list[Node]]:
        match = _HEADER.match(line)
        if not match:
            raise GraphError("expected `graph name(%x: type, ...) {`")
        reader, inputs = Reader(line[match.end() :]), []
        while not reader.skip(")"):
            name = reader.take("name", "an input such as `%x: f32[2]`")
            reader.expect(":")
            inputs.append(self._named(name, placeholder_node(TensorType(*reader.type()), name[1:])))
            if not reader.sees(")"):
                reader.expect(",")
        reader.expect("{")
        reader.end()
        return match[1], match[2] or "", inputs

    def _line(self, line: str) -> None:
        reader = Reader(line, self._graphs)
        if reader.skip("}"):
            reader.end()
        elif reader.skip("return"):
            while reader.kind:
                self._outputs.append(self._node(reader))
                if reader.kind:
                    reader.expect(",")
        elif reader.skip("update"):
            variable = self._node(reader)
            reader.expect("<-")
            self._updates.append((variable, self._node(reader)))
            reader.end()
        else:
            self._operation(reader)

    def _node(self, reader: Reader) -> Node:
        name = reader.take("name", "a name such as %x")
        if name not in self._nodes:
            raise GraphError(f"nothing before is called {printable(name)}")
        return self._nodes[name]

    def _named(self, name: str, node: Node) -> Node:
        if name in self._nodes:
            raise GraphError(f"{printable(name)} is there already")
        self._nodes[name] = node
        self._names.setdefault(node, name[1:])
        return node

    def _operation(self, reader: Reader) -> None:
        """`%name = op(inputs, attributes): type`."""
        name = reader.take("name", "`%name = op(arguments): type`")
        reader.expect("=")
        op_name = reader.take("word", "an operation")
        if op_name not in OPS or op_name == "placeholder":
            raise GraphError(f"unknown operation {printable(op_name)!r}")
        inputs, attrs = self._arguments(reader)
        reader.expect(":")
        written = self._type(reader)
        reader.end()
        if op_name == "variable":
            self._named(name, self._variable(attrs, written))
            return
        node = self._made(OPS[op_name], inputs, attrs, written)
        if node.type != written:
            raise GraphError(f"the type of {printable(name)} is {node.type}, not {written}")
        self._named(name, node)

    def _arguments(self, reader: Reader) -> tuple[list[Node], dict[str, Any]]:
        inputs: list[Node] = []
        attrs: dict[str, Any] = {}
        reader.expect("(")
        while not reader.skip(")"):
            if reader.kind == "name":
                inputs.append(self._node(reader))
            else:
                key = reader.take("word", "an attribute")
                reader.expect("=")
                if key in attrs:
                    raise GraphError(f"{key} is given twice")
                attrs[key] = reader.value()
            if not reader.sees(")"):
                reader.expect(",")
        return inputs, attrs

    @staticmethod
    def _type(reader: Reader) -> NodeType:
        if not reader.skip("("):
            return TensorType(*reader.type())
        types = []
        while not reader.skip(")"):
            types.append(TensorType(*reader.type()))
            if not reader.sees(")"):
                reader.expect(",")
        return tuple(types)

    def _made(self, op: Op, inputs: list[Node], attrs: dict[str, Any], written: NodeType) -> Node:
        if op.name == "constant":
            attrs = {"value": _literal(attrs.get("value"), written)}
        for graph in attrs.values():
            if isinstance(graph, Graph):
                self._size += next(size for key, size in self._sizes.items() if self._graphs[key] is graph)
                if self._size > MOST_LINES:
                    raise GraphError(f"the graphs within, wherever they are used, have more than {MOST_LINES} lines")
        if "uid" in op.attributes:
            attrs = {**attrs, "uid": fresh_uid()}
        with provenance.inherit(()):
            return make(op, inputs, attrs)

    def _variable(self, attrs: dict[str, Any], type: NodeType) -> Node:
        from symkeras.graph.variable import Variable

        if not isinstance(type, TensorType) or attrs.keys() != {"name"} or not isinstance(attrs["name"], str):
            raise GraphError("expected `%name = variable(name='...'): type`")
        if self._room < 0:
            raise GraphError("there may be no variables here")
        self._room -= math.prod(d for d in type.shape if isinstance(d, int)) * dtypes.itemsize(type.dtype)
        if self._room < 0:
            raise GraphError(f"the variables of this text take more than {MOST_VARIABLES} bytes")
        return Variable.unset(type, attrs["name"]).node


def _literal(value: Any, type: NodeType) -> Literal:
    """A constant of the type written, with as many elements as its text has."""
    if not isinstance(type, TensorType) or not type.is_static:
        raise GraphError(f"a constant has one tensor of known size, not {type}")
    if isinstance(value, bytes):
        if len(value) != type.nbytes:
            raise GraphError(f"a constant of type {type} has {type.nbytes} bytes, received {len(value)}")
        return Literal(np.frombuffer(value, dtype=type.dtype).reshape(type.shape))
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise GraphError("a constant is a number, True, False, or lists of those")
    return Literal(np.array(value, dtype=type.dtype).reshape(type.shape))
