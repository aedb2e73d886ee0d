"""What comes before speed: import, the first training step, compilation, and peak memory; contenders in turn.

Import times are whole processes, `python -c "import ..."`, beside the same interpreter doing nothing. The rest comes from one
process per contender and workload, which imports, builds, takes one training step (timed from the start of the process), takes
single steps again (the first step less these is compilation), and then trains an epoch.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from contenders import HAND_WRITTEN, OURS, ROOT, TRAINERS, Contender, ContenderError, Worker, present
from report import machine, number, preamble, table, write
from workloads import WORKLOADS

IMPORTS = {
    "bare python": "pass",
    "import": "import {module}",
    "import, layers and models": "import {module}; {module}.layers.Dense, {module}.Model, {module}.Sequential",
}
"""What the processes run. symkeras loads its parts when they are first used, so its plain import is not the whole of it."""
COLUMNS = {
    "first_step_s": "seconds from the start of the process to the end of the first training step",
    "compile_s": "seconds of the first training step, less a later one: compilation, and what is imported for it",
    "peak_mib": "peak memory (ru_maxrss) of a process that trains an epoch, MiB",
}
ALL = "all in turn"
"""The row of a process that trains one workload after the other."""


def import_times(contenders: dict[str, Contender], runs: int, failed: dict[str, str]) -> dict[str, dict[str, list[float]]]:
    """Seconds of whole processes, by what they run and by contender; the failures go into `failed`."""
    times: dict[str, dict[str, list[float]]] = {what: {name: [] for name in contenders} for what in IMPORTS}
    for k in range(runs + 1):
        for what, code in IMPORTS.items():
            for name, one in contenders.items():
                if name in failed or (one.module in HAND_WRITTEN and "layers" in code):
                    continue
                command = [one.python, "-c", code.format(module=one.module)]
                start = time.perf_counter()
                process = subprocess.run(command, env=one.environment(), capture_output=True, text=True)
                if process.returncode:
                    failed[name] = process.stderr.strip().rpartition("\n")[2]
                    print(f"  failed: {name}: {failed[name]}")
                elif k:  # the first processes fill the system's file cache
                    times[what][name].append(time.perf_counter() - start)
    return times


def begin(one: Contender, workload: str) -> dict[str, float]:
    """The figures of COLUMNS for a workload, from a fresh process."""
    with Worker(one) as worker:
        worker("load", workload=workload, steps=1)
        first = worker("train") / 1e3
        since_start = time.perf_counter() - worker.started
        later = statistics.median(worker("train") / 1e3 for _ in range(3))
        worker("draw")
        worker("train")
        return {"first_step_s": since_start, "compile_s": first - later, "peak_mib": worker("peak")}


def train_all(one: Contender, workloads: list[str]) -> dict[str, float]:
    """The peak memory of a process that trains the workloads one after the other."""
    with Worker(one) as worker:
        for name in workloads:
            worker("load", workload=name)
            worker("train")
        return {"peak_mib": worker("peak")}


def measure(contenders: dict[str, Contender], workloads: list[str], runs: int) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """The figures of COLUMNS: by column, workload and contender, each in every run; and the failures by workload and contender."""
    found: dict[str, Any] = {column: {} for column in COLUMNS}
    failed: dict[str, dict[str, str]] = {}
    try:
        for workload in [*workloads, *([ALL] if len(workloads) > 1 else [])]:
            print(f"{workload} ...", flush=True)
            for _ in range(runs if workload != ALL else 1):
                for name, one in contenders.items():
                    if name not in failed.get(workload, {}):
                        add(found, failed, workload, name, partial(train_all, one, workloads) if workload == ALL else partial(begin, one, workload))
    except KeyboardInterrupt:
        print("  interrupted; what was measured before:", flush=True)
    return found, failed


def add(found: dict[str, Any], failed: dict[str, dict[str, str]], workload: str, name: str, run: Callable[[], dict[str, float]]) -> None:
    """Run once, and add to the figures or to the failures."""
    try:
        figures = run()
    except ContenderError as error:
        failed.setdefault(workload, {})[name] = str(error)
        print(f"  failed: {name}: {error}")
        return
    for column, value in figures.items():
        found[column].setdefault(workload, {}).setdefault(name, []).append(value)


def medians(times: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """The median of each list that is not empty."""
    return {row: {name: statistics.median(values) for name, values in cells.items() if values} for row, cells in times.items()}


def show(title: str, rows: dict[str, dict[str, float]], names: list[str]) -> None:
    """Print medians, and how every symkeras compares with the best of the others."""
    ours = [n for n in names if n.startswith("symkeras")]
    lines = []
    for row, cells in rows.items():
        best = min((cells[n] for n in names if n in cells and n not in ours), default=None)
        ratios = [cells[n] / best if best and n in cells else None for n in ours]
        lines.append([row, *(number(cells.get(n)) for n in names), *map(number, ratios)])
    print(f"\n{title}\n{table(['', *names, *(f'{n}: ratio to the best other' for n in ours)], lines)}")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS), metavar="NAME", help="default: all")
    parser.add_argument("--contenders", nargs="+", default=[*OURS, *TRAINERS], metavar="NAME", help="as for run.py")
    parser.add_argument("--imports", type=int, default=7, help="processes timed per contender and import, after one that is not")
    parser.add_argument("--runs", type=int, default=3, help="processes per contender and workload")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "startup.json", help="where the results go")
    return parser.parse_args(arguments)


def main() -> int:
    """Run what the command line asks for; 1 if a contender failed."""
    options = parse()
    contenders, versions, absent = present(options.contenders)
    results: dict[str, Any] = {"machine": machine(), "versions": versions, "absent": absent}
    print(preamble(results))
    names = list(contenders)
    failed_imports: dict[str, str] = {}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    imports = import_times(contenders, options.imports, failed_imports)
    figures, failed = measure(contenders, options.workloads, options.runs)
    if failed_imports:
        failed["import"] = failed_imports
    show("seconds of a process, medians", medians(imports), names)
    for column, title in COLUMNS.items():
        show(f"{title}, medians", medians(figures[column]), names)
    results |= {
        "import_s": {"runs": imports, "median": medians(imports)}, "failed": failed,
        **{column: {"runs": figures[column], "median": medians(figures[column])} for column in COLUMNS},
    }  # fmt: skip
    write(options.json, results)
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
