"""Arithmetic of symbolic sizes, against integers."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkeras.errors import GraphError, ShapeError
from symkeras.graph import dims
from symkeras.graph.dims import Dim, broadcast_size, ceil_divide, collecting_assumptions, floor_divide, product, same, symbol
from symkeras.graph.types import TensorType, parse_size, parse_type

ENV = st.fixed_dictionaries({name: st.integers(0, 50) for name in "abc"})


def expressions() -> st.SearchStrategy[tuple[Any, Any]]:
    """A size, and the same arithmetic as a function of the sizes of its symbols."""

    def integer(n: int) -> tuple[Any, Any]:
        return n, lambda env: n

    def name(n: str) -> tuple[Any, Any]:
        return symbol(n), lambda env: env[n]

    def combine(children: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[tuple[Any, Any]]:
        def apply(args: tuple[str, tuple[Any, Any], tuple[Any, Any], int]) -> tuple[Any, Any]:
            op, (a, f), (b, g), n = args
            return {
                "+": (a + b, lambda env: f(env) + g(env)),
                "-": (a - b, lambda env: f(env) - g(env)),
                "*": (a * b, lambda env: f(env) * g(env)),
                "//": (a // n, lambda env: f(env) // n),
                "ceil": (ceil_divide(a, n), lambda env: -(-f(env) // n)),
                "%": (a % n, lambda env: f(env) % n),
                "neg": (-a, lambda env: -f(env)),
                "max": (dims.maximum(a, b), lambda env: max(f(env), g(env))),
                "min": (dims.minimum(a, b), lambda env: min(f(env), g(env))),
            }[op]

        return st.tuples(st.sampled_from(["+", "-", "*", "//", "ceil", "%", "neg", "max", "min"]), children, children, st.integers(1, 6)).map(apply)

    leaves = st.one_of(st.integers(-6, 6).map(integer), st.sampled_from("abc").map(name))
    return st.recursive(leaves, combine, max_leaves=8)


def value(size: Any, env: dict[str, int]) -> int:
    return dims.evaluate(size, env)


@settings(max_examples=300, deadline=None)
@given(expressions(), ENV)
def test_arithmetic_is_that_of_integers(pair: tuple[Any, Any], env: dict[str, int]) -> None:
    size, function = pair
    assert value(size, env) == function(env)


@settings(max_examples=300, deadline=None)
@given(expressions(), ENV)
def test_a_size_is_never_below_its_least(pair: tuple[Any, Any], env: dict[str, int]) -> None:
    size, function = pair
    low = dims.least(size)
    assert low is None or function(env) >= low


def test_what_a_slice_keeps_and_what_it_leaves_add_up() -> None:
    n = symbol("n")
    assert dims.maximum(n - 1, 0) == n - dims.minimum(n, 1) == dims.maximum(n, 1) - 1
    assert dims.minimum(n, 5) + dims.maximum(n - 5, 0) == n
    assert dims.maximum(n, 0) == n and dims.minimum(n, n * 2 + 1) == n


@settings(max_examples=200, deadline=None)
@given(expressions(), ENV)
def test_text_of_a_size_parses_back(pair: tuple[Any, Any], env: dict[str, int]) -> None:
    size, function = pair
    back = parse_size(str(size))
    assert back == size
    assert value(back, env) == function(env)
    assert parse_type(f"f32[{size}, 3]") == TensorType((size, 3), "float32")


@settings(max_examples=150, deadline=None)
@given(expressions(), expressions(), ENV)
def test_equal_sizes_are_equal_whatever_the_symbols_are(a: tuple[Any, Any], b: tuple[Any, Any], env: dict[str, int]) -> None:
    left, right = a[0], b[0]
    if left == right:
        assert a[1](env) == b[1](env) and hash(left) == hash(right)
    if not same(left, right):
        assert a[1](env) != b[1](env)


@settings(max_examples=150, deadline=None)
@given(expressions(), expressions(), expressions())
def test_rings_laws_hold_in_normal_form(a: tuple[Any, Any], b: tuple[Any, Any], c: tuple[Any, Any]) -> None:
    x, y, z = a[0], b[0], c[0]
    assert x + y == y + x and x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert x * (y + z) == x * y + x * z
    assert x - x == 0 and x * 1 == x and x * 0 == 0 and x + 0 == x


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), ENV)
def test_a_product_divides_out(factors: list[int], env: dict[str, int]) -> None:
    b, t = symbol("a"), symbol("b")
    total = product([b, t, *factors])
    assert floor_divide(total, b) == product([t, *factors]) and floor_divide(total, b * t) == product(factors)
    assert floor_divide(total, product(factors)) == b * t


def test_size_has_no_value_until_it_is_known() -> None:
    b = symbol("batch")
    for use in (int, float, range):
        with pytest.raises(ShapeError, match="the size batch is symbolic"):
            use(b)  # type: ignore[operator]
    with pytest.raises(ShapeError, match="'batch' is not known"):
        (b + 1).evaluate({})
    with pytest.raises(GraphError, match="identifier"):
        symbol("batch size")


def test_sizes_that_may_be_equal_are_noted() -> None:
    b = symbol("batch")
    with collecting_assumptions() as noted:
        assert same(b, 3) and same(b, b) and not same(b, b + 1) and not same(2, 3)
        assert broadcast_size(b, 1) == b and broadcast_size(1, b) == b and broadcast_size(b, 4) == 4 and broadcast_size(2, 3) is None
    assert noted == [(b, 3), (b, 4)]


def test_symbols_of_a_size() -> None:
    b, t = symbol("batch"), symbol("time")
    assert (b * t // 3 + 1).symbols() == {"batch", "time"}
    assert isinstance(b, Dim) and pickle.loads(pickle.dumps(b * 2)) == b * 2


@pytest.mark.parametrize("text", ["f32[]", "bool[0, 3]", "u64[batch]", "c64[2*batch + 1, time]", "f16[batch*time, 3]"])
def test_text_of_a_type_parses_back(text: str) -> None:
    assert str(parse_type(text)) == text


@pytest.mark.parametrize("text", ["f33[2]", "f32", "f32[2", "f32[x y]", "f32[1.5]", "f32[f(x)]"])
def test_text_that_is_no_type_is_an_error(text: str) -> None:
    with pytest.raises((GraphError, SyntaxError)):
        parse_type(text)


def test_maxima_take_symbolic_sizes_for_their_symbols() -> None:
    batch, time = dims.symbol("batch"), dims.symbol("time")
    assert dims.evaluate(dims.maximum(batch - 1, 0), {"batch": time * 2}) == dims.maximum(time * 2 - 1, 0)  # type: ignore[dict-item]
