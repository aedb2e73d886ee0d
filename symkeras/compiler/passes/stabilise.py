"""`stabilise`: expressions that overflow or cancel where their value is harmless get the form that does not.

Runs before constants are folded: log(1 + exp(800)) is 800 also when 800 is a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from symkeras.compiler.passes.base import Context, Pass
from symkeras.compiler.passes.rules import Match, Rule, RuleSet, tensors
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops import nn


def _logsumexp(m: Match) -> Node:
    return nn.logsumexp(tensors(m, "x")[0], axis=m.attrs["a"]).node


RULES = RuleSet(
    [
        Rule("log-softmax", "log(softmax(x, axis=a))", "log_softmax(x, axis=a)", "stabilises", attrs={"a": 1}, doc="softmax may underflow to 0."),
        Rule("log-sigmoid", "log(sigmoid(x))", "log_sigmoid(x)", "stabilises", doc="sigmoid may underflow to 0."),
        Rule("log-one-minus-sigmoid", "log(1 - sigmoid(x))", "negative(softplus(x))", "stabilises", doc="1 - sigmoid(x) cancels."),
        Rule("softplus", "log(1 + exp(x))", "softplus(x)", "stabilises", doc="exp overflows."),
        Rule("softplus-log1p", "log1p(exp(x))", "softplus(x)", "stabilises", doc="exp overflows."),
        Rule("log1p", "log(1 + x)", "log1p(x)", "stabilises", doc="1 + x forgets a small x."),
        Rule("expm1", "exp(x) - 1", "expm1(x)", "stabilises", doc="exp(x) - 1 cancels for a small x."),
        Rule("logsumexp", "log(sum(exp(x), axes=a))", _logsumexp, "stabilises", attrs={"a": (1,)}, doc="exp overflows."),
    ]
)


@dataclass(frozen=True)
class Stabilise(Pass):
    """Apply the table of stable forms until nothing changes."""

    name: ClassVar[str] = "stabilise"

    def run(self, graph: Graph, context: Context) -> Graph:
        return RULES.run(graph, context)
