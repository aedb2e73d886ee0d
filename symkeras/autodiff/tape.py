"""`GradientTape`: gradients in the way of scripts written for TensorFlow. A step is a graph already, so there is nothing to record."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from symkeras import ops, tree
from symkeras.autodiff.reverse import gradients
from symkeras.errors import ConfigError, GradientError
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable


class GradientTape:
    """Gives gradients of what is computed in a traced step, such as a model's own `train_step`.

    Args:
        persistent: whether `gradient` may be asked more than once.
        watch_accessed_variables: whether variables have gradients without `watch`.

    Example:
        >>> import symkeras
        >>> from symkeras import ops
        >>> def slope(x):
        ...     with symkeras.GradientTape() as tape:
        ...         tape.watch(x)
        ...         y = x * x
        ...     return tape.gradient(y, x)
        >>> import numpy as np
        >>> symkeras.function(slope)(np.array([1.0, 2.0], "float32")).tolist()
        [2.0, 4.0]
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._is_persistent = persistent
        self._watches_variables = watch_accessed_variables
        self._watched: set[Any] = set()
        self._is_used = False

    def __enter__(self) -> GradientTape:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        return None

    def watch(self, tensor: Any) -> None:
        """Let tensors, in whatever nesting, have gradients."""
        self._watched.update(_key(t) for t in tree.flatten(tensor))

    def reset(self) -> None:
        """Forget what is watched, and that a gradient was asked for."""
        self._watched.clear()
        self._is_used = False

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none") -> Any:
        """The gradients of the sum of `target` with respect to `sources`, in their nesting.

        Args:
            target: one symbolic tensor or several, of any shapes.
            sources: variables and symbolic tensors.
            output_gradients: weights of the elements of `target`, in its nesting; ones when None.
            unconnected_gradients: what stands for a source that `target` does not depend on, or that is not watched: "none" is None, "zero" zeros.

        Raises:
            GradientError: asked twice of a tape that is not persistent, or of arrays: nothing is traced then.
            ConfigError: another word for unconnected gradients.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ConfigError(f'GradientTape: unconnected_gradients is "none" or "zero", received {unconnected_gradients!r}')
        if self._is_used and not self._is_persistent:
            raise GradientError("GradientTape: gradient() was asked before; a tape gives several with persistent=True")
        self._is_used = True
        wanted = tree.flatten(sources)
        watched = [s for s in wanted if _key(s) in self._watched or (self._watches_variables and isinstance(s, Variable) and s.trainable)]
        found = dict(zip(map(_key, watched), gradients(self._total(target, output_gradients), watched), strict=True)) if watched else {}
        each = [found.get(_key(s)) for s in wanted]
        if unconnected_gradients == "zero":
            each = [ops.zeros_like(s) if g is None else g for s, g in zip(wanted, each, strict=True)]
        return tree.pack_sequence_as(sources, each) if tree.is_nested(sources) else each[0]

    def _total(self, target: Any, weights: Any) -> Any:
        parts = tree.flatten(target)
        if not parts or not all(isinstance(t, Tensor) for t in parts):
            raise GradientError(
                "GradientTape: the target is no symbolic tensor: a tape gives gradients within a traced step, such as train_step() "
                "or a function compiled by symkeras.function"
            )
        factors = [None] * len(parts) if weights is None else tree.flatten(weights)
        terms = [ops.sum(t if w is None else ops.multiply(t, ops.cast(w, t.dtype))) for t, w in zip(parts, factors, strict=True)]
        total = terms[0]
        for t in terms[1:]:
            total = total + t
        return total


def _key(source: Any) -> Any:
    return source.node if isinstance(source, Tensor) else source
