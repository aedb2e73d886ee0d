"""Operations as functions of PyTensor's variables: the table of the PyTensor backend.

PyTensor computes what is element by element, moves of elements, loops over sequences, and branches. The rest is Ops of ours (`foreign.py`) that
run in NumPy: what PyTensor lacks (convolutions, pooling), what it has with another meaning (division of integers, sorting, argmax, indexing, random
bits, float16 and complex numbers), reductions, which its C adds up one by one and thus with larger errors, and products, which it hands to NumPy's
BLAS, too, unless it was linked with another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Constant

from symkeras.backend.engine.tables import NOTHING
from symkeras.backend.engine.walk import AXIS_OF_INDICES, Functions, Here
from symkeras.backend.pytensor.control import cond, scan, while_loop
from symkeras.backend.pytensor.foreign import Extent, Kernel, Reference, reference
from symkeras.graph import dims, dtypes
from symkeras.ops.shaping import pad_window

Variable = Any


def _rounded(x: Variable) -> Variable:
    """Halves to the even number, and -0.0 where PyTensor forgets the sign."""
    out = pt.round(x, mode="half_to_even")
    return pt.switch(pt.eq(out, 0), x * np.zeros((), x.dtype), out)


def _larger(x: Variable, y: Variable) -> Variable:
    """By comparing integers as they are: C's maximum goes by doubles, which have fewer digits."""
    return pt.maximum(x, y) if x.dtype.startswith("float") else pt.switch(pt.ge(x, y), x, y)


def _smaller(x: Variable, y: Variable) -> Variable:
    return pt.minimum(x, y) if x.dtype.startswith("float") else pt.switch(pt.le(x, y), x, y)


def _reshape(x: Variable, shape: tuple[int, ...]) -> Variable:
    """A `dimshuffle` where only axes of 1 come and go, which PyTensor sees through."""
    long = [k for k, n in enumerate(x.type.shape) if n != 1]
    if [x.type.shape[k] for k in long] != [n for n in shape if n != 1]:
        return pt.reshape(x, np.array(shape, np.int64), ndim=len(shape))
    rest = iter(long)
    return x.dimshuffle([next(rest) if n != 1 else "x" for n in shape])


def _cut(x: Variable, *slices: slice) -> Variable:
    """`x[slices]`; with bounds of one dtype the C that PyTensor writes is the same for all, and built once."""
    whole = slice(None)
    exact = (slice(*(None if n is None else np.int64(n) for n in (s.start, s.stop, s.step))) for s in slices)
    return x[tuple(whole if range(*s.indices(n)) == range(n) else e for s, e, n in zip(slices, exact, x.type.shape, strict=True))]


def _filled(x: Variable, shape: Sequence[int]) -> Variable:
    return pt.alloc(x, *map(np.int64, shape))


def _slice(x: Variable, starts: Any, stops: Any, strides: Any) -> Variable:
    return _cut(x, *map(slice, starts, stops, strides))


def _flip(x: Variable, axes: Any) -> Variable:
    return _cut(x, *(slice(None, None, -1 if k in axes else 1) for k in range(x.ndim)))


def _pad(x: Variable, padding: Any, value: Any) -> Variable:
    shape = x.type.shape
    whole = _filled(np.array(value, x.dtype), [a + n + b + (n - 1) * g for n, (a, b, g) in zip(shape, padding, strict=True)])
    return pt.set_subtensor(_cut(whole, *pad_window(shape, padding)), x) if 0 not in shape else whole


def _power(x: Variable, y: Variable) -> Variable:
    """C's pow, also where PyTensor calls NumPy, which takes the root for one exponent of 0.5: another value of -0.0 and -inf."""
    out = pt.pow(x, y)
    if isinstance(y, Constant) and not (y.data == 0.5).any():
        return out
    return pt.switch(pt.and_(pt.eq(y, 0.5), pt.or_(pt.eq(x, 0), pt.eq(x, -np.inf))), pt.abs(x), out)


def _not_below_zero(x: Variable) -> Variable:
    """PyTensor 3 ends with an error of its own where it fuses what reads constants alone."""
    return pt.constant(np.maximum(x.data, 0)) if isinstance(x, Constant) else _larger(x, np.zeros((), x.dtype))


def _inside(indices: Variable, size: int) -> Variable:
    """Indices from 0 on; those that are out of range, which a check reports, become ones that are not."""
    indices = pt.cast(indices, "int64")
    return pt.clip(pt.switch(indices < 0, indices + size, indices), np.int64(0), np.int64(size - 1))


PLAIN: dict[str, Callable[..., Variable]] = {
    "add": pt.add, "subtract": pt.sub, "multiply": pt.mul, "divide": pt.true_div, "negative": pt.neg, "absolute": pt.abs, "sign": pt.sign,
    "power": _power, "square": pt.square, "reciprocal": lambda x: pt.true_div(np.ones((), x.dtype), x), "maximum": _larger, "minimum": _smaller,
    "exp": pt.exp, "expm1": pt.expm1, "exp2": pt.exp2, "log": pt.log, "log1p": pt.log1p, "log2": pt.log2, "log10": pt.log10, "sqrt": pt.sqrt,
    "sin": pt.sin, "cos": pt.cos, "tan": pt.tan, "arcsin": pt.arcsin, "arccos": pt.arccos, "arctan": pt.arctan, "arctan2": pt.arctan2,
    "sinh": pt.sinh, "cosh": pt.cosh, "tanh": pt.tanh, "arcsinh": pt.arcsinh, "arccosh": pt.arccosh, "arctanh": pt.arctanh, "erf": pt.erf,
    "floor": pt.floor, "ceil": pt.ceil, "rint": _rounded, "trunc": pt.trunc,
    "equal": pt.eq, "not_equal": pt.neq, "less": pt.lt, "less_equal": pt.le, "greater": pt.gt, "greater_equal": pt.ge,
    "logical_and": pt.and_, "logical_or": pt.or_, "logical_xor": pt.neq, "logical_not": pt.invert,
    "isnan": pt.isnan, "isinf": pt.isinf, "isfinite": lambda x: pt.invert(pt.or_(pt.isnan(x), pt.isinf(x))),
    "bitwise_and": pt.and_, "bitwise_or": pt.or_, "bitwise_xor": pt.xor, "bitwise_not": pt.invert,
    "where": pt.switch, "cast": pt.cast, **NOTHING,
    "reshape": _reshape, "transpose": lambda x, axes: x.dimshuffle(axes),
    "broadcast_to": _filled, "slice": _slice, "flip": _flip, "pad": _pad,
    "concatenate": lambda *x, axis: pt.concatenate(x, axis),
}  # fmt: skip
"""What PyTensor computes; a node of which it would give another type runs by its reference value, which raises what is to be raised."""

