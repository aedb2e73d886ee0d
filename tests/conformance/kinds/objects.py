"""Losses, metrics, regularizers, constraints and schedules: objects with a config that are called."""

from __future__ import annotations

import inspect
from typing import Any

from tests.conformance.arguments import draw_arguments
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, called, reference, script_of
from tests.conformance.kinds.targets import targets
from tests.conformance.sides import Side, flat
from tests.conformance.written import Made, at, realised, recast


def drawn(d: Drawing) -> dict[str, Any]:
    d.rank = 1
    return draw_arguments(d, inspect.signature(at(reference(), d.path)), skip=("fn",))


class Called:
    """What is made of arguments and called with arrays: its config, values and gradients."""

    def draw(self, d: Drawing) -> Case:
        arguments = drawn(d)
        return Case(self, d.path, d.turn, d.seed, Made(d.path, arguments), *self.inputs(d, arguments))

    def inputs(self, d: Drawing, arguments: dict[str, Any]) -> tuple[Any, ...]:
        raise NotImplementedError

    def observe(self, case: Case, side: Side) -> Seen:
        thing = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(thing)
        yield from called(side, lambda inputs, keywords: thing(*inputs, **keywords), (case.inputs, case.keywords))

    def script(self, case: Case) -> str:
        return script_of(case)


class LossClasses(Called):
    """A loss of targets and predictions, with weights of samples now and then."""

    def inputs(self, d: Drawing, arguments: dict[str, Any]) -> tuple[Any, ...]:
        pair = targets(d, arguments)
        shape = pair[0].value.shape
        weights = {"sample_weight": d.between(shape[: d.integer(1, max(1, len(shape) - 1))], 0, 2)} if d.chance(0.4) else {}
        arguments.update({"dtype": dtype} if (dtype := d.dtype(0.2)) != "float32" else {})
        return other_dtypes(d, pair), weights


def other_dtypes(d: Drawing, pair: Any) -> Any:
    """Now and then numbers of another dtype than float32: targets, predictions or both."""
    dtype = d.dtype(0.2)
    which = d.one([(0,), (1,), (0, 1)])
    return tuple(recast(a, dtype) if k in which and dtype != "float32" else a for k, a in enumerate(pair))


class Regularizers(Called):
    def inputs(self, d: Drawing, arguments: dict[str, Any]) -> tuple[Any, ...]:
        return ((d.array((d.integer(2, 5), d.integer(2, 5)) if "rthogonal" in d.name else d.shape(1, 4)),),)


class Constraints(Called):
    def inputs(self, d: Drawing, arguments: dict[str, Any]) -> tuple[Any, ...]:
        return ((d.array(d.shape(1, 4)),),)


class Schedules(Called):
    """A schedule at some steps."""

    def inputs(self, d: Drawing, arguments: dict[str, Any]) -> tuple[Any, ...]:
        return ((d.integers((), 0, 12),),)


class Metrics:
    """A metric after each of some batches, and after it was reset."""

    def draw(self, d: Drawing) -> Case:
        arguments = drawn(d)
        if d.name == "MeanMetricWrapper":
            from tests.conformance.written import Code

            arguments["fn"] = Code(f"keras.losses.{d.one(['mean_squared_error', 'hinge', 'log_cosh'])}")
        batches = []
        dtype = d.dtype(0.2)
        arguments.update({"dtype": dtype} if dtype != "float32" else {})
        for _ in range(d.integer(1, 3)):
            pair = targets(d, arguments)[: 1 if d.name in ("Mean", "Sum") else 2]
            shape = pair[0].value.shape
            pair = recast(pair, dtype) if d.chance(0.3) else pair
            batches.append([*pair, d.between(shape[: d.integer(1, max(1, len(shape) - 1))], 0, 2) if d.chance(0.3) and len(shape) > 1 else None])
            d.rng = d.rng.spawn(1)[0] if d.name in ("Mean", "Sum") else d.rng
        return Case(self, d.path, d.turn, d.seed, Made(d.path, arguments), (one_shape(batches),))

    def observe(self, case: Case, side: Side) -> Seen:
        metric = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(metric)
        for k, (*pair, weights) in enumerate(realised(case.inputs[0], side.keras, side.tensor)):
            side.update(metric, *pair, sample_weight=weights)
            for j, result in enumerate(flat(side.result(metric))):
                yield f"value {j} after {k + 1}", side.numpy(result)
        yield "weights", [[w.path.rpartition("/")[2], list(w.shape), str(w.dtype)] for w in metric.variables]
        for k, w in enumerate(metric.variables):
            yield f"state {k}", side.numpy(w.value)
        metric.reset_state()
        for j, result in enumerate(flat(side.result(metric))):
            yield f"value {j} when reset", side.numpy(result)

    def script(self, case: Case) -> str:
        lines = ["import numpy as np", "import keras, symkeras", "for keras in (symkeras, keras):", f"    metric = {case.subject!r}"]
        for *pair, weights in case.inputs[0]:
            lines.append(f"    metric.update_state({', '.join(map(repr, pair))}, sample_weight={weights!r})")
        return "\n".join([*lines, "    print(metric.result())"])


def one_shape(batches: list[list[Any]]) -> list[list[Any]]:
    """The batches whose shape is that of the first but for the rows."""
    first = [a.value.shape[1:] for a in batches[0][:-1]]
    return [b for b in batches if [a.value.shape[1:] for a in b[:-1]] == first]
