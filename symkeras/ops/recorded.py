"""Operators, NumPy's functions and methods on recorded arrays: while a tape is open they are operations, afterwards NumPy's own."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from symkeras.errors import GradientError
from symkeras.foreign_dtypes import kind
from symkeras.graph.recording import Recorded
from symkeras.graph.variable import Variable
from symkeras.ops import reductions, shaping, subscripts
from symkeras.ops.op import OPS, compute, is_recorded

_IN_PLACE = {"iadd": np.add, "isub": np.subtract, "imul": np.multiply, "itruediv": np.divide, "ipow": np.power, "imatmul": np.matmul}
_REDUCTIONS = {np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.max, np.minimum: reductions.min}


def _plain(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(map(_plain, x)) if not hasattr(x, "_fields") else x
    if isinstance(x, Variable):
        return x.array
    return np.asarray(x) if isinstance(x, Recorded) else x


def _array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
    from symkeras.ops.operators import UFUNCS

    if is_recorded(*inputs):
        if method == "__call__" and ufunc in UFUNCS and out is None and not kwargs:
            return UFUNCS[ufunc](*inputs)
        if method == "reduce" and ufunc in _REDUCTIONS and out in (None, (None,)):
            return _REDUCTIONS[ufunc](inputs[0], axis=kwargs.get("axis", 0), keepdims=kwargs.get("keepdims", False))
    if out is not None:
        kwargs["out"] = tuple(map(_plain, out))
    result = getattr(ufunc, method)(*map(_plain, inputs), **kwargs)
    return _unless_lost(result, f"np.{ufunc.__name__}", inputs)


def _array_function(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    from symkeras import ops

    if is_recorded(*args, *kwargs.values()):
        function = getattr(ops, func.__name__, None)
        if function is not None and getattr(np, func.__name__, None) is func:
            return function(*args, **kwargs)
    result = func(*map(_plain, args), **{k: _plain(v) for k, v in kwargs.items()})
    return _unless_lost(result, f"np.{func.__name__}", args)


def _unless_lost(result: Any, name: str, inputs: Any) -> Any:
    """What NumPy computed; arrays go on having `numpy()`.

    Raises:
        GradientError: floating numbers that a tape ought to know.
    """
    if not is_recorded(*inputs):
        return seen(result)
    if kind(getattr(result, "dtype", np.dtype(bool))) in "fc":
        raise GradientError(f"{name} is not recorded by a GradientTape: use symkeras.ops, or x.numpy() where no gradient is meant")
    return result


def seen(result: Any) -> Any:
    """Arrays and numbers of NumPy as arrays with `numpy()`."""
    if isinstance(result, tuple):
        return tuple(map(seen, result))
    return np.asarray(result).view(Recorded) if isinstance(result, (np.ndarray, np.generic)) else result


def _either(method: str, op: Any) -> Any:
    """A method that is an operation while a tape is open, and NumPy's own afterwards."""
    own = getattr(np.ndarray, method)

    @functools.wraps(own)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return op(self, *args, **kwargs) if is_recorded(self) else seen(own(np.asarray(self), *args, **kwargs))

    return call


def _sizes(*shape: Any) -> Any:
    return shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape


def _astype(self: Any, dtype: Any, **_: Any) -> Any:
    from symkeras.graph.dtypes import standardize

    return self if self.dtype == np.dtype(dtype) else compute(OPS["cast"], [self], {"dtype": standardize(dtype)})


def _set_item(self: Any, key: Any, value: Any) -> None:
    if is_recorded(self):
        raise GradientError("what a GradientTape records is not written in place: use ops.slice_update, ops.scatter or ops.where")
    np.ndarray.__setitem__(self, key, value)


def _in_place(ufunc: Any) -> Any:
    return lambda self, other: ufunc(self, other)


def _iterate(self: Any) -> Any:
    return (self[k] for k in range(len(self)))


def install() -> None:
    """Give `Recorded` its operators and methods."""
    cls: Any = Recorded
    cls.__array_ufunc__, cls.__array_function__ = _array_ufunc, _array_function
    cls.__setitem__, cls.__iter__ = _set_item, _iterate
    cls.astype = _either("astype", _astype)
    cls.__getitem__ = _either("__getitem__", subscripts.getitem)
    cls.reshape = _either("reshape", lambda x, *shape, **_: shaping.reshape(x, _sizes(*shape)))
    cls.transpose = _either("transpose", lambda x, *axes: shaping.transpose(x, _sizes(*axes) if axes else None))
    cls.flatten = _either("flatten", lambda x, *_: shaping.reshape(x, (-1,)))
    cls.ravel = _either("ravel", lambda x, *_: shaping.reshape(x, (-1,)))
    cls.squeeze = _either("squeeze", shaping.squeeze)
    cls.copy = _either("copy", lambda x, *_: x)
    for name in ("sum", "mean", "max", "min", "prod", "std", "var", "cumsum", "argmax", "argmin"):
        setattr(cls, name, _either(name, getattr(reductions, name)))
    cls.T = property(lambda x: shaping.transpose(x) if is_recorded(x) else np.asarray(x).T)
    for name, ufunc in _IN_PLACE.items():
        setattr(cls, f"__{name}__", _in_place(ufunc))


install()
