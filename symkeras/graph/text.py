"""The text form of graphs: what is printed parses back.

    graph train(%x: f32[batch, 3]) {
      %dense/kernel = variable(name='dense/kernel'): f32[3, 2]
      %0 = matmul(%x, %dense/kernel): f32[batch, 2]  # dense, train.py:7
      return %0
      update %dense/kernel <- %3
    }

Sub-graphs of scan, cond and fused kernels follow the graph that uses them, named `@1`, `@2`, ... A comment after `#`
is provenance; it is not read back.
"""

from __future__ import annotations

import ast
import base64
import math
import re
from typing import Any

import numpy as np

from symkeras.errors import GraphError
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import OPS, Literal, Node, make, placeholder_node
from symkeras.graph.types import TensorType, parse_type

_INLINE_ELEMENTS = 64
_NOT_IN_NAMES = re.compile(r"[\s,()'\"=#%@]")
_HIDDEN = ("uid", "variable")


def literal_text(array: np.ndarray) -> str:
    """A constant in full: nested lists when it is small, else its bytes in base64."""
    if array.size <= _INLINE_ELEMENTS and array.dtype.kind != "c":
        return repr(array.tolist())
    return f"base64({base64.b64encode(array.tobytes()).decode()!r})"


def node_names(graph: Graph) -> dict[Node, str]:
    """The printed name of every node: inputs and variables by their own names, the others numbered in order."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    count = 0
    for node in (*graph.inputs, *graph.nodes):
        if node in names:
            continue
        own = node.attrs.get("name") if node.op.name in ("placeholder", "variable") else None
        if own is None:
            names[node] = f"%{count}"
            count += 1
            continue
        own = _NOT_IN_NAMES.sub("_", own) or "_"
        name, k = f"%{own}", 1
        while name in taken or name[1:].isdigit():
            name, k = f"%{own}.{k}", k + 1
        taken.add(name)
        names[node] = name
    return names


def print_graph(graph: Graph, comments: bool = True) -> str:
    """`graph` and its sub-graphs as text."""
    queue, numbers, parts = [graph], {graph: ""}, []
    for g in queue:
        parts.append(_print_one(g, numbers, queue, comments))
    return "\n".join(parts)


def _print_one(graph: Graph, numbers: dict[Graph, str], queue: list[Graph], comments: bool) -> str:
    names = node_names(graph)
    title = _title(graph, numbers)
    header = ", ".join(f"{names[n]}: {n.type}" for n in graph.inputs)
    lines = [f"graph {title}({header}) {{"]

    def attr_text(value: Any) -> str:
        if isinstance(value, Graph):
            if value not in numbers:
                numbers[value] = f"@{len(numbers)}"
                queue.append(value)
            return _title(value, numbers)
        if isinstance(value, tuple):
            return f"({', '.join(map(attr_text, value))}{',' if len(value) == 1 else ''})"
        return repr(value)

    for node in graph.nodes:
        if node.op.name == "placeholder":
            continue
        arguments = [names[i] for i in node.inputs]
        arguments += [f"{k}={attr_text(v)}" for k, v in node.attrs.items() if k not in _HIDDEN]
        comment = f"  # {node.origins[0]}" if comments and node.origins and str(node.origins[0]) else ""
        lines.append(f"  {names[node]} = {node.op.name}({', '.join(arguments)}): {_type_text(node)}{comment}")
    lines.append(f"  return {', '.join(names[n] for n in graph.outputs)}".rstrip())
    lines += [f"  update {names[v]} <- {names[n]}" for v, n in graph.updates]
    return "\n".join([*lines, "}"])


def _title(graph: Graph, numbers: dict[Graph, str]) -> str:
    return re.sub(r"[^\w.-]", "_", graph.name) + numbers[graph]


def _type_text(node: Node) -> str:
    if isinstance(node.type, tuple):
        return f"({', '.join(map(str, node.type))})"
    return str(node.type)


_HEADER = re.compile(r"^graph ([\w@.-]+)\((.*)\) \{$")
_LINE = re.compile(r"^(%[^\s=]+) = (\w+)\((.*)\): (\(.*\)|\w+\[.*?\])$")
_NAME = re.compile(r"%[^\s,()]+")
_REFERENCE = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(%[^\s,()'"]+)|([\w.-]+@\d+)""")


