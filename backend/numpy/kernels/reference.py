"""Kernels for ops that have none of their own, and small services for emitted code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.backend.numpy.kernels.control import CONTROL
from symkeras.foreign_dtypes import kind
from symkeras.graph import dims
from symkeras.graph.node import Node
from symkeras.ops import evaluation
from symkeras.ops.shaping import pad_window


def reference(node: Node, env: Mapping[str, int], inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[], None]:
    """The op's reference value, copied into `outputs`; graphs within the op are compiled."""
    if node.op.name in CONTROL:
        return CONTROL[node.op.name](node, env, inputs, outputs)
    attrs = {k: dims.evaluate(v, env) for k, v in node.attrs.items()}
    value = node.op.reference

    def run() -> None:
        with evaluation.sizes(env):
            result = value(*inputs, **attrs)
        if len(outputs) == 1 and not isinstance(node.type, tuple):
            np.copyto(outputs[0], result, casting="unsafe")
            return
        for out, r in zip(outputs, result, strict=True):
            np.copyto(out, r, casting="unsafe")

    return run


def value(node: Node, env: Mapping[str, int]) -> np.ndarray:
    """A value that depends on sizes and constants alone."""
    from symkeras.graph.graph import Graph

    with evaluation.sizes(env):
        return np.asarray(evaluation.evaluate(Graph([], [node]), [])[0][0])


def piece(array: np.ndarray, shape: tuple[int, ...], start: int) -> np.ndarray:
    """A stretch of the storage of a variable, from element `start` on."""
    flat = array.reshape(-1)
    return flat[start : start + int(np.prod(shape))].reshape(shape)


def parts(stack: np.ndarray) -> list[np.ndarray]:
    """The parts of a stack along its first axis, as views (also of a stack of scalars)."""
    return [stack[t, ...] for t in range(len(stack))]


def poison(array: np.ndarray) -> None:
    """Fill storage that is dead with what shows in every result."""
    array.fill(np.nan if kind(array.dtype) in "fc" else True if array.dtype == bool else np.iinfo(array.dtype).max)


def pad(x: Any, out: Any, padding: Any, value: float) -> Callable[[], None]:
    """Constant borders and gaps."""
    window = out[pad_window(x.shape, padding)]

    def run() -> None:
        out.fill(value)
        np.copyto(window, x)

    return run
