"""`Tensor`: the handle users hold on a symbolic value.

Layers and ops take and return tensors. A tensor is cheap and carries what belongs to one use of a node (Keras' history
and mask); the node behind it is shared. Operators and NumPy functions on tensors are installed by `symkeras.ops`.
"""

from __future__ import annotations

from typing import Any

from symkeras.errors import SymbolicValueError
from symkeras.graph import provenance
from symkeras.graph.arithmetic import Arithmetic
from symkeras.graph.dims import Size
from symkeras.graph.node import Node


class Tensor(Arithmetic):
    """A symbolic tensor: a node and what Keras remembers of it.

    >>> from symkeras import ops
    >>> x = ops.placeholder("f32[batch, 3]", name="x")
    >>> (x + 1).shape, x.dtype
    ((None, 3), 'float32')
    """

    __slots__ = ("__weakref__", "_keras_history", "_keras_mask", "name", "node")
    __array_priority__ = 1000
    sparse = ragged = False  # what Keras asks a KerasTensor: all tensors here are dense

    def __init__(self, node: Node, name: str | None = None):
        self.node = node
        self.name = name or node.attrs.get("name") or node.op.name
        self._keras_history: Any = None
        self._keras_mask: Any = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with None for symbolic dims, as Keras shows it."""
        return tuple(d if isinstance(d, int) else None for d in self.node.shape)

    @property
    def dims(self) -> tuple[Size, ...]:
        """The shape with symbolic dims by name."""
        return self.node.shape

    @property
    def dtype(self) -> str:
        return self.node.dtype

    @property
    def ndim(self) -> int:
        return len(self.node.shape)

    sparse = ragged = False
    """Whether elements are left out, or rows differ in length: never."""

    def get_shape(self) -> tuple[int | None, ...]:
        """The shape, under the name that TensorFlow code uses."""
        return self.shape

    def __hash__(self) -> int:
        return id(self)

    def __deepcopy__(self, memo: Any) -> Tensor:
        return self

    def __reduce__(self) -> Any:
        raise SymbolicValueError(f"{self!r} is symbolic: it means nothing elsewhere and cannot be pickled; pickle its model")

    def __repr__(self) -> str:
        return f"<Tensor {self.name}: {self.node.type}>"

    def _repr_html_(self) -> str:
        from symkeras.graph.notebook import as_html

        return as_html(repr(self), "\n".join([f"{self.node.op.name}: {self.node.type}", *map(str, self.node.origins)]))

    def __len__(self) -> int:
        size = self.node.shape[0] if self.node.shape else None
        if not isinstance(size, int):
            raise SymbolicValueError(f"len() of {self!r} at {provenance.user_line()}: its first size is symbolic; use ops.shape(x)[0]")
        return size

    def __bool__(self) -> bool:
        raise SymbolicValueError(
            f"a symbolic tensor ({self.node.op.name} {self.node.type}) has no truth value at {provenance.user_line()}: "
            "its value is known only when the compiled function runs. Write ops.where(condition, a, b) to choose "
            "element by element, or ops.cond(predicate, true_fn, false_fn) to choose a branch"
        )

    def _no_value(self, *_: Any, **__: Any) -> Any:
        raise SymbolicValueError(
            f"{self!r} is symbolic at {provenance.user_line()}: it has no value until a compiled function runs. "
            "Use symkeras.ops (or NumPy functions) on it, or K.eval / symkeras.function to compute it"
        )

    __float__ = __int__ = __index__ = __complex__ = numpy = item = tolist = _no_value
    __array__ = _no_value


def node_of(x: Any) -> Node | None:
    """The node behind a tensor, or None for anything else."""
    return x.node if isinstance(x, Tensor) else None
