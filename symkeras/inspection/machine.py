"""What this machine can do at the most: operations and bytes per second, and what a call costs. Measured once per process."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symkeras.backend.emitted import threads
from symkeras.backend.numpy import team

_ROWS = 768
_BYTES = 1 << 25
_CALLS = 200
_TRIES = 5


@dataclass(frozen=True)
class Machine:
    """The roofline of this process, with all of its threads.

    Attributes:
        flops: float32 operations per second of a large product.
        bandwidth: bytes per second, read and written, of copies larger than the caches.
        call: seconds that NumPy takes to be called for one element.
    """

    flops: float
    bandwidth: float
    call: float

    def limit(self, flops: float, nbytes: float) -> float:
        """Seconds below which nothing gets: what lies in a cache already may."""
        return max(flops / self.flops, nbytes / self.bandwidth)

    def __str__(self) -> str:
        return f"{self.flops / 1e9:.1f} GFLOP/s, {self.bandwidth / 1e9:.1f} GB/s, {self.call * 1e6:.2f} us per call of NumPy"


@functools.cache
def machine() -> Machine:
    """Of this process; takes some tenths of a second when first asked for."""
    a, out = np.ones((_ROWS, _ROWS), "float32"), np.empty((_ROWS, _ROWS), "float32")
    source, target = np.ones(_BYTES, "uint8"), np.empty(_BYTES, "uint8")
    parts = [slice(_BYTES * k // threads.count(), _BYTES * (k + 1) // threads.count()) for k in range(threads.count())]
    jobs = [lambda p=p: np.copyto(target[p], source[p]) for p in parts]
    one, total = np.ones(1, "float32"), np.empty(1, "float32")

    def call() -> None:
        for _ in range(_CALLS):
            np.add(one, one, out=total)

    return Machine(
        2.0 * _ROWS**3 / _least(lambda: np.matmul(a, a, out=out)), 2.0 * _BYTES / _least(lambda: team.TEAM.run(jobs)), _least(call) / _CALLS
    )


def _least(work: Callable[[], object]) -> float:
    """The least seconds that something takes."""
    found = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return max(min(found), 1e-9)
