"""Real Keras on JAX, for tests that hold numbers against it; those are skipped where it is not installed."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest


def reference() -> Any:
    """The module `keras`; the test is skipped where it, or JAX under it, is missing."""
    for name in ("keras", "jax"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed: nothing to hold against")
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = importlib.import_module("keras")
    if keras.backend.backend() != "jax":
        pytest.skip(f"Keras runs on {keras.backend.backend()} here; these numbers are those of JAX")
    return keras


def weights_of(model: Any) -> list[np.ndarray]:
    """The weights of a model of Keras; its own `get_weights` warns on NumPy 2."""
    return [np.asarray(w.value) for w in model.weights]
