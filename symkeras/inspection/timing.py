"""Running a compiled function kernel by kernel with a clock, on memory and copies of variables of its own.

The emitted step is run as it is, with the clock read before and after each line of a kernel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import blas
from symkeras.backend.denormals import Denormals
from symkeras.backend.numpy import kernels
from symkeras.backend.numpy.executable import NumpyExecutable, module, raise_at
from symkeras.compiler.program import memory_plan
from symkeras.compiler.program.program import Step

_STEP, _OUTPUTS = "    def step():", "    def outputs():"


def copies(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Copies of arrays; those that share memory share it in the copies."""
    bounds = [np.lib.array_utils.byte_bounds(a) if hasattr(np.lib, "array_utils") else np.byte_bounds(a) for a in arrays]  # type: ignore[attr-defined]
    regions: list[list[int]] = []
    for start, stop in sorted(bounds):
        if regions and start < regions[-1][1]:
            regions[-1][1] = max(regions[-1][1], stop)
        else:
            regions.append([start, stop])
    blocks = [_aligned(stop - start, start % memory_plan.ALIGNMENT) for start, stop in regions]
    found = []
    for a, (start, _) in zip(arrays, bounds, strict=True):
        k = next(k for k, (low, high) in enumerate(regions) if low <= start < high or (low == start == high))
        new = np.ndarray(a.shape, a.dtype, blocks[k], start - regions[k][0], a.strides)
        np.copyto(new, a)
        found.append(new)
    return found


def _aligned(size: int, remainder: int) -> np.ndarray:
    """Bytes whose address leaves this remainder."""
    raw = np.zeros(size + 2 * memory_plan.ALIGNMENT, np.uint8)
    start = (remainder - raw.ctypes.data) % memory_plan.ALIGNMENT
    return raw[start : start + size]


class NumpyTiming:
    """The emitted step of a NumPy executable with a clock in it.

    Args:
        executable: whose step.
        env: the sizes.
    """

    def __init__(self, executable: NumpyExecutable, env: Mapping[str, int]):
        emission = executable.emission
        steps: dict[int, Step | list[Step]] = {**emission.lines, **emission.groups}
        self._emission, self._flush = emission, executable.denormals == "flush"
        self._spent: dict[int, list[float]] = {}
        source = _with_clock(emission.source, steps)
        self._bind = module(source, f"{executable.graph.name} with a clock")["bind"]
        self._filename = self._bind.__code__.co_filename
        self._steps = steps
        self._originals = [n.attrs["variable"].array for n in emission.variables]
        self._variables = copies(self._originals)
        arena = memory_plan.Arena(executable.plan(env))
        constants = [n.attrs["value"].array for n in emission.constants]
        with np.errstate(all="ignore"):
            bound = self._bind(np, _Clocked(self._spent), arena.array, self._variables, constants, emission.nodes, env)
        self._inputs: list[np.ndarray] = bound[0]
        self._step: Callable[[], None] = bound[1]

    def run(self, arrays: Sequence[np.ndarray]) -> tuple[float, dict[int, float]]:
        """Seconds of the whole step, and by the id of each step of the program."""
        for copy, original in zip(self._variables, self._originals, strict=True):
            np.copyto(copy, original)
        for own, a in zip(self._inputs, arrays, strict=True):
            np.copyto(own, a)
        self._spent.clear()
        with np.errstate(all="ignore"), blas.single_thread(), Denormals(self._flush):
            start = time.perf_counter()
            try:
                self._step()
            except (IndexError, ValueError) as error:
                raise_at(self._emission, self._filename, error)
            whole = time.perf_counter() - start
        return whole, self._by_step()

    def _by_step(self) -> dict[int, float]:
        """A line of a group counts for its kernels in proportion to what their own lines took, on whatever threads."""
        found: dict[int, float] = {}
        for number, spent in self._spent.items():
            steps = self._steps[number]
            if not isinstance(steps, list):
                if not any(isinstance(g, list) and any(s is steps for s in g) for g in self._steps.values()):
                    found[id(steps)] = found.get(id(steps), 0.0) + sum(spent)
                continue
            own = {id(s): sum(sum(t) for n, t in self._spent.items() if self._steps[n] is s) for s in steps}
            total = sum(own.values())
            for key, seconds in own.items():
                share = seconds / total if total else 1 / len(own)
                found[key] = found.get(key, 0.0) + share * sum(spent)
        return found


class _Clocked:
    """The kernels of NumPy, and the clock that the emitted text reads."""

    clock = staticmethod(time.perf_counter)

    def __init__(self, spent: dict[int, list[float]]):
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        return getattr(kernels, name)

    def spent(self, number: int, start: float) -> None:
        """Note the time of a line."""
        self._spent.setdefault(number, []).append(time.perf_counter() - start)


def _with_clock(source: str, steps: Mapping[int, Any]) -> str:
    """The emitted text with the clock read around each line that runs kernels."""
    lines, found = source.splitlines(), []
    first, last = lines.index(_STEP) + 1, lines.index(_OUTPUTS)
    within = False
    for number, line in enumerate(lines, 1):
        if number <= first:
            within = line.startswith("    def ") or (within and line.startswith("        "))
        if number in steps and ((within and line.startswith("        ")) or first < number <= last):
            indent = line[: len(line) - len(line.lstrip())]
            found += [f"{indent}clock_{number} = kernels.clock()", line, f"{indent}kernels.spent({number}, clock_{number})"]
        else:
            found.append(line)
    return "\n".join(found) + "\n"
