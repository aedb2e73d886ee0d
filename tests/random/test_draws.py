"""Random draws: distributions, reproducibility, the state they advance, and the same numbers through a graph."""

from __future__ import annotations

import math
import random as python_random
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from symkeras import ops, random
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import Graph, tracing
from symkeras.utils import set_random_seed
from tests.backends import evaluate_on_all

N = 40_000
DRAWS: dict[str, Callable[..., Any]] = {
    "normal": random.normal, "uniform": random.uniform, "truncated_normal": random.truncated_normal,
    "randint": lambda shape, seed=None, **_: random.randint(shape, -3, 9, seed=seed),
    "gamma": lambda shape, **k: random.gamma(shape, 0.7, **k), "beta": lambda shape, **k: random.beta(shape, 0.5, 2.0, **k),
    "binomial": lambda shape, **k: random.binomial(shape, 9, 0.7, **k), "binomial of many": lambda shape, **k: random.binomial(shape, 90, 0.4, **k),
}  # fmt: skip


def biggest_gap(sample: np.ndarray, cdf: Callable[[float], float]) -> float:
    """The Kolmogorov-Smirnov distance between a sample and a distribution."""
    x = np.sort(sample.ravel().astype("float64"))
    expected = np.array([cdf(v) for v in x])
    return float(np.abs(expected - (np.arange(x.size) + 0.5) / x.size).max())


