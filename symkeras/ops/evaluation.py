"""Evaluating a graph node by node with the reference value of every op: the oracle all backends are held against."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.errors import DataError, ShapeError
from symkeras.graph import dims, provenance
from symkeras.graph.graph import Graph, subgraphs
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops.reductions import meets_nothing


class _Sizes(threading.local):
    env: Mapping[str, int] = {}


_sizes = _Sizes()


class sizes:
    """Context in which graphs evaluated know these sizes besides those of their inputs."""

    def __init__(self, env: Mapping[str, int]):
        self._env = env

    def __enter__(self) -> None:
        self._before, _sizes.env = _sizes.env, {**_sizes.env, **self._env}

    def __exit__(self, *_: object) -> None:
        _sizes.env = self._before


def solve_dims(
    types: Sequence[TensorType], shapes: Sequence[Sequence[int]], names: Sequence[str], known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The size of every symbol, from the shapes that inputs of these types have; also where it stands in `2*batch` alone.

    `known` are sizes of symbols that no input has by itself.

    Raises:
        ShapeError: an input has another number of axes or another size than its type says, or two inputs disagree.
    """
    env: dict[str, int] = {}
    late = []
    for type, shape, name in zip(types, shapes, names, strict=True):
        if len(type.shape) != len(shape):
            raise ShapeError(f"input {name!r} expects {type}, received an array of shape {tuple(shape)}")
        for axis, (expected, size) in enumerate(zip(type.shape, shape, strict=True)):
            if isinstance(expected, int):
                if expected != size:
                    raise ShapeError(f"input {name!r} expects {type}, received shape {tuple(shape)}: axis {axis} is {size}")
                continue
            symbols = expected.symbols()
            if len(symbols) == 1 and (symbol := next(iter(symbols))) not in env and expected == dims.symbol(symbol):
                env[symbol] = size
            else:
                late.append((name, type, shape, axis, expected, size))
    env = {**(known or {}), **env}
    for name, type, shape, axis, expected, size in _in_order(late, env):
        unknown = expected.symbols() - env.keys()
        found = _solved(expected, size, env, next(iter(unknown))) if len(unknown) == 1 else None
        if found is not None:
            env[next(iter(unknown))] = found
        elif len(unknown) == 1:
            raise ShapeError(
                f"input {name!r} expects {type}, received shape {tuple(shape)}: no one value of {next(iter(unknown))} "
                f"makes {expected}, the size of axis {axis}, {size}"
            )
        elif expected.evaluate(env) != size:
            raise ShapeError(
                f"input {name!r} expects {type}, received shape {tuple(shape)}: axis {axis} is {size}, "
                f"but {expected} is {expected.evaluate(env)} by the other inputs"
            )
    return env


def _in_order(late: list[Any], env: dict[str, int]) -> Iterator[Any]:
    """Equations between sizes, each once it has the fewest unknown symbols of those that are left; `env` grows meanwhile."""
    while late:
        best = min(range(len(late)), key=lambda k: len(late[k][4].symbols() - env.keys()))
        yield late.pop(best)


_LARGEST = 1 << 48


def _solved(expected: dims.Dim, size: int, env: Mapping[str, int], symbol: str) -> int | None:
    """The one value of a symbol, from 0 on, for which `expected`, which rises or falls with it, is `size`; None for none or several."""

    def at(value: int) -> int:
        return expected.evaluate({**env, symbol: value})

    sign = 1 if at(_LARGEST) > at(0) else -1
    low, high = 0, _LARGEST
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if sign * at(middle) >= sign * size else (middle + 1, high)
    return low if at(low) == size != at(low + 1) else None


def known_sizes() -> Mapping[str, int]:
    """The sizes of the symbols of the graph that is being evaluated."""
    return _sizes.env


def evaluate(graph: Graph, arrays: Sequence[Any], variables: Mapping[Node, Any] | None = None) -> tuple[list[Any], list[Any]]:
    """The outputs of `graph` and the new values of its updates; nothing is written.

    Args:
        arrays: one per input, already of the right dtype.
        variables: values to use instead of those the variables hold.
    """
    types = [n.tensor_type for n in graph.inputs]
    env = solve_dims(types, [np.shape(a) for a in arrays], [n.attrs["name"] for n in graph.inputs], _sizes.env)
    before, _sizes.env = _sizes.env, env
    try:
        values: dict[Node, Any] = dict(zip(graph.inputs, arrays, strict=True))
        with np.errstate(all="ignore"):
            for node in graph.nodes:
                if node not in values:
                    values[node] = value_of(node, graph, values, env, variables or {})
    finally:
        _sizes.env = before
    return [values[n] for n in graph.outputs], [values[n] for _, n in graph.updates]


def value_of(node: Node, graph: Graph, values: Mapping[Node, Any], env: Mapping[str, int], variables: Mapping[Node, Any]) -> Any:
    """The value of one node of `graph`, from the values of what it reads, the sizes and, where they are given, the values of variables."""
    if node.op.name == "variable":
        return variables[node] if node in variables else node.attrs["variable"].array
    attrs = {k: dims.evaluate(v, env) for k, v in node.attrs.items()}
    given = [values[i] for i in node.inputs]
    try:
        if node.op.may_raise(node) and not subgraphs(node):  # for some sizes, which are known now
            if node.op.name in ("max", "min") and 0 in given[0].shape and meets_nothing(node, graph):
                return np.zeros(dims.evaluate(node.shape, env), node.dtype)
            node.op.infer(*(TensorType(np.shape(a), i.dtype) for a, i in zip(given, node.inputs, strict=True)), **attrs)
        result = node.op.reference(*given, **attrs)
    except (IndexError, ValueError, DataError, ShapeError) as error:
        provenance.raise_at(error, node.origins)
    if isinstance(node.type, tuple):
        return tuple(np.asarray(r, dtype=t.dtype) for r, t in zip(result, node.type, strict=True))
    result = np.asarray(result, dtype=node.type.dtype)
    expected = dims.evaluate(node.type.shape, env)
    if result.shape != expected:
        raise ShapeError(f"{node.op.name} gave shape {result.shape}, its type {node.type} promises {expected}{provenance.where(node.origins)}")
    return result
