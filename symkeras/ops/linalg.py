"""Matrix products: one batched primitive, and dot, tensordot and einsum written with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, DtypeError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType
from symkeras.ops import attributes as at
from symkeras.ops.elementwise import broadcast_shapes, common_dtype, promoted
from symkeras.ops.leaves import cast, shape
from symkeras.ops.namespaces import public
from symkeras.ops.op import OPS, Op, Sample, apply, dtype_of, register
from symkeras.ops.reductions import sum
from symkeras.ops.shaping import canonical_axis, expand_dims, reshape, squeeze, transpose, unbroadcast
from symkeras.ops.sizes import listed, whole

__getattr__, __dir__ = public(__name__)


def _swap(x: Any) -> Any:
    n = len(shape(x))
    return transpose(x, (*range(n - 2), n - 1, n - 2))


@register
class Matmul(Op):
    """Product of the matrices in the last two axes; leading axes broadcast. `transpose_a` and `transpose_b` swap them first."""

    name = "matmul"
    attributes = {"transpose_a": at.BOOLEAN, "transpose_b": at.BOOLEAN}
    samples = (
        Sample(("f32[2, 3]", "f32[3, 4]"), {"transpose_a": False, "transpose_b": False}),
        Sample(("f64[3, 2]", "f64[3, 4]"), {"transpose_a": True, "transpose_b": False}),
        Sample(("f32[5, 2, 3]", "f32[4, 3]"), {"transpose_a": False, "transpose_b": True}),
        Sample(("f64[2, 1, 3, 2]", "f64[5, 3, 2]"), {"transpose_a": True, "transpose_b": False}),
        Sample(("f32[2, 0]", "f32[0, 4]"), {"transpose_a": False, "transpose_b": False}),
        Sample(("f32[0, 3]", "f32[3, 4]"), {"transpose_a": False, "transpose_b": False}),
        Sample(("f64[1, 1]", "f64[1, 1]"), {"transpose_a": True, "transpose_b": True}),
    )

    def infer(self, a: TensorType, b: TensorType, *, transpose_a: bool, transpose_b: bool) -> TensorType:  # type: ignore[override]
        if a.ndim < 2 or b.ndim < 2 or a.dtype != b.dtype:
            raise DtypeError(f"matmul expects two tensors of one dtype and at least two axes, received {a} and {b}")
        m, k = (a.shape[-1], a.shape[-2]) if transpose_a else a.shape[-2:]
        k2, n = (b.shape[-1], b.shape[-2]) if transpose_b else b.shape[-2:]
        if not dims.same(k, k2):
            raise ShapeError(f"matmul: the inner sizes {k} and {k2} of {a} and {b} differ")
        return a.with_shape((*broadcast_shapes(a.shape[:-2], b.shape[:-2], what="matmul"), m, n))

    def value(self, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> Any:  # type: ignore[override]
        return np.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b)

    def vjp(self, dy: Any, out: Any, a: Any, b: Any, *, transpose_a: bool, transpose_b: bool) -> Any:  # type: ignore[override]
        if transpose_a:
            da = _matmul(b, dy, transpose_b, True)
        else:
            da = _matmul(dy, b, False, not transpose_b)
        if a.ndim > 2 and b.ndim == 2 and not transpose_a:
            rows = dims.product(a.dims[:-1])  # one gemm over all leading axes
            flat_a, flat_dy = reshape(a, (rows, a.dims[-1])), reshape(dy, (rows, dy.dims[-1]))
            return da, _matmul(flat_dy, flat_a, True, False) if transpose_b else _matmul(flat_a, flat_dy, True, False)
        db = _matmul(dy, a, True, transpose_a) if transpose_b else _matmul(a, dy, not transpose_a, False)
        return unbroadcast(da, a.dims), unbroadcast(db, b.dims)

    def flops(self, node: Node) -> dims.Size:
        a = node.inputs[0].tensor_type.shape
        return node.tensor_type.size * 2 * (a[-2] if node.attrs["transpose_a"] else a[-1])


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    return apply(OPS["matmul"], [a, b], {"transpose_a": transpose_a, "transpose_b": transpose_b})


def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes, by NumPy's rules for vectors and stacks; in int32 where both are int8.

    Raises:
        ShapeError: a scalar, or sizes that differ.

    >>> matmul(np.eye(2), np.array([3.0, 4.0])).tolist()
    [3.0, 4.0]
    """
    if dtype_of(x1) == dtype_of(x2) == "int8":
        x1, x2 = cast(x1, "int32"), cast(x2, "int32")
    return _product(*promoted("numeric", x1, x2))


