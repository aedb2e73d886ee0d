"""The processes that compute together, and their devices, as `symkeras.distribution` asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from symkeras.errors import DistributionError

T = TypeVar("T")


class Cluster:
    """One process alone; engines that reach further have their own.

    Attributes:
        count: how many processes there are.
        index: which one this is.
    """

    count = 1
    index = 0

    def devices(self, kind: str | None = None) -> list[str]:
        """The names of the devices of all processes, of one kind.

        Raises:
            BackendError: there is none of that kind.
        """
        return ["cpu:0"]

    def join(self, address: str, count: int, index: int) -> None:
        """Meet the other processes.

        Args:
            address: "host:port" of process 0.

        Raises:
            DistributionError: they do not come.
        """
        raise NotImplementedError

    def distribute(self, array: np.ndarray, layout: Any) -> Any:
        """An array as a tensor of the engine that lies so."""
        raise NotImplementedError

    def all_of(self, array: np.ndarray) -> np.ndarray:
        """The arrays of all processes, of one shape and dtype, along a new first axis. All call it at the same time, as what follows.

        Raises:
            DistributionError: a process is gone.
        """
        return array[None]

    def from_first(self, array: Any) -> np.ndarray:
        """What process 0 has."""
        return np.asarray(array)

    def wait(self) -> None:
        """Until all are here."""
        self.all_of(np.zeros(1, np.int32))

    def watched(self, run: Callable[[], T]) -> T:
        """What a function gives that waits for other processes; an error where one of those is gone."""
        return run()

    def rows_of_all(self, arrays: Sequence[np.ndarray]) -> tuple[list[np.ndarray], slice]:
        """The rows of all processes, in their order, and where among them those of this one are."""
        if self.count == 1:
            return list(arrays), slice(None)
        counts = [int(n) for n in self.all_of(np.array([len(arrays[0]) if arrays else 0], np.int64))[:, 0]]
        begin = sum(counts[: self.index])
        found = []
        for a in arrays:
            padded = np.zeros((max(counts), *a.shape[1:]), a.dtype)
            padded[: len(a)] = a
            found.append(np.concatenate([part[:n] for part, n in zip(self.all_of(padded), counts, strict=True)]))
        return found, slice(begin, begin + counts[self.index])

    def agree(self, digest: bytes, what: str, hint: str = "") -> None:
        """Raise where the processes do not have the same of something.

        Args:
            digest: 32 bytes that stand for it.
            hint: what to do about it.

        Raises:
            DistributionError: one of them has another.
        """
        if self.count == 1:
            return
        found = self.all_of(np.frombuffer(digest, np.uint8))
        others = [k for k in range(self.count) if (found[k] != found[0]).any()]
        if others:
            who = f"process {others[0]} has" if len(others) == 1 else f"processes {', '.join(map(str, others))} have"
            raise DistributionError(f"{who} another {what} than process 0; this is process {self.index}{hint}")
