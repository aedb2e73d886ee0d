"""Reverse mode on composed functions: against finite differences, in higher orders, and where there is no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients, reverse, vjp
from symkeras.errors import GradientError
from symkeras.graph import Graph, Tensor, tracing
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate

from ..ops.check_op import check_gradient_of, placeholders, run, weighted_sum

RNG = np.random.default_rng(5)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 5)), RNG.normal(size=5)
LABELS = np.array([0, 3, 1, 4], "int32")


def dense_softmax_crossentropy(x: Any, w: Any, b: Any) -> Any:
    logits = ops.matmul(x, w) + b
    return -ops.mean(ops.take_along_axis(ops.log_softmax(logits, axis=-1), LABELS[:, None], 1))


def layer_norm_gelu(x: Any, w: Any, b: Any) -> Any:
    h = ops.layer_normalization(ops.matmul(x, w), b, b * 0.5, axis=(1,), epsilon=1e-5)
    return ops.sum(ops.gelu(h) * ops.gelu(h, approximate=False))


def attention(x: Any, w: Any, b: Any) -> Any:
    q, k = ops.matmul(x, w), ops.matmul(ops.sin(x), w)
    scores = ops.softmax(ops.matmul(q, ops.transpose(k)) / 2.0, axis=-1)
    return ops.sum(ops.square(ops.matmul(scores, q + b)))


def gather_and_scatter(x: Any, w: Any, b: Any) -> Any:
    rows = ops.take(w, np.array([[0, 2], [2, 1]], "int32"), axis=0)
    picked = ops.take(x, np.array([1, 1, -1], "int32"), axis=1)
    return ops.sum(rows * b) * ops.sum(ops.scatter(np.array([[1], [0], [1], [2]]), picked, (3, 3)) ** 2)


def shapes_around(x: Any, w: Any, b: Any) -> Any:
    y = ops.concatenate([x[1:, ::2], ops.flip(x, 0)[:3, :1]], 1)
    z = ops.pad(ops.transpose(y), ((1, 0), (0, 2)), constant_values=3.0)
    return ops.sum(ops.cumsum(z, axis=1) * ops.broadcast_to(ops.expand_dims(b, 0), (4, 5))) + ops.prod(w[:2, :2]) + ops.max(ops.sort(x, axis=0)[1])


def branches(x: Any, w: Any, b: Any) -> Any:
    safe = ops.where(x > 0, x, 1.0)
    return ops.sum(ops.where(x > 0, ops.log(safe), ops.minimum(x, -0.1) ** 2)) * ops.logsumexp(b) + ops.std(w)


FUNCTIONS = [dense_softmax_crossentropy, layer_norm_gelu, attention, gather_and_scatter, shapes_around, branches]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradient_of_a_composed_function(function: Callable[..., Any]) -> None:
    arrays = [X, W, B]
    inputs = placeholders(arrays)
    loss = function(*inputs)
    np.testing.assert_allclose(run(inputs, [loss], arrays)[0], function(*arrays), rtol=1e-12)
    first = [g for g in check_gradient_of(inputs, loss, arrays, atol=1e-7) if g is not None]
    again = weighted_sum(first, 1)
    assert again is not None
    check_gradient_of(inputs, again, arrays, rtol=1e-5, atol=1e-6)


def test_derivatives_of_any_order_are_those_of_the_formula() -> None:
    x = ops.placeholder("f64[]")
    y, at = ops.sin(x * 2.0), 0.3
    expected = [np.sin(2 * at), 2 * np.cos(2 * at), -4 * np.sin(2 * at), -8 * np.cos(2 * at), 16 * np.sin(2 * at), 32 * np.cos(2 * at)]
    for value in expected:
        np.testing.assert_allclose(run([x], [y], [np.float64(at)])[0], value, rtol=1e-12)
        y = gradients(y, x)


def test_hessian_vector_product() -> None:
    x, v = ops.placeholder("f64[3]"), ops.placeholder("f64[3]")
    loss = ops.sum(x**3) + ops.prod(x)
    product = gradients(ops.sum(gradients(loss, x) * v), x)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 0.5])
    hessian = np.diag(6 * a) + np.array([[0, a[2], a[1]], [a[2], 0, a[0]], [a[1], a[0], 0]])
    np.testing.assert_allclose(run([x, v], [product], [a, b])[0], hessian @ b, rtol=1e-12)


def test_a_gradient_in_the_loss_is_differentiated() -> None:
    """The penalty of Gulrajani et al. 2017: the norm of a gradient is part of the loss."""
    arrays = [X, W]
    x, w = placeholders(arrays)
    inner = gradients(ops.sum(ops.tanh(ops.matmul(x, w))), x)
    check_gradient_of([x, w], ops.sum((ops.sqrt(ops.sum(inner**2, 1)) - 1.0) ** 2), arrays, rtol=1e-5, atol=1e-7)


def test_what_the_loss_does_not_depend_on_has_no_gradient() -> None:
    x, y, v = ops.placeholder("f32[3]"), ops.placeholder("f32[3]"), Variable(np.zeros(3), name="v")
    found = gradients(ops.sum(x), [x, y, v])
    assert isinstance(found[0], Tensor) and found[1:] == [None, None]
    assert gradients(ops.sum(x), y) is None


def test_stop_gradient_and_integers_cut_the_path() -> None:
    x = ops.placeholder("f32[3]")
    assert gradients(ops.sum(ops.stop_gradient(x)), x) is None
    assert gradients(ops.sum(ops.cast(ops.cast(x, "int32"), "float32")), x) is None
    assert gradients(ops.sum(ops.cast(x > 0, "float32")), x) is None
    dx = gradients(ops.sum(x * ops.stop_gradient(x)), x)
    assert run([x], [dx], [np.float32([1, 2, 3])])[0].tolist() == [1, 2, 3]


def test_gradient_of_a_variable_used_twice_is_the_sum() -> None:
    v = Variable(np.array([1.0, 2.0]), name="v")
    x = ops.placeholder("f32[2]")
    with tracing.Trace():
        dv = gradients(ops.sum(v * x) + ops.sum(v * v), v)
    assert run([x], [dv], [np.float32([10, 20])])[0].tolist() == [12, 24]


def test_gradient_with_respect_to_an_intermediate_value() -> None:
    x = ops.placeholder("f32[2]")
    h = x * 3.0
    loss = ops.sum(h * h)
    dh, dx = gradients(loss, [h, x])
    a = np.float32([1, 2])
    assert [v.tolist() for v in run([x], [dh, dx], [a])] == [[6, 12], [18, 36]]


def test_gradient_of_the_loss_itself_is_one() -> None:
    x = ops.placeholder("f32[]")
    assert run([x], [gradients(x, x)], [np.float32(5)])[0] == 1


def test_gradient_has_the_type_of_what_it_is_taken_for() -> None:
    x, b = ops.placeholder("f64[batch, 3]"), ops.placeholder("f32[1, 3]")
    y = ops.cast(x, "float32") + b
    dx, db = gradients(ops.mean(y * y), [x, b])
    assert dx.node.type == x.node.type and db.node.type == b.node.type


def test_loss_that_is_no_floating_scalar_is_refused_on_the_users_line() -> None:
    x, i = ops.placeholder("f32[batch, 3]"), ops.placeholder("i32[]")
    with pytest.raises(GradientError, match=r"scalar loss, received f32\[batch, 3\] at test_gradients.py:\d+; reduce it with ops.sum or ops.mean"):
        gradients(x * 2, x)
    with pytest.raises(GradientError, match=r"floating loss, received i32\[\] at test_gradients.py:\d+"):
        gradients(i, i)


def test_path_through_an_op_without_gradient_is_an_error_only_where_it_counts() -> None:
    x, i = ops.placeholder("f32[3]"), ops.placeholder("i32[]")
    y = ops.while_loop(lambda v: ops.sum(v) < 10, lambda v: v * 2, x)
    with pytest.raises(GradientError, match="while_loop has no gradient"):
        gradients(ops.sum(y), x)
    other = ops.placeholder("f32[3]")
    dother = gradients(ops.sum(y * other), other)
    assert run([x, other, i], [dother], [np.float32([1, 1, 1]), np.zeros(3, "float32"), np.int32(0)])[0].tolist() == [4, 4, 4]


def test_vjp_pulls_several_cotangents_at_once() -> None:
    x = ops.placeholder("f64[3]")
    a, b = ops.sin(x), x * x
    u, v = ops.placeholder("f64[3]"), ops.placeholder("f64[3]")
    (pulled,) = vjp([a.node, b.node], [u.node, v.node], [x.node])
    assert pulled is not None
    arrays = [np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0]), np.array([-1.0, 0.0, 1.0])]
    found = evaluate(Graph([x.node, u.node, v.node], [pulled]), arrays)[0][0]
    np.testing.assert_allclose(found, np.cos(arrays[0]) * arrays[1] + 2 * arrays[0] * arrays[2], rtol=1e-14)


def test_results_nobody_used_get_no_cotangent() -> None:
    x = ops.placeholder("f64[2, 5]")
    values, _ = ops.top_k(x, 2)
    dx = gradients(ops.sum(values), x)
    a = RNG.normal(size=(2, 5))
    expected = np.zeros((2, 5))
    np.put_along_axis(expected, np.argsort(-a, 1)[:, :2], 1.0, 1)
    np.testing.assert_array_equal(run([x], [dx], [a])[0], expected)
    end, ys = ops.scan(lambda c, v: (c + v, c * v), np.zeros(5), x)
    for loss in (ops.sum(end), ops.sum(ys)):
        check_gradient_of([x], loss, [a])


def test_sweep_visits_only_what_lies_between() -> None:
    x, y = ops.placeholder("f32[3]"), ops.placeholder("f32[3]")
    for _ in range(100):
        y = ops.exp(y)
    before = reverse.visited
    gradients(ops.sum(x * y), x)
    assert reverse.visited - before == 3


def test_gradient_of_a_gather_stays_sparse() -> None:
    table, i = ops.placeholder("f32[1000, 8]"), ops.placeholder("i32[4]")
    d = gradients(ops.sum(ops.take(table, i, axis=0) ** 2), table)
    assert d.node.op.name == "scatter_add" and d.node.inputs[1].shape == (4, 8)


def test_convolution_and_pooling_through_several_layers() -> None:
    arrays = [RNG.normal(size=(2, 6, 6, 2)), RNG.normal(size=(3, 3, 2, 3)) * 0.3, RNG.normal(size=(2, 2, 3, 2)) * 0.3]
    inputs = placeholders(arrays)
    x, k1, k2 = inputs
    h = ops.max_pool(ops.tanh(ops.conv(x, k1, padding="same")), 2)
    y = ops.average_pool(ops.conv(h, k2, strides=1, padding="same", dilation_rate=1), 2, strides=1, padding="same")
    check_gradient_of(inputs, ops.sum(y * y), arrays, atol=1e-7)
