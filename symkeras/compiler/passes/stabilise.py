"""`stabilise`: expressions that overflow or cancel where their value is harmless get the form that does not.

Runs before constants are folded: log(1 + exp(800)) is 800 also when 800 is a constant. Gradients are taken of the stable form, too
(`symkeras.autodiff.stable`): what overflows in a value cancels in its derivative.

No rule turns a NaN into a number, unless finite numbers overflowed on the way to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.rules import Match, Rule, RuleSet, splat, tensors
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor
from symkeras.ops import elementwise as ew
from symkeras.ops import nn
from symkeras.ops.reductions import sum as sum_
from symkeras.ops.shaping import reshape


def _logsumexp(m: Match) -> Node:
    (x,) = tensors(m, "x")
    total = nn.logsumexp(x, axis=m.attrs["a"]) if m.attrs["a"] else x
    return reshape(total, m.attrs["s"]).node if "s" in m.attrs else total.node


def _logmeanexp(m: Match) -> Node:
    """The logarithm of a sum of exponentials over, or times, a positive number."""
    total, (c,) = Tensor(_logsumexp(m)), tensors(m, "c")
    return (ew.subtract if m.node.inputs[0].op.name == "divide" else ew.add_)(total, ew.log(c)).node


def _log_shifted(m: Match) -> Node:
    x, c = tensors(m, "x", "c")
    return ew.logaddexp(x, ew.log(c)).node


def _is_positive(m: Match) -> str | None:
    """A positive number, or how many elements there are."""
    if "a" in m.attrs and (reason := _is_not_shifted(m)) is not None:
        return reason
    c = m["c"]
    while c.op.name in ("cast", "reshape", "broadcast_to"):
        c = c.inputs[0]
    value = splat(c)
    return None if c.op.name == "dim" or (value is not None and 0 < value < math.inf) else "the number is not known to be positive"


def _shifted(m: Match) -> Any:
    """x less its largest elements over the axes of a sum, which leaves a quotient of exponentials as it is."""
    x, axes = Tensor(m["x"]), m.attrs["a"]
    return x if _is_not_shifted(m) else ew.subtract(x, nn.safe_shift(x, axes))


def _softmax(m: Match) -> Node:
    e = ew.exp(_shifted(m))
    return ew.divide(e, sum_(e, m.attrs["a"], True)).node


def _log_softmax(m: Match) -> Node:
    z = _shifted(m)
    return ew.subtract(z, ew.log(sum_(ew.exp(z), m.attrs["a"], True))).node


def _normalises(m: Match) -> str | None:
    """A quotient whose sum stands in the place of the axes it was taken over."""
    shape, axes = m["x"].shape, m.attrs["a"]
    kept = tuple(1 if k in axes else d for k, d in enumerate(shape))
    if not axes or m.attrs.get("s", kept) != kept or ("s" not in m.attrs and axes != tuple(range(len(axes)))):
        return "the sum does not stand in the place of its axes"
    return None


def _is_not_shifted(m: Match) -> str | None:
    """Exponentials from which nobody took the largest: what the rules themselves leave has that done."""
    x = m["x"]
    top = x.inputs[1] if x.op.name == "subtract" else x
    while top.op.name in ("stop_gradient", "reshape", "broadcast_to", "where"):
        top = top.inputs[1 if top.op.name == "where" else 0]
    return "the largest is subtracted already" if top.op.name == "max" else None


def _is_softmax(m: Match) -> str | None:
    return _is_not_shifted(m) or _normalises(m)


def _nan_of_infinity(x: Any) -> Any:
    """0, and NaN where x is infinite: what an infinity over an infinity adds to its limit."""
    return ew.subtract(x, x)


def _sigmoid(m: Match) -> Node:
    (x,) = tensors(m, "x")
    return ew.add_(nn.sigmoid(x), _nan_of_infinity(ew.maximum(x, 0))).node


def _tanh(m: Match) -> Node:
    (x,) = tensors(m, "x")
    return ew.add_(ew.tanh(x), _nan_of_infinity(x)).node


def _tanh_of_half(m: Match) -> Node:
    (x,) = tensors(m, "x")
    return ew.add_(ew.tanh(ew.multiply(x, 0.5)), _nan_of_infinity(ew.maximum(x, 0))).node


def _log_cosh(x: Any) -> Any:
    size = ew.absolute(x)
    return ew.subtract(ew.add_(size, nn.softplus(ew.multiply(size, -2.0))), np.asarray(math.log(2), x.dtype))


_KEPT: dict[str, Any] = {"a": (1,), "s": (3, 1)}
_S = "stabilises"

RULES = RuleSet(
    [
        Rule("log-softmax", "log(softmax(x, axis=a))", "log_softmax(x, axis=a)", _S, attrs={"a": 1}, doc="softmax may underflow to 0."),
        Rule("log-sigmoid", "log(sigmoid(x))", "log_sigmoid(x)", _S, doc="sigmoid may underflow to 0."),
        Rule("log-one-minus-sigmoid", "log(1 - sigmoid(x))", "negative(softplus(x))", _S, doc="1 - sigmoid(x) cancels."),
        Rule("log1p-minus-sigmoid", "log1p(negative(sigmoid(x)))", "negative(softplus(x))", _S, doc="1 - sigmoid(x) cancels."),
        Rule("softplus", "log(1 + exp(x))", "softplus(x)", _S, doc="exp overflows."),
        Rule("softplus-log1p", "log1p(exp(x))", "softplus(x)", _S, doc="exp overflows."),
        Rule("log-one-minus-tanh-squared", "log(1 - square(tanh(x)))", lambda m: ew.multiply(_log_cosh(Tensor(m["x"])), -2.0).node, _S,
             doc="1 - tanh(x)^2 is 1 / cosh(x)^2, and cancels."),
        Rule("log-one-minus-tanh-to-the-two", "log(1 - tanh(x) ** 2)", lambda m: ew.multiply(_log_cosh(Tensor(m["x"])), -2.0).node, _S,
             doc="1 - tanh(x)^2 is 1 / cosh(x)^2, and cancels."),
        Rule("log-cosh", "log(cosh(x))", lambda m: _log_cosh(Tensor(m["x"])).node, _S, doc="cosh overflows."),
        Rule("log-one-minus-exp", "log(1 - exp(x))", "log1mexp(x)", _S, doc="1 - exp(x) cancels, or forgets a small exp(x)."),
        Rule("log-minus-expm1", "log(negative(expm1(x)))", "log1mexp(x)", _S, doc="expm1(x) forgets a small exp(x)."),
        Rule("log1p-minus-exp", "log1p(negative(exp(x)))", "log1mexp(x)", _S, doc="exp(x) forgets how far x is from 0."),
        Rule("log-expm1", "log(expm1(x))", "x + log1mexp(negative(x))", _S, doc="exp overflows."),
        Rule("log1p", "log(1 + x)", "log1p(x)", _S, doc="1 + x forgets a small x."),
        Rule("log-one-minus", "log(1 - x)", "log1p(negative(x))", _S, doc="1 - x forgets a small x."),
        Rule("log-exp", "log(exp(x))", "x", _S, doc="exp overflows."),
        Rule("logaddexp", "log(exp(x) + exp(y))", "logaddexp(x, y)", _S, doc="exp overflows."),
        Rule("log-exp-plus-number", "log(exp(x) + c)", _log_shifted, _S, where=_is_positive, samples={"c": "3.0"}, doc="exp overflows."),
        Rule("logsumexp", "log(sum(exp(x), axes=a))", _logsumexp, _S, where=_is_not_shifted, attrs={"a": (1,)}, doc="exp overflows."),
        Rule("logsumexp-keepdims", "log(reshape(sum(exp(x), axes=a), shape=s))", _logsumexp, _S, where=_is_not_shifted, attrs=_KEPT,
             doc="exp overflows."),
        Rule("logmeanexp", "log(sum(exp(x), axes=a) * c)", _logmeanexp, _S, where=_is_positive, samples={"c": "0.25"}, attrs={"a": (1,)}),
        Rule("logmeanexp-keepdims", "log(reshape(sum(exp(x), axes=a), shape=s) * c)", _logmeanexp, _S, where=_is_positive,
             samples={"c": "0.25"}, attrs=_KEPT),
        Rule("logmeanexp-quotient", "log(sum(exp(x), axes=a) / c)", _logmeanexp, _S, where=_is_positive, samples={"c": "3.0"}, attrs={"a": (1,)}),
        Rule("logmeanexp-quotient-keepdims", "log(reshape(sum(exp(x), axes=a), shape=s) / c)", _logmeanexp, _S, where=_is_positive,
             samples={"c": "3.0"}, attrs=_KEPT),
        Rule("log-of-softmax-by-hand", "log(exp(x) / reshape(sum(exp(x), axes=a), shape=s))", _log_softmax, _S, where=_normalises, attrs=_KEPT,
             doc="The quotient may underflow to 0."),
        Rule("log-of-softmax-by-hand-over-leading-axes", "log(exp(x) / sum(exp(x), axes=a))", _log_softmax, _S, where=_normalises, attrs={"a": (0,)},
             doc="The quotient may underflow to 0."),
        Rule("softmax-by-hand", "exp(x) / reshape(sum(exp(x), axes=a), shape=s)", _softmax, _S, where=_is_softmax, attrs=_KEPT,
             doc="exp overflows."),
        Rule("softmax-by-hand-over-leading-axes", "exp(x) / sum(exp(x), axes=a)", _softmax, _S, where=_is_softmax, attrs={"a": (0,)},
             doc="exp overflows."),
        Rule("sigmoid-by-hand", "1 / (1 + exp(negative(x)))", "sigmoid(x)", _S, doc="The derivative is 0 times infinity."),
        Rule("sigmoid-as-reciprocal", "reciprocal(1 + exp(negative(x)))", "sigmoid(x)", _S, doc="The derivative is 0 times infinity."),
        Rule("sigmoid-of-negative", "1 / (1 + exp(x))", "sigmoid(negative(x))", _S, doc="The derivative is 0 times infinity."),
        Rule("sigmoid-of-negative-as-reciprocal", "reciprocal(1 + exp(x))", "sigmoid(negative(x))", _S, doc="The derivative is 0 times infinity."),
        Rule("sigmoid-as-quotient", "exp(x) / (1 + exp(x))", _sigmoid, _S, doc="exp overflows."),
        Rule("tanh-by-hand", "(exp(x) - exp(negative(x))) / (exp(x) + exp(negative(x)))", _tanh, _S, doc="exp overflows."),
        Rule("tanh-of-half", "expm1(x) / (1 + exp(x))", _tanh_of_half, _S, doc="exp overflows."),
        Rule("expm1", "exp(x) - 1", "expm1(x)", _S, doc="exp(x) - 1 cancels for a small x."),
        Rule("minus-expm1", "1 - exp(x)", "negative(expm1(x))", _S, doc="1 - exp(x) cancels for a small x."),
        Rule("root-of-square", "sqrt(square(x))", "absolute(x)", _S, doc="The square overflows; the derivative at 0 is 0 times infinity."),
        Rule("root-of-product", "sqrt(x * x)", "absolute(x)", _S, doc="The square overflows; the derivative at 0 is 0 times infinity."),
        Rule("root-of-power", "sqrt(x ** 2)", "absolute(x)", _S, doc="The square overflows; the derivative at 0 is 0 times infinity."),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Stabilise(Pass):
    """Apply the table of stable forms until nothing changes."""

    name: ClassVar[str] = "stabilise"

    def run(self, graph: Graph, context: Context) -> Graph:
        return RULES.run(graph, context)
