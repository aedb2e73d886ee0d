"""Reductions over axes, and running sums: primitives without `keepdims`, functions with it."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops import elementwise as ew
from symkeras.ops.leaves import cast, shape
from symkeras.ops.op import OPS, Op, Sample, add, apply, as_tensor, dtype_of, is_symbolic
from symkeras.ops.recipes import remembered
from symkeras.ops.shaping import canonical_axes, canonical_axis, expand_dims, flip, reshape


class Reduction(Op):
    """Reduces `axes` of its input, which disappear."""

    attributes = {"axes": at.axes()}

    def __init__(
        self, name: str, fn: np.ufunc, vjp: Callable[..., Any] | None, result: str = "same", kinds: str = "f32 f64", empty: bool = True
    ):
        self.name = name  # type: ignore[misc]
        self.fn = fn
        self.gradient = vjp
        self.result = result
        self.empty = empty
        self.is_real = name in ("max", "min")
        first = "f32" if "f32" in kinds else "bool"
        self.samples = tuple(
            Sample((f"{k}[2, 3, 4]",), {"axes": a}, grad=vjp is not None) for k in kinds.split() for a in ((0,), (1, 2), (0, 1, 2), ())
        ) + ((Sample((f"{first}[0, 3]",), {"axes": (0,)}, grad=False),) if empty else ())

    def infer(self, x: TensorType, *, axes: tuple[int, ...]) -> TensorType:  # type: ignore[override]
        if self.result == "bool" and x.dtype != "bool":
            raise DtypeError(f"{self.name} works on booleans, received {x}")
        if not self.empty and builtins.any(isinstance(x.shape[a], int) and x.shape[a] == 0 for a in axes):
            raise ShapeError(f"{self.name} over axes {axes} of {x}: there is no {self.name} of nothing")
        if self.result == "bool" and x.dtype != "bool":
            raise DtypeError(f"{self.name} expects booleans, received {x}")
        kept = tuple(d for k, d in enumerate(x.shape) if k not in axes)
        return TensorType(kept, self.result if self.result != "same" else x.dtype)

    def value(self, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        if not axes:
            return np.array(x)  # np.sum over no axes adds to zero, which changes the sign of -0.0
        return self.fn.reduce(x, axis=axes, dtype=x.dtype)

    def vjp(self, dy: Any, out: Any, x: Any, *, axes: tuple[int, ...]) -> Any:  # type: ignore[override]
        if self.gradient is None:
            return (None,)
        return (self.gradient(spread(dy, x.dims, axes), spread(out, x.dims, axes), x, axes),)

    def may_raise(self, node: Node) -> bool:
        return not self.empty and builtins.any(not isinstance(node.inputs[0].shape[a], int) for a in node.attrs["axes"])

    def flops(self, node: Node) -> dims.Size:
        return node.inputs[0].tensor_type.size


def spread(y: Any, target: tuple[dims.Size, ...], axes: tuple[int, ...]) -> Any:
    """A reduced `y` with its axes back, repeated to `target`."""
    from symkeras.ops.shaping import broadcast_to

    kept = tuple(1 if k in axes else d for k, d in enumerate(target))
    return broadcast_to(reshape(y, kept), target)


def _extremum_vjp(dy: Any, out: Any, x: Any, axes: tuple[int, ...]) -> Any:
    chosen = cast(ew.equal(x, out), dy.dtype)
    count = sum(chosen, axis=axes, keepdims=True)
    return ew.where(ew.equal(x, out), dy / count, 0)


def _prod_vjp(dy: Any, out: Any, x: Any, axes: tuple[int, ...]) -> Any:
    # The product of all others: exact where elements are zero, by running products from both ends.
    order = tuple(k for k in range(x.ndim) if k not in axes) + axes
    from symkeras.ops.shaping import transpose

    moved = transpose(x, order)
    kept = moved.dims[: x.ndim - len(axes)]
    flat = reshape(moved, (*kept, dims.product(moved.dims[len(kept) :])))
    axis = flat.ndim - 1
    before = _product_before(flat, axis)
    after = flip(_product_before(flip(flat, axis), axis), axis)
    others = reshape(before * after, moved.dims)
    return dy * transpose(others, tuple(int(a) for a in np.argsort(order)))


def _product_before(x: Any, axis: int) -> Any:
    """For each element the product of those before it along `axis`; 1 for the first."""
    from symkeras.ops.shaping import slice_axis

    ones = apply(OPS["pad"], [x], {"padding": tuple((int(k == axis), 0, 0) for k in range(x.ndim)), "value": 1.0})
    return cumprod(slice_axis(ones, axis, 0, x.dims[axis]), axis)


def _cumprod_vjp(dy: Any, x: Any, axis: int) -> Any:
    # Without a division, which fails where an element is zero: s[i] = dy[i] + x[i + 1] * s[i + 1], times the product before i.
    from symkeras.ops.control import scan
    from symkeras.ops.numpy import moveaxis
    from symkeras.ops.shaping import slice_axis

    x, dy = moveaxis(x, axis, 0), moveaxis(dy, axis, 0)
    n = x.dims[0]
    padding = ((0, 1, 0), *((0, 0, 0),) * (x.ndim - 1))
    behind = slice_axis(apply(OPS["pad"], [x], {"padding": padding, "value": 0.0}), 0, 1, n + 1)
    start = sum(slice_axis(dy, 0, 0, 0), axis=0)
    _, sums = scan(lambda s, e: (e[0] + e[1] * s,) * 2, start, (dy, behind), reverse=True)
    return moveaxis(_product_before(x, 0) * sums, 0, axis)


add(Reduction("sum", np.add, lambda dy, out, x, axes: dy))
add(Reduction("prod", np.multiply, _prod_vjp))
add(Reduction("max", np.maximum, _extremum_vjp, empty=False))
add(Reduction("min", np.minimum, _extremum_vjp, empty=False))
add(Reduction("any", np.logical_or, None, result="bool", kinds="bool"))
add(Reduction("all", np.logical_and, None, result="bool", kinds="bool"))


def meets_nothing(n: Node, graph: Graph) -> bool:
    """Whether `n` is a largest or smallest that, where there is none, meets nothing: x less the maximum of x has no elements then."""
    if n.op.name not in ("max", "min") or n in graph.roots:
        return False
    empty = {d for a in n.attrs["axes"] if not isinstance(d := n.inputs[0].shape[a], int)}
    todo = list(graph.users[n])
    while todo:
        user = todo.pop()
        if user.op.is_view or user.op.name in ("stop_gradient", "boundary"):
            if user in graph.roots:
                return False
            todo += graph.users[user]
        elif not (user.op.is_elementwise and empty <= set(user.shape)):
            return False
    return True


class ArgReduction(Op):
    """Index (int32) of the extreme element along one axis; the first of equals, and the first NaN."""

    is_real = True
    attributes = {"axis": at.axis()}

    def __init__(self, name: str, fn: Callable[..., Any]):
        self.name = name  # type: ignore[misc]
        self.fn = fn
        self.samples = (
            Sample(("f32[2, 3]",), {"axis": 1}, grad=False),
            Sample(("f64[4]",), {"axis": 0}, grad=False),
            Sample(("f32[0, 3]",), {"axis": 1}, grad=False),
        )

    def infer(self, x: TensorType, *, axis: int) -> TensorType:  # type: ignore[override]
        if isinstance(x.shape[axis], int) and x.shape[axis] == 0:
            raise ShapeError(f"{self.name} over axes {(axis,)} of {x}: there is no {self.name} of nothing")
        return TensorType((*x.shape[:axis], *x.shape[axis + 1 :]), "int32")

    def value(self, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        return self.fn(x, axis=axis).astype(np.int32)

    def may_raise(self, node: Node) -> bool:
        return not isinstance(node.inputs[0].shape[node.attrs["axis"]], int)

    def vjp(self, dy: Any, out: Any, x: Any, **_: Any) -> Any:  # type: ignore[override]
        return (None,)


add(ArgReduction("argmax", np.argmax))
add(ArgReduction("argmin", np.argmin))


class Cumulative(Op):
    """Running sum or product along an axis."""

    attributes = {"axis": at.axis()}

    def __init__(self, name: str, fn: Callable[..., Any]):
        self.name = name  # type: ignore[misc]
        self.fn = fn
        self.samples = (Sample(("f32[2, 3]",), {"axis": 1}, low=0.5), Sample(("f64[4]",), {"axis": 0}, low=0.5), Sample(("f32[0, 3]",), {"axis": 0}))

    def infer(self, x: TensorType, *, axis: int) -> TensorType:  # type: ignore[override]
        return x

    def value(self, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        return self.fn(x, axis=axis, dtype=x.dtype)

    def vjp(self, dy: Any, out: Any, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        if self.name == "cumsum":
            return (flip(cumsum(flip(dy, axis), axis), axis),)
        return (_cumprod_vjp(dy, x, axis),)


add(Cumulative("cumsum", np.cumsum))
add(Cumulative("cumprod", np.cumprod))


def _reduce(name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    sizes = shape(x)
    axes = canonical_axes(axis, len(sizes))
    out = apply(OPS[name], [x], {"axes": axes})
    if keepdims:
        out = reshape(out, tuple(1 if k in axes else d for k, d in enumerate(sizes)))
    return out


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum over `axis` (all axes when None); bools are counted as int32, small integers widened to int32, floats of 16 bits or less summed in float32.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(sum(np.ones((2, 3), "float32")))
    6.0
    """
    if (dtype := dtypes.result_type(dtype_of(x))) in dtypes.NARROW:
        return cast(_reduce("sum", cast(x, "float32"), axis, keepdims), dtype)
    return _reduce("sum", _counted(x), axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product over `axis` (all axes when None).

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.
        dtype: what the elements are cast to before.

    >>> prod(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1).tolist()
    [2.0, 15.0]
    """
    return _reduce("prod", _counted(x) if dtype is None else cast(x, dtype), axis, keepdims)


def _counted(x: Any) -> Any:
    dtype = dtypes.result_type(dtype_of(x))
    wider = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(dtype, dtype)
    return cast(x, wider) if wider != dtype or not is_symbolic(x) else as_tensor(x)


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Largest element over `axis`; NaN where one is NaN. `initial` is a lower bound.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.
        initial: a lower bound of the result.

    >>> max(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1).tolist()
    [2.0, 5.0]
    """
    if initial is not None and _is_of_nothing(x, axis):
        return _only(initial, x, axis, keepdims)
    out = _reduce("max", x, axis, keepdims)
    return out if initial is None else cast(ew.maximum(out, initial), dtype_of(out))


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Smallest element over `axis`; NaN where one is NaN. `initial` is an upper bound.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.
        initial: an upper bound of the result.

    >>> min(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1).tolist()
    [1.0, 3.0]
    """
    if initial is not None and _is_of_nothing(x, axis):
        return _only(initial, x, axis, keepdims)
    out = _reduce("min", x, axis, keepdims)
    return out if initial is None else cast(ew.minimum(out, initial), dtype_of(out))


def _is_of_nothing(x: Any, axis: Any) -> bool:
    sizes = shape(x)
    return 0 in [sizes[k] for k in canonical_axes(axis, len(sizes))]


def _only(initial: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """The largest or least of nothing and `initial`: `initial`, in the shape of the reduction."""
    nothing = sum(cast(x, "int32"), axis, keepdims)
    return ew.add_(cast(nothing, dtype_of(x)), cast(initial, dtype_of(x)))


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any element over `axis` is true.

    Args:
        x: taken as booleans.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> any(np.array([[False, False], [True, False]]), axis=1).tolist()
    [False, True]
    """
    return _reduce("any", cast(x, "bool"), axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements over `axis` are true.

    Args:
        x: taken as booleans.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> all(np.array([[True, False], [True, True]]), axis=1).tolist()
    [False, True]
    """
    return _reduce("all", cast(x, "bool"), axis, keepdims)


def _arg(name: str, x: Any, axis: int | None, keepdims: bool) -> Any:
    sizes = shape(x)
    if axis is None:
        out = apply(OPS[name], [reshape(x, (-1,))], {"axis": 0})
        return reshape(out, (1,) * len(sizes)) if keepdims else out
    axis = canonical_axis(axis, len(sizes))
    out = apply(OPS[name], [x], {"axis": axis})
    return expand_dims(out, axis) if keepdims else out


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the largest element along `axis`, the first of equals.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        keepdims: whether the axis stays, with size 1.

    >>> int(argmax(np.array([1.0, 5.0, 5.0])))
    1
    """
    return _arg("argmax", x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the smallest element along `axis`, the first of equals.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        keepdims: whether the axis stays, with size 1.

    >>> int(argmin(np.array([3.0, 1.0, 1.0])))
    1
    """
    return _arg("argmin", x, axis, keepdims)


def _cumulative(name: str, x: Any, axis: int | None, dtype: Any) -> Any:
    if dtype is not None or dtypes.result_type(dtype_of(x)) == "bool":
        x = cast(x, dtype or "int32")
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    if (narrow := dtype_of(x)) in dtypes.NARROW:
        return cast(_cumulative(name, cast(x, "float32"), axis, None), narrow)
    return apply(OPS[name], [x], {"axis": canonical_axis(axis, len(shape(x)))})


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum along `axis`.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        dtype: what the elements are cast to before.

    >>> cumsum(np.array([1, 2, 3])).tolist()
    [1, 3, 6]
    """
    return _cumulative("cumsum", x, axis, dtype)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running product along `axis`.

    Args:
        x: numbers.
        axis: along which; of the flattened tensor when None.
        dtype: what the elements are cast to before.

    >>> cumprod(np.array([1, 2, 3])).tolist()
    [1, 2, 6]
    """
    return _cumulative("cumprod", x, axis, dtype)


@remembered(1)
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean over `axis` (all axes when None); integers give `floatx`.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> float(mean(np.array([1.0, 3.0])))
    2.0
    """
    x = cast(x, dtypes.inexact(dtypes.result_type(dtype_of(x))))
    if (dtype := dtype_of(x)) in dtypes.NARROW:
        return cast(mean(cast(x, "float32"), axis, keepdims), dtype)
    sizes = shape(x)
    count = dims.product(sizes[a] for a in canonical_axes(axis, len(sizes)))
    total = sum(x, axis, keepdims)
    if isinstance(count, int):
        return ew.multiply(total, 1.0 / count) if count and count & (count - 1) == 0 else ew.divide(total, float(count) if count else np.nan)
    return ew.divide(total, cast(as_tensor(count), total.dtype))


@remembered(1)
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Population variance over `axis`: the mean of squared distances from the mean.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> var(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1).tolist()
    [0.25, 1.0]
    """
    x = cast(x, dtypes.inexact(dtypes.result_type(dtype_of(x))))
    return mean(ew.square(ew.subtract(x, mean(x, axis, True))), axis, keepdims)


@remembered(1)
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Population standard deviation over `axis`.

    Args:
        x: numbers.
        axis: one or several; all when None.
        keepdims: whether the axes stay, with size 1.

    >>> std(np.array([[1.0, 2.0], [3.0, 5.0]]), axis=1).tolist()
    [0.5, 1.0]
    """
    return ew.sqrt(var(x, axis, keepdims))
