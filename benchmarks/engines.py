"""symkeras on each engine, beside Keras on the same engine and what is written by hand in it: training steps, the time to the first one, predictions.

Run it in an environment that holds symkeras and the engines (`make test-backends` builds one); peers are taken from there, too:

    .venv-backends/bin/python benchmarks/engines.py                    # everything; what FILE holds already is not measured again
    .venv-backends/bin/python benchmarks/engines.py --show             # the tables of FILE, in Markdown

For each engine and workload every contender has a process of its own, and they take turns (`run.py`). The time to the first step is that of fresh
processes, one at a time. `swap` is one model on every backend: how long a step takes, and the losses of the first eight.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import run
from contenders import ROOT, Contender, ContenderError, Worker, present
from other_workloads import ALL
from report import machine, number, preamble, save
from startup import begin
from workloads import WORKLOADS

ENGINES: dict[str, tuple[str, ...]] = {
    "jax": ("symkeras-jax", "keras-jax", "jax"),
    "torch": ("symkeras-torch", "keras-torch", "torch"),
    "tensorflow": ("symkeras-tensorflow", "keras-tensorflow"),
    "pytensor": ("symkeras-pytensor", "pytensor"),
    "onnxruntime": ("symkeras", "symkeras-onnxruntime", "onnxruntime"),
}
"""Who is measured together: ours first, but for ONNX Runtime, which predicts with the weights of the default backend."""
BY_HAND = {"jax": WORKLOADS, "torch": WORKLOADS, "onnxruntime": WORKLOADS, "pytensor": ("tutorial_mlp", "mlp", "two_input_lstm")}
"""The workloads that are written by hand, by contender."""
TARGETS = {("jax", "keras-jax"): 0.9, ("jax", "jax"): 1.05, ("torch", "keras-torch"): 0.6, ("torch", "torch"): 1.05,
           ("tensorflow", "keras-tensorflow"): 0.8, ("onnxruntime", "onnxruntime"): 1.1}  # fmt: skip
"""The time of a step (on ONNX Runtime of a prediction) as a share of the other one's."""
SWAPPED = ("symkeras-numpy", "symkeras-native", *(f"symkeras-{e}" for e in ENGINES if e != "onnxruntime"))
STEPS = 8
"""Of which losses are shown."""


def taking_part(engine: str, workload: str) -> tuple[str, ...]:
    """Who is measured on a workload."""
    return tuple(name for name in ENGINES[engine] if workload in BY_HAND.get(name, ALL))


def ours(engine: str) -> str:
    return f"symkeras-{engine}"


# ---- measuring -----------------------------------------------------------------------------------------------------------


def measure(engine: str, workload: str, there: dict[str, Contender], options: argparse.Namespace) -> dict[str, Any]:
    """The entry of an engine and a workload: what `run.measure` gives, and the times to the first step."""
    contenders = {name: there[name] for name in taking_part(engine, workload) if name in there}
    entry = run.measure(ALL[workload], contenders, options)
    first: dict[str, list[float]] = {}
    for _ in range(options.starts if engine != "onnxruntime" else 0):
        for name, one in contenders.items():
            if name not in entry["failed"]:
                attempt(lambda one=one, name=name: first.setdefault(name, []).append(begin(one, workload)["first_step_s"]), name, entry["failed"])
    return {**entry, "first_step_s": first}


def swap(workload: str, there: dict[str, Contender], options: argparse.Namespace) -> dict[str, Any]:
    """The entry of one model on all backends: what `run.measure` gives, and the losses of the first steps on each."""
    contenders = {name: there[name] for name in SWAPPED if name in there}
    entry = run.measure(ALL[workload], contenders, options)
    losses: dict[str, list[float]] = {}
    for name, one in contenders.items():
        with ExitStack() as stack:
            worker = stack.enter_context(Worker(one))

            def course(worker: Worker = worker, name: str = name) -> None:
                worker("load", workload=workload, steps=STEPS)
                losses[name] = worker("course", steps=STEPS)

            attempt(course, name, entry["failed"])
    return {**entry, "losses": losses}


def attempt(action: Callable[[], Any], name: str, failed: dict[str, str]) -> None:
    """Do something that a contender may fail at; its words go into `failed`."""
    try:
        action()
    except ContenderError as error:
        failed[name] = str(error)


# ---- tables --------------------------------------------------------------------------------------------------------------


def ratio(times: dict[str, list[float]], one: str, other: str) -> tuple[float, float] | None:
    """The time of one over that of the other: by the medians of rounds, and by minima."""
    if not times.get(one) or not times.get(other):
        return None
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=False)), min(times[one]) / min(times[other])


