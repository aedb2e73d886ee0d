"""Results as people read them, and as files."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HELD_AGAINST = {"keras": "fastest Keras", "by_hand": "faster by hand", "onnxruntime": "ONNX Runtime"}
"""How the groups of others are called in tables."""
BUSY = 0.7
"""The load average of the last minute above which figures deserve a warning."""


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, "-" for none."""
    if value is None:
        return "-"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines with aligned columns, the first to the left and the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    lines.insert(1, ["-" * w for w in widths])
    return "\n".join("  ".join(cell.rjust(w) if k else cell.ljust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))) for line in lines)


def preamble(results: Mapping[str, Any]) -> str:
    """What stands above the figures: the machine, who takes part, who is absent and why, and whether others are at work."""
    here = results["machine"]
    lines = [f"{here['processor']}, {here['cores']} cores, {here['system']}"]
    lines += [f"{name}: {', '.join(f'{k} {v}' for k, v in found.items())}" for name, found in results["versions"].items()]
    lines += [f"{name}: ABSENT, {reason}" for name, reason in results["absent"].items()]
    if here["load"] > BUSY:
        lines.append(f"note: the machine is busy (load {here['load']:.1f}), which slows some contenders far more than others")
    return "\n".join(lines)


def show_medians(title: str, key: str, results: Mapping[str, Any]) -> None:
    """Print the medians of all contenders, a row for each workload."""
    names = list(results["versions"])
    rows = []
    for workload, entry in results["workloads"].items():
        cells = ["failed" if n in entry["failed"] else number(entry[key]["median"].get(n)) for n in names]
        rows.append([f"{workload} ({entry['batch']})", *cells])
    print(f"\n{title}\n{table(['workload (batch)', *names], rows)}")


def show_ratios(title: str, key: str, results: Mapping[str, Any]) -> None:
    """Print how each symkeras compares, a row for each workload and contender of ours: with the fastest of each group of others, with
    its own target for the first of them, and in training with the limit of the machine."""
    entries = results["workloads"]
    groups = [g for g in HELD_AGAINST if any(g in entry[key]["fastest"] for entry in entries.values())]
    limits = (results.get("limits") or {}).get("workloads", {}) if key.startswith("train") else {}
    rows = []
    for workload, entry in entries.items():
        found, limit = entry[key], limits.get(workload, {}).get("limit_ms")
        for name in (n for n in found["median"] if n.startswith("symkeras")):
            against = [number(found["ratio_to_fastest"].get(g, {}).get(name)) + f" ({found['fastest'].get(g, 'none')})" for g in groups]
            ratio, target = found["ratio_to_fastest"].get("keras", {}).get(name), found["targets"].get(name)
            kept = "-" if ratio is None or target is None else "yes" if ratio <= target else "no"
            share = [number(limit), "-" if limit is None else f"{limit / found['median'][name]:.0%}"] if limits else []
            rows.append([f"{workload} ({entry['batch']})", name, *against, number(target), kept, *share])
    head = ["workload (batch)", "who", *(HELD_AGAINST[g] for g in groups), "target (Keras)", "kept", *(["limit, ms", "its share"] if limits else [])]
    print(f"\n{title}\n{table(head, rows)}")


def machine() -> dict[str, Any]:
    """What the figures were taken on, and when."""
    return {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
            "load": os.getloadavg()[0], "time": time.strftime("%Y-%m-%dT%H:%M:%S%z")}  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as JSON, and say where."""
    save(path, results)
    print(f"\nwritten: {path}")
