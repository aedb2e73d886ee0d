"""The K functions that are an op under its name and arguments of 2017."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import ops
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import canonical_axis
from symkeras.ops.sizes import as_shape, as_size

# name -> (what it gives, the op behind the 2017 arguments)
RENAMED: dict[str, tuple[str, Callable[..., Any]]] = {
    "cast": ("`x` in another dtype.", lambda x, dtype: ops.cast(x, dtype)),
    # products and look-up
    "dot": ("The product over the last axis of `x` and the last but one of `y`.", lambda x, y: ops.dot(x, y)),
    "transpose": ("`x` with its axes reversed.", lambda x: ops.transpose(x)),
    "gather": ("The rows of `reference` at `indices`.", lambda reference, indices: ops.take(reference, indices, axis=0)),
    # reductions
    "max": ("The largest element over `axis`.", lambda x, axis=None, keepdims=False: ops.max(x, axis, keepdims)),
    "min": ("The smallest element over `axis`.", lambda x, axis=None, keepdims=False: ops.min(x, axis, keepdims)),
    "sum": ("The sum over `axis`.", lambda x, axis=None, keepdims=False: ops.sum(x, axis, keepdims)),
    "prod": ("The product over `axis`.", lambda x, axis=None, keepdims=False: ops.prod(x, axis, keepdims)),
    "mean": ("The mean over `axis`; of integers in `floatx`.", lambda x, axis=None, keepdims=False: ops.mean(x, axis, keepdims)),
    "var": ("The population variance over `axis`.", lambda x, axis=None, keepdims=False: ops.var(x, axis, keepdims)),
    "std": ("The population standard deviation over `axis`.", lambda x, axis=None, keepdims=False: ops.std(x, axis, keepdims)),
    "any": ("Whether any element over `axis` is not 0.", lambda x, axis=None, keepdims=False: ops.any(x, axis, keepdims)),
    "all": ("Whether no element over `axis` is 0.", lambda x, axis=None, keepdims=False: ops.all(x, axis, keepdims)),
    "argmax": ("The index of the largest element along `axis`.", lambda x, axis=-1: ops.argmax(x, axis)),
    "argmin": ("The index of the smallest element along `axis`.", lambda x, axis=-1: ops.argmin(x, axis)),
    "cumsum": ("The running sum along `axis`.", lambda x, axis=0: ops.cumsum(x, axis)),
    "cumprod": ("The running product along `axis`.", lambda x, axis=0: ops.cumprod(x, axis)),
    "logsumexp": ("log(sum(exp(x))) over `axis`, without overflow.", lambda x, axis=None, keepdims=False: ops.logsumexp(x, axis, keepdims)),
    # element by element
    "square": ("x squared.", lambda x: ops.square(x)),
    "abs": ("|x|.", lambda x: ops.absolute(x)),
    "sqrt": ("The square root of x; of negative numbers 0.", lambda x: ops.sqrt(ops.maximum(x, 0))),
    "exp": ("e to the power x.", lambda x: ops.exp(x)),
    "log": ("The natural logarithm.", lambda x: ops.log(x)),
    "round": ("The nearest whole number; halves go to the even one.", lambda x: ops.round(x)),
    "sign": ("-1, 0 or 1.", lambda x: ops.sign(x)),
    "pow": ("x to the power a.", lambda x, a: ops.power(x, a)),
    "sin": ("The sine, x in radians.", lambda x: ops.sin(x)),
    "cos": ("The cosine, x in radians.", lambda x: ops.cos(x)),
    "equal": ("x == y.", lambda x, y: ops.equal(x, y)),
    "not_equal": ("x != y.", lambda x, y: ops.not_equal(x, y)),
    "greater": ("x > y.", lambda x, y: ops.greater(x, y)),
    "greater_equal": ("x >= y.", lambda x, y: ops.greater_equal(x, y)),
    "less": ("x < y.", lambda x, y: ops.less(x, y)),
    "less_equal": ("x <= y.", lambda x, y: ops.less_equal(x, y)),
    "maximum": ("The larger of x and y.", lambda x, y: ops.maximum(x, y)),
    "minimum": ("The smaller of x and y.", lambda x, y: ops.minimum(x, y)),
    # shapes
    "concatenate": ("Tensors joined along `axis`.", lambda tensors, axis=-1: ops.concatenate(tensors, axis)),
    "reshape": ("`x` in another shape; one size may be -1.", lambda x, shape: ops.reshape(x, as_shape(shape))),
    "permute_dimensions": ("The axes of `x` in the order `pattern`.", lambda x, pattern: ops.transpose(x, pattern)),
    "repeat_elements": ("Every element `rep` times along `axis`.", lambda x, rep, axis: ops.repeat(x, rep, axis)),
    "flatten": ("`x` as a vector.", lambda x: ops.reshape(x, (-1,))),
    "batch_flatten": ("(B, ...) as (B, D).", lambda x: ops.reshape(x, (*ops.shape(x)[: canonical_axis(0, len(ops.shape(x))) + 1], -1))),
    "expand_dims": ("A new axis of size 1.", lambda x, axis=-1: ops.expand_dims(x, axis)),
    "squeeze": ("`x` without an axis of size 1.", lambda x, axis: ops.squeeze(x, axis)),
    "stack": ("Tensors of one shape along a new axis.", lambda x, axis=0: ops.stack(x, axis)),
    "one_hot": ("1 at the class each integer names.", lambda indices, num_classes: ops.one_hot(indices, int(as_size(num_classes)))),
    "reverse": ("`x` in reverse order along `axes`.", lambda x, axes: ops.flip(x, axes)),
    "dtype": ("The name of the dtype of `x`.", lambda x: dtype_of(x)),
    "ndim": ("The number of axes.", lambda x: len(ops.shape(x))),
    # activations
    "elu": ("x where positive, alpha * (exp(x) - 1) elsewhere.", lambda x, alpha=1.0: ops.elu(x, alpha=alpha)),
    "softmax": ("exp(x) over its sum along `axis`.", lambda x, axis=-1: ops.softmax(x, axis=axis)),
    "softplus": ("log(1 + exp(x)).", lambda x: ops.softplus(x)),
    "softsign": ("x / (1 + |x|).", lambda x: ops.divide(x, ops.add(ops.absolute(x), 1))),
    "sigmoid": ("1 / (1 + exp(-x)).", lambda x: ops.sigmoid(x)),
    "hard_sigmoid": ("0.2 * x + 0.5 between 0 and 1, as in 2017.", lambda x: ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)),
    "tanh": ("The hyperbolic tangent.", lambda x: ops.tanh(x)),
}  # fmt: skip
