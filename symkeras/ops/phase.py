"""The learning phase of 2017: a symbolic boolean that is true while training.

While a functional model is defined nobody knows yet whether it will train or predict. Layers that differ then emit a
choice on this placeholder, so that `K.function([model.input, K.learning_phase()], [layer.output])` can ask for either.
When a model compiles its own functions it calls the layers again with a plain `training=True` or `False`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import locks
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.ops.elementwise import where
from symkeras.ops.leaves import placeholder_node

_phase: Tensor | None = None
_making = locks.reentrant_lock()


def learning_phase() -> Tensor:
    """The placeholder `bool[]` that says whether the model is training."""
    global _phase
    with _making:
        if _phase is None:
            _phase = Tensor(placeholder_node(TensorType((), "bool"), "learning_phase"))
        return _phase


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """`x` while training, `alt` otherwise; either may be a function, called only where its value can be needed.

    `training` is a bool, a symbolic boolean scalar, or None for the learning phase.
    """

    def value(v: Any) -> Any:
        return v() if isinstance(v, Callable) and not isinstance(v, Tensor) else v

    if training is None:
        training = learning_phase()
    if isinstance(training, Tensor):
        return where(training, value(x), value(alt))
    return value(x) if training else value(alt)
