"""Engines that compute at once, when they are called: a plug-in brings tensors and some functions of them, and has a whole backend.

What is composite and has no function runs by its decomposition, any other operation by its reference value, on NumPy arrays that its tensors
become for as long (it is *borrowed*); loops and branches are Python's own, over the walks of their bodies. `docs/writing_a_backend.md` builds one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.device import Device
from symkeras.backend.engine.executable import AtOnce, Step
from symkeras.backend.engine.walk import Functions, Here, Walk
from symkeras.graph.variable import Variable
from symkeras.ops import evaluation
from symkeras.ops.op import OPS

Tensor = Any


class FunctionsAtOnce(Functions):
    """The tables of an engine that computes at once; subclasses say what its tensors are.

    Args:
        plain, special: what it computes itself, see `symkeras.backend.engine.walk`; a special function may give `by_reference(here)` for
            the nodes that it leaves alone.

    Attributes:
        borrowed: the operations that run by their reference value.
    """

    raises_at_once = True

    def __init__(self, plain: Mapping[str, Callable[..., Tensor]], special: Mapping[str, Callable[[Here], Callable[..., Any]]] | None = None):
        own = {"scan": self._scan, "cond": self._cond, "while_loop": self._while_loop, **(special or {})}
        self.plain = dict(plain)
        self.borrowed = frozenset(n for n, op in OPS.items() if not (op.is_leaf or op.is_composite or n in own or n in plain or n == "item"))
        self.special = {**dict.fromkeys(self.borrowed, self.by_reference), **own}

    def constant(self, array: np.ndarray) -> Tensor:
        """A tensor with these numbers, which may change afterwards in the array."""
        raise NotImplementedError

    def numbers(self, tensor: Tensor) -> np.ndarray:
        """The numbers of a tensor, of its dtype and shape."""
        raise NotImplementedError

    def extent(self, indices: Tensor) -> tuple[int, int]:
        found = self.numbers(indices)
        return int(found.min()), int(found.max())

    def by_reference(self, here: Here) -> Callable[..., Any]:
        """What computes a node by the reference value of its operation."""
        node, env, dtypes = here.node, here.env, here.dtypes

        def run(*tensors: Tensor) -> Any:
            with evaluation.sizes(env), np.errstate(all="ignore"):
                found = node.op.reference(*map(self.numbers, tensors), **here.attrs)
            results = found if isinstance(node.type, tuple) else (found,)
            made = [self.constant(np.asarray(r, d)) for r, d in zip(results, dtypes, strict=True)]
            return made if isinstance(node.type, tuple) else made[0]

        return run

    def _scan(self, here: Here) -> Callable[..., Any]:
        body, attrs = here.walk(here.attrs["body"]).run, here.attrs
        carries, length = attrs["carries"], attrs["length"]
        empty = [np.zeros(shape, dtype) for shape, dtype in zip(here.shapes, here.dtypes, strict=True)][carries:]

        def run(*given: Tensor) -> list[Tensor]:
            state, outer = given[:carries], given[carries + attrs["sequences"] :]
            sequences = [self.numbers(x) for x in given[carries : carries + attrs["sequences"]]]
            turns: list[list[np.ndarray]] = []
            for t in reversed(range(length)) if attrs["reverse"] else range(length):
                results, _ = body((*state, *(self.constant(x[t]) for x in sequences), *outer), ())
                state = results[:carries]
                turns.append([self.numbers(y) for y in results[carries:]])
            stacks = map(np.stack, zip(*turns[:: -1 if attrs["reverse"] else 1], strict=True)) if turns else empty
            return [*state, *map(self.constant, stacks)]

        return run

    def _cond(self, here: Here) -> Callable[..., Any]:
        then, otherwise = here.walk(here.attrs["then"]).run, here.walk(here.attrs["otherwise"]).run
        return lambda predicate, *given: (then if self.numbers(predicate) else otherwise)(given, ())[0]

    def _while_loop(self, here: Here) -> Callable[..., Any]:
        goes_on, body = here.walk(here.attrs["predicate"]).run, here.walk(here.attrs["body"]).run
        count = here.attrs["state"]

        def run(*given: Tensor) -> Sequence[Tensor]:
            state, outer = given[:count], given[count:]
            while self.numbers(goes_on((*state, *outer), ())[0][0]):
                state, _ = body((*state, *outer), ())
            return state

        return run


class Memory(Device):
    """Where tensors live that the tables make: in this process, whose thread computes."""

    calls_here = True

    def __init__(self, name: str, table: FunctionsAtOnce):
        super().__init__(name)
        self._table = table

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Tensor:
        return self._table.constant(array)

    def fetch(self, value: Tensor) -> np.ndarray:
        return self._table.numbers(value)

    def about_threads(self) -> str:
        return "the one that calls"


class BackendAtOnce(EngineBackend):
    """A backend of an engine that computes at once. Subclass, with `name`, `package`, and `table`."""

    table: FunctionsAtOnce

    def borrows(self, op: str) -> bool:
        return op in self.table.borrowed

    def make_device(self, name: str) -> Device:
        return Memory(name, self.table)

    def step(self, walk: Walk, device: Device, own: Mapping[str, Any]) -> Step:
        return AtOnce(walk, device)

    def about(self, device: Device, own: Mapping[str, Any]) -> str:
        return f"op by op, what it has no function for ({len(self.table.borrowed)} operations) in NumPy"
