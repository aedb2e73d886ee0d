"""Maps, switches, associative scans, gradients of one's own and axes by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, GradientError, GraphError, ShapeError
from symkeras.graph import Graph, Tensor
from symkeras.graph.text import parse_graph
from tests.ops.check_op import check_gradient_of, placeholders

RNG = np.random.default_rng(3)


def compiled(function: Callable[..., Any], arrays: list[np.ndarray], types: list[str], backend: str, level: str = "O2") -> list[np.ndarray]:
    inputs = [ops.placeholder(t, f"x{k}") for k, t in enumerate(types)]
    found = function(*inputs)
    outputs = found if isinstance(found, (tuple, list)) else (found,)
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), backend=backend, level=level)(*arrays)


def test_map_applies_a_function_to_every_slice(backend: str) -> None:
    x = RNG.normal(size=(4, 3))

    def each(row: Any) -> dict[str, Any]:
        return {"sum": ops.sum(row), "twice": row * 2}

    for mapped in (ops.map, ops.vectorized_map):
        found = mapped(each, x)
        symbolic = compiled(lambda t, mapped=mapped: list(mapped(each, t).values()), [x], ["f64[batch, 3]"], backend)
        for a, b, e in zip(found.values(), symbolic, (x.sum(1), x * 2), strict=True):
            np.testing.assert_allclose(a, e)
            np.testing.assert_allclose(b, e)
    inputs = placeholders([x])
    check_gradient_of(inputs, ops.sum(ops.map(lambda row: ops.sum(row) * row, inputs[0])), [x])


def test_map_takes_nested_tensors_and_refuses_what_has_no_slices() -> None:
    assert ops.map(lambda pair: pair["a"] - pair["b"], {"a": np.arange(3), "b": np.ones(3, int)}).tolist() == [-1, 0, 1]
    with pytest.raises(ShapeError, match="scalar"):
        ops.map(lambda x: x, np.float32(1))
    with pytest.raises(ShapeError, match="sizes 2, 3"):
        ops.map(lambda x: x[0], [np.ones(2), np.ones(3)])
    with pytest.raises(ShapeError, match="no slice"):
        ops.map(lambda x: x, np.ones((0, 2)))


@pytest.mark.parametrize("index", [-3, 0, 1, 2, 9])
def test_switch_takes_the_nearest_branch(index: int, backend: str) -> None:
    branches = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b]
    a, b = RNG.normal(size=(2, 3))
    expected = branches[min(max(index, 0), 2)](a, b)
    np.testing.assert_array_equal(ops.switch(np.int32(index), branches, a, b), expected)
    given = [np.array(index, "int32"), a, b]
    np.testing.assert_array_equal(compiled(lambda i, x, y: ops.switch(i, branches, x, y), given, ["i32[]", "f64[3]", "f64[3]"], backend)[0], expected)


def test_switch_refuses_what_is_no_index_and_no_function() -> None:
    with pytest.raises(ConfigError, match="list of functions"):
        ops.switch(0, [])
    with pytest.raises(ShapeError, match="integer scalar"):
        ops.switch(np.float32(0), [lambda: 1])


def multiplied(a: Any, b: Any) -> Any:
    """Products of 2x2 matrices, which do not commute, of shape (2, 2, N)."""
    return ops.einsum("ijn,jkn->ikn", a, b)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_associative_scan_combines_all_that_came_before(size: int, reverse: bool, backend: str) -> None:
    x = RNG.normal(size=(2, 2, size))
    steps = [x[..., k] for k in range(size)][:: -1 if reverse else 1]
    prefixes = [steps[0]]
    for m in steps[1:]:
        prefixes.append(prefixes[-1] @ m)
    expected = np.stack(prefixes[:: -1 if reverse else 1], -1)
    np.testing.assert_allclose(ops.associative_scan(multiplied, x, reverse, axis=-1), expected, atol=1e-12)
    for type in (f"f64[2, 2, {size}]", "f64[2, 2, time]"):
        found = compiled(lambda t: ops.associative_scan(multiplied, t, reverse, axis=2), [x], [type], backend)[0]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_associative_scan_takes_nestings_and_has_a_gradient() -> None:
    pair = (np.arange(1.0, 5.0), np.arange(4.0))

    def affine(a: Any, b: Any) -> Any:
        return a[0] * b[0], a[1] * b[0] + b[1]

    scale, shift = ops.associative_scan(affine, pair)
    expected = 0.0
    for k in range(4):
        expected = expected * pair[0][k] + pair[1][k]
        assert float(shift[k]) == expected
    assert scale.tolist() == np.cumprod(pair[0]).tolist()
    inputs = placeholders(list(pair))
    check_gradient_of(inputs, ops.sum(ops.associative_scan(affine, tuple(inputs))[1]), list(pair), rtol=1e-5)
    with pytest.raises(ShapeError, match="makes shape"):
        ops.associative_scan(lambda a, b: ops.sum(a + b, axis=1, keepdims=True), np.ones((3, 2)))


# ---- gradients of one's own ----------------------------------------------------------------------------------------


@ops.custom_gradient
def log1pexp(x: Any) -> Any:
    e = ops.exp(x)

    def grad(*args: Any, upstream: Any = None) -> Any:
        if upstream is None:
            (upstream,) = args
        return upstream * (1.0 - 1.0 / (1.0 + e))

    return ops.log(1.0 + e), grad


@ops.custom_gradient
def two_of_two(x: Any, pair: Any) -> Any:
    y, z = pair

    def grad(first: Any, second: Any) -> Any:
        return first * 10.0, [second * 20.0 * z, None]

    return {"sum": x + y, "product": y * z}, grad


@pytest.mark.parametrize("level", ["O0", "O1", "O2"])
def test_a_gradient_of_ones_own_is_used_in_place_of_the_true_one(backend: str, level: str) -> None:
    x = np.array([0.5, 100.0])
    np.testing.assert_allclose(log1pexp(x), np.log1p(np.exp(x)))
    value, slope = compiled(lambda t: (log1pexp(t), gradients(ops.sum(log1pexp(t)), t)), [x], ["f64[2]"], backend, level)
    np.testing.assert_allclose(value, np.log1p(np.exp(x)))
    np.testing.assert_allclose(slope, 1 - 1 / (1 + np.exp(x)))


def test_a_gradient_of_ones_own_has_a_gradient(backend: str) -> None:
    x = np.array([0.5, -1.0])
    (found,) = compiled(lambda t: gradients(ops.sum(gradients(ops.sum(log1pexp(t)), t)), t), [x], ["f64[2]"], backend)
    sigmoid = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(found, sigmoid * (1 - sigmoid))


def test_nested_arguments_and_results_each_have_their_gradient(backend: str) -> None:
    arrays = [RNG.normal(size=3) for _ in range(3)]

    def loss(x: Any, y: Any, z: Any) -> list[Any]:
        both = two_of_two(x, [y, z])
        return gradients(ops.sum(both["sum"] * 2.0) + ops.sum(both["product"]), [x, y, z])

    found = compiled(loss, arrays, ["f64[3]"] * 3, backend)
    # the dict is flattened by sorted key: product before sum
    np.testing.assert_allclose(found[0], np.full(3, 10.0))
    np.testing.assert_allclose(found[1], 40.0 * arrays[2])
    np.testing.assert_allclose(found[2], np.zeros(3))


def test_a_graph_with_a_gradient_within_is_text_and_comes_back() -> None:
    x = ops.placeholder("f64[2]", "x")
    graph = Graph([x.node], [log1pexp(x).node])
    again = parse_graph(graph.to_text())
    assert parse_graph(again.to_text()).to_text() == again.to_text() and "custom_gradient" in graph.to_text()
    (leaf,) = again.inputs

    slope = gradients(ops.sum(Tensor(again.outputs[0])), Tensor(leaf))
    np.testing.assert_allclose(compile_graph(Graph([leaf], [slope.node]), backend="numpy")(np.zeros(2))[0], [0.5, 0.5])


def test_a_gradient_that_does_not_fit_is_refused() -> None:
    x = ops.placeholder("f64[2]")
    with pytest.raises(GraphError, match="pair"):
        ops.custom_gradient(lambda t: t)(x)
    with pytest.raises(GradientError, match="2 gradients for 1 arguments"):
        ops.custom_gradient(lambda t: (t, lambda d: (d, d)))(x)
    with pytest.raises(GradientError, match=r"gradient 0 has shape \(\), its argument \(2,\)"):
        ops.custom_gradient(lambda t: (t, lambda d: ops.sum(d)))(x)


# ---- axes by name --------------------------------------------------------------------------------------------------

X = np.arange(24.0).reshape(2, 3, 4)
PATTERNS: list[tuple[str, dict[str, int], Callable[[np.ndarray], np.ndarray]]] = [
    ("a b c -> c a b", {}, lambda x: x.transpose(2, 0, 1)),
    ("a b c -> a (b c)", {}, lambda x: x.reshape(2, 12)),
    ("a b c -> (c a) b", {}, lambda x: x.transpose(2, 0, 1).reshape(8, 3)),
    ("a b (c d) -> (a c) (b d)", {"d": 2}, lambda x: x.reshape(2, 3, 2, 2).transpose(0, 2, 1, 3).reshape(4, 6)),
    ("a b c -> a 1 (b c) 1", {}, lambda x: x.reshape(2, 1, 12, 1)),
    ("a b c -> (a b c)", {}, lambda x: x.reshape(24)),
    ("batch h_1 w2->w2 h_1 batch", {}, lambda x: x.transpose(2, 1, 0)),
]


@pytest.mark.parametrize(("pattern", "sizes", "expected"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_rearrange_moves_splits_and_joins_axes(pattern: str, sizes: dict[str, int], expected: Callable[..., Any], backend: str) -> None:
    np.testing.assert_array_equal(ops.rearrange(X, pattern, **sizes), expected(X))
    np.testing.assert_array_equal(compiled(lambda t: ops.rearrange(t, pattern, **sizes), [X], ["f64[batch, 3, 4]"], backend)[0], expected(X))


@pytest.mark.parametrize(
    ("pattern", "sizes", "error", "text"),
    [
        ("a b c", {}, ConfigError, "'axes -> axes'"),
        ("a b c -> a b", {}, ConfigError, "each name once"),
        ("a a c -> a a c", {}, ConfigError, "each name once"),
        ("a (b c -> a b c", {}, ConfigError, "not closed"),
        ("a ((b) c) -> a b c", {}, ConfigError, "do not pair"),
        ("a ... -> ... a", {}, ConfigError, "something else"),
        ("a b c -> a b c", {"d": 2}, ConfigError, "d is no axis"),
        ("a b -> b a", {}, ShapeError, "takes 2 axes"),
        ("a b (c d) -> a b c d", {}, ShapeError, "one must be given"),
        ("a b (c d) -> a b c d", {"c": 3}, ShapeError, "does not divide by 3"),
        ("a b c -> a b c", {"c": 5}, ShapeError, "has size 5, received 4"),
        ("a b 1 -> a b", {}, ShapeError, "has size 1, received 4"),
    ],
)
def test_rearrange_refuses_patterns_that_do_not_fit(pattern: str, sizes: dict[str, int], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        ops.rearrange(X, pattern, **sizes)
