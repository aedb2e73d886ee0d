"""The memory plan: where in one arena every buffer lies once sizes are known.

Buffers that do not live at the same time may share bytes. Offsets are given in order of first use, each buffer taking
the smallest gap it fits in (best fit); offsets are multiples of 64 bytes.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symkeras.compiler.program.program import Buffer
from symkeras.graph import dims

ALIGNMENT = 64


@dataclass(frozen=True)
class Plan:
    """Offsets in bytes, and what the plan saves.

    Attributes:
        offsets: one per buffer.
        planned: bytes of the arena.
        naive: bytes if every buffer had its own place.
        bound: bytes alive at the worst moment: no plan can do with less.
        env: the sizes it was made for.
    """

    offsets: tuple[int, ...]
    planned: int
    naive: int
    bound: int
    env: Mapping[str, int]

    def __str__(self) -> str:
        return f"planned {_mib(self.planned)} (naive {_mib(self.naive)}, lower bound {_mib(self.bound)})"


class Arena:
    """The memory of a plan.

    Attributes:
        plan: where its buffers lie.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        raw = np.empty(plan.planned + ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT
        self.bytes = raw[start : start + plan.planned]

    def array(self, place: int, shape: tuple[int, ...], dtype: str, start: int = 0) -> np.ndarray:
        """The array of `shape` that begins `start` elements into buffer `place`."""
        item = np.dtype(dtype)
        begin = self.plan.offsets[place] + start * item.itemsize
        size = int(np.prod(shape, dtype=np.int64)) * item.itemsize
        return self.bytes[begin : begin + size].view(item).reshape(shape)


def _mib(n: int) -> str:
    return f"{n / 2**20:.2f} MiB" if n >= 2**20 else f"{n / 2**10:.1f} KiB"


def nbytes(buffer: Buffer, env: Mapping[str, int]) -> int:
    """The bytes of a buffer for these sizes."""
    return int(dims.evaluate(buffer.type.nbytes, env))


def plan(buffers: Sequence[Buffer], env: Mapping[str, int]) -> Plan:
    """Lay `buffers`, sorted by first use, over each other."""
    sizes = [-(-nbytes(b, env) // ALIGNMENT) * ALIGNMENT for b in buffers]
    offsets = [0] * len(buffers)
    ends: list[tuple[int, int]] = []  # (last read, index) of living buffers
    free = _Gaps()
    live = peak = 0
    for k, b in enumerate(buffers):
        while ends and ends[0][0] < b.first:
            _, j = ends.pop(0)
            free.release(offsets[j], sizes[j])
            live -= sizes[j]
        offsets[k] = free.take(sizes[k])
        live += sizes[k]
        peak = max(peak, live)
        bisect.insort(ends, (b.last, k))
    return Plan(tuple(offsets), free.end, sum(sizes), peak, dict(env))


class _Gaps:
    """Free stretches of an arena that grows at its end."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.lengths: dict[int, int] = {}
        self.by_length: list[tuple[int, int]] = []  # (length, start)
        self.end = 0

    def take(self, size: int) -> int:
        """The offset of `size` free bytes: the tightest gap, else the end."""
        if size == 0:
            return 0
        tightest = bisect.bisect_left(self.by_length, (size, -1))
        if tightest == len(self.by_length):
            last = self.starts[-1] if self.starts else None
            if last is not None and last + self.lengths[last] == self.end:
                self._drop(last)
                self.end = last + size
                return last
            self.end += size
            return self.end - size
        length, best = self.by_length[tightest]
        self._drop(best)
        if length > size:
            self._add(best + size, length - size)
        return best

    def release(self, start: int, size: int) -> None:
        """Give a stretch back, joining it with its neighbours."""
        if size == 0:
            return
        k = bisect.bisect(self.starts, start)
        if k < len(self.starts) and start + size == self.starts[k]:
            size += self.lengths[self.starts[k]]
            self._drop(self.starts[k])
        if k > 0 and self.starts[k - 1] + self.lengths[self.starts[k - 1]] == start:
            before = self.starts[k - 1]
            size += self.lengths[before]
            start = before
            self._drop(before)
        self._add(start, size)

    def _add(self, start: int, size: int) -> None:
        bisect.insort(self.starts, start)
        bisect.insort(self.by_length, (size, start))
        self.lengths[start] = size

    def _drop(self, start: int) -> None:
        del self.starts[bisect.bisect_left(self.starts, start)]
        del self.by_length[bisect.bisect_left(self.by_length, (self.lengths.pop(start), start))]
