"""Order: sort, argsort and top_k, all stable, NaN last."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ShapeError
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.leaves import shape
from symkeras.ops.op import OPS, Op, Sample, apply, register
from symkeras.ops.shaping import canonical_axis, reshape
from symkeras.ops.sizes import whole


@register
class Argsort(Op):
    """Indices (int32) that sort along an axis, equal elements in their own order."""

    name = "argsort"
    is_real = True
    attributes = {"axis": at.axis()}
    samples = (
        Sample(("f32[2, 3]",), {"axis": 1}, grad=False),
        Sample(("i32[4]",), {"axis": 0}, grad=False),
        Sample(("f32[0]",), {"axis": 0}, grad=False),
    )

    def infer(self, x: TensorType, *, axis: int) -> TensorType:  # type: ignore[override]
        return x.with_dtype("int32")

    def value(self, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        return np.argsort(x, axis=axis, kind="stable").astype(np.int32)

    def vjp(self, dy: Any, out: Any, x: Any, **_: Any) -> Any:  # type: ignore[override]
        return (None,)


@register
class Sort(Op):
    """Elements in rising order along an axis."""

    name = "sort"
    is_real = True
    attributes = {"axis": at.axis()}
    samples = (Sample(("f32[2, 3]",), {"axis": 1}), Sample(("f64[4]",), {"axis": 0}), Sample(("f32[0]",), {"axis": 0}))

    def infer(self, x: TensorType, *, axis: int) -> TensorType:  # type: ignore[override]
        return x

    def value(self, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        return np.sort(x, axis=axis, kind="stable")

    def vjp(self, dy: Any, out: Any, x: Any, *, axis: int) -> Any:  # type: ignore[override]
        order = apply(OPS["argsort"], [x], {"axis": axis})
        return (apply(OPS["add_along_axis"], [order, dy], {"axis": axis, "size": x.dims[axis]}),)


@register
class TopK(Op):
    """The k largest along the last axis, falling, and their indices (int32); the first of equals first."""

    name = "top_k"
    is_real = True
    attributes = {"k": at.integer(0)}
    samples = (Sample(("f32[2, 5]",), {"k": 3}, grad=False), Sample(("f64[4]",), {"k": 4}, grad=False), Sample(("f32[0, 3]",), {"k": 1}, grad=False))

    def infer(self, x: TensorType, *, k: int) -> tuple[TensorType, ...]:  # type: ignore[override]
        if x.ndim == 0 or (isinstance(x.shape[-1], int) and not 0 <= k <= x.shape[-1]):
            raise ShapeError(f"top_k: there are no {k} largest among the last axis of {x}")
        top = x.with_shape((*x.shape[:-1], k))
        return top, top.with_dtype("int32")

    def value(self, x: Any, *, k: int) -> Any:  # type: ignore[override]
        order = np.flip(x.shape[-1] - 1 - np.argsort(np.flip(x, -1), axis=-1, kind="stable"), -1)[..., :k]
        return np.take_along_axis(x, order, -1), order.astype(np.int32)

    def may_raise(self, node: Node) -> bool:
        return not isinstance(node.inputs[0].shape[-1], int)

    def vjp(self, dy: Any, out: Any, x: Any, *, k: int) -> Any:  # type: ignore[override]
        if dy[0] is None:
            return (None,)
        return (apply(OPS["add_along_axis"], [out[1], dy[0]], {"axis": x.ndim - 1, "size": x.dims[-1]}),)


def argsort(x: Any, axis: int | None = -1) -> Any:
    """Indices that sort `x` along `axis` (the flattened tensor when None).

    >>> argsort(np.array([3.0, 1.0, 2.0])).tolist()
    [1, 2, 0]
    """
    sizes = shape(x)
    if axis is None or (not sizes and axis in (0, -1)):
        return reshape(apply(OPS["argsort"], [reshape(x, (-1,))], {"axis": 0}), (-1,) if sizes else ())
    return apply(OPS["argsort"], [x], {"axis": canonical_axis(axis, len(sizes))})


def sort(x: Any, axis: int | None = -1) -> Any:
    """`x` in rising order along `axis` (the flattened tensor when None).

    >>> sort(np.array([3.0, 1.0, 2.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return apply(OPS["sort"], [x], {"axis": canonical_axis(axis, len(shape(x)))})


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Values and indices of the `k` largest along the last axis, always sorted falling.

    >>> [v.tolist() for v in top_k(np.array([3.0, 1.0, 2.0]), 2)]
    [[3.0, 2.0], [0, 2]]
    """
    return apply(OPS["top_k"], [x], {"k": whole(k, "top_k: k")})
