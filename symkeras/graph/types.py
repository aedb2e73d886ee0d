"""The type of a symbolic value: a shape of dims and a dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symkeras.errors import GraphError
from symkeras.graph import dims, dtypes
from symkeras.graph.dims import Size
from symkeras.graph.escaping import printable
from symkeras.graph.grammar import Reader


@dataclass(frozen=True, slots=True)
class TensorType:
    """Shape and dtype, `f32[batch, 64]` in text.

    Args:
        shape: sizes, ints or `Dim`.
        dtype: name of the dtype.
    """

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

def parse_size(text: str) -> Size:
    """A dim from its text: `7`, `batch`, `2*batch + 1`.

    >>> parse_size("2*batch + 1")
    2*batch + 1
    """
    try:
        reader = Reader(text)
        size = reader.size()
        reader.end()
    except GraphError as error:
        raise GraphError(f"not a dim: {printable(text)!r}: {error}") from None
    return size


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
    try:
        reader = Reader(text)
        type = TensorType(*reader.type())
        reader.end()
    except GraphError as error:
        raise GraphError(f"not a tensor type: {printable(text)!r}; expected for example f32[batch, 64]: {error}") from None
    return type


def of_array(array: Any) -> TensorType:
    """The type of a concrete array."""
    return TensorType(tuple(array.shape), dtypes.standardize(array.dtype))
