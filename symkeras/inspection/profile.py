"""Measured time by kernel, layer and pass, beside what the machine could do at the most."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symkeras.backend.interface import input_arrays
from symkeras.errors import BackendError, InspectionError
from symkeras.graph.node import Node
from symkeras.inspection.cost import layers, ops, place_of, user_lines
from symkeras.inspection.machine import machine
from symkeras.inspection.record import Kernel, Record
from symkeras.inspection.table import Table, shown, write
from symkeras.inspection.traffic import Work, flops_of, works

if TYPE_CHECKING:
    from symkeras.backend.interface import Executable
    from symkeras.inspection.native_timing import NativeTiming
    from symkeras.inspection.timing import NumpyTiming

_KERNEL_COLUMNS = ["number", "name", "ops", "layers", "runs", "seconds", "share", "predicted", "limit", "reached", "bound"]


class Profile:
    """The time of one call, measured on memory and copies of variables of its own: by NumPy's kernels or those of the native backend.

    The emitted text runs with a clock around every kernel; on native that is a build of its own. A kernel's time is that of the thread that
    called the function. Kernels that run together (NumPy's stretches, batch tiles) share theirs in proportion to what each took on all threads.

    Args:
        arrays: of the call.
        repeat: how often it is run; times are medians.

    Attributes:
        record: of the compilation that was measured.
        seconds: of the whole step.
        kernels: a row per kernel: seconds, its share of all, `predicted` (the machine's limit and on NumPy its calls), `limit` (what the machine
            could do at the most: operations over the peak, or bytes over the bandwidth), `reached` = limit / seconds, which is above 1 where
            memory is in the caches, and `bound`: "memory" or "compute".
        layers: seconds by layer and direction; a kernel of several layers counts for each by its operations.
        passes: seconds by the pass whose rewrite put the operation there; "written" for what stands as the user wrote it.
    """

    def __init__(self, record: Record, arrays: Sequence[Any], repeat: int = 5):
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
            raise InspectionError(f"profile: repeat must be a whole number from 1 on, received {repeat!r}")
        executable: Any = record.executable
        timing = _timing_of(executable)
        given = input_arrays(executable.source_graph, arrays)
        key = executable.sizes(tuple(a.shape for a in given))  # compiles again where variables have moved since
        self.sizes = dict(zip(executable.program.symbols, key, strict=True))
        run = timing(executable, self.sizes).run
        self.record = record = record.now()
        run(given)  # what is made at the first call is no part of the time
        measured = [run(given) for _ in range(repeat)]
        self.backend = executable.backend
        self.repeat = repeat
        self.machine = machine()
        self.seconds = statistics.median(whole for whole, _ in measured)
        self._name = record.graph.name
        done = works(record, self.sizes)
        times = [statistics.median(spent.get(id(w.kernel.step), 0.0) for _, spent in measured) for w in done]
        total = sum(times) or 1.0
        self.kernels = Table(_KERNEL_COLUMNS, [self._row(w, t, total) for w, t in zip(done, times, strict=True)])
        self._more = [(ops(w.kernel), user_lines(w.kernel), w) for w in done]
        origin = _pass_of(record)
        self.layers = _sums(["layer", "direction"], done, times, self.sizes, place_of)
        self.passes = _sums(["pass"], done, times, self.sizes, lambda n: (origin.get(n, "written"),))

    def _row(self, w: Work, seconds: float, total: float) -> dict[str, Any]:
        limit = self.machine.limit(w.flops, w.bytes)
        calls = w.runs * max(1, sum(a == b for a, b in w.kernel.lines)) if self.backend == "numpy" and w.bytes else 0
        return {
            "number": w.kernel.number, "name": w.kernel.name, "ops": ops(w.kernel), "layers": layers(w.kernel), "runs": w.runs,
            "seconds": seconds, "share": seconds / total, "predicted": limit + calls * self.machine.call, "limit": limit,
            "reached": limit / seconds if seconds else None,
            "bound": "compute" if w.flops / self.machine.flops > w.bytes / self.machine.bandwidth else "memory",
        }  # fmt: skip

    def to_chrome_trace(self, path: str | Path | None = None) -> str:
        """The kernels one after the other as JSON for chrome://tracing and Perfetto, written to `path` where one is given.

        The times are those of the table, so what a loop runs many times is one event.

        Raises:
            InspectionError: the file cannot be written.
        """
        events: list[dict[str, Any]] = [{"name": "process_name", "ph": "M", "pid": 1, "tid": 1, "args": {"name": f"{self._name} on {self.backend}"}}]
        now = 0.0
        for row, (names, lines, w) in zip(self.kernels, self._more, strict=True):
            direction = place_of(w.kernel.nodes[-1])[1]
            work = {"flops": w.flops, "bytes": w.bytes, "runs": w.runs}
            args = {"kernel": row["number"], "ops": names, "layers": row["layers"], "lines": lines, **work}
            duration = row["seconds"] * 1e6
            events.append({"name": row["name"], "cat": direction, "ph": "X", "pid": 1, "tid": 1, "ts": now, "dur": duration, "args": args})
            now += duration
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ns"})
        if path is not None:
            write(path, text)
        return text

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "backend": self.backend, "sizes": self.sizes, "repeat": self.repeat, "seconds": self.seconds, "machine": vars(self.machine),
            "kernels": self.kernels.rows, "layers": self.layers.rows, "passes": self.passes.rows,
        }  # fmt: skip

    def __str__(self) -> str:
        head = f"{self._name} on {self.backend}: {shown('seconds', self.seconds)} (median of {self.repeat}); the machine: {self.machine}"
        return "\n\n".join([head, *(str(t.sorted("seconds").first(12)) for t in (self.kernels, self.layers, self.passes))])


def _timing_of(executable: Executable) -> type[NumpyTiming] | type[NativeTiming]:
    """What runs an executable with a clock.

    Raises:
        BackendError: nothing does.
    """
    from symkeras.backend.native.building.executable import NativeExecutable
    from symkeras.backend.numpy.executable import NumpyExecutable
    from symkeras.inspection.native_timing import NativeTiming
    from symkeras.inspection.timing import NumpyTiming

    if isinstance(executable, NumpyExecutable):
        return NumpyTiming
    if isinstance(executable, NativeExecutable):
        return NativeTiming
    raise BackendError(
        f"backend {executable.backend!r} does not time its kernels one by one; 'numpy' and 'native' do: compile the model with one of these"
    )


def _pass_of(record: Record) -> dict[Node, str]:
    """Node -> the last pass whose rewrite put it where it is; "cse" changes nothing but who shares."""
    return {a.rewrite.new: a.stage.name.split("{")[0] for a in record.rewrites if a.rewrite.rule != "equal"}


def _sums(columns: list[str], done: Sequence[Work], times: Sequence[float], env: dict[str, int], key_of: Callable[[Node], tuple[str, ...]]) -> Table:
    """Seconds by what nodes belong to; a kernel's time falls to its nodes by their operations."""
    seconds: dict[tuple[str, ...], float] = {}
    kernels: dict[tuple[str, ...], set[int]] = {}
    for w, spent in zip(done, times, strict=True):
        weights = _weights(w.kernel, env)
        for n, weight in weights.items():
            key = key_of(n)
            seconds[key] = seconds.get(key, 0.0) + spent * weight
            kernels.setdefault(key, set()).add(w.kernel.number)
    total = sum(seconds.values()) or 1.0
    rows = [dict(zip(columns, key, strict=True)) | {"kernels": len(kernels[key]), "seconds": s, "share": s / total} for key, s in seconds.items()]
    return Table([*columns, "kernels", "seconds", "share"], rows).sorted("seconds")


def _weights(kernel: Kernel, env: dict[str, int]) -> dict[Node, float]:
    flops = {n: max(1, flops_of(kernel.step, n, env)) for n in kernel.nodes}
    total = sum(flops.values())
    return {n: f / total for n, f in flops.items()}
