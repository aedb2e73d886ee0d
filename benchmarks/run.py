"""Training steps and predictions of the six workloads, all contenders in one interleaved run.

For each workload every contender gets a process, the same weights and the same data. They first show that they compute the same
outputs and losses; then they take turns, round by round, one at work while the others wait.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contenders import (
    HAND_WRITTEN,
    HERE,
    KERAS_PEERS,
    OURS,
    PEERS,
    PREDICT_ONLY,
    PREDICTORS,
    ROOT,
    Contender,
    ContenderError,
    Worker,
    contender,
    present,
)  # fmt: skip
from other_workloads import ALL
from report import machine, preamble, save, show_medians, show_ratios, write
from workloads import PREDICT_ROWS, PREDICT_TARGETS, WORKLOADS, Workload

BATCHES = 3
"""Batches on which losses are compared."""
ANSWERS = 8
"""Rows on which outputs are compared."""
TOLERANCE = {"outputs": 1e-4, "inference": 1e-4, "training": 5e-4}
"""Largest relative difference: of outputs (to the largest of them), and of losses from equal weights and after one training step.
(Rounding grows from step to step: after three steps of ResNet-20 Keras' backends already differ by a hundredth from each other.)"""
HAND_WRITTEN_TRAINING = 2e-3
"""The same after a step of what is written by hand: PyTorch's Adam adds epsilon in another place than Keras'."""
PAUSE = 0.1
"""Seconds between two contenders' turns, in which threads that still spin go to sleep."""
GROUPS = {"keras": KERAS_PEERS, "by_hand": HAND_WRITTEN, "onnxruntime": PREDICTORS}
"""Those whose fastest is what symkeras is held against."""


# ---- one workload ------------------------------------------------------------------------------------------------------


def measure(workload: Workload, contenders: dict[str, Contender], options: argparse.Namespace) -> dict[str, Any]:
    """Compare outputs and losses, then time; gives the entry of the results for a workload."""
    failed: dict[str, str] = {}
    tasks = [("train", "train", {}), *((f"predict_{n}", "predict", {"count": n}) for n in PREDICT_ROWS)]
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        workers = {name: stack.enter_context(Worker(one)) for name, one in contenders.items()}
        each(workers, failed, "load", workload=workload.name, steps=options.steps)
        differences = check(workload, workers, failed, Path(folder) / "weights.npz", min(BATCHES, options.steps or workload.steps))
        times: dict[str, dict[str, list[float]]] = {task: {} for task, _, _ in tasks}
        for k in range(-1, options.rounds):
            for task, do, arguments in tasks:
                calls = {} if do == "train" else {"calls": options.calls if k >= 0 else 3}
                for name, value in each(workers, failed, do, turn=max(k, 0), **arguments, **calls).items():
                    if k >= 0:  # the round before is for compilation
                        times[task].setdefault(name, []).append(value)
    kept = {task: {name: found[name] for name in contenders if name in found and name not in failed} for task, found in times.items()}
    return {
        "batch": workload.batch, "steps": options.steps or workload.steps, "largest_relative_difference": differences, "failed": failed,
        "train_ms_per_step": summary(kept["train"], workload.targets),
        **{f"predict_{n}_rows_ms": summary(kept[f"predict_{n}"], PREDICT_TARGETS if n == 1 else {}) for n in PREDICT_ROWS},
    }  # fmt: skip


def each(workers: dict[str, Worker], failed: dict[str, str], do: str, turn: int = 0, **arguments: Any) -> dict[str, Any]:
    """The answers of all workers that can do it, one after the other, beginning with number `turn`; those that fail are taken out."""
    names, answers = [n for n in workers if n not in PREDICT_ONLY or do not in ("train", "learn", "losses")], {}
    for name in names[turn % max(len(names), 1) :] + names[: turn % max(len(names), 1)]:
        time.sleep(PAUSE)
        try:
            answers[name] = workers[name](do, **arguments)
        except ContenderError as error:
            failed[name] = str(error)
            del workers[name]
    return answers


def check(workload: Workload, workers: dict[str, Worker], failed: dict[str, str], path: Path, batches: int = BATCHES) -> dict[str, dict[str, float]]:
    """Give all workers the weights of the first and compare their outputs and losses with its; those that differ are taken out.

    Returns:
        For each kind of comparison, the largest relative difference of each contender.
    """
    differences: dict[str, dict[str, float]] = {}
    reference = next((name for name in workers if name not in (*HAND_WRITTEN, *PREDICT_ONLY)), None)
    if len(workers) < 2 or reference is None:
        return differences
    if each({reference: workers[reference]}, failed, "export", path=str(path)):
        each(workers, failed, "adopt", path=str(path))
    for kind in ("outputs", "inference", "training") if workload.is_deterministic else ("outputs", "inference"):
        if kind == "training":
            each(workers, failed, "learn", batches=1)
        outputs = kind == "outputs"
        found = each(workers, failed, "answers", count=ANSWERS) if outputs else each(workers, failed, "losses", batches=batches)
        if reference in failed:
            workers.pop(reference, None)
            return check(workload, workers, failed, path, batches)
        expected = found.pop(reference)
        differences[kind] = {name: (largest if outputs else difference)(values, expected) for name, values in found.items()}
        for name, value in differences[kind].items():
            if not value <= (HAND_WRITTEN_TRAINING if kind == "training" and name in HAND_WRITTEN else TOLERANCE[kind]):
                what = "outputs" if outputs else f"losses in {kind}"
                failed[name] = f"other {what} than {reference}, by {value:.1e}: {brief(found[name])}, not {brief(expected)}"
                del workers[name]
    return differences


def brief(values: list[float]) -> str:
    """The first few."""
    return ", ".join(f"{v:.6g}" for v in values[:BATCHES])


def difference(values: list[float], expected: list[float]) -> float:
    """The largest relative difference."""
    return max(abs(v - e) / abs(e) for v, e in zip(values, expected, strict=True))


def largest(values: list[float], expected: list[float]) -> float:
    """The largest difference, relative to the largest value."""
    return max(abs(v - e) for v, e in zip(values, expected, strict=True)) / max(map(abs, expected))


def summary(times: dict[str, list[float]], targets: Mapping[str, float]) -> dict[str, Any]:
    """Medians; and for each group its fastest, and the median over rounds of each contender's share of that one's time."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    fastest, ratios = {}, {}
    for group, names in GROUPS.items():
        best = min((name for name in medians if name in names), key=medians.__getitem__, default=None)
        if best is not None:
            fastest[group] = best
            ratios[group] = {name: statistics.median(v / f for v, f in zip(values, times[best], strict=True)) for name, values in times.items()}
    return {"rounds": times, "median": medians, "fastest": fastest, "ratio_to_fastest": ratios, "targets": dict(targets)}


# ---- all of them -----------------------------------------------------------------------------------------------------------


def limits(names: list[str]) -> dict[str, Any] | None:
    """What `limits.py` finds on this machine, in a process of its own; None, and why, if it fails."""
    one = contender("symkeras")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "limits.json"
        command = [sys.executable, str(HERE / "limits.py"), "--workloads", *names, "--json", str(path)]
        done = subprocess.run(command, env=one.environment(), capture_output=True, text=True)
        if done.returncode:
            print(f"  no limits: {done.stderr.strip().rpartition(chr(10))[2]}")
            return None
        return json.loads(path.read_text())


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(ALL), metavar="NAME", help="default: the first six")
    known = f"symkeras, symkeras-BACKEND, {', '.join(PEERS)}; default: all, of the backends the native one"
    parser.add_argument("--contenders", nargs="+", default=[*OURS, *PEERS], metavar="NAME", help=known)
    parser.add_argument("--rounds", type=int, default=7, help="epochs timed per contender, after one that is not")
    parser.add_argument("--steps", type=int, help="training steps in an epoch, at most; default: the workload's own number")
    parser.add_argument("--calls", type=int, default=20, help="calls of predict in a round")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "benchmarks.json", help="where the results go")
    return parser.parse_args(arguments)


def compare(name: str, contenders: dict[str, Contender], options: argparse.Namespace, results: dict[str, Any]) -> None:
    """Measure a workload, add it to the results and say how far contenders agree."""
    print(f"{name} ...", flush=True)
    entry = results["workloads"][name] = measure(ALL[name], contenders, options)
    for kind, found in entry["largest_relative_difference"].items():
        what = kind if kind == "outputs" else f"losses in {kind}"
        print(f"  {what}, largest relative difference: {', '.join(f'{n} {v:.1e}' for n, v in found.items())}")
    for who, why in entry["failed"].items():
        print(f"  failed: {who}: {why}")


def main() -> int:
    """Run what the command line asks for; 1 if a contender failed or computed something else."""
    options = parse()
    contenders, versions, absent = present(options.contenders)
    results: dict[str, Any] = {"machine": machine(), "versions": versions, "absent": absent, "workloads": {}}
    print(preamble(results))
    print("limits of the machine ...", flush=True)
    results["limits"] = limits(options.workloads)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name in options.workloads:
            compare(name, contenders, options, results)
            save(options.json, results)
    except KeyboardInterrupt:
        print("  interrupted; what was measured before:", flush=True)
    tasks = {"train_ms_per_step": "a training step in fit", **{f"predict_{n}_rows_ms": f"predicting {n} row{'s' * (n > 1)}" for n in PREDICT_ROWS}}
    for key, title in tasks.items():
        show_medians(f"milliseconds of {title}, medians", key, results)
        show_ratios(f"{title}: time of symkeras over that of others", key, results)
    write(options.json, results)
    return int(any(entry["failed"] for entry in results["workloads"].values()))


if __name__ == "__main__":
    raise SystemExit(main())
