"""Elementwise operations as functions of PyTorch's tensors, chosen by dtype.

Where PyTorch and NumPy differ the reference decides: integer division by zero gives 0, the sign of NaN is NaN, integers wrap around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from symkeras.backend.engine.tables import by_name
from symkeras.backend.engine.walk import Here
from symkeras.backend.torch import dtypes
from symkeras.backend.torch.dtypes import HELD, Tensor
from symkeras.graph.dtypes import FLOATS, is_inexact, is_int
from symkeras.ops.elementwise import ROWS

_NAMES = {
    "rint": "round", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "mod": "remainder", "power": "pow", "sign": "sgn",
}  # fmt: skip
"""Where PyTorch's name is another one."""
_OWN = by_name([torch], _NAMES)
_MAY_LEAVE = {"add", "subtract", "multiply", "negative", "square", "power", "left_shift", "bitwise_not"}
_ORDERS = {"maximum", "minimum", "less", "less_equal", "greater", "greater_equal"}


def _floor_divide(x: Tensor, y: Tensor) -> Tensor:
    unusual = (y == 0) | (y == -1)  # -1: the quotient of the least integer does not fit
    return torch.where(y == 0, 0, torch.where(y == -1, -x, torch.floor_divide(x, torch.where(unusual, 1, y))))


def _unsigned_floor_divide(x: Tensor, y: Tensor) -> Tensor:
    return torch.where(y == 0, 0, torch.floor_divide(x, torch.where(y == 0, 1, y)))


def _mod(x: Tensor, y: Tensor) -> Tensor:
    """Of integers; 1 leaves no remainder either."""
    return torch.remainder(x, torch.where((y == 0) | (y == -1), 1, y))


_FAR = {torch.float32: 2.0**100, torch.float64: 2.0**700}
"""More than the third root of the largest quotient that there is."""


def _float_mod(x: Tensor, y: Tensor) -> Tensor:
    """In steps, by multiples of `y` first: PyTorch gives NaN where the quotient is more than the largest number."""
    found, far = x, _FAR.get(x.dtype)
    for multiple in (y * far * far, y * far) if far is not None else ():
        found = torch.fmod(found, multiple)
    found = torch.fmod(found, y)
    found = torch.where((found != 0) & ((found < 0) != (y < 0)), found + y, found)
    return torch.where(found == 0, torch.copysign(found, y), found)


def _sign(x: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), x, torch.sign(x))


def _arctan2(y: Tensor, x: Tensor) -> Tensor:
    """Of huge numbers of a part of both: PyTorch divides by one of them first, and where denormals are flushed that is a division by nothing."""
    far = torch.finfo(x.dtype).max / 16
    part = torch.where(torch.maximum(torch.abs(x), torch.abs(y)) > far, 1 / 16, torch.ones((), dtype=x.dtype, device=x.device))
    return torch.atan2(y * part, x * part)


def _float_power(x: Tensor, y: Tensor) -> Tensor:
    """With the values of C's pow for 0.5, for which PyTorch takes the square root."""
    root = (y == 0.5) & ((x == 0) | (x == -torch.inf))
    return torch.where(root, torch.abs(x), torch.pow(x, y))


def _power(x: Tensor, y: Tensor) -> Tensor:
    """Of integers by squaring, so that they wrap around."""
    bits = 8 * x.element_size()
    x, y = torch.broadcast_tensors(x, y)
    out, square = torch.ones_like(x), x
    for k in range(bits):
        out = torch.where((y >> k) & 1 == 1, out * square, out)
        square = square * square
    return out


def _unsigned(name: str, dtype: str) -> Callable[..., Tensor] | None:
    """What an unsigned dtype needs of its own; None where it needs nothing."""
    if name in ("absolute", "rint", "floor", "ceil", "trunc"):
        return lambda x: x
    if name == "sign":
        return lambda x: (x != 0).to(x.dtype)
    if dtype == "uint64":
        if name in _ORDERS:
            return dtypes.ordered(_OWN[name])
        return {"right_shift": dtypes.shifted_right, "floor_divide": lambda x, y: dtypes.divided(x, y)[0],
                "mod": lambda x, y: dtypes.divided(x, y)[1]}.get(name)  # fmt: skip
    if name == "left_shift":
        bits = 8 * int(dtype[4:]) // 8
        return lambda x, y: dtypes.wrapped(torch.where(y >= bits, 0, torch.bitwise_left_shift(x, y.clamp(max=bits))), dtype)
    if name == "floor_divide":
        return _unsigned_floor_divide
    return (lambda x, y: torch.remainder(x, torch.where(y == 0, 1, y)) * (y != 0)) if name == "mod" else None


_OF_FLOATS = {"sign": _sign, "arctan2": _arctan2}


def function(name: str, dtype: str) -> Callable[..., Tensor]:
    """The function of an op of the table for inputs of a dtype."""
    own: Callable[..., Tensor] | None = None
    if dtype.startswith("u") and dtype != "uint8":
        own = _unsigned(name, dtype)
    if name == "absolute" and dtype == "bool":
        return torch.clone
    if own is None and name in _OF_FLOATS and dtype in FLOATS:
        own = _OF_FLOATS[name]
    if own is None and name in ("floor_divide", "mod", "power"):
        of_integers = {"floor_divide": _unsigned_floor_divide if dtype == "uint8" else _floor_divide, "mod": _mod, "power": _power}
        of_floats = {"floor_divide": torch.floor_divide, "mod": _float_mod, "power": _float_power if dtype in FLOATS else torch.pow}
        own = of_integers[name] if is_int(dtype) else of_floats[name]
        if name == "mod" and dtype == "uint8":
            own = lambda x, y: torch.remainder(x, torch.where(y == 0, 1, y)) * (y != 0)  # noqa: E731
    if own is None and name in ("absolute", "sign") and dtype == "uint8":
        own = torch.abs if name == "absolute" else torch.sign
    own = own or _OWN[name]
    return dtypes.wraps(own, dtype) if name in _MAY_LEAVE else own


def _row(here: Here) -> Callable[..., Tensor]:
    return function(here.node.op.name, here.node.inputs[0].dtype)


_LARGEST_ROUNDED = 464
"""The largest number that is rounded to one of float8_e4m3fn, to 448."""


def cast(here: Here) -> Callable[..., Tensor]:
    """Between dtypes, as NumPy's astype."""
    before, after = here.node.inputs[0].dtype, here.node.dtype
    target = HELD[after]
    if before == after:
        return lambda x: x
    if after == "bool":
        return lambda x: x.to(torch.bool)
    if before.startswith("complex") and not after.startswith("complex"):
        return lambda x: x.real.to(target)
    if before == "uint64" and is_inexact(after):
        return lambda x: dtypes.as_float(x, target)
    if after == "uint64" and is_inexact(before):
        return dtypes.from_float
    if after == "float8_e4m3fn":  # which has no infinity: PyTorch gives the largest number for what is beyond it
        return lambda x: torch.where(torch.abs(x) > _LARGEST_ROUNDED, torch.nan, x).to(target)
    if after in dtypes.WIDE:
        return lambda x: dtypes.wrapped(x.to(torch.int64), after).to(target)
    return lambda x: x.to(target)


SPECIAL: dict[str, Any] = {**dict.fromkeys(ROWS, _row), "cast": cast}
"""For the table of the backend."""
