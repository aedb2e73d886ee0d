"""How many threads compute."""

from __future__ import annotations

import functools
import os

_MOST = 8


@functools.cache
def count() -> int:
    """The processors this process may use, at most eight; `SYMKERAS_THREADS` overrides.

    Decided once per process: working memory is made for so many.
    """
    text = os.environ.get("SYMKERAS_THREADS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:
        processors = os.cpu_count() or 1
    return max(1, min(processors, _MOST))