def _product(x1: Any, x2: Any) -> Any:
    """The matrix product of two tensors of one dtype, in that dtype."""
    n1, n2 = len(shape(x1)), len(shape(x2))
    if n1 == 0 or n2 == 0:
        raise ShapeError("matmul takes tensors of at least one axis; use multiply for scalars")
    a = expand_dims(x1, 0) if n1 == 1 else x1
    b = expand_dims(x2, 1) if n2 == 1 else x2
    if n1 > 2 and n2 <= 2:
        lead = shape(a)[:-1]  # one gemm over all leading axes instead of a stack of small ones
        out = reshape(_matmul(reshape(a, (dims.product(lead), shape(a)[-1])), b), (*lead, shape(b)[-1]))
    else:
        out = _matmul(a, b)
    if n1 == 1:
        out = squeeze(out, -2)
    return squeeze(out, -1) if n2 == 1 else out


def dot(x1: Any, x2: Any) -> Any:
    """NumPy's dot: the last axis of `x1` with the second-last (or only) axis of `x2`.

    >>> dot(np.array([[1.0, 2.0]]), np.array([3.0, 4.0])).tolist()
    [11.0]
    """
    n1, n2 = len(shape(x1)), len(shape(x2))
    if n1 == 0 or n2 == 0:
        from symkeras.ops.elementwise import multiply

        return multiply(x1, x2)
    if n2 <= 2:
        return _product(*promoted("numeric", x1, x2))
    return tensordot(x1, x2, ((n1 - 1,), (n2 - 2,)))


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over the axes paired in `axes` (a number: the last of `x1` with the first of `x2`).

    Raises:
        ShapeError: axes that do not fit together.

    >>> tensordot(np.array([1.0, 2.0]), np.array([3.0, 4.0]), axes=0).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    x1, x2 = promoted("numeric", x1, x2)
    s1, s2 = shape(x1), shape(x2)
    if not isinstance(axes, (list, tuple)):
        count = whole(axes, "tensordot: axes")
        if not 0 <= count <= min(len(s1), len(s2)):
            raise ShapeError(f"tensordot: {count} axes are more than one of the shapes {s1} and {s2} has")
        axes = (range(len(s1) - count, len(s1)), range(count))
    if len(axes) != 2:
        raise ShapeError(f"tensordot: axes are a number, or those of the one and those of the other, received {axes!r}")
    a1, a2 = (listed(x, "tensordot: axis") for x in axes)
    a1 = [canonical_axis(a, len(s1)) for a in a1]
    a2 = [canonical_axis(a, len(s2)) for a in a2]
    if len(a1) != len(a2) or any(isinstance(s1[a], int) and isinstance(s2[b], int) and s1[a] != s2[b] for a, b in zip(a1, a2, strict=True)):
        raise ShapeError(f"tensordot: axes {a1} of shape {s1} and axes {a2} of shape {s2} must be as many, and of the same sizes")
    free1 = [k for k in range(len(s1)) if k not in a1]
    free2 = [k for k in range(len(s2)) if k not in a2]
    inner = dims.product(s1[a] for a in a1)
    left = reshape(transpose(x1, (*free1, *a1)), (dims.product(s1[k] for k in free1), inner))
    right = reshape(transpose(x2, (*a2, *free2)), (inner, dims.product(s2[k] for k in free2)))
    return reshape(_matmul(left, right), (*(s1[k] for k in free1), *(s2[k] for k in free2)))