def truncated_cdf(v: float) -> float:
    d = NormalDist()
    return (d.cdf(v) - d.cdf(-2)) / (d.cdf(2) - d.cdf(-2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("draw", "cdf"),
    [
        (random.normal, NormalDist().cdf),
        (random.uniform, lambda v: v),
        (random.truncated_normal, truncated_cdf),
        (lambda shape, **k: (random.normal(shape, 3.0, 0.5, **k) - 3) / 0.5, NormalDist().cdf),
        (lambda shape, **k: (random.truncated_normal(shape, -1.0, 2.0, **k) + 1) / 2, truncated_cdf),
        (lambda shape, **k: (random.uniform(shape, -2.0, 6.0, **k) + 2) / 8, lambda v: v),
        (lambda shape, **k: random.gamma(shape, 1.0, **k), lambda v: 1 - math.exp(-v)),
        (lambda shape, **k: random.gamma(shape, 0.5, **k), lambda v: math.erf(math.sqrt(v))),
        (lambda shape, **k: random.gamma(shape, np.full(4, 3.0), **k), lambda v: 1 - (1 + v + v * v / 2) * math.exp(-v)),
        (lambda shape, **k: random.beta(shape, 1.0, 1.0, **k), lambda v: v),
        (lambda shape, **k: random.beta(shape, 2.0, 1.0, **k), lambda v: v * v),
        (lambda shape, **k: random.beta(shape, 0.5, 0.5, **k), lambda v: 2 / math.pi * math.asin(math.sqrt(v))),
    ],
)
def test_numbers_have_their_distribution(draw: Callable[..., Any], cdf: Callable[[float], float], dtype: str) -> None:
    x = draw((N // 4, 4), dtype=dtype, seed=12)
    assert x.shape == (N // 4, 4) and x.dtype == dtype
    assert biggest_gap(x, cdf) < 1.63 / math.sqrt(N)  # the 1 % bound of Kolmogorov and Smirnov


def test_truncated_normal_is_the_inverse_of_its_distribution_function_to_seven_digits() -> None:
    u = random.uniform((500,), dtype="float64", seed=3)
    z = random.truncated_normal((500,), dtype="float64", seed=3)
    np.testing.assert_allclose([truncated_cdf(v) for v in z], u, atol=3e-7)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_randint_gives_every_value_of_the_range_equally_often(dtype: str) -> None:
    x = random.randint((N,), 2, 10, dtype=dtype, seed=5)
    assert x.dtype == dtype
    counts = np.bincount(x, minlength=10)
    assert counts[:2].sum() == 0 and len(counts) == 10
    assert ((counts[2:] - N / 8) ** 2 / (N / 8)).sum() < 18.5  # chi-squared with 7 degrees of freedom, 1 %


def test_randint_reaches_negative_numbers_and_refuses_an_empty_range() -> None:
    assert set(random.randint((100,), -2, 1, seed=1).tolist()) == {-2, -1, 0}
    with pytest.raises(ConfigError, match="minval < maxval"):
        random.randint((2,), 3, 3)


def test_categorical_follows_the_softmax_of_its_logits() -> None:
    logits = np.array([[0.0, math.log(3), -np.inf], [5.0, 5.0, 5.0]], np.float32)
    x = random.categorical(logits, N, seed=2)
    assert x.shape == (2, N) and x.dtype == np.int32
    shares = np.stack([np.bincount(row, minlength=3) / N for row in x])
    np.testing.assert_allclose(shares, [[0.25, 0.75, 0], [1 / 3] * 3], atol=0.01)
    with pytest.raises(ShapeError, match=r"\(batch, classes\)"):
        random.categorical(logits[0], 1)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_drops_the_rate(rate: float) -> None:
    y = random.dropout(np.ones((N,), np.float32), rate, seed=8)
    assert y.dtype == np.float32
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-6)
    assert abs((y == 0).mean() - rate) < 0.01


def test_dropout_at_the_ends_with_a_noise_shape_and_outside() -> None:
    x = np.ones((4, 3, 5), np.float32)
    assert random.dropout(x, 0) is x and not random.dropout(x, 1).any()
    y = random.dropout(x, 0.5, noise_shape=(None, 1, 5), seed=1)
    assert (y == y[:, :1]).all() and not (y == y[:1]).all()
    with pytest.raises(ConfigError, match="a number from 0 to 1"):
        random.dropout(x, 1.5)
    with pytest.raises(ShapeError, match="needs 3 sizes"):
        random.dropout(x, 0.5, noise_shape=(1, 5))


def test_shuffle_permutes_slices_along_an_axis() -> None:
    x = np.arange(40).reshape(2, 20)
    y = random.shuffle(x, axis=1, seed=4)
    assert not (x == y).all()
    np.testing.assert_array_equal(np.sort(y, axis=1), x)
    np.testing.assert_array_equal(y[1] - y[0], 20)


@pytest.mark.parametrize("name", DRAWS)
def test_an_int_repeats_a_generator_moves_on_and_a_new_generator_starts_again(name: str) -> None:
    draw = DRAWS[name]
    assert (draw((9,), seed=3) == draw((9,), seed=3)).all()
    assert not (draw((9,), seed=3) == draw((9,), seed=4)).all()
    generator = random.SeedGenerator(3)
    first, second = draw((9,), seed=generator), draw((9,), seed=generator)
    assert (first == draw((9,), seed=3)).all() and not (first == second).all()
    again = random.SeedGenerator.from_config(generator.get_config())
    assert (draw((9,), seed=again) == first).all()


@pytest.mark.parametrize("name", DRAWS)
def test_a_graph_draws_the_same_numbers_for_symbolic_sizes_and_advances_the_state(name: str) -> None:
    generator, twin = random.SeedGenerator(21), random.SeedGenerator(21)
    x = ops.placeholder("f32[batch, 3]", name="x")
    with tracing.Trace() as trace:
        first, second = (DRAWS[name](ops.shape(x), seed=generator) for _ in range(2))
        updates = trace.updates()
    graph = Graph([x.node], [first.node, second.node], updates)
    values, states = evaluate_on_all(graph, [np.zeros((5, 3), np.float32)])
    for value in values:
        np.testing.assert_array_equal(value, DRAWS[name]((5, 3), seed=twin))
    np.testing.assert_array_equal(states[0], [21, 2])
    np.testing.assert_array_equal(generator.state.numpy(), [21, 0])


def test_dropout_categorical_and_shuffle_of_symbolic_inputs_match_those_of_arrays() -> None:
    x = ops.placeholder("f32[batch, 6]", name="x")
    array = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)

    def draws(v: Any) -> list[Any]:
        return [random.dropout(v, 0.4, seed=1), random.categorical(v, 7, seed=2), random.shuffle(v, seed=3)]

    values, _ = evaluate_on_all(Graph([x.node], [t.node for t in draws(x)]), [array])
    for symbolic, eager in zip(values, draws(array), strict=True):
        np.testing.assert_array_equal(symbolic, eager)


def test_set_random_seed_fixes_python_numpy_unseeded_draws_and_unseeded_generators() -> None:
    def numbers() -> list[float]:
        return [python_random.random(), float(np.random.rand()), float(random.normal(())), float(random.normal((), seed=random.SeedGenerator()))]

    set_random_seed(5)
    first, more = numbers(), numbers()
    set_random_seed(5)
    assert numbers() == first and more != first
    with pytest.raises(ConfigError, match="from 0 to"):
        set_random_seed(-1)


def test_seed_generator_has_keras_state_name_and_config() -> None:
    generator = random.SeedGenerator(2**70 + 5, name="mine")
    assert generator.state.dtype == "uint64" and generator.state.shape == (2,) and not generator.state.trainable
    assert generator.state.path == "mine/seed_generator_state"
    assert generator.next().tolist() == [2**70 + 5 & 2**64 - 1, 0]
    assert generator.get_config() == {"seed": 2**70 + 5, "name": "mine"}
    assert random.SeedGenerator().get_config()["seed"] is None


@pytest.mark.parametrize("seed", ["1", 1.5, True, [1]])
def test_what_is_no_seed_is_an_error(seed: Any) -> None:
    with pytest.raises(ConfigError, match="seed"):
        random.normal((2,), seed=seed)
    with pytest.raises(ConfigError, match="seed"):
        random.SeedGenerator(seed)


def test_unknown_arguments_integer_dtypes_and_unknown_sizes_are_errors() -> None:
    with pytest.raises(ConfigError, match="Unrecognized"):
        random.SeedGenerator(1, backend="numpy")
    with pytest.raises(ConfigError, match="randint draws integers"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ShapeError, match="needs its sizes"):
        random.normal((None, 2))


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (5, 0.9), (20, 0.4), (30, 0.34), (100, 0.05), (400, 0.5), (300, 0.97), (7, 0.0), (7, 1.0), (0, 0.5)])
def test_successes_are_as_frequent_as_they_are_likely(n: int, p: float) -> None:
    x = random.binomial((N,), n, p, seed=3)
    assert x.dtype == np.float32 and np.array_equal(x, np.floor(x))
    likely = np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])
    found = np.bincount(x.astype(int), minlength=n + 1)
    assert found.size == n + 1
    assert np.abs(np.cumsum(found) / N - np.cumsum(likely)).max() < 1.63 / math.sqrt(N)


