"""Ctrl-C while a model trains: it waits for the end of the running step, so that weights are those of a whole step."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import signal
import threading
from typing import Any

_INTERRUPT = int(signal.SIGINT)
"""A plain number: `signal.signal` turns handlers into enumerations and back, which takes as long as a small layer; `_signal`'s does not."""


class Interrupts:
    """While active, an interrupt (SIGINT) is held back until `check`; then the handler that was there before is called.

    A second one does not wait. Only the main thread gets signals; in others this does nothing.

    Attributes:
        pending: whether an interrupt waits.
    """

    def __init__(self) -> None:
        self.pending = False
        self._before: Any = None
        self._frame: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread() and callable(before := _signal.getsignal(_INTERRUPT)):
            self._before = before
            _signal.signal(_INTERRUPT, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        self._frame = frame
        if self.pending:
            self._deliver()
        self.pending = True

    def _deliver(self) -> None:
        self.pending = False
        self._before(signal.SIGINT, self._frame)

    def check(self) -> None:
        """Let a waiting interrupt take effect: raise KeyboardInterrupt, unless the program has a handler of its own."""
        if self.pending:
            self._deliver()

    def __exit__(self, kind: Any, *_: object) -> None:
        if self._before is not None:
            _signal.signal(_INTERRUPT, self._before)
            if kind is None:
                self.check()
