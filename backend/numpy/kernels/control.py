"""Branches, while loops, and loops inside loops: their graphs are compiled like any other and called as functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node


def function_of(graph: Graph, env: Mapping[str, int]) -> Callable[[Sequence[Any]], list[Any]]:
    """A function of one array per input of `graph` to fresh outputs, for known sizes; it raises where those leave an op without meaning."""
    from symkeras.backend.numpy import kernels
    from symkeras.backend.numpy.emission import emit
    from symkeras.backend.numpy.executable import module, raise_at
    from symkeras.backend.numpy.kernels.table import NumpyKernels
    from symkeras.compiler.program import memory_plan
    from symkeras.compiler.program.lowering import lower
    from symkeras.compiler.program.program import check_sizes

    try:
        check_sizes(graph, env)
    except ShapeError as error:
        return _raising(error)
    program = lower(graph, NumpyKernels())
    emission = emit(program)
    arena = memory_plan.Arena(memory_plan.plan(program.buffers, env))
    storage = [n.attrs["variable"].array for n in emission.variables]
    constants = [n.attrs["value"].array for n in emission.constants]
    bind = module(emission.source, graph.name)["bind"]
    inputs, step, outputs, _ = bind(np, kernels, arena.array, storage, constants, emission.nodes, env)

    def run(arrays: Sequence[Any]) -> list[Any]:
        for target, a in zip(inputs, arrays, strict=True):
            np.copyto(target, a)
        try:
            step()
        except (IndexError, ValueError) as error:
            raise_at(emission, bind.__code__.co_filename, error)
        return outputs()

    return run


def _raising(error: ShapeError) -> Callable[[Sequence[Any]], list[Any]]:
    def run(arrays: Sequence[Any]) -> list[Any]:
        raise error.with_traceback(None)

    return run


def _deliver(results: Sequence[Any], outputs: Sequence[Any]) -> None:
    for out, r in zip(outputs, results, strict=True):
        np.copyto(out, r)


def cond(node: Node, env: Mapping[str, int], inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[], None]:
    """One of two graphs, by a boolean."""
    predicate, *rest = inputs
    then, otherwise = (function_of(node.attrs[k], env) for k in ("then", "otherwise"))
    return lambda: _deliver((then if predicate else otherwise)(rest), outputs)


def while_loop(node: Node, env: Mapping[str, int], inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[], None]:
    """A body as long as a predicate holds."""
    count = node.attrs["state"]
    predicate, body = function_of(node.attrs["predicate"], env), function_of(node.attrs["body"], env)
    outer = inputs[count:]

    def run() -> None:
        state: Sequence[Any] = inputs[:count]
        while predicate([*state, *outer])[0]:
            state = body([*state, *outer])
        _deliver(state, outputs)

    return run


def scan(node: Node, env: Mapping[str, int], inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[], None]:
    """A loop over the first axis of sequences, for bodies that hold loops themselves."""
    c, s = node.attrs["carries"], node.attrs["sequences"]
    length = dims.evaluate(node.attrs["length"], env) if isinstance(node.attrs["length"], dims.Dim) else node.attrs["length"]
    order = range(length)[::-1] if node.attrs["reverse"] else range(length)
    body = function_of(node.attrs["body"], env)
    sequences, outer, stacks = inputs[c : c + s], inputs[c + s :], outputs[c:]

    def run() -> None:
        state: Sequence[Any] = inputs[:c]
        for t in order:
            results = body([*state, *(x[t] for x in sequences), *outer])
            state = results[:c]
            _deliver(results[c:], [y[t, ...] for y in stacks])
        _deliver(state, outputs[:c])

    return run


CONTROL = {"cond": cond, "while_loop": while_loop, "scan": scan}
