"""Predictions for a single batch of arrays like those before: straight to the compiled function, with nothing looked up again.

What a prediction of one row costs is the way there: data are flattened and checked, a function is looked up, memory is taken and given
back. All of that follows from the types and shapes of the arrays, from the model's compilation, and from where its variables lie. So
once a batch has gone the long way, one of the same kind takes the short one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import config
from symkeras.models.steps import Step


class AtOnce:
    """The short way for arrays of one kind, held by a model until it is compiled anew.

    Args:
        step: the function that predicts.
        kind: the type of what holds the arrays; `numpy.ndarray` for one array alone.
    """

    def __init__(self, step: Step, kind: type):
        self._step = step
        self._kind = kind
        self._backend = config.backend()
        self._types = [(n.dtype, n.ndim) for n in step.executable.source_graph.inputs]
        self._lease = step.executable.lease()
        self._rows: list[tuple[int, ...]] = []
        self._busy = threading.Lock()

    @classmethod
    def after(cls, step: Step, x: Any, flat: Sequence[np.ndarray]) -> AtOnce | None:
        """The short way for data like `x`, which have gone the long way as the arrays `flat`; None for data that changed on it."""
        given = x if isinstance(x, (list, tuple)) else [x]
        inputs = step.executable.source_graph.inputs
        same = len(given) == len(flat) == len(inputs) and all(a is b for a, b in zip(given, flat, strict=True))
        if not same or any(type(a) is not np.ndarray or a.dtype != n.dtype or a.ndim != n.ndim for a, n in zip(flat, inputs, strict=True)):
            return None
        found = cls(step, type(x))
        found._rows = [a.shape[1:] for a in flat]
        return found

    def __call__(self, x: Any, most: int | None) -> Any:
        """The predictions for a batch of `most` rows at most, in the nesting of the outputs; None where data or state differ."""
        if type(x) is not self._kind or config.backend() != self._backend:
            return None
        arrays = [x] if self._kind is np.ndarray else x
        if len(arrays) != len(self._rows) or not self._busy.acquire(blocking=False):
            return None
        try:
            count = len(arrays[0])
            for a, rows, (dtype, ndim) in zip(arrays, self._rows, self._types, strict=True):
                if type(a) is not np.ndarray or a.dtype != dtype or a.ndim != ndim or a.shape[1:] != rows or len(a) != count:
                    return None
            if count == 0 or (most is not None and count > most):
                return None
            call = self._lease.at(tuple([a.shape for a in arrays]))
            return self._step.packed(call.run_on(arrays))
        finally:
            self._busy.release()
