"""How long tests wait for what others do: threads, processes, compilers.

On a machine whose processors are taken, what needs a millisecond may need many seconds. So every limit is one that only what hangs can break.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 300.0


def comes_true(condition: Callable[[], object]) -> bool:
    """Whether `condition()` holds, now or before patience ends."""
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
