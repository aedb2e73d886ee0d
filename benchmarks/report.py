"""Results as people read them, and as files."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

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


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as JSON, and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten: {path}")
