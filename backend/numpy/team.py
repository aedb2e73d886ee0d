"""A team of threads for work that falls into equal parts: NumPy lets go of Python's lock while it computes.

Handing work over costs some tens of microseconds, so only large kernels ask for it. OpenBLAS itself runs on one thread
while a compiled function runs (see `symkeras.blas.single_thread`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

import numpy as np

from symkeras import locks
from symkeras.backend.denormals import let_this_thread_flush, this_thread_flushes
from symkeras.backend.emitted import threads


class _Member:
    """One waiting thread."""

    def __init__(self) -> None:
        self.work: Callable[[], object] | None = None
        self.flushes = False
        self.error: BaseException | None = None
        self.go, self.done = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.done.acquire()
        threading.Thread(target=self._serve, daemon=True, name="symkeras").start()

    def _serve(self) -> None:
        np.seterr(all="ignore")
        flushes = None
        while True:
            self.go.acquire()
            try:
                if flushes is not self.flushes:
                    let_this_thread_flush(flushes := self.flushes)
                assert self.work is not None
                self.work()
            except BaseException as error:
                self.error = error
            self.done.release()


class Team:
    """Runs functions at the same time; one call at a time, others do their work alone.

    Args:
        most: members there are at the most, `threads.count()` when None.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._members: list[_Member] = []
        self._busy = locks.lock()
        self._pid = os.getpid()

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run all jobs, each by who is free; returns when all are done. The first error of any is raised."""
        members = min(len(jobs), self._most or threads.count())
        if members == 1 or not self._busy.acquire(blocking=False):
            for job in jobs:
                job()
            return
        try:
            left = iter(jobs)

            def take_part() -> None:
                for job in left:
                    job()

            self._together(members, take_part)
        finally:
            self._busy.release()

    @staticmethod
    def _wait(member: _Member) -> bool:
        """Wait for a member; whether Ctrl-C came meanwhile. Nobody goes on before all have finished."""
        interrupted = False
        while True:
            try:
                member.done.acquire()
                return interrupted
            except KeyboardInterrupt:
                interrupted = True

    def _together(self, members: int, work: Callable[[], object]) -> None:
        if self._pid != os.getpid():
            self._members, self._pid = [], os.getpid()
        while len(self._members) < members - 1:
            self._members.append(_Member())
        busy, flushes = [], this_thread_flushes()
        try:
            for member in self._members[: members - 1]:
                member.work, member.flushes = work, flushes
                member.go.release()
                busy.append(member)
            work()
        finally:
            interrupted = [self._wait(member) for member in busy]
            if any(interrupted):
                raise KeyboardInterrupt
        for member in busy:
            if member.error is not None:
                error, member.error = member.error, None
                raise error


TEAM = Team()
MOST_PARTS = 16


def parts(total: int, cost: float, most: int = MOST_PARTS) -> int:
    """Into how many parts work of `cost` (in operations) on `total` things is cut: whoever and how many there are to do it.

    Were it cut by the number of threads, that would change results: sums are taken part by part, and a product's bits depend on how
    many rows it has. Few large parts, since many small products take longer: 2 from 16e6 operations on, 4 from 64e6, 8 from 256e6, 16 from 1024e6.
    """
    wanted = 1
    while wanted < most and cost >= 2 * WORTH * wanted**2:
        wanted *= 2
    return max(1, min(wanted, total, most))


def stretches(total: int, cost: float) -> list[slice]:
    """`total` rows cut into as many stretches as `parts` says."""
    count = parts(total, cost)
    return [slice(total * k // count, total * (k + 1) // count) for k in range(count)]


def shared(total: int, cost: float, job: Callable[[slice], object]) -> Callable[[], object]:
    """`job` on all rows, in stretches."""
    jobs = [lambda s=s: job(s) for s in stretches(total, cost)]
    return jobs[0] if len(jobs) == 1 else lambda: TEAM.run(jobs)


WORTH = 8e6
"""Operations that make a second thread worth its start."""
