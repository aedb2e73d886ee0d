"""A team of threads for work that falls into equal parts: NumPy lets go of Python's lock while it computes.

Handing work over costs some tens of microseconds, so only large kernels ask for it. OpenBLAS itself runs on one thread
while a compiled function runs (see `symkeras.blas.single_thread`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

import numpy as np

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
    """Runs functions at the same time; one call at a time, others wait or do their work alone."""

    def __init__(self) -> None:
        self._members: list[_Member] = []
        self._busy = threading.Lock()
        self._pid = os.getpid()

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run all jobs; returns when all are done. The first error of any is raised."""
        if len(jobs) == 1 or not self._busy.acquire(blocking=False):
            for job in jobs:
                job()
            return
        try:
            self._together(jobs)
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

    def _together(self, jobs: Sequence[Callable[[], object]]) -> None:
        if self._pid != os.getpid():
            self._members, self._pid = [], os.getpid()
        while len(self._members) < len(jobs) - 1:
            self._members.append(_Member())
        busy, flushes = [], this_thread_flushes()
        try:
            for member, job in zip(self._members, jobs[1:], strict=False):
                member.work, member.flushes = job, flushes
                member.go.release()
                busy.append(member)
            jobs[0]()
        finally:
            interrupted = [self._wait(member) for member in busy]
            if any(interrupted):
                raise KeyboardInterrupt
        for member in busy:
            if member.error is not None:
                error, member.error = member.error, None
                raise error


TEAM = Team()


def stretches(total: int, cost: float) -> list[slice]:
    """`total` rows cut into a stretch for each member that `cost` (in operations) is worth."""
    members = int(max(1, min(threads.count(), total, cost / WORTH)))
    return [slice(total * k // members, total * (k + 1) // members) for k in range(members)]


def shared(total: int, cost: float, job: Callable[[slice], object]) -> Callable[[], object]:
    """`job` on all rows, in stretches for the members that `cost` is worth."""
    parts = stretches(total, cost)
    if len(parts) == 1:
        whole = slice(0, total)
        return lambda: job(whole)
    jobs = [lambda p=p: job(p) for p in parts]
    return lambda: TEAM.run(jobs)


WORTH = 8e6
"""Operations that make a second thread worth its start."""
