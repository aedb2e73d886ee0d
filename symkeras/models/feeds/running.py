"""Running a compiled function on the batches of a feed: rows are gathered straight into the memory that it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.models.feeds.feed import Stretch
from symkeras.models.feeds.gathering import inner_shape, load
from symkeras.models.steps import Step


def run(step: Step, stretch: Stretch, each: Callable[[list[np.ndarray]], Any], at_once: int = 1, begin: Callable[[], Any] | None = None) -> bool:
    """Run a function on batches; whether `each(outputs)`, which is called after every one, ended the run. `begin()` is called before each.

    Where the backend can, `at_once` whole batches are one call of it, and `each` is called for them afterwards.
    """
    arrays = stretch.data.present
    size, rows, order, batches = stretch.batch_size, stretch.data.rows, stretch.order, stretch.batches
    shapes: dict[int, Any] = {}
    ahead, is_over = batches.start, False
    lease = step.executable.lease()
    try:
        while ahead < batches.stop and not is_over:
            if begin is not None:
                begin()
            first = ahead * size
            count = min(size, rows - first)
            if count not in shapes:
                shapes[count] = tuple((count, *inner_shape(n, a)) for n, a in zip(step.executable.source_graph.inputs, arrays, strict=True))
            call = lease.at(shapes[count])
            outputs, steps = None, min(at_once, batches.stop - ahead, (rows - first) // size)
            if (steps > 1 and not step.extra) or (steps == 1 and order is None):
                outputs = call.run_rows(arrays, order, first, steps)
            if outputs is None:
                steps = 1
                load(call.inputs, arrays, slice(first, first + count) if order is None else order[first : first + count])
                outputs = call.run()
            ahead += steps
            for k in range(steps):  # each batch counts, also after one that ends the run
                if k and begin is not None:
                    begin()
                is_over = bool(each(outputs)) or is_over
    finally:
        lease.close()
    return is_over
