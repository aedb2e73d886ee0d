"""The learning phase of 2017: fixed by `set_learning_phase`, known in a call of a layer, or else an input of functions."""

from __future__ import annotations

from typing import Any

from symkeras.backend.theano_style.symbolic_shapes import is_in_layer_call
from symkeras.errors import ConfigError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor
from symkeras.ops import phase

_fixed: int | None = None


def fixed_phase() -> int | None:
    """What `set_learning_phase` was given last."""
    return _fixed


def phase_placeholder() -> Tensor:
    """The boolean placeholder that stands for a phase nobody knows yet."""
    return phase.learning_phase()


def set_learning_phase(value: int) -> None:
    """Fix the learning phase for graphs built from now on: 0 for testing, 1 for training.

    Raises:
        ConfigError: anything else.
    """
    global _fixed
    if value not in (0, 1):
        raise ConfigError(f"the learning phase is 0 (test) or 1 (train), received {value!r}")
    _fixed = int(value)


def free_learning_phase() -> None:
    """Let the learning phase be an input again."""
    global _fixed
    _fixed = None


def learning_phase() -> Any:
    """0 or 1 where it is known (fixed, or inside a layer that was called with `training`), else a boolean placeholder.

    The placeholder may be an input of `K.function`: 0 for testing, 1 for training.
    """
    if _fixed is not None:
        return _fixed
    if is_in_layer_call():
        from symkeras.layers.calls import _context

        if _context.training is not None:
            return _context.training if isinstance(_context.training, Tensor) else int(_context.training)
        if tracing.current() is None:
            return 0
    return phase_placeholder()


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` while training, `alt` otherwise; functions without arguments are called only where their value can be needed.

    Args:
        x, alt: tensors, or functions that give them.
        training: 0, 1, a bool or a boolean scalar; the learning phase when None.
    """
    return phase.in_train_phase(x, alt, learning_phase() if training is None else training)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` while testing, `alt` while training; see `in_train_phase`."""
    return in_train_phase(alt, x, training)