def einsum(subscripts: str, *operands: Any, **_: Any) -> Any:
    """Einstein summation over named axes, two operands at a time from the left; in int32 where all are int8.

    Args:
        subscripts: Einstein's notation, such as "ij,jk->ik"; "..." stands for leading axes.

    >>> einsum("ij,j->i", np.ones((2, 3)), np.arange(3.0)).tolist()
    [3.0, 3.0]
    """
    terms, result = _parse_einsum(subscripts, operands)
    common = common_dtype("numeric", *operands)
    are_bytes = all(dtype_of(x) == "int8" for x in operands)
    dtype = "int32" if are_bytes else common
    tensors = [cast(x, "int32") if are_bytes or common == "bool" else x for x in promoted("numeric", *operands)]
    terms, tensors = _without_ones(terms, tensors)
    term, x = _diagonal_free(terms[0], tensors[0])
    for k in range(1, len(terms)):
        other_term, other = _diagonal_free(terms[k], tensors[k])
        keep = set(result).union(*terms[k + 1 :]) if k + 1 < len(terms) else set(result)
        term, x = _contract(term, x, other_term, other, keep)
    gone = tuple(i for i, c in enumerate(term) if c not in result)
    if gone:
        x, term = _summed(x, gone), "".join(c for c in term if c in result)
    return cast(transpose(x, tuple(term.index(c) for c in result)), dtype)


def _without_ones(terms: list[str], tensors: list[Any]) -> tuple[list[str], list[Any]]:
    """Terms and tensors without axes of size 1 that another tensor has longer: they broadcast."""
    sizes: dict[str, dims.Size] = {}
    for term, x in zip(terms, tensors, strict=True):
        for c, d in zip(term, shape(x), strict=True):
            if sizes.get(c, 1) == 1:
                sizes[c] = d
    found = []
    for term, x in zip(terms, tensors, strict=True):
        ones = tuple(k for k, (c, d) in enumerate(zip(term, shape(x), strict=True)) if d == 1 and sizes[c] != 1)
        found.append(("".join(c for k, c in enumerate(term) if k not in ones), squeeze(x, ones) if ones else x))
    return [t for t, _ in found], [x for _, x in found]


def _summed(x: Any, axes: tuple[int, ...]) -> Any:
    """The sum over axes in the dtype of `x`; floats of 16 bits or less through float32."""
    return sum(x, axis=axes) if dtype_of(x) in dtypes.NARROW else apply(OPS["sum"], [x], {"axes": axes})


def _parse_einsum(subscripts: str, operands: Any) -> tuple[list[str], str]:
    if not isinstance(subscripts, str):
        raise ShapeError(f"einsum: the subscripts are a text, received {subscripts!r}")
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"einsum {subscripts!r} names {len(terms)} operands, received {len(operands)}")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in text]
    counts = [len(shape(x)) - len(t.replace("...", "")) if "..." in t else 0 for t, x in zip(terms, operands, strict=True)]
    dots = "".join(spare[: max(counts, default=0)])
    terms = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, counts, strict=True)]
    if not arrow:
        flat = "".join(terms)
        right = dots + "".join(sorted(c for c in set(flat) if flat.count(c) == 1 and c not in dots))
    for t, x in zip(terms, operands, strict=True):
        if len(t) != len(shape(x)):
            raise ShapeError(f"einsum {subscripts!r}: the term {t!r} names {len(t)} axes, the operand has shape {shape(x)}")
    right = right.replace("...", dots)
    if any(c not in "".join(terms) for c in right):
        raise ShapeError(f"einsum {subscripts!r}: the result names an axis that no operand has")
    return terms, right


def _diagonal_free(term: str, x: Any) -> tuple[str, Any]:
    """A term in which no letter stands twice, and the diagonals of `x` that it then names."""
    from symkeras.ops.diagonals import diagonal

    while twice := [c for c in term if term.count(c) > 1]:
        first = term.index(twice[0])
        second = term.index(twice[0], first + 1)
        if not dims.same(shape(x)[first], shape(x)[second]):
            raise ShapeError(f"einsum: the axis {twice[0]!r} has sizes {shape(x)[first]} and {shape(x)[second]} in one operand of shape {shape(x)}")
        x = diagonal(x, 0, first, second)
        term = "".join(c for k, c in enumerate(term) if k not in (first, second)) + twice[0]
    return term, x


