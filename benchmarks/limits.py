"""What this machine allows: the shortest time of a training step, if it did nothing but the work of the model and lost no time.

The limit of a step is its floating-point operations at the speed of the fastest matrix product, and the bytes that must move at the
speed of the fastest copy, one after the other. Operations are counted by the ops themselves over the training graph. Bytes are the
inputs (read), the variables (read, and where the step changes them written; of a table whose rows are picked and changed, those rows),
and the activations that the backward pass needs (written once, read once): of values that elementwise work and rearranging give again
only the origin counts.

A step whose data stay in the caches moves them faster than a copy of large arrays, so small workloads may come close to their limit
without being perfect, and the share is no promise that more can be had.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from other_workloads import ALL
from report import number, table, write
from workloads import WORKLOADS, Workload

import symkeras
from symkeras import blas
from symkeras.backend.interface import get
from symkeras.compiler.pipeline import LEVELS, Pipeline
from symkeras.graph import Graph, dims
from symkeras.graph.node import Node

PASSES = f"{LEVELS['O1']}, sparse-updates"
"""What is left of a training graph after these is counted: no work twice, every parameter by itself."""
SIZES = (1024, 2048)
"""Rows of the square matrices that are multiplied."""
CORE_TYPES = ("", "SkylakeX", "Haswell")
"""What OpenBLAS is told the processor is; as it finds itself when empty. It takes some for older ones than they are."""
COPIED = 1 << 27
"""Bytes of the array that is copied, far more than caches hold."""
CORES = os.cpu_count() or 1


# ---- the machine -----------------------------------------------------------------------------------------------------------


def fastest(act: Callable[[], Any], seconds: float = 1.5) -> float:
    """The shortest time of `act`, tried for so long."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    return best


def gemm_peak() -> dict[str, float]:
    """Floating-point operations a second of float32 matrix products, by what OpenBLAS is told; each from a process of its own."""
    found = {}
    for core in CORE_TYPES:
        rest = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        environment = {**rest, "SYMKERAS_OPENBLAS": "off", **({"OPENBLAS_CORETYPE": core} if core else {})}
        done = subprocess.run([sys.executable, __file__, "--gemm"], env=environment, capture_output=True, text=True)
        if done.returncode == 0:  # a processor may lack the instructions of a core type
            found[core or "as detected"] = float(done.stdout)
    return found


def gemm_speed() -> float:
    """The best over sizes, on one and on all cores, in this process."""
    found = []
    for size in SIZES:
        a, b, out = (np.full((size, size), v, "float32") for v in (0.5, 0.25, 0.0))
        for threads in {1, CORES}:
            blas.set_num_threads(threads)
            found.append(2 * size**3 / fastest(lambda: np.matmul(a, b, out=out)))  # noqa: B023
    return max(found)