def shown(found: tuple[float, float] | None) -> str:
    return "-" if found is None else f"{number(found[0], 2)} ({number(found[1], 2)})"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table as Markdown has it."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def engine_table(engine: str, entries: dict[str, Any]) -> str:
    """Milliseconds of a training step (of predictions on ONNX Runtime), and ratios by medians and by minima."""
    key, predicts = "train_ms_per_step", engine == "onnxruntime"
    keys = [f"predict_{n}_rows_ms" for n in run.PREDICT_ROWS] if predicts else [key]
    me, rows = ours(engine), []
    others = [n for n in ENGINES[engine] if n not in (me, "symkeras")]
    for workload in ALL:
        entry = entries.get(f"{engine}/{workload}")
        if entry is None:
            continue
        for key in keys:
            times, first = entry[key]["rounds"], entry["first_step_s"]
            cells = [f"{number(statistics.median(times[n]))} ({number(min(times[n]))})" if times.get(n) else "failed" if n in entry["failed"] else "-"
                     for n in (me, *others)]  # fmt: skip
            starts = [f"{number(min(first[n]))}" if first.get(n) else "-" for n in (me, *others)]
            what = workload if not predicts else f"{workload}, {key.split('_')[1]} rows"
            rows.append([what, *cells, *(shown(ratio(times, me, n)) for n in others), *([] if predicts else starts)])
    targets = [f"to {n}" + (f" ({TARGETS[engine, n]})" if (engine, n) in TARGETS else "") for n in others]
    return markdown(["workload", me, *others, *targets, *([] if predicts else [f"first step: {n}" for n in (me, *others)])], rows)


def swap_table(entry: dict[str, Any]) -> str:
    """Milliseconds of a step and losses of the first ones, a row for each backend."""
    times, rows = entry["train_ms_per_step"]["rounds"], []
    for name in SWAPPED:
        losses = entry["losses"].get(name, [])
        row = [f"{losses[k]:.6f}" if k < len(losses) else "-" for k in (0, 1, STEPS - 1)]
        step = number(statistics.median(times[name])) if times.get(name) else "failed" if name in entry["failed"] else "-"
        rows.append([f'`"{name.removeprefix("symkeras-")}"`', step, *row])
    return markdown(["backend", "ms per step", "loss of step 1", "of step 2", f"of step {STEPS}"], rows)


def show(results: dict[str, Any]) -> None:
    """All tables."""
    print(preamble(results))
    for name, entry in results["swap"].items():
        print(f"\n{name} on every backend\n\n{swap_table(entry)}")
    for engine in ENGINES:
        if any(key.startswith(f"{engine}/") for key in results["entries"]):
            print(f"\n{engine}: milliseconds, medians (minima) of rounds; ratios so, too; seconds to the end of the first step\n")
            print(engine_table(engine, results["entries"]))
    for key, entry in [*results["swap"].items(), *results["entries"].items()]:
        for who, why in entry["failed"].items():
            print(f"\nfailed: {key}: {who}: {why}")


# ---- all of it -----------------------------------------------------------------------------------------------------------


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="*", default=list(ENGINES), choices=list(ENGINES), metavar="NAME", help="default: all")
    parser.add_argument("--workloads", nargs="+", default=list(ALL), choices=list(ALL), metavar="NAME", help="default: all twelve")
    parser.add_argument("--swap", nargs="*", default=["convnet"], choices=list(ALL), metavar="NAME", help="workloads for the table of all backends")
    parser.add_argument("--rounds", type=int, default=7, help="epochs timed per contender, after one that is not")
    parser.add_argument("--steps", type=int, help="training steps in an epoch, at most; default: the workload's own number")
    parser.add_argument("--calls", type=int, default=20, help="calls of predict in a round")
    parser.add_argument("--starts", type=int, default=2, help="fresh processes per contender for the time to the first step")
    parser.add_argument("--again", action="store_true", help="measure also what the file holds")
    parser.add_argument("--show", action="store_true", help="only print what the file holds")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "engines.json", help="where the results are kept")
    return parser.parse_args(arguments)


def tasks(options: argparse.Namespace, results: dict[str, Any]) -> list[tuple[str, str, Callable[[dict[str, Contender]], dict[str, Any]]]]:
    """(section, key, what measures it) of all that is asked for and not there yet."""
    found: list[tuple[str, str, Callable[[dict[str, Contender]], dict[str, Any]]]] = []
    for name in options.swap:
        found.append(("swap", name, lambda there, name=name: swap(name, there, options)))
    for engine in options.engines:
        for name in options.workloads:
            if engine != "onnxruntime" or name in BY_HAND[engine]:
                found.append(("entries", f"{engine}/{name}", lambda there, e=engine, name=name: measure(e, name, there, options)))
    return [t for t in found if options.again or t[1] not in results[t[0]]]


def main() -> int:
    """Run what the command line asks for; 1 if a contender failed or computed something else."""
    options = parse()
    os.environ.setdefault("SYMKERAS_PEERS", sys.prefix)
    results: dict[str, Any] = json.loads(options.json.read_text()) if options.json.exists() else {"swap": {}, "entries": {}}
    todo = [] if options.show else tasks(options, results)
    if todo:
        names = [*(SWAPPED if options.swap else ()), *(n for e in options.engines for n in ENGINES[e])]
        there, versions, absent = present(dict.fromkeys(names))
        results |= {"machine": machine(), "versions": {**results.get("versions", {}), **versions}, "absent": absent}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for section, key, work in todo:
            print(f"{key} ...", file=sys.stderr, flush=True)
            results[section][key] = work(there)
            save(options.json, results)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
    if results["swap"] or results["entries"]:
        show(results)
    return int(any(entry["failed"] for entry in (*results["swap"].values(), *results["entries"].values())))


if __name__ == "__main__":
    raise SystemExit(main())
