"""Running a compiled function of the native backend kernel by kernel with a clock, on memory and copies of variables of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from symkeras.backend.emitted.planned import BoundArena
from symkeras.backend.emitted.threads import count
from symkeras.backend.native.building import cache
from symkeras.backend.native.building.executable import NativeExecutable, NativeInstance, entry_of
from symkeras.backend.native.timed_emission import emit_timed
from symkeras.compiler.program import naming
from symkeras.compiler.program.program import RowPass, flat
from symkeras.graph import dims, residence
from symkeras.graph.dims import Size
from symkeras.inspection.timing import copies


class NativeTiming:
    """A program with a clock in it, built when this is made.

    Args:
        executable: whose program.
        env: the sizes.
    """

    def __init__(self, executable: NativeExecutable, env: Mapping[str, int]):
        self._executable, self._env = executable, env
        self._timed = emit_timed(executable.program, executable.denormals)
        library, _ = cache.load(self._timed.emission.source, f"{naming.identifier(executable.graph.name)}_timed", linked=True)
        self._spent = np.zeros((1 + count(), self._timed.width), np.int64)
        self._originals, self._copies = executable.storage, copies(executable.storage)
        arena = BoundArena(executable.plan(env), executable.program)
        key = tuple(env[s] for s in executable.program.symbols)
        self._instance = NativeInstance(entry_of(library), arena, executable, key, self._copies, [self._spent])

    def run(self, arrays: Sequence[np.ndarray]) -> tuple[float, dict[int, float]]:
        """Seconds of the whole step, and by the id of each step of the program."""
        residence.at_home(self._executable.homes)
        for copy, original in zip(self._copies, self._originals, strict=True):
            np.copyto(copy, original)
        for own, a in zip(self._instance.inputs, arrays, strict=True):
            np.copyto(own, a)
        self._spent[...] = 0
        start = time.perf_counter()
        self._instance.run()
        return time.perf_counter() - start, self._by_step()

    def _by_step(self) -> dict[int, float]:
        """A batch tile's time falls to its kernels in proportion to what they took on whatever threads, a row pass's by their work."""
        caller, everywhere = self._spent[0], self._spent.sum(axis=0)
        own = {id(s): float(caller[k]) for k, s in enumerate(self._timed.steps)}
        by_all = {id(s): float(everywhere[k]) for k, s in enumerate(self._timed.steps)}
        for place, group in self._timed.groups:
            weights = self._work(group) if isinstance(group, RowPass) else {id(s): by_all[id(s)] for s in flat(group.steps)}
            total = sum(weights.values())
            own.update({key: float(caller[place]) * weight / total if total else 0.0 for key, weight in weights.items()})
        return {key: spent * 1e-9 for key, spent in own.items()}

    def _work(self, group: RowPass) -> dict[int, int]:
        """Elements that the kernels of a row pass compute: one goes over the rows at indices, the others over those at none."""
        rows, touched = self._size(group.rows), min(self._size(group.rows), self._size(group.count))
        each = {id(s): len(s.nodes) * self._size(group.width) for s in (group.touched, *group.others)}
        return {key: work * (touched if key == id(group.touched) else max(1, rows - touched)) for key, work in each.items()}

    def _size(self, size: Size) -> int:
        return int(dims.evaluate(size, self._env))
