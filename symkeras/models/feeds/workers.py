"""Batches made ahead by threads or processes, given in their order.

A thread takes the number of a batch and makes it, or hands it to a process of its own and waits. So order, the length of the
queue and errors are the same for both: each batch is a future, and futures are asked in the order of their numbers.
"""

from __future__ import annotations

import multiprocessing
import pickle
import queue
import random
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import wait
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DataError


def batches_of(source: Any, numbers: Iterable[int]) -> Iterator[Any]:
    """The batches of these numbers, made ahead where `source` asks for workers; closing it ends them.

    Args:
        source: what gives a batch by its number; its `workers`, `use_multiprocessing` and `max_queue_size` are Keras'.
        numbers: taken only as far as batches are made ahead.
    """
    workers, most, are_processes = (getattr(source, n, d) for n, d in (("workers", 1), ("max_queue_size", 10), ("use_multiprocessing", False)))
    if workers > 0 and are_processes:
        processes = Processes(source, workers)
        try:
            yield from _ahead(processes.batch, numbers, workers, most)
        finally:
            processes.end()
    elif workers > 1:
        yield from _ahead(lambda at, k: source[k], numbers, workers, most)
    else:
        for k in numbers:
            yield source[k]


def _ahead(make: Callable[[int, int], Any], numbers: Iterable[int], workers: int, most: int) -> Iterator[Any]:
    """What `make(position, number)` gives for each number in turn, computed by threads up to `most` batches ahead."""
    threads = ThreadPoolExecutor(workers, "batches")
    waiting: deque[Future[Any]] = deque()
    try:
        for at, k in enumerate(numbers):
            waiting.append(threads.submit(make, at, k))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class Processes:
    """Processes that each hold a copy of a data set and make its batches.

    What a batch draws from Python's and NumPy's global generators follows from where it stands in the epoch, whoever makes it.

    Args:
        source: the data set.
        count: how many there are.

    Raises:
        ConfigError: the data set cannot be sent to another process.
    """

    def __init__(self, source: Any, count: int):
        self._name = type(source).__name__
        self._all: list[tuple[Any, Any]] = []
        self._free: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        seed = int(np.random.randint(2**31))
        try:
            for _ in range(count):
                self._start(source, seed)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            self.end()
            raise ConfigError(f"{self._name}: use_multiprocessing needs a data set that pickles ({error}); workers may be threads instead") from error

    def _start(self, source: Any, seed: int) -> None:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=_serve, args=(theirs, source, seed), name="batches", daemon=True)
        self._all.append((process, ours))
        process.start()
        theirs.close()
        self._free.put((process, ours))

    def batch(self, at: int, number: int) -> Any:
        """Batch `number`, which is the one at place `at` of the epoch, made by whoever is free.

        Raises:
            DataError: the process died.
        """
        process, pipe = self._free.get()
        try:
            pipe.send((at, number))
            is_batch, answer = pipe.recv()
        except (EOFError, OSError) as error:
            process.join(1)
            raise DataError(
                f"{self._name}: the process that made batch {number} ended with exit code {process.exitcode}. "
                'A script whose processes start anew needs `if __name__ == "__main__":` around what it runs'
            ) from error
        finally:
            self._free.put((process, pipe))
        if not is_batch:
            raise answer
        return answer

    def end(self) -> None:
        """End all, at whatever they are."""
        for process, _ in self._all:
            if process.pid is not None:
                process.terminate()
        for process, _ in self._all:  # its pipe closes when the thread that reads it lets go
            if process.pid is not None:
                process.join()


def _serve(pipe: Any, source: Any, seed: int) -> None:
    """What a process does: make the batches it is asked for, until it is ended or left alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches all processes of a terminal; it is for the one that trains
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    while pipe in wait([pipe, parent.sentinel]):  # type: ignore[union-attr]
        try:
            at, number = pipe.recv()
        except EOFError:
            return
        random.seed(f"{seed} {at}")
        np.random.seed([seed, at])
        pipe.send(_answer(source, number))


def _answer(source: Any, number: int) -> tuple[bool, Any]:
    """A batch, or the error there is instead, in a form that can be sent."""
    try:
        return True, source[number]
    except Exception as error:
        error.add_note(f"In the process that made batch {number}:\n{traceback.format_exc()}")
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            plain = DataError(f"{type(error).__name__}: {error}")
            plain.__notes__ = error.__notes__  # type: ignore[attr-defined]
            return False, plain
        return False, error
