"""`python -m tests.conformance --cases 2000 --backend tensorflow`: cases equal of cases run, and the areas in which most differ."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first turn of each name")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="jax", choices=["jax", "tensorflow"], help="of Keras")
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of names: layers, losses.Hu")
    parser.add_argument("--case", nargs="+", default=[], help="single cases, as they are printed: layers.Dense/3")
    parser.add_argument("--compiled", action="store_true", help="symkeras by compiled functions, instead of op by op")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="the most time to take")
    parser.add_argument("--scripts", action="store_true", help="every difference as a script to paste")
    parser.add_argument("--refusals", action="store_true", help="what Keras itself does not compute, too")
    given = parser.parse_args(arguments)
    end = time.monotonic() + given.seconds
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.update(KERAS_BACKEND=given.backend, TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()
    missing = [name for name in ("keras", given.backend) if find_spec(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; `make conformance` builds an environment that has them", file=sys.stderr)
        return 2
    from tests.conformance.report import Report
    from tests.conformance.sides import Symkeras, keras_side

    ours, keras = Symkeras(given.compiled), keras_side(given.backend)
    report = Report(given.backend, given.seed, given.scripts, given.refusals)
    from tests.conformance import running

    try:
        for case in running.chosen(given.cases, given.first, given.seed, given.only, given.case):
            report.add(running.run(case, ours, keras))
            if time.monotonic() > end:
                break
    except KeyboardInterrupt:
        print("interrupted")
    print(report.summary())
    return report.status


if __name__ == "__main__":
    raise SystemExit(main())