def _contract(ta: str, a: Any, tb: str, b: Any, keep: set[str]) -> tuple[str, Any]:
    """Product of two terms, summed over the letters that nobody needs further on."""
    for_a = tuple(i for i, c in enumerate(ta) if c not in tb and c not in keep)
    if for_a:
        a, ta = _summed(a, for_a), "".join(c for c in ta if c in tb or c in keep)
    for_b = tuple(i for i, c in enumerate(tb) if c not in ta and c not in keep)
    if for_b:
        b, tb = _summed(b, for_b), "".join(c for c in tb if c in ta or c in keep)
    batch = [c for c in ta if c in tb and c in keep]
    inner = [c for c in ta if c in tb and c not in keep]
    free_a = [c for c in ta if c not in tb]
    free_b = [c for c in tb if c not in ta]
    size = dict(zip(ta, shape(a), strict=True))
    for c, d in zip(tb, shape(b), strict=True):
        if not dims.same(size.setdefault(c, d), d):
            raise ShapeError(f"einsum: the axis {c!r} has sizes {size[c]} and {d} in operands of shapes {shape(a)} and {shape(b)}")
    left = transpose(a, tuple(ta.index(c) for c in (*batch, *free_a, *inner)))
    right = transpose(b, tuple(tb.index(c) for c in (*batch, *inner, *free_b)))
    lead = [size[c] for c in batch]
    left = reshape(left, (*lead, dims.product(size[c] for c in free_a), dims.product(size[c] for c in inner)))
    right = reshape(right, (*lead, dims.product(size[c] for c in inner), dims.product(size[c] for c in free_b)))
    out = reshape(_matmul(left, right), (*lead, *(size[c] for c in free_a), *(size[c] for c in free_b)))
    return "".join((*batch, *free_a, *free_b)), out


_ORDERS = ("fro", "nuc")


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors along one axis, or of matrices in two, as NumPy defines it.

    Args:
        x: of any shape.
        ord: of a vector: 0 (elements that are not zero), inf, -inf, or any number p; None is 2. Of a matrix: None or "fro" (the root of
            the sum of squares), 1, -1, inf, -inf (largest and smallest sums of columns and rows), 2, -2 and "nuc" (the largest, the
            smallest and the sum of the singular values).
        axis: one axis or two; None takes all elements for `ord=None`, else the one or two axes there are.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ConfigError: an order that there is not.

    >>> import numpy as np
    >>> float(norm(np.array([3.0, 4.0], "float32"))), norm(np.ones((2, 3), "float32"), ord=1, axis=(0, 1)).item()
    (5.0, 2.0)
    """
    from symkeras.ops import elementwise as ew
    from symkeras.ops.reductions import max, min

    (x,) = promoted("float", x)
    rank = len(shape(x))
    if axis is None and (ord is None or (ord in (2, "fro") and rank == {2: 1, "fro": 2}[ord])):
        return ew.sqrt(sum(ew.square(x), tuple(range(rank)), keepdims))
    axes = tuple(range(rank)) if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(canonical_axis(a, rank, "norm") for a in axes)
    size = ew.absolute(x)
    if len(axes) == 1:
        if ord in _ORDERS:
            raise ConfigError(f"norm: a vector has no {ord!r} norm")
        if ord in (float("inf"), float("-inf")):
            return (max if ord > 0 else min)(size, axes, keepdims)
        if ord == 0:
            return sum(cast(ew.not_equal(x, 0), dtype_of(x)), axes, keepdims)
        if ord in (None, 2):
            return ew.sqrt(sum(ew.square(x), axes, keepdims))
        return sum(size, axes, keepdims) if ord == 1 else ew.power(sum(ew.power(size, ord), axes, keepdims), 1.0 / ord)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ConfigError(f"norm is of one axis or two, received axis={axis!r} for shape {shape(x)}")
    if ord in (None, "fro"):
        return ew.sqrt(sum(ew.square(x), axes, keepdims))
    if ord in (2, -2, "nuc"):
        return _norm_of_values(x, ord, axes, keepdims)
    if ord not in (1, -1, float("inf"), float("-inf")):
        raise ConfigError(f"norm: a matrix has no {ord!r} norm; there are None, 'fro', 'nuc', 1, -1, 2, -2, inf and -inf")
    summed, left = axes if abs(ord) == 1 else axes[::-1]
    totals = (max if ord > 0 else min)(sum(size, (summed,), True), (left,), True)
    return totals if keepdims else squeeze(totals, axes)


def _norm_of_values(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    """A norm that follows from singular values."""
    from symkeras.ops.factoring import svd
    from symkeras.ops.numpy import moveaxis
    from symkeras.ops.reductions import max, min

    values = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
    found = sum(values, -1) if ord == "nuc" else (max if ord > 0 else min)(values, -1)
    return reshape(found, tuple(1 if k in axes else d for k, d in enumerate(shape(x)))) if keepdims else found
