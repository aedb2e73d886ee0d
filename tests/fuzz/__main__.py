"""`python -m tests.fuzz --minutes 30`: random programs on every backend at every level until time is up; failures as scripts."""

from __future__ import annotations

import argparse
import signal
import time
import traceback

from tests.fuzz.programs import Unexpected, differences, generate, shrunk


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1 << 40, help="the most programs")
    parser.add_argument("--large", type=float, default=0.25, help="the share of programs with large sizes")
    parser.add_argument("--backends", default="numpy,native")
    parser.add_argument("--levels", default="O0,O1,O2")
    given = parser.parse_args()
    ways = [(b, level) for b in given.backends.split(",") for level in given.levels.split(",")]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end, seed, found = time.monotonic() + 60 * given.minutes, given.seed, 0
    try:
        while time.monotonic() < end and seed < given.seed + given.count:
            large = (seed * 2654435761 % 1000) < 1000 * given.large
            try:
                program = generate(seed, large)
                for one in differences(program, ways):
                    found += 1
                    print(f"---- seed {seed}{' large' if large else ''}\n{shrunk(one)}\n", flush=True)
                    break
            except Unexpected as error:
                found += 1
                print(f"---- seed {seed}: an error that is not ours\n{error}\n", flush=True)
            except Exception:
                found += 1
                print(f"---- seed {seed}: the reference failed\n{traceback.format_exc(limit=-4)}\n", flush=True)
            seed += 1
            if (seed - given.seed) % 500 == 0:
                print(f"{seed - given.seed} programs, {found} that differ", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    print(f"{seed - given.seed} programs, {found} that differ")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
