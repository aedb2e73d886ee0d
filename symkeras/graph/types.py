"""The type of a symbolic value: a shape of dims and a dtype."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from symkeras.errors import GraphError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and dtype, `f32[batch, 64]` in text."""

    shape: tuple[Size, ...]
    dtype: str

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        """Number of elements."""
        return dims.product(self.shape)

    @property
    def nbytes(self) -> Size:
        return self.size * dtypes.itemsize(self.dtype)

    @property
    def is_static(self) -> bool:
        return all(isinstance(d, int) for d in self.shape)

    def with_shape(self, shape: tuple[Size, ...]) -> TensorType:
        return TensorType(tuple(shape), self.dtype)

    def with_dtype(self, dtype: str) -> TensorType:
        return TensorType(self.shape, dtype)

    def __repr__(self) -> str:
        return f"{dtypes.SHORT[self.dtype]}[{', '.join(map(str, self.shape))}]"


NodeType = TensorType | tuple[TensorType, ...]
"""One tensor, or the several results of a node such as scan."""

_TYPE = re.compile(r"^\s*(\w+)\[(.*)\]\s*$")


def parse_size(text: str) -> Size:
    """A dim from its text: `7`, `batch`, `2*batch + 1`.

    >>> parse_size("2*batch + 1")
    2*batch + 1
    """
    import ast

    def build(node: ast.AST) -> Size:
        match node:
            case ast.Constant(value=int(v)):
                return v
            case ast.Name(id=name):
                return dims.symbol(name)
            case ast.Call(func=ast.Name(id="max"), args=[a, b], keywords=[]):
                return dims.maximum(build(a), build(b))
            case ast.UnaryOp(op=ast.USub(), operand=o):
                return build(o) * -1
            case ast.BinOp(left=a, op=op, right=b):
                left, right = build(a), build(b)
                if isinstance(op, ast.Add):
                    return left + right
                if isinstance(op, ast.Sub):
                    return left - right
                if isinstance(op, ast.Mult):
                    return left * right
                if isinstance(op, ast.FloorDiv):
                    return dims.floor_divide(left, right)
        raise GraphError(f"not a dim: {text!r}")

    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        raise GraphError(f"not a dim: {text!r}") from None
    return build(tree.body)


def _parts(text: str) -> list[str]:
    """`text` between its commas that stand in no brackets."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def parse_type(text: str) -> TensorType:
    """A type from its text, `f32[batch, 64]`."""
    match = _TYPE.match(text)
    if not match or match[1] not in dtypes.LONG:
        raise GraphError(f"not a tensor type: {text!r}; expected for example f32[batch, 64]")
    body = match[2].strip()
    shape = tuple(map(parse_size, _parts(body))) if body else ()
    return TensorType(shape, dtypes.LONG[match[1]])


def of_array(array: Any) -> TensorType:
    """The type of a concrete array."""
    return TensorType(tuple(array.shape), dtypes.standardize(array.dtype))
