"""Every rule of every table, held numerically against its own pattern, on random and on extreme values.

What a rule must keep is its numeric class: "exact" the same bits, signs of zeros and NaN; "reassociates" and
"approximate" the value up to rounding; "stabilises" the value wherever the pattern itself is well-conditioned, and never
a NaN where the pattern, computed in a wider precision, is a number.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.compiler.passes import simplify, stabilise, whole_gradients
from symkeras.compiler.passes.base import Context
from symkeras.compiler.passes.rules import NUMERICS, Match, Rule, RuleSet, build, parse
from symkeras.errors import CompileError
from symkeras.graph import Graph, Tensor
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType, parse_type
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import constant_node
from tests.ops.check_op import draw_one, same_bits
from tests.ops.test_extremes import extremes

TABLES = {"simplify": simplify.RULES, "stabilise": stabilise.RULES, "whole-gradients": whole_gradients.RULES}
RULES = [(table, rule) for table, rules in TABLES.items() for rule in rules.rules]
every_rule = pytest.mark.parametrize("rule", [r for _, r in RULES], ids=[f"{t}/{r.name}" for t, r in RULES])

PRECISIONS = ["float32", "float64"]
CLOSE = {"float16": 2e-3, "float32": 2e-6, "float64": 1e-14}
ULPS = 16


def names_of(pattern: ast.expr) -> list[str]:
    """The names that stand for nodes, in order of appearance; those of attributes and ops do not."""
    attributes = {k.value for n in ast.walk(pattern) if isinstance(n, ast.Call) for k in n.keywords}
    functions = {n.func for n in ast.walk(pattern) if isinstance(n, ast.Call)}
    found = [n.id for n in ast.walk(pattern) if isinstance(n, ast.Name) and n not in attributes and n not in functions]
    return list(dict.fromkeys(found))


def stand_in(text: str, name: str, dtype: str) -> tuple[Node | None, Node]:
    """The input (None for a constant) and the node for a name: "f32[3, 4]", "transpose f32[3, 4]" or a number."""
    if "[" not in text:
        return None, constant_node(np.asarray(float(text), dtype))
    type = parse_type(text.removeprefix("transpose "))
    x = ops.placeholder(type.with_dtype(dtype) if type.dtype == "float32" else type, name)
    return x.node, (ops.transpose(x) if text.startswith("transpose ") else x).node


def pattern_graph(rule: Rule, dtype: str) -> Graph:
    """The pattern of a rule on the types of its samples, as a graph."""
    expression = parse(rule.pattern)
    inputs, nodes = [], {}
    for name in names_of(expression):
        leaf, nodes[name] = stand_in(rule.samples.get(name, "f32[3, 4]"), name, dtype)
        if leaf is not None:
            inputs.append(leaf)
    attrs = {k: dtype if k == "d" and v == "float32" else v for k, v in rule.attrs.items()}
    root = build(expression, Match(None, nodes, attrs), next(iter(nodes.values())).dtype)  # type: ignore[arg-type]
    return Graph(inputs, [root], name=rule.name)


def rewritten(rule: Rule, graph: Graph) -> Graph:
    """The pattern after the rule, which must fire on it."""
    context = Context(lambda name: True)
    new = RuleSet([rule]).rewrite(graph.outputs[0], context)
    assert new is not None, f"{rule.name} does not fire on its own pattern; refused: {dict(context.refused)}"
    assert new.type == graph.outputs[0].type and context.fired[rule.name] == 1
    return Graph(graph.inputs, [new], name=rule.name)


def random_values(graph: Graph, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [draw_one(n.tensor_type, *((0, 3) if n.dtype.startswith("int") else (-3.0, 3.0)), rng) for n in graph.inputs]


def extreme_values(graph: Graph, seed: int) -> list[np.ndarray]:
    """Extreme values in every position, in another order for every seed, so that all meet all."""
    rng = np.random.default_rng(seed)
    found = []
    for n in graph.inputs:
        if not n.dtype.startswith("float"):
            found.extend(random_values(Graph([n], [n]), seed))
            continue
        pool = extremes(n.dtype)
        found.append(rng.choice(pool, size=tuple(int(d) for d in n.shape)).astype(n.dtype))
    return found


def value(graph: Graph, arrays: list[np.ndarray]) -> np.ndarray:
    return np.asarray(evaluate(graph, arrays)[0][0])


def wider(graph: Graph, arrays: list[np.ndarray]) -> np.ndarray:
    """The pattern's value in a precision in which exponentials do not overflow, by the reference functions of its ops."""
    wide = "longdouble"
    inputs = [np.where(np.isfinite(a), np.clip(a, -4000, 4000), a).astype(wide) if a.dtype.kind == "f" else a for a in arrays]
    values: dict[Node, Any] = dict(zip(graph.inputs, inputs, strict=True))
    with np.errstate(all="ignore"):
        for n in graph.nodes:
            if n not in values:
                attrs = {k: v for k, v in n.attrs.items() if k != "value"}
                own = n.attrs["value"].array if n.op.name == "constant" else None
                values[n] = own.astype(wide) if own is not None else _wide_value(n, [values[i] for i in n.inputs], attrs)
    return np.asarray(values[graph.outputs[0]])


