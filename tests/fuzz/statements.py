"""Random statements in the words of `ops`: what a generated program is made of.

Every entry of a table is asked for one statement about the tensors that there are; it gives Python text, or None where nothing suits.
Text, because a failure is shown as a script, and a script is what is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from symkeras.graph import Tensor
from tests.fuzz import network_statements
from tests.fuzz.draw import Draw, has_axes, is_float, is_int

_PLAIN = (
    "tanh sin cos negative absolute sigmoid relu softplus square rint sign floor ceil trunc expm1 erf log_sigmoid silu gelu elu selu softsign "
    "hard_sigmoid hard_silu hard_tanh relu6 leaky_relu stop_gradient isnan isfinite isinf arctan arcsinh reciprocal squareplus tanh_shrink "
    "soft_shrink hard_shrink sparse_plus sparse_sigmoid celu round glu"
)
FLOAT_UNARY = [f"ops.{name}(x)" for name in _PLAIN.split()] + [
    "ops.exp(ops.minimum(x, 3.0))",
    "ops.log(ops.exp(ops.minimum(x, 3.0)) + 1.0)",
    "ops.sqrt(ops.absolute(x))",
    "ops.rsqrt(ops.absolute(x) + 0.3)",
    "ops.log1p(ops.absolute(x))",
    "ops.log(ops.absolute(x) + 0.1)",
    "ops.arcsin(ops.tanh(x))",
    "ops.arccos(ops.tanh(x) * 0.9)",
    "ops.arctanh(ops.tanh(x) * 0.9)",
    "ops.arccosh(ops.absolute(x) + 1.1)",
    "ops.erfinv(ops.tanh(x) * 0.9)",
    "ops.sinh(ops.clip(x, -3, 3))",
    "ops.cosh(ops.clip(x, -3, 3))",
    "ops.tan(ops.clip(x, -1, 1))",
    "ops.log2(ops.absolute(x) + 0.1)",
    "ops.log10(ops.absolute(x) + 0.1)",
    "ops.exp2(ops.minimum(x, 3.0))",
    "ops.threshold(x, threshold=0.2, default_value=-1.0)",
    "layers.Activation('mish')(x)",
    "ops.gelu(x, approximate=False)",
    "ops.round(x, 1)",
    "ops.log(1.0 - ops.sigmoid(ops.clip(x, -5.0, 5.0)))",
    "ops.sqrt(ops.square(x) + 1.0)",
    "ops.log(1.0 - ops.exp(-ops.absolute(x) - 0.1))",
    "x % 0.7",
    "x // 0.6",
    "ops.exp(x - ops.max(x)) / ops.sum(ops.exp(x - ops.max(x)))",
    "x * 1.0",
    "x + 0.0",
    "x / 4.0",
    "-(-x)",
    "1.0 - ops.sigmoid(x)",
    "x ** 2",
    "x ** 3",
    "x / (ops.absolute(x) + 0.5)",
    "ops.clip(x, -0.7, 0.9)",
    "ops.where(x > 0, x, 0.0)",
    "ops.where(x > 0.3, 0.0, x)",
    "ops.cast(x, 'float64')",
    "ops.cast(x, 'float32')",
    "ops.cast(x, 'float16')",
    "ops.cast(x, 'bfloat16')",
    "ops.cast(ops.clip(x, -9, 9), 'int32')",
    "ops.cast(x > 0, 'int8')",
    "x > 0.1",
    "x == x",
    "ops.maximum(x, 0.0)",
    "ops.minimum(x, ops.negative(x))",
    "ops.power(ops.absolute(x) + 0.1, 0.5)",
]
BINARY = [
    "x + y",
    "x - y",
    "x * y",
    "x - y * 0.5",
    "ops.maximum(x, y)",
    "ops.minimum(x, y)",
    "ops.where(x > y, x, y)",
    "ops.where(x < 0.5, y, x)",
    "ops.where(ops.logical_not(x < 0.5), y, x)",
    "x < y",
    "x == y",
    "x + ops.negative(y)",
    "x / (ops.square(y) + 1.0)",
    "ops.logaddexp(x, y)",
    "ops.arctan2(x, y + 3.0)",
    "x % (ops.absolute(y) + 0.7)",
    "ops.floor_divide(x, ops.absolute(y) + 0.7)",
    "ops.power(ops.absolute(x) + 0.1, ops.clip(y, -2, 2))",
    "ops.log(ops.exp(ops.clip(x, -9.0, 5.0)) + ops.exp(ops.clip(y, -9.0, 5.0)))",
    "ops.logical_and(x > 0, y > 0)",
    "x != y",
    "x >= y",
]
INT_UNARY = [
    "x + 1",
    "x * 3",
    "-x",
    "ops.absolute(x)",
    "ops.sign(x)",
    "ops.cast(x, 'float32')",
    "x > 1",
    "ops.cast(x, 'int64')",
    "ops.square(x)",
    "x % 3",
    "x // 2",
    "ops.bitwise_and(x, 5)",
    "ops.bitwise_xor(x, 3)",
    "ops.right_shift(x, 1)",
    "ops.maximum(x, 0)",
    "ops.clip(x, 0, 3)",
    "ops.bitwise_not(x)",
    "ops.left_shift(x, 2)",
    "x ** 2",
    "ops.cast(x, 'bool')",
    "ops.cast(x, 'uint8')",
    "x / 2",
    "x != 0",
]
INT_BINARY = ["x + y", "x - y", "x * y", "ops.maximum(x, y)", "x < y", "ops.where(x > y, x, y)", "ops.bitwise_or(x, y)", "x == y",
              "x % (ops.absolute(y) + 1)", "x // (ops.bitwise_and(y, 3) + 1)", "ops.bitwise_and(x, y)", "x / (ops.absolute(y) + 1)"]  # fmt: skip
BOOL_UNARY = ["ops.logical_not(x)", "ops.cast(x, 'float32')", "ops.cast(x, 'int32')", "ops.any(x)", "ops.all(x)", "ops.cast(x, 'int64')", "~x"]
BOOL_BINARY = ["ops.logical_and(x, y)", "ops.logical_or(x, y)", "ops.logical_xor(x, y)", "x == y", "x != y", "ops.where(x, x, y)"]


def unary(d: Draw) -> str | None:
    name = d.name()
    if name is None:
        return None
    t = d.pool[name]
    table = FLOAT_UNARY if is_float(t) else INT_UNARY if is_int(t) else BOOL_UNARY
    return _with(d.one(table), x=name)


def _with(text: str, **names: str) -> str:
    """The text of a pattern with tensors in the place of x and y; words such as `exp` have those letters too."""
    return re.sub(r"\b([xyz])\b", lambda m: names[m[1]], text)


def broadcasts(a: Tensor, b: Tensor) -> bool:
    n = min(a.ndim, b.ndim)
    return all(p == q or 1 in (p, q) for p, q in zip(a.dims[a.ndim - n :], b.dims[b.ndim - n :], strict=True))


def binary(d: Draw) -> str | None:
    first = d.tensor()
    if first is None:
        return None
    name, t = first
    other = d.name(lambda o: o.dtype == t.dtype and broadcasts(t, o))
    table = BINARY if is_float(t) else INT_BINARY if is_int(t) else BOOL_BINARY
    return None if other is None else _with(d.one(table), x=name, y=other)


VIEWS = [
    "ops.flip({x}, {a})",
    "ops.transpose({x}, {p})",
    "{x}[{lead}1:]",
    "{x}[{lead}:-1]",
    "{x}[{lead}::2]",
    "{x}[{lead}::-1]",
    "{x}[{lead}:1]",
    "{x}[{lead}0]",
    "{x}[{lead}-1:]",
    "ops.reshape({x}, (-1,))",
    "ops.expand_dims({x}, {a})",
    "ops.broadcast_to({x}, (2, *{x}.dims))",
    "ops.swapaxes({x}, 0, -1)",
    "ops.reshape({x}, (*{x}.dims, 1))",
    "ops.reshape(ops.transpose({x}, {p}), (-1,))",
    "{x}[{lead}1:3]",
]


def view(d: Draw) -> str | None:
    found = d.tensor(has_axes)
    if found is None:
        return None
    name, t = found
    axis = int(d.rng.integers(t.ndim))
    order = tuple(int(k) for k in d.rng.permutation(t.ndim))
    return d.one(VIEWS).format(x=name, a=axis, p=order, lead=":, " * axis)


def reduction(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.dtype != "bool")
    if found is None:
        return None
    name, t = found
    axes = d.one([None, (), *range(t.ndim), *([tuple(range(t.ndim))] if t.ndim else [])])
    which = d.one(
        ["sum", "max", "min", "mean", "prod", "sum", "logsumexp", "argmax", "argmin", "var"] if is_float(t) else ["sum", "max", "min", "argmax"]
    )
    if which in ("prod",) and is_float(t):
        return f"ops.prod(ops.tanh({name}), axis={axes!r})"
    if which in ("argmax", "argmin"):
        return None if t.ndim == 0 else f"ops.{which}({name}, axis={int(d.rng.integers(t.ndim))})"
    return f"ops.{which}({name}, axis={axes!r}, keepdims={d.chance(0.5)})"


def over_axis(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.ndim > 0 and is_float(t))
    if found is None:
        return None
    name, t = found
    axis = int(d.rng.integers(t.ndim))
    which = d.one(["softmax", "log_softmax", "cumsum", "sort", "argsort", "cumsum"])
    return f"ops.{which}({name}, axis={axis})"


def product(d: Draw) -> str | None:
    first = d.tensor(lambda t: t.ndim > 0 and is_float(t))
    if first is None:
        return None
    name, t = first
    rows = lambda o: o.dims[-2 if o.ndim > 1 else -1]  # noqa: E731
    other = d.name(lambda o: o.ndim > 0 and o.dtype == t.dtype and rows(o) == t.dims[-1] and (min(o.ndim, t.ndim) <= 2 or o.dims[:-2] == t.dims[:-2]))
    if other is None:
        return f"ops.matmul({name}, ops.swapaxes({name}, -1, -2)) * 0.1" if t.ndim > 1 else None
    return f"ops.matmul({name}, {other}) * 0.1"


def join(d: Draw) -> str | None:
    first = d.tensor(has_axes)
    if first is None:
        return None
    name, t = first
    axis = int(d.rng.integers(t.ndim))
    other = d.name(
        lambda o: o.dtype == t.dtype and o.ndim == t.ndim and all(k == axis or a == b for k, (a, b) in enumerate(zip(o.dims, t.dims, strict=True)))
    )
    pieces = ", ".join([name, other or name, name][: int(d.rng.integers(1, 4))])
    if d.chance(0.2):
        same = d.name(lambda o: o.dtype == t.dtype and o.dims == t.dims)
        return f"ops.stack([{name}, {same or name}], {axis})"
    return f"ops.concatenate([{pieces}], {axis})"


def padding(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.ndim > 0 and t.dtype != "bool")
    if found is None:
        return None
    name, t = found
    widths = [tuple(int(k) for k in d.rng.integers(0, 3, 2)) for _ in range(t.ndim)]
    value = d.one(["0", "1"]) if not is_float(t) else d.one(["0.0", "0.5", "float('-inf')"])
    return f"ops.pad({name}, {widths}, constant_values={value})"


def lookup(d: Draw) -> str | None:
    table = d.tensor(lambda t: t.ndim > 0)
    if table is None:
        return None
    name, t = table
    axis = int(d.rng.integers(t.ndim))
    size = t.dims[axis]
    indices = d.name(lambda o: is_int(o) and o.ndim <= 2)
    if indices is not None and isinstance(size, int) and size > 0:
        return f"ops.take({name}, ops.cast({indices}, 'int32') % {size}, axis={axis})"
    if isinstance(size, int) and size > 0:
        chosen = d.rng.integers(-size, size, int(d.rng.integers(1, 5))).tolist()
        return f"ops.take({name}, np.array({chosen}, 'int32'), axis={axis})"
    return None


def lookup_that_may_fail(d: Draw) -> str | None:
    name, indices = d.name(has_axes), d.name(lambda o: is_int(o) and o.ndim <= 2)
    return None if name is None or indices is None else f"ops.take({name}, {indices}, axis=0)"


def scatter(d: Draw) -> str | None:
    rows = d.tensor(lambda t: t.ndim >= 1 and isinstance(t.dims[0], int) and t.dims[0] > 0 and t.dtype != "bool")
    if rows is None:
        return None
    name, t = rows
    places = [[int(k)] for k in d.rng.integers(0, 6, t.dims[0])]
    return f"ops.scatter(np.array({places}, 'int32'), {name}, (6, *{name}.dims[1:]))"


def scan(d: Draw) -> str | None:
    found = d.tensor(lambda t: t.ndim > 1 and is_float(t))
    if found is None:
        return None
    name, t = found
    last = int(d.rng.integers(t.ndim - 1))
    carry = d.one([f"ops.zeros_like({name}[0])" if isinstance(t.dims[0], int) and t.dims[0] > 0 else f"ops.sum({name} * 0.0, axis=0)"])
    other = d.name(lambda o: o.dtype == t.dtype and o.dims == t.dims[1:])
    body = d.one([
        "(ops.tanh(c + x),) * 2", "(c * 0.5 + x, c)", f"(ops.tanh(x + ops.flip(c, {last})), c * x)", "(ops.sin(c) + x * 0.3, x + c)",
        "(ops.maximum(c, x), ops.sum(c))", f"(c * 0.9 + ops.tanh(x) * {other or '0.1'}, ops.exp(ops.minimum(c, 1.0)))",
    ])  # fmt: skip
    which = d.one(["[0]", "[1]"])
    return f"ops.scan(lambda c, x: {body}, {carry}, {name}, reverse={d.chance(0.4)}){which}"


def branch(d: Draw) -> str | None:
    found = d.tensor(is_float)
    if found is None:
        return None
    name, t = found
    other = d.name(lambda o: o.dtype == t.dtype and o.dims == t.dims) or name
    condition = d.one([f"ops.sum({name}) > 0", f"ops.sum({name}) < 6e4", f"ops.any({name} > 0.2)"])
    one, two = d.one(
        [(f"{name} * 2.0", f"{other} + 1.0"), (f"ops.tanh({other})", name), (other, f"ops.flip({name}, 0) * {other}" if t.ndim else name)]
    )
    return f"ops.cond({condition}, lambda: {one}, lambda: {two})"


def loop(d: Draw) -> str | None:
    found = d.tensor(is_float)
    if found is None:
        return None
    name, _ = found
    count = int(d.rng.integers(0, 4))
    return f"ops.while_loop(lambda k, v: k < {count}, lambda k, v: (k + 1, ops.tanh(v) * 0.9), (ops.as_tensor(np.int32(0)), {name}))[1]"


def gradient(d: Draw) -> str | None:
    of = d.name(is_float)
    by = d.source(of) if of is not None else None
    if by is None:
        return None
    return f"gradient(ops.sum(ops.tanh({of})), {by})"


KINDS: list[tuple[Callable[[Draw], str | None], float]] = [
    (unary, 6.0),
    (binary, 7.0),
    (view, 6.0),
    (reduction, 3.0),
    (over_axis, 1.5),
    (product, 1.5),
    (join, 2.0),
    (padding, 1.0),
    (lookup, 1.5),
    (lookup_that_may_fail, 0.1),
    (scatter, 0.7),
    (scan, 0.8),
    (branch, 0.6),
    (loop, 0.4),
    (gradient, 2.5),
    *network_statements.KINDS,
]
"""What statements there are, and how often."""


def statement(d: Draw) -> str | None:
    """One more statement, None where the kind drawn has nothing to work on."""
    weights = np.array([w for _, w in KINDS])
    kind = KINDS[int(d.rng.choice(len(KINDS), p=weights / weights.sum()))][0]
    return kind(d)
