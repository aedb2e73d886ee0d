"""Loops and branches in PyTensor: `pytensor.scan`, `ifelse`, and an Op of ours for a loop whose length is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.ifelse import ifelse
from pytensor.tensor.type import TensorType

from symkeras.backend.engine.walk import HARMLESS, Here, Walk, bounds
from symkeras.backend.pytensor.modes import function, inner_mode
from symkeras.graph.graph import Graph

Variable = Any


def scan(here: Here) -> Callable[..., Any]:
    attrs = here.attrs
    inner = here.walk(attrs["body"])
    c, s, length, reverse = attrs["carries"], attrs["sequences"], attrs["length"], attrs["reverse"]
    count = len(attrs["body"].outputs)

    def run(*given: Variable) -> Any:
        if length == 0:
            ys = [pt.zeros(shape, dtype) for shape, dtype in zip(here.shapes[c:], here.dtypes[c:], strict=True)]
            found = [*given[:c], *ys]
            return (found, [pt.constant(HARMLESS)] * len(here.checks)) if here.checks else found

        def step(*x: Variable) -> list[Variable]:
            results, extents = inner([*x[s : s + c], *x[:s], *x[s + c :]])
            return [*results, *extents]

        infos = [*given[:c], *[None] * (count - c + len(inner.checks))]
        traces = pytensor.scan(step, list(given[c : c + s]), infos, list(given[c + s :]), length, go_backwards=reverse, mode=inner_mode(),
                               strict=True, return_list=True, return_updates=False)  # fmt: skip
        found = [*(t[-1] for t in traces[:c]), *(t[::-1] if reverse else t for t in traces[c:count])]
        found = [x if x.type.shape == shape else pt.specify_shape(x, shape) for x, shape in zip(found, here.shapes, strict=True)]
        return (found, [_widest(t) for t in traces[count:]]) if here.checks else found

    return run


def _widest(extents: Variable) -> Variable:
    """The extent over all steps."""
    return pt.stack([extents[:, 0].min(), extents[:, 1].max()])


def cond(here: Here) -> Callable[..., Any]:
    then, otherwise = here.walk(here.attrs["then"]), here.walk(here.attrs["otherwise"])

    def run(predicate: Variable, *given: Variable) -> Any:
        harmless = pt.constant(HARMLESS)
        (a, extents_a), (b, extents_b) = then(given), otherwise(given)
        count = len(a)
        a, b = [*a, *extents_a, *[harmless] * len(extents_b)], [*b, *[harmless] * len(extents_a), *extents_b]
        found = ifelse(predicate, a, b) if a else []
        found = list(found) if isinstance(found, (list, tuple)) else [found]
        return (found[:count], found[count:]) if here.checks else found

    return run


class While(Op):
    """A loop that ends by its predicate: two functions of PyTensor, called in turn.

    Args:
        graphs: predicate and body; walks: the same as walks.
        types: dtype and shape of each part of the state.
        taken: of all that the loop reads: the state, and what does not change.
    """

    __props__ = ("graphs", "taken", "state")

    def __init__(self, walks: tuple[Walk, Walk], taken: Sequence[TensorType], state: int):
        self.graphs: tuple[Graph, ...] = tuple(w.graph for w in walks)
        self.taken = tuple(taken)
        self.state = state
        self._low, self._high = bounds([c for w in walks for c in w.checks])
        self._predicate, self._body = (self._compiled(w) for w in walks)

    def _compiled(self, walk: Walk) -> Callable[..., list[np.ndarray]]:
        given = [t() for t in self.taken]
        results, extents = walk(given)
        return function(given, [*results, *extents])

    def make_node(self, *inputs: Variable) -> Apply:
        state = [t() for t in self.taken[: self.state]]
        return Apply(self, list(inputs), [*state, *(TensorType("int64", (2,))() for _ in range(len(self._low)))])

    def _keep(self, extents: Sequence[np.ndarray]) -> bool:
        """Whether extents keep the bounds of the checks."""
        return all(low <= e[0] and e[1] <= high for e, low, high in zip(extents, self._low, self._high, strict=True))

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[Any]:
        return [x.type.shape for x in node.outputs]

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Sequence[list[Any]]) -> None:
        n = self.state
        state, outer = [np.array(x) for x in inputs[:n]], list(inputs[n:])
        go_on, *of_predicate = self._predicate(*state, *outer)
        of_body = [HARMLESS] * (len(self._low) - len(of_predicate))
        while go_on and self._keep([*of_predicate, *of_body]):
            found = self._body(*state, *outer)
            state, of_body = found[:n], _wider(of_body, found[n:])
            go_on, *extents = self._predicate(*state, *outer)
            of_predicate = _wider(of_predicate, extents)
        for storage, value in zip(output_storage, [*state, *of_predicate, *of_body], strict=True):
            storage[0] = np.array(value)


def _wider(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.array([min(x[0], y[0]), max(x[1], y[1])]) for x, y in zip(a, b, strict=True)]


def while_loop(here: Here) -> Callable[..., Any]:
    walks = here.walk(here.attrs["predicate"]), here.walk(here.attrs["body"])
    count = here.attrs["state"]

    def run(*given: Variable) -> Any:
        taken = [TensorType(x.type.dtype, x.type.shape) for x in given]
        found = While(walks, taken, count)(*given, return_list=True)
        return (found[:count], found[count:]) if here.checks else found

    return run