def _wide_value(node: Node, inputs: list[Any], attrs: dict[str, Any]) -> Any:
    """Composites in their textbook form, since their own goes through the dtypes of tensors."""
    x = inputs[0]
    if node.op.name == "softmax":
        e = np.exp(x - x.max(attrs["axis"], keepdims=True))
        return e / e.sum(attrs["axis"], keepdims=True)
    if node.op.name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    if node.op.name == "power":
        return np.power(x, inputs[1])
    return node.op.value(*inputs, **attrs)


def test_tables_name_each_rule_once_and_every_class_is_known() -> None:
    names = [r.name for _, r in RULES]
    assert len(set(names)) == len(names)
    for _, rule in RULES:
        assert rule.numerics in NUMERICS and rule.name == rule.name.lower() and " " not in rule.name


@every_rule
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_rule_keeps_what_its_class_promises(rule: Rule, dtype: str) -> None:
    before = pattern_graph(rule, dtype)
    after = rewritten(rule, before)
    for seed in range(20):
        arrays = random_values(before, seed)
        check(rule, value(after, arrays), value(before, arrays), dtype)
    for seed in range(60):
        arrays = extreme_values(before, seed)
        old, new = value(before, arrays), value(after, arrays)
        if rule.numerics == "exact":
            same_bits(new, old)
        elif rule.numerics == "stabilises":
            exact = wider(before, arrays)
            has_infinity = any(np.isinf(a).any() for a in arrays if a.dtype.kind == "f")
            number = np.isfinite(exact) & ~(np.isnan(old) & has_infinity)  # beside an infinity the largest numbers may overflow as before
            assert not np.isnan(new[number]).any(), f"{rule.name} makes a NaN of a number: {arrays}"
            assert np.isnan(new[np.isnan(old) & np.isnan(exact)]).all(), f"{rule.name} loses a NaN: {arrays}"
        else:
            finite = np.isfinite(old)
            np.testing.assert_array_equal(np.isnan(new), np.isnan(old))
            np.testing.assert_array_equal(new[~finite & ~np.isnan(old)], old[~finite & ~np.isnan(old)])


def check(rule: Rule, new: np.ndarray, old: np.ndarray, dtype: str) -> None:
    if rule.numerics == "exact" or old.dtype.kind not in "f":
        same_bits(new, old)
    else:
        np.testing.assert_allclose(new, old, rtol=ULPS * CLOSE[dtype], atol=ULPS * CLOSE[dtype])


# A sum of exponentials in single precision knows its logarithm to so much; elsewhere only subnormal numbers may go to zero.
ABSOLUTE = dict.fromkeys((
    "log-softmax", "logsumexp", "logsumexp-keepdims", "logmeanexp", "logmeanexp-keepdims", "logmeanexp-quotient", "logmeanexp-quotient-keepdims",
    "log-of-softmax-by-hand", "log-of-softmax-by-hand-over-leading-axes", "log-cosh", "log-one-minus-tanh-squared", "log-one-minus-tanh-to-the-two",
    "logaddexp", "log-exp-plus-number",
), 1e-6)  # fmt: skip
STABLE = [r for r in stabilise.RULES.rules if r.numerics == "stabilises"]
HARD = np.array([-1e4, -800.0, -100.0, -20.0, -1e-3, -1e-9, -1e-20, 0.0, 1e-20, 1e-9, 1e-3, 5.0, 20.0, 100.0, 800.0, 1e4])


@pytest.mark.parametrize("rule", STABLE, ids=lambda r: r.name)
def test_stable_form_is_right_where_the_pattern_is_not(rule: Rule) -> None:
    """In single precision, against the pattern in double and extended precision: a few ulps, where that is finite."""
    before = pattern_graph(rule, "float32")
    after = rewritten(rule, before)
    for seed in range(40):
        arrays = [np.random.default_rng((seed, k)).choice(HARD, size=(3, 4)).astype("float32") for k in range(len(before.inputs))]
        with np.errstate(all="ignore"):
            exact = np.asarray(TEXTBOOK[rule.name](*(a.astype("longdouble") for a in arrays))).astype("float64")
        new = value(after, arrays)
        known = np.isfinite(exact) & (np.abs(exact) < 3e38)
        np.testing.assert_allclose(new[known], exact[known], rtol=ULPS * 1.2e-7, atol=ABSOLUTE.get(rule.name, 1.2e-38))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _lse(x: Any, axis: int = 1) -> Any:
    top = x.max(axis, keepdims=True)
    return top + np.log(np.exp(x - top).sum(axis, keepdims=True))