def bandwidth() -> float:
    """Bytes a second of copies, those read and those written: the best of one core and of all."""
    source, target = np.ones(COPIED, "uint8"), np.zeros(COPIED, "uint8")
    parts = [slice(COPIED * k // CORES, COPIED * (k + 1) // CORES) for k in range(CORES)]
    with ThreadPoolExecutor(CORES) as pool:
        together = fastest(lambda: list(pool.map(lambda part: np.copyto(target[part], source[part]), parts)))
    return 2 * COPIED / min(together, fastest(lambda: np.copyto(target, source)))


# ---- a training step -----------------------------------------------------------------------------------------------------------


def training_graph(workload: Workload) -> Graph:
    """What one step computes."""
    source = workload.build(symkeras).executable("train").source_graph
    return Pipeline.parse(PASSES).run(source, get("numpy").takes)[0]


def flops(graph: Graph, env: dict[str, int]) -> int:
    """Floating-point operations of one evaluation."""
    return sum(int(dims.evaluate(n.op.flops(n), env)) for n in graph.nodes)


def size(node: Node, env: dict[str, int]) -> int:
    """Bytes of a node's results."""
    return sum(prod(dims.evaluate(t.shape, env)) * np.dtype(t.dtype).itemsize for t in node.types)


def moved(graph: Graph, env: dict[str, int]) -> dict[str, int]:
    """Bytes that must move, by kind."""
    new = dict(graph.updates)
    variables = 0
    for v in dict.fromkeys((*graph.variables, *new)):
        value = new.get(v)
        if value is None:
            variables += size(v, env)
        elif value.op.name == "set_rows" and value.inputs[0] is v:
            variables += 2 * size(value.inputs[2], env)
        else:
            variables += 2 * size(v, env)
    stored = activations(graph)
    return {"inputs": sum(size(n, env) for n in graph.inputs), "variables": variables, "activations": 2 * sum(size(n, env) for n in stored)}


def is_backward(node: Node) -> bool:
    """Whether differentiation made a node."""
    return any(str(line).startswith("grad(") for line in node.origins)


def activations(graph: Graph) -> list[Node]:
    """The forward values that the backward pass needs, each by what it can be had from again."""
    needed = [i for n in graph.nodes if is_backward(n) for i in n.inputs if not is_backward(i)]
    return list(dict.fromkeys(origins(needed)))


def origins(nodes: Iterable[Node]) -> list[Node]:
    """The nodes behind `nodes` when elementwise ops, rearranging and random bits are done again."""
    found, waiting, seen = [], list(nodes), set()
    while waiting:
        n = waiting.pop()
        if n in seen:
            continue
        seen.add(n)
        if n.op.is_elementwise or n.op.name == "random_bits" or n.op.flops(n) == 0:
            waiting.extend(n.inputs)
        else:
            found.append(n)
    return found


def step(workload: Workload) -> dict[str, Any]:
    """Operations and bytes of one training step."""
    env = {"batch": workload.batch}
    graph = training_graph(workload)
    return {"flops": flops(graph, env), "bytes": moved(graph, env)}


# ---- together -----------------------------------------------------------------------------------------------------------------------


def measure(names: list[str]) -> dict[str, Any]:
    """The machine's figures, and for each workload what a step takes and the milliseconds of its limit."""
    peaks, speed = gemm_peak(), bandwidth()
    peak = max(peaks.values())
    found = {}
    for name in names:
        one = step(ALL[name])
        computing, moving = one["flops"] / peak * 1e3, sum(one["bytes"].values()) / speed * 1e3
        found[name] = {**one, "computing_ms": computing, "moving_ms": moving, "limit_ms": computing + moving}
    return {"gemm_flops_per_s": peaks, "bytes_per_s": speed, "workloads": found}


def show(limits: dict[str, Any]) -> None:
    """Print what `measure` found."""
    peaks = ", ".join(f"{value / 1e9:.0f} ({core})" for core, value in limits["gemm_flops_per_s"].items())
    print(f"OpenBLAS' matrix products, GFLOP/s: {peaks}; copies, GB/s: {limits['bytes_per_s'] / 1e9:.1f}")
    rows = []
    for name, one in limits["workloads"].items():
        mib = [number(v / 2**20) for v in one["bytes"].values()]
        times = [number(one[k]) for k in ("computing_ms", "moving_ms", "limit_ms")]
        rows.append([f"{name} ({ALL[name].batch})", number(one["flops"] / 1e9), *mib, *times])
    kinds = ["inputs, MiB", "variables, MiB", "activations, MiB"]
    print("\n" + table(["training step (batch)", "GFLOP", *kinds, "computing, ms", "moving, ms", "limit, ms"], rows))


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(ALL), metavar="NAME", help="default: all")
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument("--gemm", action="store_true", help="only the speed of matrix products with the core type at hand, as a number")
    options = parser.parse_args()
    if options.gemm:
        print(gemm_speed())
        return
    limits = measure(options.workloads)
    show(limits)
    if options.json:
        write(options.json, limits)


if __name__ == "__main__":
    main()
