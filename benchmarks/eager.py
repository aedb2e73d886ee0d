"""What it costs to call layers, operations and metrics on arrays, and to preprocess many rows, beside Keras on its engines.

    python benchmarks/eager.py [--contenders NAME ...] [--what small rows]

Each contender runs alone in a process (`eager_calls.py`), one after the other; figures are the smallest of several rounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from contenders import HERE, KERAS_PEERS, ROOT, Contender, present
from report import machine, number, preamble, table, write

UNITS = {"small": "microseconds of a call", "rows": "milliseconds for 100 000 rows"}


def figures(one: Contender, what: str) -> dict[str, float]:
    """What a contender measures of itself; {} where it fails, which is printed."""
    command = [str(one.python), str(HERE / "eager_calls.py"), one.module, what]
    process = subprocess.run(command, env=one.environment(), capture_output=True, text=True)
    if process.returncode:
        print(f"  failed: {one.name}: {process.stderr.strip().rpartition(chr(10))[2]}")
        return {}
    return json.loads(process.stdout.splitlines()[-1])


def show(what: str, found: dict[str, dict[str, float]]) -> None:
    """Print the figures, and ours as a multiple of the best of the others."""
    names = list(found)
    others = [n for n in names if not n.startswith("symkeras")]
    lines = []
    for call in dict.fromkeys(call for cells in found.values() for call in cells):
        cells = [found[n].get(call) for n in names]
        best = min((found[n][call] for n in others if call in found[n]), default=None)
        ours = found[names[0]].get(call)
        lines.append([call, *map(number, cells), number(ours / best if ours and best else None)])
    print(f"\n{UNITS[what]}\n{table(['', *names, 'ratio to the best other'], lines)}")


def main() -> int:
    """Measure what the command line asks for; 1 if a contender failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", nargs="+", default=["symkeras", *KERAS_PEERS], metavar="NAME", help="symkeras first")
    parser.add_argument("--what", nargs="+", default=list(UNITS), choices=list(UNITS))
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "eager.json", help="where the results go")
    options = parser.parse_args()
    contenders, versions, absent = present(options.contenders)
    results: dict[str, Any] = {"machine": machine(), "versions": versions, "absent": absent}
    print(preamble(results))
    for what in options.what:
        results[what] = {name: figures(one, what) for name, one in contenders.items()}
        show(what, results[what])
    write(options.json, results)
    return int(not all(cells for what in options.what for cells in results[what].values()))


if __name__ == "__main__":
    raise SystemExit(main())
