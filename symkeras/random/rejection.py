"""Draws from distributions without a simple inverse: gamma, beta, binomial.

Candidates are drawn in a fixed number of rounds and the first that is accepted is taken, so that a draw stays a pure function of
[seed, step] and a shape on every backend. How likely it is that no round accepts is said where the rounds are counted; what is taken then is
a likely value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import ops
from symkeras.ops import random as bits
from symkeras.random.draws import _floating, _sizes, _working
from symkeras.random.seed_generator import draw_seed

_GAMMA_ROUNDS = 7
"""At least 95 % of candidates are accepted: none of 7 is in less than 1e-9 of the draws."""
_BINOMIAL_ROUNDS = 12
"""At least 85 % are: none of 12 is in less than 1e-9."""
_FEW = 10.0
"""Below this mean a binomial number is found by adding up probabilities."""
_MOST_OF_FEW = 56
"""Terms added up: more successes than this have a probability below 1e-20 where the mean is below 10."""


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of the gamma distribution with shape parameter `alpha` and scale 1. They have no gradient with respect to `alpha`.

    Args:
        shape: of the result.
        alpha: positive numbers that broadcast to it; NaN comes of others.
        dtype: floating, `floatx` when None.
        seed: an int, a `SeedGenerator`, or None.

    Reference: Marsaglia and Tsang, A Simple Method for Generating Gamma Variables, 2000.

    >>> x = gamma((1000,), 3.0, seed=1)
    >>> bool(abs(x.mean() - 3.0) < 0.2)
    True
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    return ops.cast(ops.exp(_log_gamma(draw_seed(seed), 0, shape, alpha, _working(dtype))), dtype)


def dirichlet(size: int, alpha: float, dtype: Any = None, seed: Any = None) -> Any:
    """(size): shares of sum 1, of the symmetric Dirichlet distribution; by logarithms, so that a small `alpha` gives no 0 / 0.

    >>> round(float(dirichlet(5, 0.01, "float64", seed=1).sum()), 6)
    1.0
    """
    dtype = _floating(dtype)
    return ops.cast(ops.softmax(_log_gamma(draw_seed(seed), 0, (size,), alpha, _working(dtype))), dtype)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers of the beta distribution on [0, 1]. They have no gradient with respect to `alpha` and `beta`.

    Args:
        shape: of the result.
        alpha, beta: positive numbers that broadcast to it; NaN comes of others.
        dtype: floating, `floatx` when None.
        seed: an int, a `SeedGenerator`, or None.

    >>> x = beta((1000,), 2.0, 6.0, seed=1)
    >>> bool(abs(x.mean() - 0.25) < 0.02)
    True
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    state, working = draw_seed(seed), _working(dtype)
    first, second = _log_gamma(state, 0, shape, alpha, working), _log_gamma(state, 3, shape, beta, working)
    return ops.cast(ops.sigmoid(ops.subtract(first, second)), dtype)


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """How many of `counts` trials succeed, each with its probability.

    Args:
        shape: of the result.
        counts: whole numbers from 0 that broadcast to it.
        probabilities: numbers from 0 to 1 that broadcast to it; NaN comes of others, and of negative counts.
        dtype: floating, `floatx` when None.
        seed: an int, a `SeedGenerator`, or None.

    Reference: Hörmann, The Generation of Binomial Random Variates, 1993 (transformed rejection), for means of 10 and more.

    >>> x = binomial((1000,), 20, 0.25, seed=1)
    >>> bool(abs(x.mean() - 5.0) < 0.3), bool(x.min() >= 0 and x.max() <= 20)
    (True, True)
    """
    shape, dtype = _sizes(shape), _floating(dtype)
    state = draw_seed(seed)
    n, p = (_parameter(value, shape, "float64") for value in (counts, probabilities))
    is_valid = ops.logical_and(ops.greater_equal(n, 0), ops.logical_and(ops.greater_equal(p, 0), ops.less_equal(p, 1)))
    is_likely = ops.greater(p, 0.5)
    q = ops.where(is_likely, ops.subtract(1.0, p), p)
    is_few = ops.less(ops.multiply(n, q), _FEW)
    few = _few_successes(state, shape, ops.where(is_few, n, 1.0), q)
    many = _many_successes(state, shape, ops.where(is_few, 40.0, n), ops.where(is_few, 0.5, q))
    found = ops.where(is_few, few, many)
    found = ops.where(is_likely, ops.subtract(n, found), found)
    return ops.cast(ops.where(is_valid, found, np.nan), dtype)


def _parameter(value: Any, shape: Any, dtype: str) -> Any:
    return ops.stop_gradient(ops.broadcast_to(ops.cast(value, dtype), shape))


def _first_accepted(candidate: Callable[..., tuple[Any, Any]], draws: tuple[Any, ...], fallback: Any) -> Any:
    """The first candidate that is accepted of those that the rounds, the first axis of `draws`, make."""

    def one_round(carry: tuple[Any, Any], drawn: tuple[Any, ...]) -> tuple[tuple[Any, Any], Any]:
        value, is_open = carry
        new, is_accepted = candidate(*drawn)
        is_taken = ops.logical_and(is_open, is_accepted)
        return (ops.where(is_taken, new, value), ops.logical_and(is_open, ops.logical_not(is_accepted))), None

    (value, _), _ = ops.scan(one_round, (fallback, ops.equal(fallback, fallback)), draws)
    return value


def _log_gamma(state: Any, stream: int, shape: Any, alpha: Any, dtype: str) -> Any:
    """The logarithm of a gamma number, which does not underflow where `alpha` is small."""
    alpha = _parameter(alpha, shape, dtype)
    is_small = ops.less(alpha, 1.0)
    d = ops.subtract(ops.where(is_small, ops.add(alpha, 1.0), alpha), 1 / 3)
    c = ops.rsqrt(ops.multiply(d, 9.0))

    def candidate(x: Any, u: Any) -> tuple[Any, Any]:
        root = ops.add(ops.multiply(c, x), 1.0)
        is_positive = ops.greater(root, 0.0)
        log_v = ops.multiply(ops.log(ops.where(is_positive, root, 1.0)), 3.0)
        bound = ops.add(ops.multiply(ops.square(x), 0.5), ops.multiply(d, ops.add(ops.subtract(1.0, ops.exp(log_v)), log_v)))
        return log_v, ops.logical_and(is_positive, ops.less(ops.log(u), bound))

    normals = bits.unit_normal(state, stream, (_GAMMA_ROUNDS, *shape), dtype)
    uniforms = bits.unit_uniform(state, stream + 1, (_GAMMA_ROUNDS, *shape), dtype)
    log_v = _first_accepted(candidate, (normals, uniforms), ops.zeros_like(d))
    boost = ops.divide(ops.log(ops.subtract(1.0, bits.unit_uniform(state, stream + 2, shape, dtype))), alpha)
    found = ops.add(ops.add(ops.log(d), log_v), ops.where(is_small, boost, 0.0))
    return ops.where(ops.greater(alpha, 0.0), found, np.nan)


def _few_successes(state: Any, shape: Any, n: Any, p: Any) -> Any:
    """The inverse of the distribution function at a uniform number, by adding up probabilities."""
    u = bits.unit_uniform(state, 0, shape, "float64")
    odds = ops.divide(p, ops.subtract(1.0, p))
    none = ops.exp(ops.multiply(n, ops.log1p(ops.negative(p))))

    def one_more(carry: tuple[Any, Any, Any], k: Any) -> tuple[tuple[Any, Any, Any], Any]:
        count, probability, total = carry
        count = ops.add(count, ops.where(ops.greater_equal(u, total), 1.0, 0.0))
        probability = ops.multiply(probability, ops.multiply(ops.divide(ops.subtract(n, k), ops.add(k, 1.0)), odds))
        return (count, probability, ops.add(total, probability)), None

    (count, _, _), _ = ops.scan(one_more, (ops.zeros_like(n), none, none), np.arange(_MOST_OF_FEW, dtype="float64"))
    return ops.minimum(count, n)


def _many_successes(state: Any, shape: Any, n: Any, p: Any) -> Any:
    """Hörmann's BTRS, for means of at least 10 and probabilities of at most a half."""
    spread = ops.sqrt(ops.multiply(ops.multiply(n, p), ops.subtract(1.0, p)))
    b = ops.add(ops.multiply(spread, 2.53), 1.15)
    a = ops.add(ops.add(ops.multiply(b, 0.0248), -0.0873), ops.multiply(p, 0.01))
    middle = ops.add(ops.multiply(n, p), 0.5)
    scale = ops.multiply(ops.add(ops.divide(5.1, b), 2.83), spread)
    mode = ops.floor(ops.multiply(ops.add(n, 1.0), p))
    log_odds = ops.subtract(ops.log(p), ops.log1p(ops.negative(p)))

    def weight(k: Any) -> Any:
        """The logarithm of the probability of k successes, up to what does not depend on k."""
        return ops.subtract(ops.multiply(k, log_odds), ops.add(_log_factorial(k), _log_factorial(ops.subtract(n, k))))

    at_mode = weight(mode)

    def candidate(u: Any, v: Any) -> tuple[Any, Any]:
        u = ops.subtract(u, 0.5)
        us = ops.maximum(ops.subtract(0.5, ops.absolute(u)), 1e-300)
        k = ops.floor(ops.add(ops.multiply(ops.add(ops.divide(ops.multiply(a, 2.0), us), b), u), middle))
        is_inside = ops.logical_and(ops.greater_equal(k, 0.0), ops.less_equal(k, n))
        kept = ops.where(is_inside, k, mode)
        height = ops.divide(ops.multiply(v, scale), ops.add(ops.divide(a, ops.square(us)), b))
        return kept, ops.logical_and(is_inside, ops.less_equal(ops.log(height), ops.subtract(weight(kept), at_mode)))

    uniforms = (bits.unit_uniform(state, stream, (_BINOMIAL_ROUNDS, *shape), "float64") for stream in (1, 2))
    return _first_accepted(candidate, tuple(uniforms), mode)


def _log_factorial(k: Any) -> Any:
    """log(k!) by Stirling's series, from k + 8 downwards, to twelve digits."""
    x = ops.add(k, 8.0)
    inverse = ops.divide(1.0, x)
    square = ops.square(inverse)
    series: Any = -1 / 1680
    for coefficient in (1 / 1260, -1 / 360, 1 / 12):
        series = ops.add(ops.multiply(square, series), coefficient)
    series = ops.multiply(inverse, series)
    high = ops.add(ops.subtract(ops.multiply(ops.add(x, 0.5), ops.log(x)), x), ops.add(series, 0.9189385332046727))
    product: Any = 1.0
    for step in range(1, 9):
        product = ops.multiply(ops.add(k, float(step)), product)
    return ops.subtract(high, ops.log(product))
