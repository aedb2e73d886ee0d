"""Optimizers: some steps on some variables with given gradients."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tests.conformance.arguments import draw_arguments
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen, reference
from tests.conformance.sides import Side
from tests.conformance.written import Made, at, realised

STEPS = 4


class Optimizers:
    """An optimizer's trajectory: variables after each step, and its own at the end."""

    def draw(self, d: Drawing) -> Case:
        arguments = draw_arguments(d, inspect.signature(at(reference(), d.path)), skip=("inner_optimizer", "optimizer_map"), p=0.4)
        if d.name == "LossScaleOptimizer":
            arguments["inner_optimizer"] = Made(f"optimizers.{d.one(['SGD', 'Adam'])}", {"learning_rate": d.number(0.01, 0.1), "name": "inner"})
        elif d.chance(0.2):
            name, more = d.one(
                [
                    ("ExponentialDecay", {"decay_steps": 2, "decay_rate": 0.5}),
                    ("CosineDecay", {"decay_steps": 3}),
                    ("PolynomialDecay", {"decay_steps": 3}),
                ]
            )
            arguments["learning_rate"] = Made(f"optimizers.schedules.{name}", {"initial_learning_rate": d.number(0.01, 0.2), **more})
        if arguments.get("clipnorm") is None and d.chance(0.2):
            arguments[d.one(["clipvalue", "global_clipnorm"])] = d.number(0.2, 1)
        if arguments.get("use_ema") and d.chance():
            arguments["ema_overwrite_frequency"] = d.integer(1, 3)
        shapes = [d.shape(1, 3), d.shape(1, 2)]
        return Case(
            self,
            d.path,
            d.turn,
            d.seed,
            Made(d.path, {**arguments, "name": "it"}),
            tuple(d.array(s) for s in shapes),
            extra={
                "seed": d.integer(0, 9999),
                "dtype": d.dtype(0.2),
                "infinite": d.integer(0, STEPS) if d.name == "LossScaleOptimizer" else None,
                "excluded": d.chance(0.2),
            },
        )

    def observe(self, case: Case, side: Side) -> Seen:
        optimizer = realised(case.subject, side.keras)
        yield "config", side.keras.saving.serialize_keras_object(optimizer)
        variables = [
            side.keras.Variable(a.value, dtype=case.extra["dtype"], name=name) for a, name in zip(case.inputs, ("kernel", "bias"), strict=True)
        ]
        if case.extra["excluded"]:
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        optimizer.build(variables)
        for step in range(STEPS):
            gradients = [gradient(case, step, k, v.shape).astype(side.numpy(v.value).dtype) for k, v in enumerate(variables)]
            side.apply(optimizer, gradients, variables)
            for k, v in enumerate(variables):
                yield f"variable {k} after step {step + 1}", side.numpy(v.value)
        if hasattr(optimizer, "finalize_variable_values"):
            optimizer.finalize_variable_values(variables)
            for k, v in enumerate(variables):
                yield f"variable {k} at the end", side.numpy(v.value)
        yield "weights", [[w.path, list(w.shape), str(w.dtype)] for w in optimizer.variables]
        for k, w in enumerate(optimizer.variables):
            yield f"state {k}", side.numpy(w.value)

    def script(self, case: Case) -> str:
        lines = ["import numpy as np", "import keras, symkeras", "for keras in (symkeras, keras):", f"    optimizer = {case.subject!r}"]
        lines.append(f"    variables = [keras.Variable(a, dtype={case.extra['dtype']!r}) for a in {list(case.inputs)!r}]")
        lines.append(f"    for step in range({STEPS}):")
        drawn = f"np.random.default_rng([{case.extra['seed']}, step, k]).normal(size=v.shape).astype('float32')"
        lines.append(f"        gradients = [{drawn} for k, v in enumerate(variables)]")
        lines += ["        optimizer.apply_gradients(zip(gradients, variables))", "        print([np.asarray(v.value) for v in variables])"]
        return "\n".join(lines)


def gradient(case: Case, step: int, k: int, shape: Any) -> np.ndarray:
    scale = getattr(case.subject.arguments, "get", dict)("initial_scale", 32768.0) if case.path.endswith("LossScaleOptimizer") else 1.0
    drawn = (np.random.default_rng([case.extra["seed"], step, k]).normal(size=tuple(shape)) * scale).astype("float32")
    return drawn * np.float32(np.inf) if step == case.extra["infinite"] else drawn
