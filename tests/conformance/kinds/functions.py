"""Functions of arrays: activations, losses and metrics as functions."""

from __future__ import annotations

import inspect

from tests.conformance.arguments import draw_arguments
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, called, function_script, reference
from tests.conformance.kinds.targets import targets
from tests.conformance.sides import Side
from tests.conformance.written import Made, at


class Activations:
    """An activation of an array."""

    def draw(self, d: Drawing) -> Case:
        shape = (*d.shape(0, 3), 2 * d.integer(1, 3))
        d.rank = len(shape) - 1
        keywords = draw_arguments(d, inspect.signature(at(reference(), d.path)), skip=("x",)) if d.rank else {}
        if not d.rank and d.name == "threshold":
            keywords = {"threshold": 0.3, "default_value": 0.1}
        return Case(self, d.path, d.turn, d.seed, Made(d.path), (d.array(shape),), keywords)

    def observe(self, case: Case, side: Side) -> Seen:
        function = at(side.keras, case.path)
        yield "written", side.keras.activations.serialize(function)
        yield "read", side.keras.activations.get(side.keras.activations.serialize(function)) is function
        yield from called(side, lambda inputs, keywords: function(*inputs, **keywords), (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return function_script(case)


class Losses:
    """A loss, or a metric, as a function of targets and predictions."""

    def draw(self, d: Drawing) -> Case:
        d.rank = 1
        keywords = draw_arguments(d, inspect.signature(at(reference(), d.path)), skip=("y_true", "y_pred"))
        return Case(self, d.path, d.turn, d.seed, Made(d.path), targets(d, keywords), keywords)

    def observe(self, case: Case, side: Side) -> Seen:
        function = at(side.keras, case.path)
        yield from called(side, lambda inputs, keywords: function(*inputs, **keywords), (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return function_script(case)
