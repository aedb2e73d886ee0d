"""What executables of planned programs share: optimising, sizes, arenas, leases, and compiling again when variables move."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import locks
from symkeras.backend.interface import MOST_SIZES, Executable, Instance, Lease, input_arrays, step_check
from symkeras.backend.size_check import MOST_SHAPES, SizeCheck
from symkeras.backend.taken import check_held, check_taken
from symkeras.compiler.passes.widen_narrow import widening
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program import memory_plan
from symkeras.compiler.program.kernels import Kernels
from symkeras.compiler.program.lowering import lower
from symkeras.compiler.program.program import Program, check_sizes
from symkeras.graph import dtypes
from symkeras.graph import variable as variables
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops.evaluation import solve_dims
from symkeras.recent import Recent

MOST_FREE = 4
"""Arenas that wait for the next call at the most, or as many as calls ran at once: where several sizes vary, none may have room for all."""


class BoundArena(memory_plan.Arena):
    """Memory of one running call, and the instances bound to it.

    Attributes:
        program: what is bound to it.
        kept: for which sizes, and after which write of its variables, a `Preparation` was last made in it; None: in none.
    """

    def __init__(self, plan: memory_plan.Plan, program: Program):
        super().__init__(plan)
        self.program = program
        self.kept: tuple[tuple[int, ...], int] | None = None
        self.instances: Recent[tuple[int, ...], Instance] = Recent(MOST_SIZES)


class PlannedLease(Lease):
    """One arena, kept from call to call."""

    def __init__(self, executable: PlannedExecutable):
        self._owner = executable
        self._arena: BoundArena | None = None
        self._last: tuple[Any, Any, int] | None = None

    def at(self, shapes: tuple[tuple[int, ...], ...]) -> Instance:
        last = self._last
        epoch = variables.storage_epoch()
        if last is not None and last[0] == shapes and last[2] == epoch:
            return last[1]
        self.close()  # before it may be compiled again: what is bound to an arena belongs to the function of now
        key = self._owner.sizes(shapes)
        self._arena, instance = self._owner.acquire(key)
        self._last = (shapes, instance, epoch)
        return instance

    def close(self) -> None:
        if self._arena is not None:
            self._owner.release(self._arena)
        self._arena = self._last = None


class PlannedExecutable(Executable):
    """See `symkeras.backend.interface.Executable`. Subclasses emit the text of a program and bind it.

    Args:
        passes: what the backend adds to the pipeline of "O2".
        holds: the dtypes of `dtypes.FOREIGN` that it has storage for.

    Attributes:
        history: what each pass did.
        source: the emitted text.
        writer: of the variables that it updates; `watch`, over all that it works on, and `homes`, where these lie.
        program: the steps behind it.
    """

    def __init__(self, graph: Graph, backend: str, takes: Callable[[str], bool], kernels: Kernels, passes: str = "",
                 holds: Collection[str] = dtypes.FOREIGN, level: str = "O2", pipeline: str | None = None, poison: bool = False,
                 denormals: str | None = None, verify: bool = False):  # fmt: skip
        super().__init__(graph, backend, denormals)
        self.level = level
        self.poison = poison
        self._verify = verify
        self._takes = takes
        self._kernels = kernels
        self._pipeline = Pipeline.parse(pipeline) if pipeline is not None else Pipeline.level(level)
        if pipeline is None and level == "O2":
            self._pipeline = self._pipeline.then(passes)
        check_held(graph, backend, holds)
        self._pipeline = self._pipeline.then(widening(graph, dtypes.FOREIGN))
        self._lock = locks.reentrant_lock()
        self._compile()

    def _compile(self) -> None:
        graph, self.history = self._pipeline.run(self.source_graph, self._takes, step_check(self._verify))
        self._check_graph(graph)
        self._check = SizeCheck(self.source_graph)
        self._optimised = graph
        with self.history.timed("lowering"):
            self.program: Program = lower(graph, self._kernels)
        self.source, leaves = self._emit()
        self._symbols = self.program.symbols
        self._epoch = variables.storage_epoch()
        self._variables = list(leaves)
        self._storage = [n.attrs["variable"].array for n in leaves]
        self.homes = list({n.attrs["variable"].storage for n in leaves})
        self.writer = variables.Writer(n.attrs["variable"] for n, _ in self.source_graph.updates)
        self.watch = variables.Watch(n.attrs["variable"] for n in leaves)
        self._free: list[BoundArena] = []
        self._in_use = self._most_in_use = 0
        self._shapes: Recent[tuple[tuple[int, ...], ...], tuple[int, ...]] = Recent(MOST_SHAPES)
        self._largest: memory_plan.Plan | None = None

    def _check_graph(self, graph: Graph) -> None:
        """Raise BackendError for what the optimised graph has and the backend lacks, before it is lowered."""
        check_taken(graph, self.backend, self._takes)

    def _emit(self) -> tuple[str, Sequence[Node]]:
        """The text of the program, ready to be bound, and the variables whose storage it works on."""
        raise NotImplementedError

    def _bound(self, arena: BoundArena, key: tuple[int, ...]) -> Instance:
        """The function bound to an arena for the sizes `key`."""
        raise NotImplementedError

    def _describe(self) -> str:
        """What runs the text, and what it does with denormals."""
        raise NotImplementedError

    @property
    def graph(self) -> Graph:
        return self._optimised

    @property
    def memory(self) -> memory_plan.Plan | None:
        return self._largest

    def __str__(self) -> str:
        kernels = sum(1 for _ in self.program.all_steps())
        lines = [
            f"{self.graph.name} on {self.backend}, level {self.level}: "
            f"{self.source_graph.count()} operations written, {self.graph.count()} left, {kernels} kernels",
            f"memory: {self.memory or 'planned when the sizes of the inputs are known'}",
            self._describe(),
        ]
        return "\n".join(lines)

    def plan(self, env: Mapping[str, int]) -> memory_plan.Plan:
        """The memory plan for given sizes."""
        return memory_plan.plan(self.program.buffers, env)

    def __call__(self, *arrays: Any) -> list[np.ndarray]:
        given = input_arrays(self.source_graph, arrays)
        key = self.sizes(tuple(a.shape for a in given))
        arena, instance = self.acquire(key)
        try:
            return instance.run_on(given)
        finally:
            self.release(arena)

    def lease(self) -> PlannedLease:
        return PlannedLease(self)

    def sizes(self, shapes: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
        """The sizes of all symbols for inputs of these shapes.

        Raises:
            ShapeError: the shapes do not fit the inputs, or break an equality that the graph rests on.
        """
        self._refresh()
        key = self._shapes.get(shapes)
        if key is None:
            types = [n.tensor_type for n in self.source_graph.inputs]
            env = solve_dims(types, shapes, [n.attrs["name"] for n in self.source_graph.inputs])
            self._check.check(shapes)
            check_sizes(self.program.graph, env)
            key = tuple(env[s] for s in self._symbols)
            self._shapes.put(shapes, key)
        return key

    def acquire(self, key: tuple[int, ...]) -> tuple[BoundArena, Instance]:
        """An arena nobody else uses and the function bound to it for the sizes `key`; give it back with `release`."""
        with self._lock:
            program = self.program
            arena = next((a for a in self._free if key in a.instances), None)
            if arena is None:
                arena = next((a for a in self._free if self._fits(a.plan, key)), None)
            if arena is None:
                arena = self._new_arena(key)
            else:
                self._free.remove(arena)
            self._in_use += 1
            self._most_in_use = max(self._most_in_use, self._in_use)
        instance = arena.instances.get(key)
        if instance is None:
            try:
                instance = self._bound(arena, key)
            except BaseException:
                self.release(arena)
                raise
            arena.instances.put(key, instance)
            self.note_made("bound", ", ".join(f"{s}={k}" for s, k in zip(self._symbols, key, strict=True)) or "first")
        return (arena, instance) if program is self.program else self.acquire(key)  # compiled again meanwhile, by another thread

    def _new_arena(self, key: tuple[int, ...]) -> BoundArena:
        plan = self.plan(dict(zip(self._symbols, key, strict=True)))
        if self._largest is None or plan.planned > self._largest.planned:
            self._largest = plan
        return BoundArena(plan, self.program)

    def release(self, arena: BoundArena) -> None:
        """Let others use the arena. Those that it makes superfluous go away, and of many the one used longest ago."""
        plan = arena.plan
        with self._lock:
            if arena.program is not self.program:  # compiled again since
                return
            self._in_use -= 1
            others = [a for a in self._free if a.plan.planned >= plan.planned or any(a.plan.env[s] > n for s, n in plan.env.items())]
            self._free = [*others, arena][-max(MOST_FREE, min(self._most_in_use, 16 * MOST_FREE)) :]

    def _fits(self, plan: memory_plan.Plan, key: tuple[int, ...]) -> bool:
        return all(plan.env[s] >= k for s, k in zip(self._symbols, key, strict=True))

    def _refresh(self) -> None:
        """Compile again where a variable has moved to another storage since."""
        if self._epoch != variables.storage_epoch():
            with self._lock:
                epoch = variables.storage_epoch()
                leaves = zip(self._variables, self._storage, strict=True) if self._epoch != epoch else ()
                moved = [n.attrs["name"] for n, a in leaves if n.attrs["variable"].has_moved(a)]
                if moved:
                    self._compile()
                    more = f" and {len(moved) - 1} more variables" if len(moved) > 1 else ""
                    self.note_made("compiled", f"variable {moved[0]}{more} lay elsewhere")
                self._epoch = epoch
