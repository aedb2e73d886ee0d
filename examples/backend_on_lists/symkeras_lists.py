"""symkeras on plain Python lists: an example of a backend, found by its entry point. docs/writing_a_backend.md goes through it."""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symkeras.backend.engine.at_once import BackendAtOnce, FunctionsAtOnce
from symkeras.backend.engine.walk import Here

FLOATS = {"float32", "float64"}


@dataclass(frozen=True)
class Tensor:
    """Numbers in a list, row after row."""

    values: list[Any]
    shape: tuple[int, ...]
    dtype: str


def rounded(values: Iterable[float], dtype: str) -> list[float]:
    """Floats as their dtype has them: Python's are doubles."""
    return array("f", values).tolist() if dtype == "float32" else list(values)


def strides(shape: Sequence[int]) -> list[int]:
    """How far apart in a list the neighbours along each axis are."""
    return [math.prod(shape[k + 1 :]) for k in range(len(shape))]


def taken(x: Tensor, shape: Sequence[int], steps: Sequence[int]) -> list[Any]:
    """The values of x at these steps along each axis of a shape, row after row."""
    places = [0]
    for n, step in zip(shape, steps, strict=True):
        places = [p + k * step for p in places for k in range(n)]
    return [x.values[p] for p in places]


def spread(x: Tensor, shape: tuple[int, ...]) -> list[Any]:
    """The values of x, repeated along the axes that are broadcast."""
    if x.shape == shape:
        return x.values
    steps = [0 if n == 1 else step for n, step in zip(x.shape, strides(x.shape), strict=True)]
    return taken(x, shape, [0] * (len(shape) - len(steps)) + steps)


def of_floats(make: Callable[[Here], Callable[..., Tensor]]) -> Callable[[Here], Callable[..., Tensor]]:
    """`make` for nodes of floats alone; integers, which wrap around, and short floats stay with the reference."""

    def chosen(here: Here) -> Callable[..., Tensor]:
        dtypes = {here.node.dtype, *(n.dtype for n in here.node.inputs)}
        return make(here) if dtypes <= FLOATS else FUNCTIONS.by_reference(here)

    return chosen


def elementwise(fn: Callable[..., Any]) -> Callable[[Here], Callable[..., Tensor]]:
    def make(here: Here) -> Callable[..., Tensor]:
        shape, dtype = here.shapes[0], here.node.dtype
        return lambda *xs: Tensor(rounded(map(fn, *(spread(x, shape) for x in xs)), dtype), shape, dtype)

    return of_floats(make)


@of_floats
def matmul(here: Here) -> Callable[..., Tensor]:
    shape, dtype, a_turned, b_turned = here.shapes[0], here.node.dtype, here.attrs["transpose_a"], here.attrs["transpose_b"]
    if len(shape) > 2:
        return FUNCTIONS.by_reference(here)

    def run(a: Tensor, b: Tensor) -> Tensor:
        rows, columns = lines(a, a_turned), lines(b, not b_turned)
        return Tensor(rounded((sum(map(operator.mul, r, c), 0.0) for r in rows for c in columns), dtype), shape, dtype)

    return run


def lines(x: Tensor, are_columns: bool) -> list[list[float]]:
    """The rows, or the columns, of a matrix."""
    m, n = x.shape
    return [x.values[k::n] for k in range(n)] if are_columns else [x.values[k * n : k * n + n] for k in range(m)]


@of_floats
def total(here: Here) -> Callable[..., Tensor]:
    shape, dtype, axes = here.shapes[0], here.node.dtype, here.attrs["axes"]

    def run(x: Tensor) -> Tensor:
        order = [*(k for k in range(len(x.shape)) if k not in axes), *axes]  # those that are summed last, so that summands lie together
        steps, n = strides(x.shape), math.prod(x.shape[k] for k in axes)
        values = taken(x, [x.shape[k] for k in order], [steps[k] for k in order])
        return Tensor(rounded((sum(values[k * n : k * n + n], 0.0) for k in range(math.prod(shape))), dtype), shape, dtype)

    return run


def transpose(x: Tensor, axes: Sequence[int]) -> Tensor:
    shape, steps = tuple(x.shape[k] for k in axes), strides(x.shape)
    return Tensor(taken(x, shape, [steps[k] for k in axes]), shape, x.dtype)


def quotient(a: float, b: float) -> float:
    return a / b if b else math.nan if a != a or a == 0 else math.copysign(math.inf, a) * math.copysign(1.0, b)


class ListFunctions(FunctionsAtOnce):
    """What the backend's tensors are."""

    def constant(self, array: np.ndarray) -> Tensor:
        return Tensor(np.ravel(array).tolist(), np.shape(array), array.dtype.name)

    def numbers(self, tensor: Tensor) -> np.ndarray:
        return np.array(tensor.values, tensor.dtype).reshape(tensor.shape)


FUNCTIONS = ListFunctions(
    plain={
        "reshape": lambda x, shape: Tensor(x.values, shape, x.dtype), "transpose": transpose,
        "broadcast_to": lambda x, shape: Tensor(spread(x, shape), shape, x.dtype),
    },
    special={
        "add": elementwise(operator.add), "subtract": elementwise(operator.sub), "multiply": elementwise(operator.mul),
        "divide": elementwise(quotient), "negative": elementwise(operator.neg), "absolute": elementwise(abs),
        "square": elementwise(lambda a: a * a), "tanh": elementwise(math.tanh),
        "maximum": elementwise(lambda a, b: a if a >= b or a != a else b), "minimum": elementwise(lambda a, b: a if a <= b or a != a else b),
        "matmul": matmul, "sum": total,
    },
)  # fmt: skip


class ListBackend(BackendAtOnce):
    """Registered as "lists"."""

    name = "lists"
    package = "symkeras-lists"
    table = FUNCTIONS
