"""Every operation of the table on about a million elements, on NumPy and native, against the same in PyTorch.

All are timed in turns in one process; what is printed is the smallest time of each, in milliseconds, and its ratio to PyTorch's (`-` where
PyTorch has no such operation, or is not there). Inputs and results lie in variables, so that nothing is timed but the operation.
"""

from __future__ import annotations

import argparse
import os
import time
import zlib
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    import symkeras  # noqa: F401  (before NumPy is loaded, so that SYMKERAS_OPENBLAS has effect)

import numpy as np
from op_cases import Case, cases, torch

from symkeras import ops
from symkeras.backend.emitted import threads
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, dtypes
from symkeras.graph.types import TensorType, parse_type
from symkeras.graph.variable import Variable
from symkeras.ops.op import OPS, apply_symbolic, as_tensor, compute

PAUSE = 0.002
"""Seconds between two turns."""


def draw(case: Case) -> list[np.ndarray]:
    """Inputs of a case, the same in every run; a pool's result belongs to its input."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    count = len(case.types)
    low, high = ((b if isinstance(b, tuple) else (b,) * count) for b in (case.low, case.high))
    arrays = [one(parse_type(t), a, b, rng) for t, a, b in zip(case.types, low, high, strict=True)]
    if case.op == "max_pool_grad":
        arrays[1] = compute(OPS["max_pool"], arrays[:1], case.attrs)
    return arrays


def one(t: TensorType, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """An array of a type with elements from `low` to `high`."""
    if t.dtype == "bool":
        return rng.random(t.shape) < 0.5
    return rng.integers(int(low), int(high), t.shape).astype(t.dtype) if dtypes.is_int(t.dtype) else rng.uniform(low, high, t.shape).astype(t.dtype)


def ours(case: Case, arrays: list[np.ndarray], backend: str) -> Callable[[], Any]:
    """A compiled function that reads variables and writes its results to variables."""
    inputs = [Variable(a, name=f"x{k}") for k, a in enumerate(arrays)]
    found = apply_symbolic(OPS[case.op], [as_tensor(v) for v in inputs], case.attrs)
    results = found if isinstance(found, tuple) else (found,)
    targets = [Variable(np.zeros(t.dims, t.dtype), name=f"y{k}") for k, t in enumerate(results)]
    graph = Graph([], [], [(as_tensor(v).node, ops.stop_gradient(t).node) for v, t in zip(targets, results, strict=True)], name=case.op)
    function = compile_graph(graph, backend=backend)
    return lambda: function()


def theirs(case: Case, arrays: list[np.ndarray]) -> Callable[[], Any] | None:
    """The same in PyTorch, or None."""
    if case.peer is None or torch is None:
        return None
    return case.peer(*(torch.from_numpy(np.array(a, "int64") if a.dtype == "uint64" else np.array(a)) for a in arrays))


def best(functions: dict[str, Callable[[], Any]], rounds: int, busy: bool) -> dict[str, float]:
    """The smallest time of each in milliseconds, all in turns; the first round is not counted."""
    clock = time.process_time if busy else time.perf_counter
    found = dict.fromkeys(functions, float("inf"))
    for turn in range(-1, rounds):
        for name, function in functions.items():
            time.sleep(0 if busy else PAUSE)
            start = clock()
            function()
            if turn >= 0:
                found[name] = min(found[name], (clock() - start) * 1e3)
    return found


def line(name: str, times: dict[str, float], backends: list[str]) -> tuple[str, float]:
    """A line of the table, and the largest ratio in it."""
    peer = times.get("torch")
    ratios = {b: times[b] / peer for b in backends if peer}
    cells = [f"{times[b]:9.3f}" for b in backends] + [f"{peer:9.3f}" if peer else "        -"]
    return f"{name:38}" + "".join(cells) + "".join(f"{ratios[b]:8.2f}" if peer else "       -" for b in backends), max(ratios.values(), default=0.0)


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only operations with these names, or the beginning of a line's name in quotes; default: all")
    parser.add_argument("--backends", nargs="+", default=["numpy", "native"], help="default: numpy native")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed")
    parser.add_argument("--above", type=float, default=0.0, help="print only lines with a ratio above this")
    busy = "time of the processor instead of the clock's, everything on one thread: for a machine on which others work"
    parser.add_argument("--busy", action="store_true", help=busy)
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = parse()
    if options.busy:
        os.environ["SYMKERAS_THREADS"] = "1"  # before anybody asks how many
    chosen = [c for c in cases() if not options.names or c.op in options.names or any(c.name.startswith(n) for n in options.names)]
    count = threads.count()
    if torch is not None:
        torch.set_num_threads(count)
    print(f"{count} thread{'s' * (count > 1)}, {'time of the processor' if options.busy else 'time'} in milliseconds, and ratios to PyTorch")
    columns = [*options.backends, "torch"]
    print(f"{'':38}" + "".join(f"{c:>9}" for c in columns) + "".join(f"{b:>8}" for b in options.backends))
    for case in chosen:
        arrays = draw(case)
        peer = theirs(case, arrays)
        functions = {b: ours(case, arrays, b) for b in options.backends} | ({"torch": peer} if peer is not None else {})
        with np.errstate(all="ignore"):
            text, ratio = line(case.name, best(functions, options.rounds, options.busy), options.backends)
        if ratio >= options.above:
            print(text, flush=True)


if __name__ == "__main__":
    main()
