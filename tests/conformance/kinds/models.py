"""Models: some steps of training, their file, and how training goes on from it on the other side."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.conformance.drawing import Drawing
from tests.conformance.kinds.kind import Case, Seen
from tests.conformance.kinds.layers import drawn_weight
from tests.conformance.sides import Side
from tests.conformance.values import ACTIVATIONS
from tests.conformance.written import Array, Made, realised

STEPS = 2
"""Before the file is written, and after it was read."""

OPTIMIZERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.5, "nesterov": True, "gradient_accumulation_steps": 2}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "clipnorm": 0.1}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    ("AdamW", {"weight_decay": 0.1, "global_clipnorm": 0.3}),
    ("RMSprop", {"centered": True, "momentum": 0.3}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Lion", {}),
    ("Ftrl", {}),
    ("Adafactor", {}),
    ("Lamb", {}),
)


class Models:
    """A model from layers that follow each other, compiled with a drawn optimizer."""

    def draw(self, d: Drawing) -> Case:
        layers, shape = d.one([_of_vectors, _of_sequences, _of_images, _of_numbers])(d)
        name, more = d.one(OPTIMIZERS)
        rate = d.number(0.01, 0.1)
        if d.chance(0.2):
            schedule = {"initial_learning_rate": rate, "decay_steps": 2, "decay_rate": 0.5, "staircase": d.chance()}
            more = {**more, "learning_rate": Made("optimizers.schedules.ExponentialDecay", schedule)}
        else:
            more = {**more, "learning_rate": rate}
        subject = Made("Sequential", {"layers": [Made("Input", {"shape": shape[1]}), *layers], "name": "it"})
        compiled = {
            "optimizer": Made(f"optimizers.{name}", more),
            "loss": d.one(["mse", "mae", "log_cosh"]),
            "metrics": d.one([[], ["mae"], [Made("metrics.RootMeanSquaredError")]]),
        }
        x, y = shape[0], d.array((4, 3))
        return Case(self, d.path, d.turn, d.seed, subject, (x, y), compiled, extra={"functional": d.path.endswith("Model")})

    def observe(self, case: Case, side: Side) -> Seen:
        keras = side.keras
        model = realised(case.subject, keras)
        if case.extra["functional"]:
            model = keras.Model(model.inputs, model.outputs, name="it")
        model.set_weights([drawn_weight(k, w.path, tuple(w.shape)) for k, w in enumerate(model.weights)])
        model.compile(**realised(case.keywords, keras))
        yield "config", keras.saving.serialize_keras_object(model)
        yield from trained(case, model, side)
        path = Path(tempfile.mkdtemp(prefix="conformance-")) / f"{side.name}.keras"
        model.save(path)
        yield "file", path

    def resumed(self, case: Case, path: Path, side: Side) -> dict[str, Any]:
        """What training from a file goes on to."""
        return dict(trained(case, side.keras.models.load_model(path), side))

    def script(self, case: Case) -> str:
        x, y = case.inputs
        lines = ["import numpy as np", "import keras, symkeras", "for keras in (symkeras, keras):", f"    model = {case.subject!r}"]
        return "\n".join([*lines, f"    model.compile(**{case.keywords!r})", f"    print(model.train_on_batch({x!r}, {y!r}))"])


def trained(case: Case, model: Any, side: Side) -> Seen:
    """Losses and metrics of some steps, and all weights and slots after them."""
    x, y = (a.value for a in case.inputs)
    for step in range(STEPS):
        seen = model.train_on_batch(x, y, return_dict=True)
        for name in sorted(seen):
            yield f"{name} of step {step + 1}", np.float32(seen[name])[()] * np.ones(1, "float32")
    yield "predicted", np.asarray(model.predict_on_batch(x))
    for k, w in enumerate(model.weights):
        yield f"weight {k}", side.numpy(w.value)
    for k, w in enumerate(model.optimizer.variables):
        yield f"slot {k}", side.numpy(w.value)


def _dense(d: Drawing, units: int, **more: Any) -> Made:
    return Made("layers.Dense", {"units": units, **more})


def _of_vectors(d: Drawing) -> tuple[list[Made], tuple[Array, Any]]:
    """No bias before a normalization: its gradient would be what rounding leaves."""
    between = d.one([Made("layers.BatchNormalization", {"momentum": 0.5}), Made("layers.LayerNormalization"), Made("layers.PReLU")])
    inner = _dense(
        d,
        d.integer(2, 4),
        use_bias=False,
        activation=d.one(ACTIVATIONS),
        kernel_regularizer=d.one([None, "l2"]),
        kernel_constraint=d.one([None, "non_neg"]),
    )
    return [inner, between, _dense(d, 3)], (d.array((4, 5)), (5,))


def _of_sequences(d: Drawing) -> tuple[list[Made], tuple[Array, Any]]:
    inner = Made(f"layers.{d.one(['LSTM', 'GRU', 'SimpleRNN'])}", {"units": 3})
    return [Made("layers.Bidirectional", {"layer": inner}) if d.chance(0.3) else inner, _dense(d, 3)], (d.array((4, 3, 2)), (3, 2))


def _of_images(d: Drawing) -> tuple[list[Made], tuple[Array, Any]]:
    kind = d.one(["Conv2D", "SeparableConv2D", "Conv2DTranspose"])
    layers = [
        Made(f"layers.{kind}", {"filters": 3, "kernel_size": 2, "padding": d.one(["same", "valid"]), "use_bias": False}),
        Made("layers.GroupNormalization", {"groups": 3}) if d.chance() else Made("layers.BatchNormalization"),
        Made(f"layers.{d.one(['MaxPooling2D', 'AveragePooling2D'])}"),
    ]
    return [*layers, Made("layers.Flatten"), _dense(d, 3)], (d.array((4, 5, 5, 2)), (5, 5, 2))


def _of_numbers(d: Drawing) -> tuple[list[Made], tuple[Array, Any]]:
    """Each row at most once: on TensorFlow optimizers of Keras see the gradients of rows one by one."""
    layers = [Made("layers.Embedding", {"input_dim": 9, "output_dim": 3}), Made("layers.Flatten"), _dense(d, 3)]
    return layers, (Array(f"{d.source()}.permutation(9)[:8].reshape(4, 2)"), (2,))
