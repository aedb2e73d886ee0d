"""`whole-gradients`: gradients that autodiff wrote in parts become one operation, for engines that have it.

What is matched is what the passes leave of the gradients of a softmax, of relu and of GELU. Where something else reads a part of it, the part stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.rules import Match, Rule, RuleSet, splat
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.ops.op import OPS

_DTYPES = ("float32", "float64")
_WHOLE = ("softmax_gradient", "relu_gradient", "gelu_gradient")
_NUMBERS = {"half": 0.5, "root": math.sqrt(0.5), "density": 2 / math.sqrt(math.pi), "one": 1.0}


def _is_of_softmax(m: Match) -> str | None:
    y, axes = m["y"], m.attrs["a"]
    if y.dtype not in _DTYPES or m["dy"].type != y.type or len(axes) != 1:
        return "it is not of two tensors of one type, along one axis"
    kept = tuple(1 if k in axes else d for k, d in enumerate(y.shape))
    return None if m.attrs["s"] == kept else "the sum does not stand in the place of its axis"


def _is_of_gelu(m: Match) -> str | None:
    x = m["x"]
    if x.dtype not in _DTYPES or m["dy"].type != x.type:
        return "it is not of two tensors of one type"
    values = {name: splat(m[name]) for name in _NUMBERS}
    is_right = all(v is not None and np.isclose(v, _NUMBERS[name], rtol=1e-6, atol=0) for name, v in values.items())
    return None if is_right else "its numbers are not those of GELU"


def _is_of_relu(m: Match) -> str | None:
    y = m["y"]
    if y.dtype not in _DTYPES or m["dy"].type != y.type:
        return "it is not of two tensors of one type"
    zero, other = splat(m["zero"]), splat(m["other"])
    return None if zero == 0 and other == 0 and not np.signbit(other) else "it is no choice between a gradient and zero by what is greater than zero"


def _softmax(m: Match) -> Node:
    return make(OPS["softmax_gradient"], (m["dy"], m["y"]), {"axis": m.attrs["a"][0]})


RULES = RuleSet([
    Rule("gradient-of-softmax", "y * (dy - reshape(sum(dy * y, axes=a), shape=s))", _softmax, "approximate", where=_is_of_softmax,
         samples={"y": "f32[3, 4]", "dy": "f32[3, 4]"}, attrs={"a": (1,), "s": (3, 1)}, doc="One pass over the rows instead of four."),
    Rule("gradient-of-relu", "where(greater(y, zero), dy, other)", "relu_gradient(dy, y)", "exact", where=_is_of_relu,
         samples={"zero": "0.0", "other": "0.0"}, doc="One pass instead of two."),
    Rule("gradient-of-gelu", "dy * (x * half) * (exp(negative(square(x * root))) * density) * root + dy * (erf(x * root) + one) * half",
         "gelu_gradient(dy, x)", "approximate", where=_is_of_gelu,
         samples={name: repr(value) for name, value in _NUMBERS.items()}, doc="One pass instead of twelve."),
])  # fmt: skip


@dataclass(frozen=True)
class WholeGradients(Pass):
    """Put gradients together that the backend takes whole."""

    name: ClassVar[str] = "whole-gradients"

    def run(self, graph: Graph, context: Context) -> Graph:
        return RULES.run(graph, context) if all(map(context.takes, _WHOLE)) else graph
