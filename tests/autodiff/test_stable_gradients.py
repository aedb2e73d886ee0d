"""Values and gradients of expressions that overflow or cancel as they stand: a table of forms that users of Theano, PyTensor, JAX and
TensorFlow reported, each on both compiling backends, at every level that rewrites."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients, reverse
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor
from symkeras.ops.evaluation import evaluate

from ..ops.check_op import run

POINTS = (-1e4, -800.0, -100.0, -50.0, -1.5, -1e-3, -1e-8, 0.0, 1e-8, 1e-3, 1.5, 50.0, 100.0, 800.0, 1e4)
NEGATIVE = tuple(v for v in POINTS if v < 0)
POSITIVE = tuple(v for v in POINTS if v > 0)


def _sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v)) if v > -700 else math.exp(max(v, -745.0))


def _softplus(v: float) -> float:
    return max(v, 0) + math.log1p(math.exp(-abs(v)))


def _log1mexp(v: float) -> float:
    return math.log1p(-math.exp(v)) if v < -0.7 else math.log(-math.expm1(v))


def _log_cosh(v: float) -> float:
    return abs(v) + math.log1p(math.exp(-2 * abs(v))) - math.log(2)


def _sign(v: float) -> float:
    return math.copysign(float(v != 0), v)


# name: the expression, its value, its derivative, the points
FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[float], float], Callable[[float], float], tuple[float, ...]]] = {
    "log(1 - sigmoid(x))": (lambda x: ops.log(1 - ops.sigmoid(x)), lambda v: -_softplus(v), lambda v: -_sigmoid(v), POINTS),
    "log(1 - 1 / (1 + exp(-x)))": (lambda x: ops.log(1 - 1 / (1 + ops.exp(-x))), lambda v: -_softplus(v), lambda v: -_sigmoid(v), POINTS),
    "log1p(-sigmoid(x))": (lambda x: ops.log1p(-ops.sigmoid(x)), lambda v: -_softplus(v), lambda v: -_sigmoid(v), POINTS),
    "log(sigmoid(x))": (lambda x: ops.log(ops.sigmoid(x)), lambda v: -_softplus(-v), lambda v: _sigmoid(-v), POINTS),
    "-log(1 / (1 + exp(-x)))": (lambda x: -ops.log(1 / (1 + ops.exp(-x))), lambda v: _softplus(-v), lambda v: -_sigmoid(-v), POINTS),
    "log(1 + exp(x))": (lambda x: ops.log(1 + ops.exp(x)), _softplus, _sigmoid, POINTS),
    "log1p(exp(-x))": (lambda x: ops.log1p(ops.exp(-x)), lambda v: _softplus(-v), lambda v: -_sigmoid(-v), POINTS),
    "log(exp(x) + exp(1))": (lambda x: ops.log(ops.exp(x) + ops.exp(x * 0.0 + 1.0)),
        lambda v: 1 + _softplus(v - 1), lambda v: _sigmoid(v - 1), POINTS),
    "log(exp(x) + 3)": (lambda x: ops.log(ops.exp(x) + 3.0),
        lambda v: math.log(3) + _softplus(v - math.log(3)), lambda v: _sigmoid(v - math.log(3)), POINTS),
    "log(exp(x))": (lambda x: ops.log(ops.exp(x)), lambda v: v, lambda v: 1.0, POINTS),
    "1 / (1 + exp(-x))": (lambda x: 1 / (1 + ops.exp(-x)), _sigmoid, lambda v: _sigmoid(v) * _sigmoid(-v), POINTS),
    "exp(x) / (1 + exp(x))": (lambda x: ops.exp(x) / (1 + ops.exp(x)), _sigmoid, lambda v: _sigmoid(v) * _sigmoid(-v), POINTS),
    "1 / (1 + exp(x))": (lambda x: 1 / (1 + ops.exp(x)), lambda v: _sigmoid(-v), lambda v: -_sigmoid(v) * _sigmoid(-v), POINTS),
    "tanh by exp": (lambda x: (ops.exp(x) - ops.exp(-x)) / (ops.exp(x) + ops.exp(-x)),
        math.tanh, lambda v: 4 * _sigmoid(2 * v) * _sigmoid(-2 * v), POINTS),
    "(exp(x) - 1) / (exp(x) + 1)": (lambda x: (ops.exp(x) - 1) / (ops.exp(x) + 1),
        lambda v: math.tanh(v / 2), lambda v: 2 * _sigmoid(v) * _sigmoid(-v), POINTS),
    "log(cosh(x))": (lambda x: ops.log(ops.cosh(x)), _log_cosh, math.tanh, POINTS),
    "log(1 - tanh(x) ** 2)": (lambda x: ops.log(1 - ops.tanh(x) ** 2), lambda v: -2 * _log_cosh(v), lambda v: -2 * math.tanh(v), POINTS),
    "log(1 - exp(x))": (lambda x: ops.log(1 - ops.exp(x)), _log1mexp, lambda v: -1 / math.expm1(-v) if v > -700 else 0.0, NEGATIVE),
    "log1p(-exp(x))": (lambda x: ops.log1p(-ops.exp(x)), _log1mexp, lambda v: -1 / math.expm1(-v) if v > -700 else 0.0, NEGATIVE),
    "log(exp(x) - 1)": (lambda x: ops.log(ops.exp(x) - 1), lambda v: v + _log1mexp(-v), lambda v: 1 / -math.expm1(-v), POSITIVE),
    "exp(x) - 1": (lambda x: ops.exp(x) - 1, math.expm1, math.exp, tuple(v for v in POINTS if v < 60)),
    "1 - exp(x)": (lambda x: 1 - ops.exp(x), lambda v: -math.expm1(v), lambda v: -math.exp(v), tuple(v for v in POINTS if v < 60)),
    "sqrt(x ** 2)": (lambda x: ops.sqrt(x**2), abs, _sign, POINTS),
    "sqrt(x * x)": (lambda x: ops.sqrt(x * x), abs, _sign, POINTS),
    "x * sigmoid(x)": (lambda x: x * ops.sigmoid(x), lambda v: v * _sigmoid(v), lambda v: _sigmoid(v) + v * _sigmoid(v) * _sigmoid(-v), POINTS),
    "cross-entropy with logits": (lambda x: -(0.25 * ops.log(ops.sigmoid(x)) + 0.75 * ops.log(1 - ops.sigmoid(x))),
                                  lambda v: 0.25 * _softplus(-v) + 0.75 * _softplus(v), lambda v: _sigmoid(v) - 0.25, POINTS),
}  # fmt: skip


@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("name", FORMS)
def test_value_and_gradient_of_a_form_are_those_of_the_formula(name: str, level: str, backend: str) -> None:
    build, value, slope, points = FORMS[name]
    if backend == "interpreter":
        pytest.skip("it rewrites nothing")
    x = ops.placeholder(f"f32[{len(points)}]")
    y = build(x)
    at = np.float32(points)
    found = compile_graph(Graph([x.node], [y.node, gradients(ops.sum(y), x).node]), backend=backend, level=level)(at)
    for a, f, what in zip(found, (value, slope), ("value", "gradient"), strict=True):
        expected = [f(float(v)) for v in at]
        np.testing.assert_allclose(a, expected, rtol=4e-6, atol=2e-7, err_msg=f"{what} of {name}")


ROWS = np.float32([[1e4, -1e4, 0.0], [800.0, 799.0, 800.0], [-1e4, -1e4, -9999.0], [1.0, 2.0, 3.0]])


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _lse(x: np.ndarray) -> np.ndarray:
    top = x.max(1, keepdims=True)
    return top + np.log(np.exp(x - top).sum(1, keepdims=True))


WEIGHTS = np.linspace(-1, 2, 12).reshape(4, 3).astype("float32")


def _pulled(w: np.ndarray, p: np.ndarray) -> np.ndarray:
    return p * (w - (w * p).sum(1, keepdims=True))


ROW_FORMS: dict[str, tuple[Callable[[Any], Any], Callable[..., Any], Callable[..., Any]]] = {
    "log(sum(exp(x)))": (lambda x: ops.log(ops.sum(ops.exp(x), 1)), lambda x: _lse(x)[:, 0], lambda x, w: w[:, :1] * _softmax(x)),
    "log(sum(exp(x), keepdims))": (lambda x: ops.log(ops.sum(ops.exp(x), 1, True)), _lse, lambda x, w: w[:, :1] * _softmax(x)),
    "log(mean(exp(x)))": (lambda x: ops.log(ops.mean(ops.exp(x), 1)), lambda x: _lse(x)[:, 0] - math.log(3), lambda x, w: w[:, :1] * _softmax(x)),
    "log(mean(exp(x), keepdims))": (lambda x: ops.log(ops.mean(ops.exp(x), 1, True)),
        lambda x: _lse(x) - math.log(3), lambda x, w: w[:, :1] * _softmax(x)),
    "exp(x) / sum(exp(x))": (lambda x: ops.exp(x) / ops.sum(ops.exp(x), 1, True), _softmax, lambda x, w: _pulled(w, _softmax(x))),
    "exp(x - max) / sum": (lambda x: _by_hand(x - ops.max(x, 1, True)), _softmax, lambda x, w: _pulled(w, _softmax(x))),
    "exp(x - mean) / sum": (lambda x: _by_hand(x - ops.mean(x, 1, True)), _softmax, lambda x, w: _pulled(w, _softmax(x))),
    "max + log(sum(exp(x - max)))": (lambda x: ops.max(x, 1, True) + ops.log(ops.sum(ops.exp(x - ops.max(x, 1, True)), 1, True)), _lse,
                                     lambda x, w: w[:, :1] * _softmax(x)),
    "log(softmax(x))": (lambda x: ops.log(ops.softmax(x, axis=1)), lambda x: x - _lse(x), lambda x, w: w - _softmax(x) * w.sum(1, keepdims=True)),
    "log(exp(x) / sum(exp(x)))": (lambda x: ops.log(ops.exp(x) / ops.sum(ops.exp(x), 1, True)), lambda x: x - _lse(x),
                                  lambda x, w: w - _softmax(x) * w.sum(1, keepdims=True)),
}  # fmt: skip


def _by_hand(x: Tensor) -> Tensor:
    return ops.exp(x) / ops.sum(ops.exp(x), 1, True)


@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("shape", ["4, 3", "batch, 3", "batch, time"])
@pytest.mark.parametrize("name", ROW_FORMS)
def test_value_and_gradient_over_rows(name: str, shape: str, level: str, backend: str) -> None:
    build, value, slope = ROW_FORMS[name]
    if backend == "interpreter":
        pytest.skip("it rewrites nothing")
    x = ops.placeholder(f"f32[{shape}]")
    y = build(x)
    weights = {2: WEIGHTS if y.dims[-1] != 1 else WEIGHTS[:, :1], 1: WEIGHTS[:, 0]}[y.ndim]
    loss = ops.sum(y * weights)
    found = compile_graph(Graph([x.node], [y.node, gradients(loss, x).node]), backend=backend, level=level)(ROWS)
    wide = ROWS.astype("float64")
    np.testing.assert_allclose(found[0], value(wide), rtol=4e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], slope(wide, WEIGHTS), rtol=4e-6, atol=3e-6)
    if shape == "batch, time" and "max" not in name:
        for rows, width in ((0, 3), (2, 0)):
            empty = np.zeros((rows, width), "float32")
            plain = Graph([x.node], [y.node])
            results = [compile_graph(plain, backend=backend, level=one)(empty) for one in (level, "O0")]
            for a, b in zip(*results, strict=True):
                np.testing.assert_array_equal(a, b)


def test_stable_forms_keep_the_nan_of_a_nan_and_of_an_infinity(backend: str) -> None:
    odd = np.float32([math.nan, math.inf, -math.inf, 1.0])
    x = ops.placeholder("f32[4]")
    ys = [build(x) for build, *_ in FORMS.values()]
    graph = Graph([x.node], [y.node for y in ys])
    before, after = (compile_graph(graph, backend=backend, level=level)(odd) for level in ("O0", "O2"))
    for name, a, b in zip(FORMS, after, before, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), name)


def test_no_rule_looks_through_what_is_differentiated_by() -> None:
    """The gradient with respect to exp(x) of log(1 + exp(x)) is that of log(1 + y), and x still has its own."""
    x = ops.placeholder("f64[3]")
    y = ops.exp(x)
    loss = ops.sum(ops.log(1 + y) + ops.log(1 - ops.sigmoid(x)))
    at = np.array([-1.0, 0.5, 2.0])
    dy, dx = run([x], gradients(loss, [y, x]), [at])
    np.testing.assert_allclose(dy, 1 / (1 + np.exp(at)), rtol=1e-12)
    np.testing.assert_allclose(dx, 0, atol=1e-12)


def test_second_derivatives_are_stable_too() -> None:
    x = ops.placeholder("f64[5]")
    at = np.array([-800.0, -50.0, 0.3, 50.0, 800.0])
    for build in (lambda t: ops.log(1 + ops.exp(t)), lambda t: ops.log(ops.exp(t) + ops.exp(t * 0.0)), lambda t: -ops.log(1 - 1 / (1 + ops.exp(t)))):
        first = gradients(ops.sum(build(x)), x)
        second = gradients(ops.sum(first), x)
        s = np.array([_sigmoid(v) * _sigmoid(-v) for v in at])
        np.testing.assert_allclose(run([x], [second], [at])[0], s, rtol=1e-10, atol=1e-15)


def test_gradient_of_a_loop_is_that_of_its_stable_body(backend: str) -> None:
    x = ops.placeholder("f32[4]")
    end, _ = ops.scan(lambda c, v: (c + ops.log(1 - ops.sigmoid(v)), None), np.float32(0), x)
    chosen = ops.cond(ops.sum(x) > 0, lambda: ops.sum(ops.log(1 - ops.sigmoid(x))), lambda: ops.sum(x))
    graph = Graph([x.node], [end.node, gradients(end, x).node, chosen.node, gradients(chosen, x).node])
    value = np.float32([50, 100, 0, -800])
    found = compile_graph(graph, backend=backend)(value + np.float32([0, 0, 0, 700]))
    at = [50.0, 100.0, 0.0, -100.0]
    for k in (1, 3):
        np.testing.assert_allclose(found[k], [-_sigmoid(v) for v in at], rtol=1e-6, atol=1e-30)


def test_stable_form_costs_a_visit_of_each_node_and_changes_nothing_where_there_is_nothing_to_do() -> None:
    counts = []
    for n in (100, 200):
        x = ops.placeholder("f32[3]")
        y = x
        for _ in range(n):
            y = ops.sin(y)
        before = reverse.visited
        gradients(ops.sum(y), x)
        counts.append(reverse.visited - before)
    assert counts[1] - counts[0] == 100
    x = ops.placeholder("f32[3]")
    h = ops.sin(x)
    assert gradients(ops.sum(h * h), h).node.op.name == "add"


def test_what_is_differentiated_by_may_be_computed_by_what_is_rewritten() -> None:
    u = ops.placeholder("f32[3]", name="u")
    noisy = u + ops.log(1 - u)  # which becomes log1p
    slope = gradients(ops.sum(ops.square(noisy)), noisy)
    assert slope is not None
    x = np.float32([0.1, 0.5, 0.9])
    found = evaluate(Graph([u.node], [slope.node]), [x])[0][0]
    np.testing.assert_allclose(found, 2 * (x + np.log(1 - x)), rtol=1e-5)
