"""`Variable`: a named array that a graph can read and update.

The array of a variable stays where it is: `assign` writes into it, so that compiled functions, which hold views, see
the new value. Variables that are updated together may share one flat array (`Pack`); each then owns a view of it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any
from weakref import WeakSet

import numpy as np

from symkeras import locks
from symkeras.errors import ArgumentTypeError, ConfigError, ShapeError, SymbolicValueError
from symkeras.graph import autocast, dtypes, provenance, recording, residence, room, stateless, tracing
from symkeras.graph.arithmetic import Arithmetic
from symkeras.graph.node import OPS, Node, keyed_by_identity, make
from symkeras.graph.ownership import note_change
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType

_counter = itertools.count()
_epoch = [0]
_write_numbers, _moves, _watchings = itertools.count(1), itertools.count(1), itertools.count(1)
_watched = [0]
_watching = locks.reentrant_lock()


def storage_epoch() -> int:
    """Grows whenever variables move to another storage: compiled functions then look whether theirs did."""
    return _epoch[0]


class Watch:
    """Sees when some variables are written: what was computed from their values is good while `last` stays the same.

    >>> a, b = Variable([1.0]), Variable([2.0])
    >>> watch = Watch([a]); before = watch.last
    >>> _ = b.assign([3.0]); watch.last == before
    True
    >>> _ = a.assign([3.0]); watch.last == before
    False
    """

    def __init__(self, variables: Iterable[Variable]):
        self.last = 0
        with _watching:
            for storage in {v.storage for v in variables}:
                storage.watches.add(self)
        _watched[0] = next(_watchings)


class Writer:
    """Tells whoever watches some variables that they were written."""

    def __init__(self, variables: Iterable[Variable]):
        self._storages = list({v.storage for v in variables})
        self._watches: list[Watch] = []
        self._known = -1

    def wrote(self) -> None:
        """To be called after writing into the storage of the variables, interrupted or not."""
        if self._known != _watched[0]:  # somebody watches something since
            with _watching:
                self._known = _watched[0]
                self._watches = list({w for s in self._storages for w in s.watches})
        for w in self._watches:
            w.last = next(_write_numbers)


def _wrote(storage: Variable | Pack) -> None:
    """What a `Writer` that is used once does."""
    if storage.watches:
        with _watching:
            watches = list(storage.watches)
        for w in watches:
            w.last = next(_write_numbers)


@keyed_by_identity
class Variable(Arithmetic):
    """A trainable or stateful tensor with a value.

    Args:
        initializer: an array, a callable `(shape, dtype) -> array`, or the name of an initializer.
        shape: needed with a callable initializer or a name; all sizes must be ints.
        dtype: a dtype name; an array keeps its own (float64 becomes `floatx`) when None.
        trainable: whether gradients are taken with respect to it.
        name: shown in summaries and graphs.
        regularizer, constraint: kept for the layer and the optimizer that apply them.
        symbolic: whether operators on it build nodes outside of traces too, as those of `K.variable` do.
        autocast: whether a layer that computes in another dtype than it keeps weights in reads it in that one.

    >>> v = Variable([1.0, 2.0], name="v")
    >>> v.assign_add([1.0, 1.0])
    array([2., 3.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
        regularizer: Any = None,
        constraint: Any = None,
        symbolic: bool = False,
        autocast: bool = True,
    ):
        self.uid = next(_counter)
        array = _initial(initializer, shape, dtype, name)
        self._array = array
        self.name = name or f"variable_{self.uid}" if self.uid else name or "variable"
        within, layer = provenance.variable_path(), provenance.layer_path()
        self.path = f"{within}/{self.name}" if within else self.name
        self.place = f"{layer}/{self.name}" if layer else self.name
        self.is_parameter = trainable
        self.is_frozen = False  # by its layer: the layer, and not this, says what a model trains
        self.regularizer = regularizer
        self.constraint = constraint
        self.symbolic = symbolic
        self.autocast = autocast
        self.overwrite_with_gradient = False
        self.pack: Pack | None = None
        self.flat_of: Pack | None = None
        self.like: Variable | None = None  # the variable whose slot in an optimizer this is
        self.watches: WeakSet[Watch] = WeakSet()
        self.copies: dict[Any, residence.Copies] = {}
        self._node: Node | None = None

    @classmethod
    def unset(cls, type: TensorType, name: str) -> Variable:
        """A variable of a parsed graph: zeros until it is set."""
        shape = tuple(d if isinstance(d, int) else 0 for d in type.shape)
        variable = cls(np.zeros((), type.dtype), dtype=type.dtype, name=name)
        variable._array = np.zeros(shape, type.dtype)  # not copied: zeros that nobody touches take no memory
        return variable

    @property
    def trainable(self) -> bool:
        """Whether gradients are taken with respect to it, as far as its layer is not frozen."""
        return self.is_parameter and not self.is_frozen

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.is_parameter, self.is_frozen = value, self.is_frozen and not value
        note_change()

    @property
    def regularizer(self) -> Any:
        """The penalty on it, a function of its value, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = self._function_or_none("regularizer", value)

    @property
    def constraint(self) -> Any:
        """What is made of its value after each step, by a function, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = self._function_or_none("constraint", value)

    def _function_or_none(self, what: str, value: Any) -> Any:
        if value is not None and not callable(value):
            raise ConfigError(f"variable {getattr(self, 'path', '')!r}: {what} must be a function or None, received {value!r}")
        return value

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether optimizers assign the gradient to it, rather than take a step along it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ArgumentTypeError(f"variable {self.path!r}: overwrite_with_gradient must be True or False, received {value!r}")
        self._overwrite_with_gradient = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> str:
        return dtypes.standardize(self._array.dtype)

    @property
    def read_dtype(self) -> str:
        """The dtype of what is read here and now: within a layer that computes in another dtype than it keeps weights in, that one."""
        asked = autocast.current()
        own = self.dtype
        return own if asked is None or not self.autocast or not dtypes.is_float(own) else asked

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def array(self) -> np.ndarray:
        """The storage itself, with the newest value: for backends, which read it in place, and write it if they have a `Writer` say so."""
        if residence.AWAY:
            residence.bring_home(self.storage)
        return self._array

    @property
    def home(self) -> np.ndarray:
        """The storage itself, whatever it holds."""
        return self._array

    @property
    def storage(self) -> Variable | Pack:
        """What is written together: the pack that the variable lies in, or itself."""
        return self.flat_of or self.pack or self

    def has_moved(self, storage: np.ndarray) -> bool:
        """Whether `storage` is no longer where the value lives (for a flat variable: where its parts live)."""
        if self.flat_of is not None:
            return any(v.pack is not self.flat_of for v in self.flat_of.variables)
        return self.home is not storage

    @property
    def path(self) -> str:
        """The names of what it was made in, and its own."""
        return self._path

    @path.setter
    def path(self, value: str) -> None:
        self._path = self.place = value

    @property
    def node(self) -> Node:
        """The leaf that stands for this variable in graphs."""
        if self._node is None:
            with provenance.inherit(provenance.current()):
                self._node = make(OPS["variable"], (), {"name": self.place, "variable": self}, TensorType(self.shape, self.dtype))
        return self._node

    @property
    def value(self) -> Any:
        """The current value: an array, or a symbolic tensor inside a trace."""
        trace = tracing.current()
        if trace is not None:
            return self._as_read(trace.read(self))
        if self.symbolic:
            return self._as_read(Tensor(self.node))
        recorder = recording.current()
        return self._as_read(self.numpy() if recorder is None else recorder.read(self))

    def numpy(self) -> np.ndarray:
        """A copy of the current value."""
        return self.array.copy()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.array.astype(dtype) if dtype is not None else self.array.copy()

    def __reduce__(self) -> Any:
        """A copy, also a pickled one, is another variable with the same value."""
        settings = {"autocast": self.autocast, "_path": self.path, "place": self.place, "regularizer": self.regularizer,
                    "constraint": self.constraint, "like": self.like, "is_frozen": self.is_frozen,
                    "overwrite_with_gradient": self.overwrite_with_gradient}  # fmt: skip
        return _copied, (self.numpy(), self.dtype, self.is_parameter, self.name, self.symbolic), settings

    def __float__(self) -> float:
        """The value of a variable of one element; it has none inside of a trace."""
        return float(self._one())

    def __bool__(self) -> bool:
        raise SymbolicValueError(f"variable {self.path!r} has no truth value of its own: compare it with None, or write bool({self.name}.numpy())")

    def __int__(self) -> int:
        """The value of a variable of one element; it has none inside of a trace."""
        return int(self._one())

    def _one(self) -> Any:
        if self.size != 1:
            raise SymbolicValueError(f"variable {self.path!r} of shape {self.shape} is no number: only one of a single element is")
        value = self.value
        return value if isinstance(value, Tensor) else value.item()

    def __hash__(self) -> int:
        return id(self)

    def assign(self, value: Any) -> Any:
        """Give the variable a new value of the same shape, and return it; inside a trace this records an update.

        Raises:
            ShapeError: the new value has another shape.
        """
        trace = tracing.current()
        if trace is None:
            self.set(value)
            return np.asarray(value, self._array.dtype)
        tensor = self._as_assigned(value)
        if tensor.dims != self.shape:
            raise ShapeError(f"variable {self.path!r} has shape {self.shape}; cannot assign {tensor.node.type}")
        trace.write(self, tensor)
        return tensor

    @staticmethod
    def _by_name(name: str) -> Callable[..., Any]:
        """The initializer of that name. `symkeras.initializers` installs this."""
        raise NotImplementedError

    def _as_assigned(self, value: Any) -> Tensor:
        """`value` as a tensor of the variable's dtype, a scalar in its shape. `symkeras.ops` installs this."""
        raise NotImplementedError

    def _as_read(self, value: Any) -> Any:
        """The value in the dtype of `read_dtype`. `symkeras.ops` installs this."""
        raise NotImplementedError

    def assign_add(self, value: Any) -> Any:
        """Add to the variable."""
        with autocast.reading_as(None):
            return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the variable."""
        with autocast.reading_as(None):
            return self.assign(self.value - value)

    def set(self, value: Any) -> None:
        """Write a concrete value into the storage, whatever is being traced."""
        array = np.asarray(value)
        if array.shape != self._array.shape:
            raise ShapeError(
                f"variable {self.path!r} expects shape {self._array.shape}, received an array of shape {array.shape}"
            )
        scope = stateless.current()
        if scope is not None:
            scope.noted(self)
        try:
            self.array[...] = array
        finally:
            _wrote(self.storage)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={np.array2string(self.array, threshold=4)}>"


def first_value(initializer: Callable[..., Any], shape: tuple[int, ...], dtype: str) -> Any:
    """What an initializer gives; functions as Keras 1 and 2 took them know no dtype, and may want a name.

    >>> first_value(lambda shape, name: np.ones(shape), (2,), "float32").tolist()
    [1.0, 1.0]
    """
    known = inspect.signature(initializer).parameters if isinstance(initializer, (FunctionType, functools.partial)) else {}
    if not known or "dtype" in known or any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return initializer(shape, dtype=dtype)
    return initializer(shape, **({"name": None} if "name" in known else {}))


def _copied(array: np.ndarray, dtype: str, trainable: bool, name: str, symbolic: bool) -> Variable:
    return Variable(array, dtype=dtype, trainable=trainable, name=name, symbolic=symbolic)


class Pack:
    """One flat array that holds several variables, one after the other.

    >>> a, b = Variable(np.ones((2, 2)), name="a"), Variable(np.zeros(3), name="b")
    >>> pack = Pack([a, b], "parameters")
    >>> pack.array.shape, a.shape, pack.offsets
    ((7,), (2, 2), {'a': 0, 'b': 4})
    """

    def __init__(self, variables: Sequence[Variable], name: str):
        self.variables = tuple(variables)
        self.name = name
        self.array = np.concatenate([v.array.ravel() for v in variables])
        self.watches: WeakSet[Watch] = WeakSet()
        self.copies: dict[Any, residence.Copies] = {}
        self._starts: dict[Variable, int] = {}
        self._flat: dict[tuple[int, int], Variable] = {}
        start = 0
        for v in variables:
            self._starts[v] = start
            v._array = self.array[start : start + v.size].reshape(v.shape)
            v.pack = self
            start += v.size
        _epoch[0] = next(_moves)

    @property
    def offsets(self) -> dict[str, int]:
        """Where each variable begins, in elements, by path."""
        return {v.path: start for v, start in self._starts.items()}

    def start(self, variable: Variable) -> int:
        """Where `variable` begins, in elements."""
        return self._starts[variable]

    def flat(self, first: Variable, last: Variable) -> Variable:
        """One flat variable over the storage from `first` to `last`; the same one for the same stretch."""
        key = (self._starts[first], self._starts[last] + last.size)
        if key not in self._flat:
            flat = Variable(self.array[key[0] : key[1]], dtype=self.array.dtype, name=f"{self.name}[{key[0]}:{key[1]}]")
            flat._array = self.array[key[0] : key[1]]
            flat.path = flat.name
            flat.flat_of = self
            self._flat[key] = flat
        return self._flat[key]


def _initial(initializer: Any, shape: Sequence[int] | None, dtype: Any, name: str | None) -> np.ndarray:
    if isinstance(initializer, str):
        initializer = Variable._by_name(initializer)
    if isinstance(initializer, Callable):
        if shape is None:
            raise ShapeError(f"variable {name!r}: a callable initializer needs a shape")
        shape = tuple(int(d) for d in shape)
        room.take(shape, dtypes.standardize(dtype), f"variable {name!r}")
        with tracing.suspended():
            value = first_value(initializer, shape, dtypes.standardize(dtype))
    else:
        value = initializer.numpy() if isinstance(initializer, Variable) else np.asarray(initializer)
        if dtype is None and value.dtype == np.float64:
            dtype = dtypes.config.floatx()
        if dtype is None and value.dtype == np.int64 and not isinstance(initializer, np.ndarray):
            dtype = "int32"
    array = np.array(value, dtype=dtypes.standardize(dtype) if dtype is not None else None, order="C")
    if shape is not None and tuple(shape) != array.shape:
        raise ShapeError(f"variable {name!r} expects shape {tuple(shape)}, its initial value has shape {array.shape}")
    return array
