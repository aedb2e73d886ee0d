"""Initializers and random draws: what they draw differs, how it is distributed does not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.arguments import draw_arguments
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, function_script, reference, script_of
from tests.conformance.sides import Side
from tests.conformance.written import Array, Made, at, realised

EXACT = {"Constant", "Identity", "IdentityInitializer", "Ones", "Zeros", "STFT", "STFTInitializer"}


class Sample:
    """Numbers that were drawn: equal to others of the same distribution."""

    def __init__(self, values: np.ndarray):
        self.values = np.sort(values.ravel().astype("float64"))
        self.kind = (values.shape, str(values.dtype))

    def __eq__(self, other: object) -> bool:
        """By the greatest distance of the two empirical distributions; of equal ones, one in ten million is called different."""
        if not isinstance(other, Sample) or self.kind != other.kind:
            return False
        both = np.concatenate([self.values, other.values])
        here, there = (np.searchsorted(s.values, both, side="right") / max(s.values.size, 1) for s in (self, other))
        return both.size == 0 or float(np.abs(here - there).max()) <= 2.9 * np.sqrt(4 / both.size)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        shown = [f"{q:g}" for q in np.quantile(self.values, [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])] if self.values.size else []
        return f"{self.kind[1]}{list(self.kind[0])}, quantiles {' '.join(shown)}"


class Initializers:
    """An initializer of a shape."""

    def draw(self, d: Drawing) -> Case:
        arguments = draw_arguments(d, inspect.signature(at(reference(), d.path)))
        large = {
            "Identity": (d.integer(1, 5),) * 2,
            "IdentityInitializer": (d.integer(1, 5), d.integer(1, 5)),
            "STFT": (8, 1, 5),
            "STFTInitializer": (8, 1, 5),
        }
        shape = large.get(d.name) or d.one(
            [(40, 60), (3, 3, 8, 12), (900,), (5, 10, 20)] if "rthogonal" not in d.name else [(20, 30), (30, 20), (3, 4, 20)]
        )
        return Case(self, d.path, d.turn, d.seed, Made(d.path, {**arguments, **({} if d.name in EXACT else {"seed": d.integer(0, 99)})}), (shape,))

    def observe(self, case: Case, side: Side) -> Seen:
        thing = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(thing)
        value = side.numpy(thing(case.inputs[0]))
        if "rthogonal" in case.path:
            matrix = value.reshape(-1, value.shape[-1])
            yield "value of the products of its rows or columns", matrix.T @ matrix if len(matrix) >= matrix.shape[1] else matrix @ matrix.T
        else:
            yield "value", value if case.path.rpartition(".")[2] in EXACT else Sample(value)

    def script(self, case: Case) -> str:
        return script_of(case)


DRAWN: dict[str, Callable[[Drawing, tuple[int, ...]], tuple[Any, ...]]] = {
    "normal": lambda d, shape: (shape, d.number(-1, 1), d.number(0.1, 2)),
    "uniform": lambda d, shape: (shape, d.number(-1, 0), d.number(0.1, 2)),
    "truncated_normal": lambda d, shape: (shape, d.number(-1, 1), d.number(0.1, 2)),
    "randint": lambda d, shape: (shape, d.integer(-3, 0), d.integer(1, 6)),
    "beta": lambda d, shape: (shape, d.number(0.3, 3), d.number(0.3, 3)),
    "gamma": lambda d, shape: (shape, d.number(0.3, 3)),
    "binomial": lambda d, shape: (shape, float(d.integer(1, 9)), d.number(0.1, 0.9)),
    "categorical": lambda d, shape: (d.array((2, d.integer(2, 5))), 2000),
    "dropout": lambda d, shape: (Array("np.ones((40, 50), 'float32')"), d.number(0.1, 0.9)),
    "shuffle": lambda d, shape: (Array("np.arange(200)"),),
}
"""Draw -> its arguments."""


class Draws:
    """A draw of `keras.random`."""

    def draw(self, d: Drawing) -> Case:
        inputs = DRAWN[d.name](d, d.one([(2000,), (40, 50)]))
        return Case(self, d.path, d.turn, d.seed, Made(d.path), inputs, {"seed": d.integer(0, 99)})

    def observe(self, case: Case, side: Side) -> Seen:
        inputs = realised(case.inputs, side.keras, side.tensor)
        yield "value", Sample(side.numpy(at(side.keras, case.path)(*inputs, **case.keywords)))

    def script(self, case: Case) -> str:
        return function_script(case)