def test_parameters_out_of_range_give_nan_and_small_ones_stay_in_range() -> None:
    assert np.isnan(random.gamma((3,), [-1.0, 0.0, 1.0], seed=1)).tolist() == [True, True, False]
    assert np.isnan(random.beta((2,), [1.0, 1.0], [-1.0, 1.0], seed=1)).tolist() == [True, False]
    assert np.isnan(random.binomial((3,), [3, 3, -1], [2.0, 0.5, 0.5], seed=1)).tolist() == [True, False, True]
    tiny = random.beta((200,), 1e-3, 1e-3, seed=1)
    assert np.isfinite(tiny).all() and tiny.min() == 0 and tiny.max() == 1
    with pytest.raises(ConfigError, match="floating"):
        random.gamma((2,), 1.0, dtype="int32")


def test_dirichlet_shares_have_their_moments_and_survive_a_small_alpha() -> None:
    from symkeras.random.rejection import dirichlet

    shares = np.array([dirichlet(3, 2.0, "float64", seed=seed) for seed in range(60)])
    np.testing.assert_allclose(shares.sum(1), 1.0)
    np.testing.assert_allclose([shares.mean(), shares.var()], [1 / 3, 2 / 63], atol=0.015)
    assert np.isfinite(dirichlet(3, 1e-4, "float64", seed=1)).all()
