"""Operators and NumPy functions on symbolic tensors and variables: `x + 1`, `x[:, 0]`, `np.exp(x)` build nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import SymbolicValueError
from symkeras.graph import provenance
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops import elementwise as ew
from symkeras.ops import reductions, shaping, subscripts
from symkeras.ops.leaves import cast
from symkeras.ops.linalg import matmul
from symkeras.ops.op import as_tensor

_BINARY = {
    "add": ew.add_, "sub": ew.subtract, "mul": ew.multiply, "truediv": ew.divide, "floordiv": ew.floor_divide, "mod": ew.mod,
    "pow": ew.power, "and": None, "or": None, "xor": None, "lshift": ew.left_shift, "rshift": ew.right_shift,
}  # fmt: skip
_COMPARE = {"eq": ew.equal, "ne": ew.not_equal, "lt": ew.less, "le": ew.less_equal, "gt": ew.greater, "ge": ew.greater_equal}
_NUMBERS = (bool, int, float, complex, np.ndarray, np.generic, Tensor, list, tuple)
_LOGIC = {"and": (ew.logical_and, ew.bitwise_and), "or": (ew.logical_or, ew.bitwise_or), "xor": (ew.logical_xor, ew.bitwise_xor)}


def _binary(name: str, fn: Any) -> tuple[Any, Any]:
    if fn is None:
        logical, bitwise = _LOGIC[name]

        def choose(a: Any, b: Any) -> Any:
            both_bool = all(getattr(v, "dtype", None) in ("bool", np.dtype(bool)) or isinstance(v, bool) for v in (a, b))
            return (logical if both_bool else bitwise)(a, b)

        fn = choose

    def forward(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else fn(self, other)

    def reflected(self: Any, other: Any) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else fn(other, self)

    return forward, reflected


def _compare(fn: Any, name: str) -> Any:
    def compare(self: Any, other: Any) -> Any:
        if other is None or isinstance(other, str):
            return name == "ne" if name in ("eq", "ne") else NotImplemented
        return fn(self, other)

    return compare


def _round(self: Any, ndigits: int | None = None) -> Any:
    from symkeras.ops.numpy import round

    return round(self, ndigits or 0)


def _among_variables(compare: Any, name: str) -> Any:
    """Two variables are equal where they are one, since they are keys of dictionaries; to numbers their elements are compared."""

    def equal(self: Any, other: Any) -> Any:
        if isinstance(other, Variable):
            return (self is other) == (name == "eq")
        return compare(self, other) if isinstance(other, _NUMBERS) else NotImplemented

    return equal


def _invert(self: Any) -> Any:
    return ew.logical_not(self) if self.dtype == "bool" else ew.bitwise_not(self)


def install(cls: type) -> None:
    """Give `cls` Python's operators; `&`, `|` and `^` of a variable are logical whatever it holds, as in Keras."""
    for name, fn in _BINARY.items():
        forward, reflected = _binary(name, _LOGIC[name][0] if cls is Variable and name in _LOGIC else fn)
        setattr(cls, f"__{name}__", forward)
        setattr(cls, f"__r{name}__", reflected)
    for name, fn in _COMPARE.items():
        compare = _compare(fn, name)
        setattr(cls, f"__{name}__", _among_variables(compare, name) if cls is Variable and name in ("eq", "ne") else compare)
    cls.__neg__ = ew.negative  # type: ignore[attr-defined]
    cls.__pos__ = lambda self: self  # type: ignore[attr-defined]
    cls.__round__ = _round  # type: ignore[attr-defined]
    cls.__abs__ = ew.absolute  # type: ignore[attr-defined]
    cls.__invert__ = _invert  # type: ignore[attr-defined]
    cls.__getitem__ = subscripts.getitem  # type: ignore[attr-defined]
    cls.__matmul__ = matmul  # type: ignore[attr-defined]
    cls.__rmatmul__ = lambda self, other: matmul(other, self)  # type: ignore[attr-defined]


def _as_assigned(self: Variable, value: Any) -> Tensor:
    tensor = cast(as_tensor(value, dtype=self.dtype), self.dtype)
    return shaping.broadcast_to(tensor, self.shape) if tensor.ndim == 0 else tensor


def _iterate(self: Tensor) -> Any:
    return (self[k] for k in range(len(self)))


def _array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
    from symkeras import ops

    function = UFUNCS.get(ufunc) or getattr(ops, ufunc.__name__, None)
    if method != "__call__" or function is None or out is not None or kwargs:
        raise SymbolicValueError(
            f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} has no symbolic form at {provenance.user_line()}; see symkeras.ops"
        )
    return function(*inputs)


def _array_function(self: Any, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    from symkeras import ops

    function = getattr(ops, func.__name__, None)
    if function is None:
        raise SymbolicValueError(f"np.{func.__name__} has no symbolic form at {provenance.user_line()}; see symkeras.ops")
    return function(*args, **kwargs)


_RENAMED = {np.true_divide: ew.divide, np.remainder: ew.mod, np.invert: ew.bitwise_not, np.conjugate: lambda x: x, np.positive: lambda x: x}


def _ufunc_table() -> dict[Any, Any]:
    table = {row.op.fn: row for row in ew.ROWS.values() if isinstance(row.op.fn, np.ufunc)}
    table[np.power] = ew.power
    table[np.float_power] = ew.power
    table[np.matmul] = matmul
    return {**table, **_RENAMED}


UFUNCS = _ufunc_table()

install(Tensor)
install(Variable)
Tensor.__iter__ = _iterate  # type: ignore[attr-defined]
Tensor.T = property(shaping.transpose, doc="The tensor with its axes in reverse order.")  # type: ignore[attr-defined]
Variable._as_assigned = _as_assigned  # type: ignore[method-assign]
for _cls in (Tensor, Variable):
    _cls.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
    _cls.__array_function__ = _array_function  # type: ignore[attr-defined]
for _name in ("sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin", "std", "var", "cumsum"):
    setattr(Tensor, _name, getattr(reductions, _name))
Tensor.squeeze = lambda self, axis=None: shaping.squeeze(self, axis)  # type: ignore[attr-defined]
Tensor.reshape = lambda self, *shape: shaping.reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)  # type: ignore[attr-defined]
Tensor.astype = cast  # type: ignore[attr-defined]
