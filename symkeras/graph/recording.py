"""Recording: while a tape is open, what is computed on arrays is also written down as nodes, so that gradients can be taken of it.

Values stay arrays: Python that looks at them, prints them or branches on them goes on as before. `symkeras.ops` computes and
writes down; here is who records, and what a recorded array is.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.foreign_dtypes import kind
from symkeras.graph.node import Node, placeholder_node
from symkeras.graph.types import of_array

if TYPE_CHECKING:
    from symkeras.graph.variable import Variable


class Recorded(np.ndarray):
    """An array that a tape knows: `node` says what it was computed from. NumPy's functions and operators on it are recorded, too.

    Once the tape is closed it is an array like any other.
    """

    __array_priority__: Any = 1000  # type: ignore[assignment]  # beside a tensor of TensorFlow it is this one that computes
    node: Node | None = None
    _keras_mask: Any = None
    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, array: Any, node: Node | None) -> Recorded:
        """`array` seen as the value of `node`."""
        result = np.asarray(array).view(cls)
        result.node = node
        return result

    def numpy(self) -> Any:
        """A copy as a plain array; texts as bytes in UTF-8, one text as these alone, since so it is with TensorFlow."""
        if self.dtype.kind not in "OU":
            return np.array(np.asarray(self))
        texts = np.frompyfunc(lambda t: t.encode() if isinstance(t, str) else t, 1, 1)(np.asarray(self, object))
        return texts if self.ndim else np.asarray(texts, object).item()

    def set_shape(self, shape: Any) -> None:
        """Say what shape it has, None for a size that is not known, as scripts written for TensorFlow do.

        Raises:
            ShapeError: it has another one.
        """
        expected = tuple(shape)
        if len(expected) != self.ndim or any(e is not None and e != size for e, size in zip(expected, self.shape, strict=True)):
            raise ShapeError(f"set_shape: an array of shape {self.shape} cannot have shape {expected}")

    def __repr__(self) -> str:
        return repr(np.asarray(self))

    def __str__(self) -> str:
        return str(np.asarray(self))

    def __format__(self, spec: str) -> str:
        return format(np.asarray(self)[()], spec)


def copied(array: np.ndarray) -> np.ndarray:
    """A copy, of which a tape knows what it knows of the array."""
    copy = np.array(array)
    return Recorded.of(copy, array.node) if isinstance(array, Recorded) else copy


class Recording:
    """What was computed since a tape was opened.

    Attributes:
        values: the value of every node written down.
        reads: for each variable the leaves that stand for its values, one per reading.
        watched: variables that are recorded although they are not trainable.
    """

    def __init__(self) -> None:
        self.values: dict[Node, Any] = {}
        self.reads: dict[Variable, list[Node]] = {}
        self.watched: set[Variable] = set()

    def read(self, variable: Variable) -> np.ndarray:
        """The value of a variable, recorded where somebody may want its gradient."""
        array = variable.numpy()
        if not (variable.is_parameter or variable in self.watched) or kind(array.dtype) != "f":
            return array
        recorded = self.leaf(array, variable.path)
        self.reads.setdefault(variable, []).append(recorded.node)  # type: ignore[arg-type]
        return recorded

    def leaf(self, array: np.ndarray, name: str = "recorded") -> Recorded:
        """An array that nothing is known of but its value."""
        node = placeholder_node(of_array(array), name)
        self.values[node] = np.asarray(array)
        return Recorded.of(array, node)

    def knows(self, x: Any) -> bool:
        """Whether `x` was computed while this records."""
        return isinstance(x, Recorded) and x.node is not None and x.node in self.values


class _State(threading.local):
    recording: Recording | None = None


_state = _State()


def current() -> Recording | None:
    """Who records in this thread, if anybody."""
    return _state.recording


class set_to:
    """Context in which `recording` records, or nobody does where it is None."""

    def __init__(self, recording: Recording | None):
        self._recording = recording

    def __enter__(self) -> None:
        self._before, _state.recording = _state.recording, self._recording

    def __exit__(self, *_: object) -> None:
        _state.recording = self._before
