"""`GradientTape`: gradients in the way of scripts written for TensorFlow.

In a traced step everything is a graph already, and there is nothing to record. On arrays a tape records: the values are computed as
ever, and beside them nodes are written down, of which gradients are taken and computed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.autodiff.at_once import evaluated, summed
from symkeras.autodiff.reverse import gradients
from symkeras.errors import ConfigError, GradientError
from symkeras.graph import recording, tracing
from symkeras.graph.node import Node
from symkeras.graph.recording import Recorded, Recording
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable


class GradientTape:
    """Gives gradients of what is computed under it: in a traced step, such as a model's own `train_step`, or on arrays.

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

        On arrays it computes at once:

        >>> w = symkeras.Variable([1.0, 2.0])
        >>> with symkeras.GradientTape() as tape:
        ...     loss = ops.sum(w * w)
        >>> float(loss), tape.gradient(loss, w)
        (5.0, array([2., 4.], dtype=float32))
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._is_persistent = persistent
        self._watches_variables = watch_accessed_variables
        self._watched: set[Any] = set()
        self._is_used = False
        self._recording: Recording | None = None
        self._own: Any = None

    def __enter__(self) -> GradientTape:
        if tracing.current() is None:
            self._recording = recording.current()
            if self._recording is None:
                self._recording = Recording()
                self._own = recording.set_to(self._recording)
                self._own.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._own is not None:
            self._own.__exit__()
            self._own = None

    def watch(self, tensor: Any) -> None:
        """Let tensors, in whatever nesting, have gradients.

        Raises:
            GradientError: a plain array of NumPy, which cannot remember that it is watched; what is no tensor of symkeras.
        """
        for t in tree.flatten(tensor):
            if not isinstance(t, (Tensor, Variable, np.ndarray)):
                kind = f"{type(t).__module__}.{type(t).__qualname__}"
                raise GradientError(f"GradientTape.watch: a {kind} cannot be watched; x = symkeras.autodiff.watchable(x) makes an array that can")
            if isinstance(t, np.ndarray) and self._recording is not None and not self._recording.knows(t):
                self._begin_with(t)
            if isinstance(t, Variable) and self._recording is not None:
                self._recording.watched.add(t)
            self._watched.add(_key(t))

    def _begin_with(self, array: Any) -> None:
        if not isinstance(array, Recorded):
            raise GradientError(
                "GradientTape.watch: a plain array of NumPy cannot be watched; give a symkeras.Variable, or x = symkeras.autodiff.watchable(x)"
            )
        array.node = self._recording.leaf(array).node  # type: ignore[union-attr]

    def stop_recording(self) -> AbstractContextManager[None]:
        """Context in which nothing is recorded."""
        return recording.set_to(None)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables whose values were read under the tape, on arrays."""
        return tuple(self._recording.reads) if self._recording is not None else ()

    def reset(self) -> None:
        """Forget what is watched, and that a gradient was asked for."""
        self._watched.clear()
        self._is_used = False

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none") -> Any:
        """The gradients of the sum of `target` with respect to `sources`, in their nesting.

        Args:
            target: one tensor or array that was computed under the tape, or several, of any shapes.
            sources: variables, symbolic tensors, and arrays that were computed or watched under the tape.
            output_gradients: weights of the elements of `target`, in its nesting; ones when None.
            unconnected_gradients: what stands for a source that `target` does not depend on, or that is not watched: "none" is None, "zero" zeros.

        Raises:
            GradientError: asked twice of a tape that is not persistent, or of what was not computed under it.
            ConfigError: another word for unconnected gradients.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ConfigError(f'GradientTape: unconnected_gradients is "none" or "zero", received {unconnected_gradients!r}')
        if self._is_used and not self._is_persistent:
            raise GradientError("GradientTape: gradient() was asked before; a tape gives several with persistent=True")
        self._is_used = True
        wanted = tree.flatten(sources)
        each = self._gradients(tree.flatten(target), None if output_gradients is None else tree.flatten(output_gradients), wanted)
        if unconnected_gradients == "zero":
            each = [ops.zeros_like(s) if g is None else g for s, g in zip(wanted, each, strict=True)]
        return tree.pack_sequence_as(sources, each) if tree.is_nested(sources) else each[0]

    def _gradients(self, parts: list[Any], weights: Any, wanted: list[Any]) -> list[Any]:
        if parts and all(isinstance(t, Tensor) for t in parts):
            watched = [s for s in wanted if self._is_watched(s)]
            found = dict(zip(map(_key, watched), gradients(_total(parts, weights), watched), strict=True)) if watched else {}
            return [found.get(_key(s)) for s in wanted]
        recorder = self._recording
        if not parts or recorder is None or any(isinstance(t, Tensor) for t in parts):
            raise GradientError(
                "GradientTape: the target was not computed under the tape: compute it in its `with` block, by symkeras.ops or layers"
            )
        if any(type(t).__module__.startswith("tensorflow.") for t in parts):
            raise GradientError(
                "GradientTape: the target is a tensor of TensorFlow, which computed it without a record; write tf.subtract(a, b) for a - b where "
                "a is TensorFlow's, or use symkeras.ops"
            )
        known = [(t, None if weights is None else weights[k]) for k, t in enumerate(parts) if recorder.knows(t)]
        if not known:
            return [None] * len(wanted)
        with recording.set_to(None):
            total = _total([Tensor(t.node) for t, _ in known], None if weights is None else [w for _, w in known])
            nodes = [self._nodes_of(s, recorder) for s in wanted]
            flat = list(dict.fromkeys(n for several in nodes for n in several))
            found = {n: g for n, g in zip(flat, gradients(total, [Tensor(n) for n in flat]), strict=True) if g is not None} if flat else {}
            sums = [summed([found[n] for n in several if n in found]) for several in nodes]
            computed = evaluated([s.node for s in sums if s is not None], recorder)
        out = [None if s is None else Recorded.of(computed[s.node], s.node) for s in sums]
        if not self._is_persistent and recording.current() is not recorder:
            self._recording = None  # what was computed may go
        return out

    def _is_watched(self, source: Any) -> bool:
        return _key(source) in self._watched or (self._watches_variables and isinstance(source, Variable) and source.is_parameter)

    def _nodes_of(self, source: Any, recorder: Recording) -> Sequence[Node]:
        """What stands for a source in what was recorded."""
        if isinstance(source, Variable):
            return recorder.reads.get(source, ()) if self._is_watched(source) else ()
        return (source.node,) if recorder.knows(source) else ()


def watchable(x: Any) -> Any:
    """`x` as an array that a tape can watch, and that has `numpy()`.

    >>> x = watchable([1.0, 3.0])
    >>> with GradientTape() as tape:
    ...     tape.watch(x)
    ...     y = x * x
    >>> tape.gradient(y, x)
    array([2., 6.], dtype=float32)
    """
    if isinstance(x, (Tensor, Recorded)):
        return x
    if np.asarray(x).dtype.kind in "USO":  # texts, which no gradient is taken of
        return np.array(x, object).view(Recorded)
    return np.array(ops.convert_to_tensor(x)).view(Recorded)


def _total(parts: list[Any], weights: Any) -> Any:
    """The sum of all elements of some symbolic tensors, weighted."""
    factors = [None] * len(parts) if weights is None else weights
    return summed([ops.sum(t if w is None else ops.multiply(t, ops.cast(w, t.dtype))) for t, w in zip(parts, factors, strict=True)])


def _key(source: Any) -> Any:
    return source.node if isinstance(source, (Tensor, Recorded)) else id(source) if isinstance(source, np.ndarray) else source
