"""Every rule on random instances of its pattern: any shapes that its operators take, any attributes that fit."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.size_check import SizeCheck
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.rules import Match, Rule, RuleSet, build, op_of, operands, parse
from symkeras.errors import DtypeError, ShapeError
from symkeras.graph import Graph, dims
from symkeras.graph.node import Node, make
from symkeras.graph.types import TensorType, parse_type
from symkeras.ops.op import constant_node
from tests.compiler.passes.test_every_rule import TABLES, value
from tests.ops.check_op import draw_one

SIZES = {"batch": 3, "nothing": 0, "one": 1}
ODD_SHAPES = ["", "0", "1", "3", "1, 3", "3, 1", "3, 3", "0, 3", "3, 0", "1, 1", "batch", "batch, 3", "3, batch", "one, 3", "nothing, 3",
              "2, 1, 3", "2, 3, 3"]  # fmt: skip

DTYPES = ["float64", "float16", "int8", "int32", "int64", "uint8", "uint32", "bool"]


class _Instance:
    """A random instance of a pattern: names of any shape and attributes that fit, broadcasting where an operator allows it."""

    def __init__(self, rule: Rule, rng: np.random.Generator):
        self.rule, self.rng = rule, rng
        self.inputs: list[Node] = []
        self.match = Match(None, {}, {})  # type: ignore[arg-type]
        self.dtype = str(rng.choice(DTYPES)) if rng.random() < 0.5 else "float32"
        self.alike = parse_type(f"f32[{rng.choice(ODD_SHAPES)}]").shape
        self.root = self.built(parse(rule.pattern))

    def name(self, name: str) -> Node:
        sample = self.rule.samples.get(name, "f32[3, 4]")
        if "[" not in sample:
            return constant_node(np.asarray(float(sample), self.dtype))
        given = parse_type(sample.removeprefix("transpose "))
        shape = self.alike if self.rng.random() < 0.5 else parse_type(f"f32[{self.rng.choice(ODD_SHAPES)}]").shape
        x = ops.placeholder(TensorType(shape, self.dtype if given.dtype == "float32" else given.dtype), name)
        self.inputs.append(x.node)
        return ops.swapaxes(x, -1, -2).node if sample.startswith("transpose ") and x.ndim > 1 else x.node

    def built(self, expression: ast.expr) -> Node:
        if isinstance(expression, ast.Name):
            if expression.id not in self.match.nodes:
                self.match.nodes[expression.id] = self.name(expression.id)
            return self.match.nodes[expression.id]
        if op_of(expression) is None:
            integers = any(t.startswith("i32") for t in self.rule.samples.values())
            return build(expression, self.match, "int32" if integers else self.dtype)
        inputs = [self.built(a) for a in operands(expression)]
        attrs = {}
        for keyword in expression.keywords if isinstance(expression, ast.Call) else ():
            if isinstance(keyword.value, ast.Name):
                if keyword.value.id not in self.match.attrs:
                    self.match.attrs[keyword.value.id] = self.attribute(op_of(expression), str(keyword.arg), inputs)
                attrs[keyword.arg] = self.match.attrs[keyword.value.id]
            else:
                attrs[keyword.arg] = ast.literal_eval(keyword.value)
        return make(ops.OPS[op_of(expression)], inputs, attrs)  # type: ignore[index, arg-type]

    def attribute(self, op: str | None, name: str, inputs: list[Node]) -> Any:
        rng, x = self.rng, inputs[0]
        n = inputs[-1].ndim if op == "scatter_add" else x.ndim
        if name == "axes" and op == "transpose":
            return tuple(int(k) for k in rng.permutation(n))
        if name == "axes":
            return tuple(k for k in range(n) if rng.random() < 0.5)
        if name == "axis":
            return int(rng.integers(n)) if n else 0
        if name == "shape" and op == "reshape":
            options = [x.shape, (1, *x.shape), (*x.shape, 1), (x.tensor_type.size,), tuple(d for d in x.shape if d != 1)]
            if x.op.name == "sum":  # with its axes back
                options.append(tuple(1 if k in x.attrs["axes"] else d for k, d in enumerate(x.inputs[0].shape)))
            return options[rng.integers(len(options))]
        if name == "shape":
            return [x.shape, (2, *x.shape), tuple(4 if d == 1 else d for d in x.shape)][rng.integers(3)]
        if name == "padding" and (before := self.match.attrs.get("p")) is not None and len(before) == n and n and rng.random() < 0.8:
            k, first = int(rng.integers(n)), self.match.nodes["x"]
            behind = [0, 1, before[k][1] - x.shape[k] if isinstance(x.shape[k], int) and x.shape[k] <= before[k][1] else 0][rng.integers(3)]
            return (*before[:k], (before[k][0] + first.shape[k], behind, 0), *before[k + 1 :])
        if name == "padding":
            return tuple((int(rng.integers(3)), int(rng.integers(3)), int(rng.integers(2)) if rng.random() < 0.2 else 0) for _ in x.shape)
        if name == "value":
            return float(rng.choice([0.0, 0.0, 0.0, 1.0, -0.0]))
        if name == "dtype":
            return str(rng.choice(["float32", "float64", "int32"]))
        return bool(rng.integers(2)) if name.startswith("transpose") else int(rng.integers(1, 6))


@pytest.mark.parametrize("name", TABLES)
def test_rule_keeps_type_and_value_on_every_odd_shape(name: str) -> None:
    """Zeros, ones, scalars, broadcasts, symbolic sizes, no axes; patterns that no graph can hold are passed over."""
    fired: dict[str, int] = {}
    for rule in TABLES[name].rules:
        for seed in range(600 if "pad" in rule.pattern else 150):
            rng = np.random.default_rng((len(rule.name), seed))
            try:
                one = _Instance(rule, rng)
            except (ShapeError, DtypeError, OverflowError):
                continue
            new = RuleSet([rule]).rewrite(one.root, Context(lambda name: True))
            if new is None:
                continue
            fired[rule.name] = fired.get(rule.name, 0) + 1
            assert new.type == one.root.type
            arrays = []
            for n in one.inputs:
                shape = dims.evaluate(n.shape, SIZES)
                is_index = n.dtype == "int32" != one.dtype
                arrays.append(draw_one(TensorType(shape, n.dtype), *((0, 1) if is_index or n.dtype.startswith("uint") else (-3.0, 3.0)), rng))
            before, after = Graph(one.inputs, [one.root]), Graph(one.inputs, [new])
            try:
                SizeCheck(before)(arrays)
                expected = value(before, arrays)
            except (ValueError, IndexError):
                continue  # sizes that were taken to be equal, indices, a maximum of nothing
            found = value(after, arrays)
            assert found.shape == expected.shape and found.dtype == expected.dtype
            rtol, atol = (2e-2, 2e-2) if found.dtype == np.float16 else (2e-5, 2e-6)
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=f"{rule.name}: {before}")
    missing = {r.name for r in TABLES[name].rules} - fired.keys()
    assert not missing, missing
