"""Eight training steps of the six workloads, and of six models that no backend was tuned on, end where those of the interpreter end."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from symkeras import utils
from tests.backend.engines.engines import TRAINING, chosen, each
from tests.backend.engines.other_models import OTHER_MODELS
from tests.models.small_workloads import WORKLOADS, data
from tests.models.test_same_training import OPTIMIZERS
from tests.tolerances import TOLERANCES

STEPS = 8
RTOL, ATOL = TOLERANCES["graph"]["float32"]
NAMES = [make.__name__ for make in (*WORKLOADS, *OTHER_MODELS)]


def made(name: str) -> tuple[Any, Any, Any]:
    """A model, compiled for the default backend, and x and y of one batch."""
    for make in OTHER_MODELS:
        if make.__name__ == name:
            return make()
    (build,) = (make for make in WORKLOADS if make.__name__ == name)
    x, y, loss = data(name, 6)
    model = build()
    model.compile(OPTIMIZERS[name](), loss, metrics=None if name == "news" else ["accuracy"])
    return model, x, y


@functools.cache
def trained(name: str, backend: str) -> tuple[Any, Any, np.ndarray]:
    """The model after eight steps on one batch, x, and what each step reported: the loss and the metrics."""
    utils.set_random_seed(5)
    with chosen(backend):
        model, x, y = made(name)
        return model, x, np.array([model.train_on_batch(x, y) for _ in range(STEPS)])


@pytest.mark.parametrize("engine", each(TRAINING))
@pytest.mark.parametrize("name", NAMES)
def test_eight_steps_end_where_those_of_the_interpreter_end(name: str, engine: str) -> None:
    expected, _, reported = trained(name, "interpreter")
    model, _, found = trained(name, engine)
    assert np.isfinite(found).all() and found.shape[0] == STEPS
    np.testing.assert_allclose(found, reported, rtol=RTOL, atol=ATOL)
    pairs = zip((*model.variables, *model.optimizer.variables), (*expected.variables, *expected.optimizer.variables), strict=True)
    for v, wanted in pairs:
        np.testing.assert_allclose(v.numpy(), wanted.numpy(), rtol=RTOL, atol=ATOL, err_msg=v.path)


@pytest.mark.parametrize("engine", each(("onnxruntime",)))
@pytest.mark.parametrize("name", NAMES)
def test_predictions_of_a_trained_model_are_those_of_the_interpreter(name: str, engine: str) -> None:
    model, x, _ = trained(name, "interpreter")
    expected = predictions(model, x, "interpreter")
    for found, wanted in zip(predictions(model, x, engine), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=RTOL, atol=ATOL)


def predictions(model: Any, x: Any, backend: str) -> list[np.ndarray]:
    with chosen(backend):
        found = model.predict_on_batch(x)
    return found if isinstance(found, list) else [found]
