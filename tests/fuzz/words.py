"""What programs are written in beside `ops`, `layers` and `random`: gradients, numbers, layers with weights, and values of inputs and variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras import layers, ops, random, utils
from symkeras.autodiff import gradients
from symkeras.backend.theano_style import keras_backend as K
from symkeras.graph import Tensor, dtypes
from symkeras.graph.types import parse_type
from symkeras.graph.variable import Variable


def scope() -> dict[str, Any]:
    """The names that a program may use."""
    return {"np": np, "ops": ops, "layers": layers, "random": random, "K": K, "gradient": gradient, "numbers": numbers, "layer": layer}


def gradient(of: Tensor, by: Tensor) -> Tensor:
    """The gradient of a scalar, zeros where there is no dependence."""
    found = gradients(of, by)
    return ops.zeros_like(by) if found is None else found


def numbers(shape: Sequence[int], dtype: str, seed: int) -> np.ndarray:
    """An array that a program holds."""
    return np.asarray(np.random.default_rng(seed).uniform(-1, 1, shape)).astype(dtype)


def layer(text: str, seed: int) -> Any:
    """A layer whose weights follow from a number."""
    utils.set_random_seed(seed)
    return eval(text, {"layers": layers, "np": np})


def values(inputs: Sequence[tuple[str, str]], sizes: dict[str, int], seed: int, odd: bool) -> list[np.ndarray]:
    """An array for each input."""
    return [_drawn(parse_type(type), sizes, np.random.default_rng((seed, k)), odd) for k, (_, type) in enumerate(inputs)]


def variable(name: str, type: str, seed: int, odd: bool) -> Variable:
    """A variable that a program may change."""
    parsed = parse_type(type)
    return Variable(_drawn(parsed, {}, np.random.default_rng((seed, len(name), ord(name[-1]))), odd), name=name, dtype=parsed.dtype)


def _drawn(type: Any, sizes: dict[str, int], rng: np.random.Generator, odd: bool) -> np.ndarray:
    shape = [d if isinstance(d, int) else d.evaluate(sizes) for d in type.shape]
    if type.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtypes.is_int(type.dtype):
        return np.asarray(rng.integers(-3 if not type.dtype.startswith("u") else 0, 6, shape)).astype(type.dtype)
    a = rng.uniform(-2, 2, shape)
    if odd:
        a = np.where(rng.random(a.shape) < 0.1, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, 1e-40], a.shape), a)
    return np.asarray(a).astype(type.dtype)
