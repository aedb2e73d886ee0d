"""A backend that hands the graph to an engine: what an engine has to say about itself, and what follows from it for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from symkeras.arguments import Check, optional, text
from symkeras.backend import allocation
from symkeras.backend.engine.device import Device, device_name
from symkeras.backend.engine.executable import EngineExecutable, Step, WalkExecutable
from symkeras.backend.engine.shared import SharedExecutable
from symkeras.backend.engine.walk import Functions, Walk
from symkeras.backend.interface import Backend
from symkeras.compiler.passes.base import Pass
from symkeras.graph import dtypes
from symkeras.graph.graph import Graph


class EngineBackend(Backend):
    """The description of an engine. Subclasses give the attributes, and the methods that are not written here.

    Attributes:
        name, package: see `Backend`.
        table: its functions, for what it takes; `functions` gives those of a device.
        first: what it runs before the passes of a level that rewrites.
        passes: what it adds to the pipeline of "O2"; `unwanted`, what it leaves out of every level.
        holds: the dtypes of `dtypes.FOREIGN` that it has tensors of; `computes`, those among them that it has arithmetic for: in others its
            graphs compute in float32, and those that are not among what it `moves` they move in it, too.
        asks_malloc: whether intermediate values are storage of the C library, asked for and freed in every step.
        own: options beside those of all engines, and what they may be; the methods are given those that are set, and "distribution" where the
            graph is to run over several devices.
    """

    table: Functions
    first: tuple[Pass, ...] = ()
    passes = ""
    unwanted: tuple[str, ...] = ("flatten-updates",)
    holds: Collection[str] = ()
    computes: Collection[str] = ()
    moves: Collection[str] = dtypes.FOREIGN
    asks_malloc = False
    own: Mapping[str, Check] = {}

    def __init__(self) -> None:
        if self.asks_malloc:
            allocation.keep()
        self.options = {"device": optional(text), **self.own}
        self._places: dict[str, Device] = {}

    def make_device(self, name: str) -> Device:
        """The device of one of these names."""
        raise NotImplementedError

    def functions(self, device: Any, own: Mapping[str, Any]) -> Functions:
        """The functions for values on a device."""
        return self.table

    def step(self, walk: Walk, device: Any, own: Mapping[str, Any]) -> Step:
        """A walk compiled by the engine."""
        raise NotImplementedError

    def about(self, device: Any, own: Mapping[str, Any]) -> str:
        """In a few words how it runs a graph."""
        raise NotImplementedError

    def full_name(self, name: str | None) -> str:
        """The full name of a device; of the one it prefers when None.

        Raises:
            BackendError: there is none of that name.
        """
        return device_name(self.name, name, self.devices())

    def device(self, name: str | None = None) -> Device:
        """The one place of values on a device.

        Raises:
            BackendError: there is none of that name.
        """
        full = self.full_name(name)
        if full not in self._places:
            self._places[full] = self.make_device(full)
        return self._places[full]

    def place(self, device: str | None, own: Mapping[str, Any]) -> Device:
        """Where values of a graph live: on one of the devices."""
        return self.device(device)

    def denormals(self, device: str | None = None) -> tuple[str, ...]:
        return self.device(device).denormals

    def takes(self, op: str) -> bool:
        """What it has a function for; others run by their decomposition."""
        return op in self.table.plain or op in self.table.special

    def compile(self, graph: Graph, **options: Any) -> EngineExecutable:
        return (SharedExecutable if "distribution" in options else WalkExecutable)(graph, self, **options)
