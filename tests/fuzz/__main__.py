"""`python -m tests.fuzz --minutes 30`: random programs and networks on every backend at every level until time is up; failures as scripts."""

from __future__ import annotations

import argparse
import signal
import time
import traceback
from collections.abc import Sequence

from tests.fuzz.networks import network, network_differences, smaller
from tests.fuzz.programs import Unexpected, differences, generate, shrunk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1 << 40, help="the most programs")
    parser.add_argument("--large", type=float, default=0.25, help="the share of programs with large sizes")
    parser.add_argument("--backends", default="numpy,native")
    parser.add_argument("--levels", default="O0,O1,O2")
    parser.add_argument("--networks", type=float, default=0.02, help="the share of models that are trained, instead of programs")
    given = parser.parse_args()
    ways = [(b, level) for b in given.backends.split(",") for level in given.levels.split(",")]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end, seed, found, networks = time.monotonic() + 60 * given.minutes, given.seed, 0, 0
    try:
        while time.monotonic() < end and seed < given.seed + given.count:
            large = (seed * 2654435761 % 1000) < 1000 * given.large
            is_network = (seed * 2246822519 // 7 % 1000) < 1000 * given.networks
            networks += is_network
            try:
                report = _of_network(seed, ways) if is_network else _of_program(seed, large, ways)
                if report:
                    found += 1
                    print(f"---- seed {seed}{' network' if is_network else ' large' if large else ''}\n{report}\n", flush=True)
            except Unexpected as error:
                found += 1
                print(f"---- seed {seed}: an error that is not ours\n{error}\n", flush=True)
            except Exception:
                found += 1
                print(f"---- seed {seed}: the reference failed\n{traceback.format_exc(limit=-4)}\n", flush=True)
            seed += 1
            if (seed - given.seed) % 100 == 0:
                print(f"{seed - given.seed} programs, {networks} of them networks, {found} that differ", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    print(f"{seed - given.seed} programs, {networks} of them networks, {found} that differ")
    return 1 if found else 0


def _of_program(seed: int, large: bool, ways: Sequence[tuple[str, str]]) -> str:
    found = next(differences(generate(seed, large), ways), None)
    return str(shrunk(found)) if found is not None else ""


def _of_network(seed: int, ways: Sequence[tuple[str, str]]) -> str:
    made = network(seed)
    found = next(network_differences(made, ways), None)
    return smaller(made, found[0]) if found is not None else ""


if __name__ == "__main__":
    raise SystemExit(main())