KERNELS = {
    "conv", "conv_input_grad", "conv_filter_grad", "max_pool", "max_pool_grad", "max_pool_select", "sum_pool", "sum_pool_grad", "combine_rows",
}  # fmt: skip
"""What runs by the kernels of the NumPy backend."""
REFERENCES = {
    "sum", "prod", "max", "min", "any", "all", "argmax", "argmin", "cumsum", "cumprod", "sort", "argsort", "top_k", "random_bits",
    "floor_divide", "mod", "logaddexp", "erfinv", "left_shift", "right_shift",
    "cholesky", "solve", "solve_triangular", "det", "slogdet", "pinv", "lu", "eigh", "eig", "svd", "qr", "fft", "ctc_beam_search",
}  # fmt: skip
"""What runs by its reference value."""

def _is_foreign(here: Here) -> bool:
    """Whether a node of `PLAIN` runs by its reference value all the same."""
    n = here.node
    if any(t.dtype == "float16" or t.dtype in dtypes.COMPLEX for m in (n, *n.inputs) for t in m.types):
        return True
    if n.op.name == "cast" and n.dtype in dtypes.UNSIGNED:  # without C a number below 0 is refused
        return n.inputs[0].dtype not in (*dtypes.UNSIGNED, "bool")
    if n.op.name == "reshape":  # sizes that do not fit, in a body that does not run
        return math.prod(dims.evaluate(n.inputs[0].shape, here.env)) != math.prod(here.shapes[0])
    return False


def _by_pytensor(here: Here) -> Callable[..., Any]:
    fn = PLAIN[here.node.op.name]
    if _is_foreign(here):
        return _by(Reference)(here)
    if here.node.op.name == "power" and dtypes.is_int(here.node.dtype):  # C's pow rounds to a double; a check reports exponents below 0
        return lambda x, y: reference(here, x, _not_below_zero(y))

    def run(*inputs: Variable) -> Variable:
        if here.node.op.is_elementwise:
            inputs = _alike(inputs)
        found = fn(*inputs, **here.attrs)
        return found if (found.dtype, found.type.shape) == (here.node.dtype, here.shapes[0]) else reference(here, *inputs)

    return run


def _alike(inputs: Sequence[Variable]) -> tuple[Variable, ...]:
    """Constant numbers with as many axes as what they meet, so that they stand in the text of a fused loop."""
    ndim = max(x.ndim for x in inputs)
    return tuple(pt.constant(x.data.reshape((1,) * ndim)) if isinstance(x, Constant) and x.ndim == 0 < ndim else x for x in inputs)


def _by(kind: type[Reference]) -> Callable[[Here], Callable[..., Any]]:
    return lambda here: lambda *inputs: reference(here, *inputs, by=kind)


def _product(here: Here) -> Callable[..., Any]:
    """A large product by the kernel, which deals it out to threads; for a small one the way there takes longer."""
    inner = here.node.inputs[0].shape[-2 if here.attrs["transpose_a"] else -1]
    return _by(Kernel if math.prod(here.shapes[0]) * dims.evaluate(inner, here.env) > 1 << 20 else Reference)(here)


def _with_indices(here: Here) -> Callable[..., Any]:
    """By the kernel, of indices that are brought into range first: a check reports those that are not."""
    k, size = AXIS_OF_INDICES[here.node.op.name](here.node)
    size = dims.evaluate(size, here.env)

    def run(*inputs: Variable) -> Any:
        if size == 0:  # a check reports every index there is
            return pt.zeros(here.shapes[0], here.node.dtype)
        return reference(here, *inputs[:k], _inside(inputs[k], size), *inputs[k + 1 :], by=Kernel)

    return run


class PyTensorFunctions(Functions):
    """See `symkeras.backend.engine.walk.Functions`."""

    special = {
        **dict.fromkeys(PLAIN, _by_pytensor), **dict.fromkeys(KERNELS, _by(Kernel)), **dict.fromkeys(REFERENCES, _by(Reference)),
        **dict.fromkeys(AXIS_OF_INDICES, _with_indices), "matmul": _product, "scan": scan, "cond": cond, "while_loop": while_loop,
    }  # fmt: skip

    def constant(self, array: Any) -> Variable:
        return pt.constant(np.asarray(array))

    def extent(self, indices: Variable) -> Variable:
        return Extent()(indices)


FUNCTIONS = PyTensorFunctions()
FOREIGN = {*KERNELS, *REFERENCES, *AXIS_OF_INDICES, "matmul"}
"""What never runs by an Op of PyTensor's own."""
