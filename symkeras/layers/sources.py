"""Symbolic tensors: telling them, and the inputs that they come from."""

from __future__ import annotations

from typing import Any

from symkeras.errors import ConfigError
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.layers.calls import record_of


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor.

    >>> from symkeras import Input
    >>> is_keras_tensor(Input((2,))), is_keras_tensor([1.0])
    (True, False)
    """
    return isinstance(x, Tensor)


def get_source_inputs(tensor: Any) -> list[Any]:
    """The inputs that a symbolic tensor is computed from, in the order in which they were made.

    Raises:
        ConfigError: no symbolic tensor.

    >>> from symkeras import Input, layers
    >>> a, b = Input((2,), name="a"), Input((2,), name="b")
    >>> [t.name for t in get_source_inputs(layers.Add()([a, b]) * 2)]
    ['a', 'b']
    """
    if not isinstance(tensor, Tensor):
        raise ConfigError(f"get_source_inputs takes a symbolic tensor, received {tensor!r}")
    found: dict[int, Any] = {}
    seen: set[Node] = set()
    todo: list[Any] = [tensor]
    while todo:
        t = todo.pop()
        if t.node in seen:
            continue
        seen.add(t.node)
        record = record_of(t.node)
        if record is not None:
            todo += record.inputs
            if not record.inputs:
                found[t.node.uid] = t
        elif t.node.op.name == "placeholder":
            found[t.node.uid] = t
        else:
            todo += [Tensor(n) for n in t.node.inputs]
    return [found[uid] for uid in sorted(found)]