def _log1mexp(x: Any) -> Any:
    return np.where(x < -0.7, np.log1p(-np.exp(x)), np.log(-np.expm1(x)))


def _log_cosh(x: Any) -> Any:
    return np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - np.log(np.longdouble(2))


TEXTBOOK: dict[str, Any] = {
    "log-softmax": lambda x: x - _lse(x), "log-sigmoid": lambda x: -_softplus(-x), "log-one-minus-sigmoid": lambda x: -_softplus(x),
    "log1p-minus-sigmoid": lambda x: -_softplus(x), "softplus": _softplus, "softplus-log1p": _softplus,
    "log-one-minus-tanh-squared": lambda x: -2 * _log_cosh(x), "log-one-minus-tanh-to-the-two": lambda x: -2 * _log_cosh(x), "log-cosh": _log_cosh,
    "log-one-minus-exp": _log1mexp, "log-minus-expm1": _log1mexp, "log1p-minus-exp": _log1mexp, "log-expm1": lambda x: x + _log1mexp(-x),
    "log1p": np.log1p, "log-one-minus": lambda x: np.log1p(-x), "log-exp": lambda x: x, "logaddexp": np.logaddexp,
    "log-exp-plus-number": lambda x: np.logaddexp(x, np.log(np.longdouble(3))), "logsumexp": lambda x: _lse(x)[:, 0], "logsumexp-keepdims": _lse,
    "logmeanexp": lambda x: (_lse(x) + np.log(np.longdouble(0.25)))[:, 0], "logmeanexp-keepdims": lambda x: _lse(x) + np.log(np.longdouble(0.25)),
    "logmeanexp-quotient": lambda x: (_lse(x) - np.log(np.longdouble(3)))[:, 0],
    "logmeanexp-quotient-keepdims": lambda x: _lse(x) - np.log(np.longdouble(3)), "log-of-softmax-by-hand": lambda x: x - _lse(x),
    "log-of-softmax-by-hand-over-leading-axes": lambda x: x - _lse(x, 0), "softmax-by-hand": lambda x: np.exp(x - _lse(x)),
    "softmax-by-hand-over-leading-axes": lambda x: np.exp(x - _lse(x, 0)), "sigmoid-by-hand": lambda x: 1 / (1 + np.exp(-x)),
    "sigmoid-as-reciprocal": lambda x: 1 / (1 + np.exp(-x)), "sigmoid-of-negative": lambda x: 1 / (1 + np.exp(x)),
    "sigmoid-of-negative-as-reciprocal": lambda x: 1 / (1 + np.exp(x)), "sigmoid-as-quotient": lambda x: 1 / (1 + np.exp(-x)),
    "tanh-by-hand": np.tanh,
    "tanh-of-half": lambda x: np.tanh(x / 2), "expm1": np.expm1, "minus-expm1": lambda x: -np.expm1(x), "root-of-square": np.abs,
    "root-of-product": np.abs, "root-of-power": np.abs,
}  # fmt: skip
"""What each pattern means, by formulas that neither overflow nor cancel in extended precision."""


@pytest.mark.parametrize("rule", [r for _, r in RULES if len(names_of(parse(r.pattern))) == 1 and not r.attrs], ids=lambda r: r.name)
@pytest.mark.parametrize("shape", ["", "0, 3", "1, 1", "batch, 4"], ids=str)
def test_rule_keeps_the_type_on_every_shape(rule: Rule, shape: str) -> None:
    name = names_of(parse(rule.pattern))[0]
    given = parse_type(rule.samples.get(name, "f32[3, 4]"))
    sized = TensorType(parse_type(f"f32[{shape}]").shape, given.dtype)
    x = ops.placeholder(sized, name)
    root = build(parse(rule.pattern), Match(None, {name: x.node}, {}), given.dtype)  # type: ignore[arg-type]
    new = RuleSet([rule]).rewrite(root, Context(lambda name: True))
    assert new is not None and new.type == root.type


def test_rules_see_constants_that_were_broadcast_and_either_order_of_a_sum() -> None:
    x = ops.placeholder("f32[2, 3]")
    ones = ops.broadcast_to(ops.as_tensor(np.float32(1)), (2, 3))
    for y in (x * 1.0, 1.0 * x, x * ones, np.ones((2, 3), "float32") * x, np.ones((1, 3), "float32") * x):
        assert one("simplify", y) is x.node
    wide = one("simplify", ops.placeholder("f32[3]") * np.ones((2, 1), "float32"))
    assert wide is not None and wide.op.name == "broadcast_to" and wide.shape == (2, 3)
    assert one("stabilise", ops.log(ops.exp(x) + 1.0)).op.name == "softplus"  # type: ignore[union-attr]
    assert one("simplify", np.float32(1) / x) is None
    assert one("simplify", x * np.array([1, 1, 2], "float32")) is None


