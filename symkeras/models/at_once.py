"""A single batch of arrays like those before: straight to the compiled function, with nothing looked up again.

What a small batch costs is the way there: data are flattened and checked, a function is looked up, memory is taken and given
back. All of that follows from the types and shapes of the arrays, from the model's compilation, and from where its variables lie. So
once a batch has gone the long way, one of the same kind takes the short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import config, locks, tree
from symkeras.distribution.scope import distribution
from symkeras.graph.ownership import ownership_epoch
from symkeras.layers.adaptation import constants_epoch
from symkeras.models.feeds.arrays import Arrays
from symkeras.models.feeds.checks import check_numbers, check_range
from symkeras.models.feeds.gathering import inner_shape, load
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
        self._surroundings = config.backend(), distribution(), constants_epoch()
        self._types = [np.dtype(n.dtype) for n in step.executable.source_graph.inputs]
        self._is_nested = tree.is_nested(step.structure)
        self._lease = step.executable.lease()
        self._rows: list[tuple[int, ...]] = []
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._busy = locks.lock()

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
        if type(x) is not self._kind or (config.backend(), distribution(), constants_epoch()) != self._surroundings:
            return None
        arrays = [x] if self._kind is np.ndarray else x
        if len(arrays) != len(self._rows) or not self._busy.acquire(blocking=False):
            return None
        try:
            for a, dtype in zip(arrays, self._types, strict=True):
                if type(a) is not np.ndarray or a.dtype != dtype:
                    return None
            shapes = tuple([a.shape for a in arrays])
            if shapes != self._shapes and not self._fit(shapes):
                return None
            self._shapes = shapes
            if most is not None and shapes[0][0] > most:
                return None
            outputs = self._lease.at(shapes).run_on(arrays)
            return self._step.packed(outputs) if self._is_nested else outputs[0]
        finally:
            self._busy.release()

    def _fit(self, shapes: tuple[tuple[int, ...], ...]) -> bool:
        """Whether these are shapes of batches: some rows each, all as many, as long as they were."""
        if any(not s for s in shapes):
            return False
        count = shapes[0][0]
        return count > 0 and all(s[0] == count and s[1:] == rows for s, rows in zip(shapes, self._rows, strict=True))


class BatchAtOnce:
    """The short way of training or testing on arrays of one kind; what depends on their numbers is still checked.

    Args:
        model: whose step it is.
        step: the function that trains or tests.
        x, y: what was given.
        flat: the arrays in the order of the step's inputs.
        names: of the outputs.
    """

    def __init__(self, model: Any, step: Step, x: Any, y: Any, flat: Sequence[np.ndarray], names: Sequence[str]):
        inputs = step.executable.source_graph.inputs
        self._step = step
        self._kinds = type(x), type(y)
        self._types = [(a.dtype, a.shape[1:]) for a in flat]
        self._sizes = [inner_shape(n, a) for n, a in zip(inputs, flat, strict=True)]
        self._trains = step.mode == "train"
        self._state = self._state_of(model)
        first = len(flat) - len(names)
        self._numbers = [(first + k, n) for k, n in enumerate(names) if model._compilation.refuses_nan(k, names)]
        self._integers = [(k, n.dtype) for k, (a, n) in enumerate(zip(flat, inputs, strict=True)) if a.dtype.kind in "iu" and a.dtype.itemsize > 2]

    @classmethod
    def after(cls, model: Any, step: Any, x: Any, y: Any, data: Arrays, names: Sequence[str]) -> BatchAtOnce | None:
        """The short way for data like `x` and `y`, which have gone the long way as `data`; None for data that changed on it, or other models."""
        given, flat = [*_listed(x), *_listed(y)], data.present
        same = len(given) == len(flat) == len(data.x) + len(names) and all(a is b for a, b in zip(given, flat, strict=True))
        if not same or not isinstance(step, Step) or distribution() is not None or any(type(a) is not np.ndarray for a in flat):
            return None
        is_plain = model._of_graph("_array_stage") is None and all(a.dtype.kind in "biuf" for a in flat)
        return cls(model, step, x, y, flat, names) if is_plain else None

    def _state_of(self, model: Any) -> tuple[Any, ...]:
        return (model._compilation, ownership_epoch(), model._uids_of_trained() if self._trains else (), *model._surroundings())

    def ready(self, model: Any, x: Any, y: Any) -> Sequence[np.ndarray] | None:
        """The arrays, checked; None where data or state differ.

        Raises:
            DataError: as on the long way.
        """
        if (type(x), type(y)) != self._kinds or self._state_of(model) != self._state:
            return None
        flat = [*_listed(x), *_listed(y)]
        if len(flat) != len(self._types) or any(
            type(a) is not np.ndarray or a.dtype != dtype or a.shape[1:] != row for a, (dtype, row) in zip(flat, self._types, strict=True)
        ):
            return None
        count = len(flat[0])
        if not count or any(len(a) != count for a in flat):
            return None
        for k, name in self._numbers:
            check_numbers(flat[k], name)
        for k, dtype in self._integers:
            check_range(flat[k], dtype, "the data")
        return flat

    def __call__(self, ready: Sequence[np.ndarray]) -> tuple[Step, list[np.ndarray]]:
        """The step and its outputs."""
        count = len(ready[0])
        lease = self._step.executable.lease()
        try:
            call = lease.at(tuple([(count, *sizes) for sizes in self._sizes]))
            load(call.inputs, ready, slice(0, count))
            return self._step, call.run()
        finally:
            lease.close()


def _listed(given: Any) -> Sequence[Any]:
    return given if type(given) in (list, tuple) else [given]
