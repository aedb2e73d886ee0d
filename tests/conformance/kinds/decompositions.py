"""Results that mathematics leaves some freedom to, and what of them is the same for everybody.

The vectors of a decomposition have no sign, and within the parts of a partition no order is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _transposed(ops: Any, a: Any) -> Any:
    return ops.swapaxes(a, -1, -2)


def eigh(ops: Any, inputs: Any, keywords: Any, outputs: Any) -> Any:
    """The values, the matrix that values and vectors give, and that the vectors are orthonormal."""
    values, vectors = outputs
    return values, ops.matmul(vectors * values[..., None, :], _transposed(ops, vectors)), ops.matmul(_transposed(ops, vectors), vectors)


def qr(ops: Any, inputs: Any, keywords: Any, outputs: Any) -> Any:
    """The product, orthonormal columns, and the triangle up to the signs of its rows."""
    q, r = outputs
    return ops.matmul(q, r), ops.matmul(_transposed(ops, q), q), ops.abs(r)


def svd(ops: Any, inputs: Any, keywords: Any, outputs: Any) -> Any:
    """The values, and of vectors: their product with the values, and that both are orthonormal."""
    if keywords.get("compute_uv") is False:
        return outputs
    u, s, vh = outputs
    k = s.shape[-1]
    product = ops.matmul(u[..., :k] * s[..., None, :], vh[..., :k, :])
    return s, product, ops.matmul(_transposed(ops, u), u), ops.matmul(vh, _transposed(ops, vh))


def argpartition(ops: Any, inputs: Any, keywords: Any, outputs: Any) -> Any:
    """What lies before the place, at it and behind it."""
    x, kth = inputs
    picked = ops.take_along_axis(x, outputs, axis=-1)
    return ops.sort(picked[..., :kth]), picked[..., kth], ops.sort(picked[..., kth + 1 :])


DETERMINED: dict[str, Callable[[Any, Any, Any, Any], Any]] = {"eigh": eigh, "qr": qr, "svd": svd, "argpartition": argpartition}
"""Operation -> what of its outputs is determined."""