def one(table: str, y: Tensor) -> Node | None:
    return TABLES[table].rewrite(y.node, Context(lambda name: True))


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_is_never_dropped_where_it_changes_a_sign(zero: float) -> None:
    x = ops.placeholder("f32[4]")
    value_ = np.float32([0.0, -0.0, 1.0, -1.0])
    for y in (x + zero, x - zero, zero - x, x * 1.0 + zero):
        new = one("simplify", y)
        graph = Graph([x.node], [y.node])
        same_bits(value(graph if new is None else Graph([x.node], [new]), [value_]), value(graph, [value_]))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("exponent", [-24, -20, -15, -1, 1, 15])
def test_division_by_a_power_of_two_keeps_every_bit_in_every_precision(dtype: str, exponent: int) -> None:
    x = ops.placeholder(TensorType((400,), dtype))
    y = ops.divide(x, np.asarray(2.0**exponent, dtype))
    new = one("simplify", y)
    f = np.finfo(dtype)
    bits = (
        np.random.default_rng(0).integers(0, 2 ** (8 * f.dtype.itemsize - 1), 400, dtype="uint64").astype(f"uint{8 * f.dtype.itemsize}").view(dtype)
    )
    if new is not None:
        same_bits(value(Graph([x.node], [new]), [bits]), value(Graph([x.node], [y.node]), [bits]))


def test_a_rule_that_raises_is_an_error_and_rules_that_undo_each_other_are_too() -> None:
    x = ops.placeholder("f32[3]")
    graph = Graph([x.node], [ops.sin(x).node])

    def fails(match: Match) -> Node:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        RuleSet([Rule("fails", "sin(x)", fails)]).run(graph, Context(lambda name: True))
    circle = RuleSet([Rule("there", "sin(x)", "cos(x)"), Rule("back", "cos(x)", "sin(x)")])
    with pytest.raises(CompileError, match=r"do not come to an end.*there"):
        circle.run(graph, Context(lambda name: True))


def test_a_refusal_is_recorded_with_its_reason() -> None:
    x = ops.placeholder("f32[3]")
    context = Context(lambda name: True)
    assert TABLES["simplify"].rewrite((x + 0.0).node, context) is None
    assert context.refused == {("add-integer-zero", "x + 0 turns -0.0 into 0.0"): 1}


@pytest.mark.parametrize(("rule", "message"), [
    (Rule("bad", "x", "x"), "must apply an operation"), (Rule("bad", "sin(x)", "x", "magic"), "numerics"),
])  # fmt: skip
def test_a_malformed_rule_is_refused_when_its_table_is_made(rule: Rule, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        RuleSet([rule])


def test_replacement_of_a_rule_carries_the_origins_of_what_it_replaces() -> None:
    from symkeras.graph.provenance import layer_scope

    x = ops.placeholder("f32[3]")
    with layer_scope("stable"):
        y = ops.log(ops.exp(x) + 1.0)
    new = one("stabilise", y)
    assert new is not None and new.origins[0].layer == "stable" and new.origins[0].line.startswith("test_every_rule.py")


@pytest.mark.parametrize("count", [3, 33, 300])
def test_rules_come_to_an_end_however_many_transposed_look_ups_there_are(count: int) -> None:
    table, index = ops.placeholder("i32[5]"), ops.placeholder("i32[2, 3]")
    y = index
    for _ in range(count):
        y = ops.transpose(ops.take(table, y, axis=0))
    graph = Graph([table.node, index.node], [y.node])
    context = Context(lambda name: True)
    after = simplify.Simplify().run(graph, context)
    arrays = [np.array([3, 1, 4, 0, 2], "int32"), np.array([[0, 1, 2], [3, 4, 0]], "int32")]
    np.testing.assert_array_equal(value(after, arrays), value(graph, arrays))
    assert sum(context.fired.values()) <= count


def test_bodies_of_one_loop_stay_one_graph_when_rules_fire_in_them() -> None:
    x, p = ops.placeholder("f32[4]"), ops.placeholder("bool[]")
    y = ops.cond(p, lambda: ops.log(1.0 + ops.exp(x)), lambda: x)
    (cond,) = [n for n in Graph([x.node, p.node], [y.node]).nodes if n.op.name == "cond"]
    context = Context(lambda name: True)
    first = stabilise.RULES.run(Graph([x.node, p.node], [y.node]), context)
    again = stabilise.RULES.run(Graph([x.node, p.node], [(y * 1.0).node]), context)
    made = [n for g in (first, again) for n in g.nodes if n.op.name == "cond"]
    assert made[0] is made[1] is not cond and context.fired["softplus"] == 2
