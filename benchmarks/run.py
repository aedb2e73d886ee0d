"""Training steps and predictions of the six workloads, all contenders in one interleaved run.

For each workload every contender gets a process, the same weights and the same data. They first show that they compute the same
losses; then they take turns, round by round, one at work while the others wait.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contenders import KERAS_PEERS, PEERS, ROOT, Contender, ContenderError, Worker, present
from report import machine, number, preamble, table, write
from workloads import PREDICT_TARGET, WORKLOADS, Workload

BATCHES = 3
"""Batches on which losses are compared."""
TOLERANCE = {"inference": 1e-4, "training": 5e-4}
"""Largest relative difference of losses: from equal weights, and after one training step. (Rounding grows from step to step: after
three steps of ResNet-20 Keras' backends already differ by a hundredth from each other.)"""
HAND_WRITTEN_TRAINING = 2e-3
"""The same after a step of the hand-written PyTorch, whose Adam adds epsilon in another place than Keras'."""
PAUSE = 0.1
"""Seconds between two contenders' turns, in which threads that still spin go to sleep."""


# ---- one workload ------------------------------------------------------------------------------------------------------


def measure(workload: Workload, contenders: dict[str, Contender], options: argparse.Namespace) -> dict[str, Any]:
    """Compare losses, then time; gives the entry of the results for a workload."""
    failed: dict[str, str] = {}
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        workers = {name: stack.enter_context(Worker(one)) for name, one in contenders.items()}
        each(workers, failed, "load", workload=workload.name, steps=options.steps)
        differences = check(workload, workers, failed, Path(folder) / "weights.npz", min(BATCHES, options.steps or workload.steps))
        times: dict[str, dict[str, list[float]]] = {"train": {}, "predict": {}}
        each(workers, failed, "train")
        each(workers, failed, "predict", calls=3)
        for k in range(options.rounds):
            for what, arguments in (("train", {}), ("predict", {"calls": options.calls})):
                for name, value in each(workers, failed, what, turn=k, **arguments).items():
                    times[what].setdefault(name, []).append(value)
    for what in times:
        times[what] = {name: times[what][name] for name in contenders if name in times[what] and name not in failed}
    return {
        "batch": workload.batch, "steps": options.steps or workload.steps, "largest_relative_difference_of_losses": differences, "failed": failed,
        "train_ms_per_step": summary(times["train"], workload.target), "predict_one_row_ms": summary(times["predict"], PREDICT_TARGET),
    }  # fmt: skip


def each(workers: dict[str, Worker], failed: dict[str, str], do: str, turn: int = 0, **arguments: Any) -> dict[str, Any]:
    """The answers of all workers, one after the other, beginning with number `turn`; those that fail are taken out."""
    names, answers = list(workers), {}
    for name in names[turn % max(len(names), 1) :] + names[: turn % max(len(names), 1)]:
        time.sleep(PAUSE)
        try:
            answers[name] = workers[name](do, **arguments)
        except ContenderError as error:
            failed[name] = str(error)
            del workers[name]
    return answers


def check(workload: Workload, workers: dict[str, Worker], failed: dict[str, str], path: Path, batches: int = BATCHES) -> dict[str, dict[str, float]]:
    """Give all workers the weights of the first and compare their losses with its; those that differ are taken out.

    Returns:
        For each kind of comparison, the largest relative difference of each contender.
    """
    differences: dict[str, dict[str, float]] = {}
    reference = next((name for name in workers if name != "torch"), None)
    if len(workers) < 2 or reference is None:
        return differences
    if each({reference: workers[reference]}, failed, "export", path=str(path)):
        each(workers, failed, "adopt", path=str(path))
    for kind in ("inference", "training") if workload.is_deterministic else ("inference",):
        if kind == "training":
            each(workers, failed, "learn", batches=1)
        losses = each(workers, failed, "losses", batches=batches)
        if reference in failed:
            workers.pop(reference, None)
            return check(workload, workers, failed, path, batches)
        differences[kind] = {name: difference(values, losses[reference]) for name, values in losses.items() if name != reference}
        for name, value in differences[kind].items():
            if not value <= (HAND_WRITTEN_TRAINING if (kind, name) == ("training", "torch") else TOLERANCE[kind]):
                failed[name] = f"other losses in {kind} than {reference}: {losses[name]}, not {losses[reference]}"
                del workers[name]
    return differences


def difference(values: list[float], expected: list[float]) -> float:
    """The largest relative difference."""
    return max(abs(v - e) / abs(e) for v, e in zip(values, expected, strict=True))


def summary(times: dict[str, list[float]], target: float) -> dict[str, Any]:
    """Medians, and for each contender the median over rounds of its share of the fastest Keras backend's time."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    fastest = min((name for name in medians if name in KERAS_PEERS), key=medians.__getitem__, default=None)
    ratios = {}
    if fastest is not None:
        ratios = {name: statistics.median(v / f for v, f in zip(values, times[fastest], strict=True)) for name, values in times.items()}
    return {"rounds": times, "median": medians, "fastest_keras": fastest, "ratio_to_fastest_keras": ratios, "target": target}


# ---- all of them -----------------------------------------------------------------------------------------------------------


def show(title: str, key: str, results: dict[str, Any], names: list[str]) -> None:
    """Print medians of all contenders, and the ratios of symkeras beside their targets."""
    ours = [n for n in names if n.startswith("symkeras")]
    rows = []
    for workload, entry in results["workloads"].items():
        found = entry[key]
        ratios = found["ratio_to_fastest_keras"]
        cells = [number(ratios.get(n)) for n in ours]
        kept = ["-" if n not in ratios else "yes" if ratios[n] <= found["target"] else "no" for n in ours]
        medians = [("failed" if n in entry["failed"] else number(found["median"].get(n))) for n in names]
        rows.append([f"{workload} ({entry['batch']})", *medians, found["fastest_keras"] or "-", *cells, number(found["target"]), "/".join(kept)])
    head = ["workload (batch)", *names, "fastest Keras", *(f"{n}: ratio" for n in ours), "target", "kept"]
    print(f"\n{title}\n{table(head, rows)}")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS), metavar="NAME", help="default: all")
    known = f"symkeras, symkeras-BACKEND, {', '.join(PEERS)}; default: all but the second"
    parser.add_argument("--contenders", nargs="+", default=["symkeras", *PEERS], metavar="NAME", help=known)
    parser.add_argument("--rounds", type=int, default=7, help="epochs timed per contender, after one that is not")
    parser.add_argument("--steps", type=int, help="training steps in an epoch, at most; default: the workload's own number")
    parser.add_argument("--calls", type=int, default=20, help="calls of predict in a round")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "benchmarks.json", help="where the results go")
    return parser.parse_args(arguments)


def main() -> int:
    """Run what the command line asks for; 1 if a contender failed or computed other losses."""
    options = parse()
    contenders, versions, absent = present(options.contenders)
    results: dict[str, Any] = {"machine": machine(), "versions": versions, "absent": absent, "workloads": {}}
    print(preamble(results))
    for name in options.workloads:
        print(f"{name} ...", flush=True)
        entry = results["workloads"][name] = measure(WORKLOADS[name], contenders, options)
        for kind, found in entry["largest_relative_difference_of_losses"].items():
            print(f"  losses in {kind}, largest relative difference: {', '.join(f'{n} {number(v, 2)}' for n, v in found.items())}")
        for who, why in entry["failed"].items():
            print(f"  failed: {who}: {why}")
    names = list(contenders)
    show("milliseconds per training step in fit, medians", "train_ms_per_step", results, names)
    show("milliseconds to predict one row, medians", "predict_one_row_ms", results, names)
    write(options.json, results)
    return int(any(entry["failed"] for entry in results["workloads"].values()))


if __name__ == "__main__":
    raise SystemExit(main())
