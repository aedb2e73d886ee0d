"""Matrix products, dealt out to the team where they are large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.backend.numpy import team


def matmul(a: Any, b: Any, out: Any, transpose_a: bool, transpose_b: bool) -> Callable[[], object]:
    """The products of the matrices in the last two axes."""
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    flops = 2.0 * out.size * a.shape[-1]
    if out.ndim > 2:
        parts = team.stretches(len(out), flops)
        a, b = (np.broadcast_to(x, (*out.shape[:-2], *x.shape[-2:])) for x in (a, b))
        jobs = [lambda p=p: np.matmul(a[p], b[p], out=out[p]) for p in parts]
    elif out.shape[0] >= out.shape[1]:
        jobs = [lambda p=p: np.matmul(a[p], b, out=out[p]) for p in team.stretches(len(out), flops)]
    else:
        jobs = [lambda p=p: np.matmul(a, b[:, p], out=out[:, p]) for p in team.stretches(out.shape[1], flops)]
    if len(jobs) == 1:
        return lambda: np.matmul(a, b, out=out)
    return lambda: team.TEAM.run(jobs)
