"""Scaled dot-product attention (Vaswani et al. 2017, equation 1), its masks, and the softmax that obeys them."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.node import reachable
from symkeras.ops.elementwise import add_ as add
from symkeras.ops.elementwise import divide, greater_equal, logical_and, multiply, promoted, tanh, where
from symkeras.ops.evaluation import evaluate
from symkeras.ops.leaves import cast, shape
from symkeras.ops.linalg import einsum
from symkeras.ops.nn import softmax
from symkeras.ops.numpy import arange, repeat
from symkeras.ops.op import as_tensor, dtype_of, is_symbolic
from symkeras.ops.shaping import reshape

FAR = {"float16": 3e4, "bfloat16": 1e30, "float32": 1e30, "float64": 1e300}
"""What is taken from a masked score: so much that the score itself is lost, so that a row masked throughout is uniform."""


def positions(length: Any, source: Any) -> tuple[Any, Any]:
    """Numbers of rows (1, T, 1) and of columns (1, 1, S)."""
    return reshape(arange(length, dtype="int32"), (1, length, 1)), reshape(arange(source, dtype="int32"), (1, 1, source))


def causal_mask(length: Any, source: Any) -> Any:
    """Booleans (1, T, S), true where step t may see step s: s <= t.

    >>> causal_mask(2, 3).tolist()
    [[[True, False, False], [True, True, False]]]
    """
    return greater_equal(*positions(length, source))


def masked_softmax(scores: Any, mask: Any = None) -> Any:
    """Softmax over the last axis of the scores, without those whose mask is false.

    A row without any true entry comes out uniform, and its scores have no part in that. Where there is no such row, what hides a score may be
    added to it, one pass over the scores each way, instead of put in its place.
    """
    if mask is not None:
        dtype = dtype_of(scores)
        far = cast(-FAR[dtype], dtype)
        scores = add(scores, where(mask, cast(0.0, dtype), far)) if _leaves_every_row_some(mask) else where(mask, scores, far)
    return softmax(scores, axis=-1)


def _leaves_every_row_some(mask: Any) -> bool:
    """Whether a mask is known now, as one of positions alone is, and has a true entry in every row."""
    if is_symbolic(mask):
        node = as_tensor(mask).node
        if any((n.op.is_leaf and n.op.name != "constant") or any(dims.symbols_of(t.shape) for t in n.types) for n in reachable([node])):
            return False
        mask = evaluate(Graph([], [node]), [])[0][0]
    return bool(np.asarray(mask).any(axis=-1).all())


def dot_product_attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None, is_causal: bool = False,
                          flash_attention: bool | None = None, attn_logits_soft_cap: float | None = None) -> Any:  # fmt: skip
    """Softmax of the scaled products of queries and keys, plus a bias, times values.

    Args:
        query: (B, T, N, H): batch, target length, heads, size of a head.
        key, value: (B, S, K, H); K heads, which divide N, serve N / K heads of the query each.
        bias: added to the scores; broadcasts to (B, N, T, S).
        mask: true where a query may see a key; broadcasts to (B, N, T, S).
        scale: of the products; 1 / sqrt(H) when None.
        is_causal: whether a query sees no key behind it.
        flash_attention: must not be True: there is one way of computing it.
        attn_logits_soft_cap: scores s become cap * tanh(s / cap).

    Returns:
        (B, T, N, H).

    Raises:
        ConfigError: `flash_attention` is True.
        ShapeError: other shapes.

    >>> import numpy as np
    >>> x = np.ones((1, 2, 1, 4), "float32")
    >>> dot_product_attention(x, x, x, is_causal=True).shape
    (1, 2, 1, 4)
    """
    if flash_attention:
        raise ConfigError("dot_product_attention: flash_attention=True is not offered; leave it None")
    query, key, value = promoted("float", query, key, value)
    (q, k, v) = shape(query), shape(key), shape(value)
    if not len(q) == len(k) == len(v) == 4:
        raise ShapeError(f"dot_product_attention expects query, key and value of four axes (batch, length, heads, size), received {q}, {k} and {v}")
    heads, served, size = q[2], k[2], q[3]
    if not (isinstance(heads, int) and isinstance(served, int) and isinstance(size, int)):
        raise ShapeError(f"dot_product_attention: numbers and sizes of heads must be known, received query {q} and keys {k}")
    if k != v or not served or heads % served:
        raise ShapeError(f"dot_product_attention: keys {k} and values {v} must have one shape, with heads that divide the {heads} of the query {q}")
    key, value = (repeat(x, heads // served, axis=2) if heads != served else x for x in (key, value))
    dtype = dtype_of(query)
    scores = multiply(einsum("BTNH,BSNH->BNTS", query, key), cast(size**-0.5 if scale is None else scale, dtype))
    if attn_logits_soft_cap is not None:
        scores = multiply(tanh(divide(scores, cast(attn_logits_soft_cap, dtype))), cast(attn_logits_soft_cap, dtype))
    scores = scores if bias is None else add(scores, cast(bias, dtype))
    seen = None if mask is None else cast(mask, "bool")
    if is_causal:
        ahead = causal_mask(q[1], k[1])
        seen = ahead if seen is None else logical_and(seen, ahead)
    return einsum("BNTS,BSNH->BTNH", masked_softmax(scores, seen), value)
