"""The calls of batch callbacks: one pair for every `steps_per_execution` batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Executions:
    """Counts batches, and says when an execution of `per` of them begins and ends.

    The last execution of an epoch may have fewer batches; it ends with the number of the batch that would be its last.

    Args:
        per: batches of an execution.
        begin, end: called with the number of the first batch of an execution, and of the last; None: nobody wants to know.
    """

    def __init__(self, per: int, begin: Callable[[int], Any] | None, end: Callable[[int], Any] | None):
        self._per = per
        self._begin, self._end = begin, end
        self._done = 0

    def begin(self) -> None:
        """A batch is there, and will be computed."""
        if self._begin is not None and self._done % self._per == 0:
            self._begin(self._done)

    def end(self) -> None:
        """A batch is done."""
        self._done += 1
        if self._end is not None and self._done % self._per == 0:
            self._end(self._done - 1)

    def close(self) -> None:
        """The epoch ends."""
        begun = self._done % self._per
        if self._end is not None and begun:
            self._end(self._done - begun + self._per - 1)
