"""What of TensorFlow is no plain function of tensors: dtypes, variables, tapes, compiled functions, data sets, and a few settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

import symkeras
from symkeras import ops, tree
from symkeras.autodiff import watchable
from symkeras.autodiff.tape import GradientTape
from symkeras.graph import dtypes, recording, tracing
from symkeras.graph.variable import Variable as KerasVariable
from symkeras.ops.op import is_recorded, is_symbolic
from symkeras.tensorflow_names import functions
from symkeras.tensorflow_names.dataset import AUTOTUNE, INFINITE, UNKNOWN, Dataset, text_lines
from symkeras.utils import set_random_seed


class DType(str):
    """The name of a dtype, with the attributes that TensorFlow's dtypes have."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)

    @property
    def as_numpy_dtype(self) -> Any:
        """The type of NumPy."""
        return np.dtype(dtypes.standardize(str(self))).type

    @property
    def is_floating(self) -> bool:
        return "float" in self

    @property
    def is_integer(self) -> bool:
        return "int" in self

    @property
    def max(self) -> Any:
        """The largest number."""
        return dtypes.limits(str(self)).max if self.is_floating else np.iinfo(str(self)).max

    @property
    def min(self) -> Any:
        """The smallest number."""
        return dtypes.limits(str(self)).min if self.is_floating else np.iinfo(str(self)).min


class _OfAllTensors(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return ops.is_tensor(instance)


class Tensor(metaclass=_OfAllTensors):
    """What arrays and symbolic tensors are instances of."""


def variable(initial_value: Any = None, trainable: bool = True, validate_shape: bool = True, caching_device: Any = None, name: str | None = None,
             variable_def: Any = None, dtype: Any = None, import_scope: Any = None, constraint: Any = None, synchronization: Any = None,
             aggregation: Any = None, shape: Any = None) -> KerasVariable:  # fmt: skip
    """A variable with an initial value, which may also be a function that gives it."""
    value = initial_value() if callable(initial_value) and not isinstance(initial_value, (np.ndarray, KerasVariable)) else initial_value
    return KerasVariable(np.asarray(ops.convert_to_tensor(value, dtype)), dtype=dtype, trainable=trainable, name=name, constraint=constraint)


class _OfAllVariables(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, KerasVariable)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return variable(*args, **kwargs)


class Variable(metaclass=_OfAllVariables):
    """What variables are instances of; called, it makes one."""


def function(func: Callable[..., Any] | None = None, input_signature: Any = None, autograph: Any = True, jit_compile: Any = None,
             reduce_retracing: Any = False, **_: Any) -> Any:  # fmt: skip
    """A Python function of tensors, compiled once per signature by `symkeras.function`."""
    if func is None:
        return functools.partial(function)
    compiled = symkeras.function(func)

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_computing(*args, *kwargs.values()):
            return func(*args, **kwargs)
        return tree.map_structure(with_numpy, compiled(*args, **kwargs))

    call.python_function = func  # type: ignore[attr-defined]
    return call


def is_computing(*values: Any) -> bool:
    """Whether symkeras traces or records just now, or one of `values` (or of what is in them) is its own."""
    if tracing.current() is not None or recording.current() is not None:
        return True
    return any(isinstance(v, KerasVariable) or is_symbolic(v) or is_recorded(v) for v in tree.flatten(list(values)))


def with_numpy(x: Any) -> Any:
    """Arrays as arrays that have `numpy()`; anything else as it is."""
    return watchable(x) if isinstance(x, (np.ndarray, np.generic)) and np.asarray(x).dtype.kind in "biufOU" and not is_recorded(x) else x


def given(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the table, whose arrays have `numpy()`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        return tree.map_structure(with_numpy, result) if fn is not functions.shape else result

    call.__name__, call.__doc__ = getattr(fn, "__name__", "call"), inspect.getdoc(fn)
    return call


def tensor_shape(dims: Any = None) -> tuple[Any, ...]:
    """A shape as a tuple."""
    return tuple(dims if isinstance(dims, (list, tuple)) else () if dims is None else (dims,))


def tensor_spec(shape: Any = None, dtype: Any = "float32", name: str | None = None) -> Any:
    """A symbolic tensor of a shape and dtype, None where a size is not known."""
    return symkeras.KerasTensor(tuple(shape or ()), dtype=dtype, name=name)


DTYPES = {n: DType(n) for n in (*dtypes.FLOATS[-4:], *dtypes.SIGNED, *dtypes.UNSIGNED, "bool")}
ALWAYS: dict[str, Any] = {
    "GradientTape": GradientTape, "Variable": Variable, "function": function,
}  # fmt: skip
"""What is symkeras' also beside an installed TensorFlow, whose own would know nothing of symkeras' variables."""


def _as_bytes(bytes_or_text: str | bytes, encoding: str = "utf-8") -> bytes:
    return bytes_or_text.encode(encoding) if isinstance(bytes_or_text, str) else bytes_or_text


def _as_text(bytes_or_text: str | bytes, encoding: str = "utf-8") -> str:
    return bytes_or_text.decode(encoding) if isinstance(bytes_or_text, bytes) else bytes_or_text


VALUES: dict[str, Any] = {
    **DTYPES, "double": DTYPES["float64"], "newaxis": None, "Tensor": Tensor, "TensorShape": tensor_shape, "TensorSpec": tensor_spec,
    "random.set_seed": set_random_seed, "data.Dataset": Dataset, "data.AUTOTUNE": AUTOTUNE, "data.experimental.AUTOTUNE": AUTOTUNE,
    "data.INFINITE_CARDINALITY": INFINITE, "data.UNKNOWN_CARDINALITY": UNKNOWN,
    "data.experimental.INFINITE_CARDINALITY": INFINITE, "data.experimental.UNKNOWN_CARDINALITY": UNKNOWN,
    "is_tensor": ops.is_tensor, "executing_eagerly": lambda: tracing.current() is None, "print": print,
    "device": lambda device_name: nullcontext(), "name_scope": symkeras.name_scope, "no_op": lambda name=None: None,
    "string": DType("string"), "config.list_logical_devices": lambda device_type=None: [], "data.TextLineDataset": text_lines,
    "config.list_physical_devices": lambda device_type=None: [], "config.experimental.list_physical_devices": lambda device_type=None: [],
    "autograph.experimental.do_not_convert": lambda func=None, **_: func if func is not None else (lambda f: f),
    "compat.as_bytes": _as_bytes, "compat.as_str": _as_text, "compat.as_text": _as_text,
    "nest.map_structure": tree.map_structure, "nest.flatten": tree.flatten,
}  # fmt: skip


def table() -> dict[str, Any]:
    """Every name, without `tf.`, of what stands in for TensorFlow where it is not installed."""
    return {**VALUES, **ALWAYS, **{path: given(fn) for path, fn in functions.by_path().items()}}
