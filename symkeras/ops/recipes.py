"""What a function of arrays comes down to for arrays of known types: a straight list of reference values, worked out once.

A composite, or another function made of operations, runs Python that looks at shapes, axes and dtypes, and finds the same every time. From
the second call with the same types and attributes on, only the reference values of its operations are computed, one after the other.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import config
from symkeras.foreign_dtypes import FOREIGN
from symkeras.graph import tracing
from symkeras.graph.node import Node, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import of_array

_MOST = 1024
_SEEN = object()
_recipes: dict[Any, Any] = {}


class Recipe:
    """The operations of a composite, in order, for inputs of these types.

    Args:
        function: the composite's function.
        arrays: inputs of the types it is for.
        attrs: its static arguments.
    """

    def __init__(self, function: Callable[..., Any], arrays: Sequence[np.ndarray], attrs: Mapping[str, Any]):
        from symkeras.ops.leaves import placeholder_node

        inputs = [placeholder_node(of_array(a), "x") for a in arrays]
        with tracing.suspended():
            result = function(*map(Tensor, inputs), **attrs)
        self._is_several = isinstance(result, tuple)
        roots = [t.node for t in result] if self._is_several else [result.node]
        places: dict[Node, int] = {node: k for k, node in enumerate(inputs)}
        self._constants: list[Any] = []
        computed = []
        for node in sorted(reachable(roots), key=lambda n: n.uid):
            if node in places:
                continue
            if node.op.name == "constant":
                places[node] = len(places)
                self._constants.append(node.attrs["value"].array)
            else:
                computed.append(node)
        first = len(places)
        self._steps: list[tuple[Any, tuple[int, ...], dict[str, Any], np.dtype | None]] = []
        for node in computed:
            if node.op.name == "stop_gradient":
                places[node] = places[node.inputs[0]]
                continue
            if node.op.is_leaf:
                raise TypeError(f"a {node.op.name} in a composite")
            dtype = None if isinstance(node.type, tuple) else np.dtype(node.dtype)
            self._steps.append((_reference(node), tuple(places[i] for i in node.inputs), dict(node.attrs), dtype))
            places[node] = first + len(self._steps) - 1
        self._results = [places[r] for r in roots]

    def __call__(self, arrays: Sequence[np.ndarray]) -> Any:
        """The composite of `arrays`."""
        values = [*arrays, *self._constants]
        with np.errstate(all="ignore"):
            for reference, places, attrs, dtype in self._steps:
                value = reference(*[values[k] for k in places], **attrs)
                values.append(value if dtype is None or (type(value) is np.ndarray and value.dtype is dtype) else np.asarray(value, dtype=dtype))
        return tuple([values[k] for k in self._results]) if self._is_several else values[self._results[0]]


def _reference(node: Node) -> Callable[..., Any]:
    op: Any = node.op
    if not op.is_composite:
        return op.reference if any(t.dtype in FOREIGN for i in node.inputs for t in i.types) else op.value
    return lambda *arrays, **attrs: followed(op, op.function, arrays, attrs)


def followed(op: Any, function: Callable[..., Any], arrays: Sequence[np.ndarray], attrs: dict[str, Any]) -> Any:
    """`function(*arrays, **attrs)` of plain arrays: from the second call of the same types on by its recipe.

    Args:
        op: what tells the function from others.
        function: made of operations; takes tensors as well.
        arrays: plain arrays, of which no tape knows.
        attrs: what else it takes.
    """
    key = signature(op, arrays, attrs)
    found = _recipes.get(key)
    if found is None:
        result = function(*arrays, **attrs)
        if key is not None:
            if len(_recipes) >= _MOST:
                _recipes.clear()
            _recipes[key] = _SEEN
        return result
    if found is _SEEN:
        found = _recipes[key] = Recipe(function, arrays, attrs)
    return found(arrays)


def remembered(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: a function of `count` arrays, and then attributes, goes by a recipe where these are plain arrays.

    >>> @remembered(1)
    ... def doubled(x, times=2):
    ...     return x * times
    >>> [int(doubled(np.int32(4) * np.ones((), "int32"))) for _ in range(3)]
    [8, 8, 8]
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        names = list(inspect.signature(function).parameters)[count:]

        @functools.wraps(function)
        def call(*args: Any, **attrs: Any) -> Any:
            if len(args) < count:
                return function(*args, **attrs)
            arrays = args[:count]
            for x in arrays:
                if type(x) is not np.ndarray or not x.dtype.isnative:
                    return function(*args, **attrs)
            if len(args) > count:
                placed = dict(zip(names, args[count:], strict=False))
                if len(args) > count + len(names) or placed.keys() & attrs.keys():
                    return function(*args, **attrs)  # which says what is wrong
                attrs = placed | attrs
            return followed(function, function, arrays, attrs)

        return call

    return decorate


def signature(op: Any, arrays: Sequence[np.ndarray], attrs: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What a call has in common with others that infer and compute alike; None where an attribute may hold more than numbers and texts.

    A graph holds variables, which must not be kept alive, and equal numbers may differ in type or in the sign of zero.
    """
    if not attrs:
        return (op, config.floatx(), config.epsilon(), *[(a.shape, a.dtype) for a in arrays])
    for value in attrs.values():
        kind = type(value)
        if kind is tuple:
            if not all(type(v) in _EXACT for v in value):
                return None
        elif kind not in _EXACT and not (kind is float and value != 0):
            return None
    return (op, config.floatx(), config.epsilon(), *[(a.shape, a.dtype) for a in arrays], *attrs.items(), *map(type, attrs.values()))


_EXACT = frozenset((int, bool, str, type(None)))