def parse_graph(text: str) -> Graph:
    """The graph `text` describes, with fresh placeholders and unset variables.

    Raises:
        GraphError: a line that does not parse, with its number; or an inferred type other than the one written.
    """
    blocks: list[list[tuple[int, str]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("  # ")[0].strip()
        if line.startswith("graph "):
            blocks.append([])
        if line:
            if not blocks:
                raise GraphError(f"line {number}: a graph begins with `graph name(...) {{`, received {raw!r}")
            blocks[-1].append((number, line))
    graphs: dict[str, Graph] = {}
    for lines in reversed(blocks):
        graph = _parse_one(lines, graphs)
        graphs[_HEADER.match(lines[0][1])[1]] = graph  # type: ignore[index]
    if not blocks:
        raise GraphError("the text holds no graph")
    return graph


def _parse_one(lines: list[tuple[int, str]], graphs: dict[str, Graph]) -> Graph:
    header = _HEADER.match(lines[0][1])
    if not header:
        raise GraphError(f"line {lines[0][0]}: expected `graph name(%x: type, ...) {{`, received {lines[0][1]!r}")
    nodes: dict[str, Node] = {}
    inputs = []
    for name, type_text in re.findall(r"(%[^\s,]+): (\w+\[.*?\])", header[2]):
        nodes[name] = placeholder_node(parse_type(type_text), name[1:])
        inputs.append(nodes[name])
    outputs: list[Node] = []
    updates: list[tuple[Node, Node]] = []
    for number, line in lines[1:]:
        try:
            if line.startswith("return"):
                outputs = [nodes[n] for n in _NAME.findall(line)]
            elif line.startswith("update "):
                variable, value = _NAME.findall(line)
                updates.append((nodes[variable], nodes[value]))
            elif line != "}":
                _parse_line(line, nodes, graphs)
        except (GraphError, KeyError, SyntaxError) as error:
            raise GraphError(f"line {number}: {line!r}: {error}") from error
    return Graph(inputs, outputs, updates, re.sub(r"@\d+$", "", header[1]))


def _parse_line(line: str, nodes: dict[str, Node], graphs: dict[str, Graph]) -> None:
    from symkeras.graph.variable import Variable

    match = _LINE.match(line)
    if not match:
        raise GraphError("expected `%name = op(arguments): type`")
    name, op_name, arguments, type_text = match.groups()
    if op_name not in OPS:
        raise GraphError(f"unknown operation {op_name!r}")
    text = _REFERENCE.sub(lambda m: m[1] or (f"node_({m[2]!r})" if m[2] else f"graph_({m[3]!r})"), arguments)
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    inputs = [nodes[a.args[0].value] for a in call.args]  # type: ignore[attr-defined]
    attrs = {str(k.arg): _attr(k.value, graphs) for k in call.keywords}
    written = tuple(parse_type(t) for t in re.findall(r"\w+\[.*?\]", type_text)) if type_text[0] == "(" else parse_type(type_text)
    if op_name == "variable":
        assert isinstance(written, TensorType)
        nodes[name] = Variable.unset(written, attrs["name"]).node
        return
    if op_name == "constant":
        assert isinstance(written, TensorType)
        attrs["value"] = _literal(attrs["value"], written)
    with provenance.inherit(()):
        node = make(OPS[op_name], inputs, attrs)
    if node.type != written:
        raise GraphError(f"the type of {name} is {node.type}, not {type_text}")
    nodes[name] = node


def _literal(value: Any, type: TensorType) -> Literal:
    if isinstance(value, bytes):
        array = np.frombuffer(value, dtype=type.dtype).reshape(type.shape)
    else:
        array = np.array(value, dtype=type.dtype).reshape(type.shape)
    return Literal(array)


def _attr(node: ast.expr, graphs: dict[str, Graph]) -> Any:
    match node:
        case ast.Constant(value=v):
            return v
        case ast.Name(id=("nan" | "inf") as name):
            return math.nan if name == "nan" else math.inf
        case ast.Name(id=name):
            return dims.symbol(name)
        case ast.Tuple(elts=elements):
            return tuple(_attr(e, graphs) for e in elements)
        case ast.List(elts=elements):
            return [_attr(e, graphs) for e in elements]
        case ast.Call(func=ast.Name(id="graph_"), args=[ast.Constant(value=str(name))]):
            return graphs[name]
        case ast.Call(func=ast.Name(id="base64"), args=[ast.Constant(value=str(text))]):
            return base64.b64decode(text)
        case ast.Call(func=ast.Name(id="max"), args=[a, b], keywords=[]):
            return dims.maximum(_attr(a, graphs), _attr(b, graphs))
        case ast.UnaryOp(op=ast.USub(), operand=o):
            value = _attr(o, graphs)
            return value * -1 if isinstance(value, dims.Dim) else -value
        case ast.BinOp(left=a, op=op, right=b):
            left, right = _attr(a, graphs), _attr(b, graphs)
            if isinstance(op, ast.Add):
                return left + right
            if isinstance(op, ast.Sub):
                return left - right
            if isinstance(op, ast.Mult):
                return left * right
            if isinstance(op, ast.FloorDiv):
                return dims.floor_divide(left, right)
    raise GraphError(f"cannot read the attribute {ast.unparse(node)!r}")
