"""The normalisations that the compiler knows, with static axes; `normalizing` gives them Keras' arguments."""

from __future__ import annotations

from typing import Any

from symkeras.ops import elementwise as ew
from symkeras.ops import reductions as red
from symkeras.ops.leaves import shape
from symkeras.ops.op import Sample, composite
from symkeras.ops.shaping import canonical_axis, reshape, unbroadcast


def _centred(x: Any, axes: tuple[int, ...], epsilon: float) -> tuple[Any, Any]:
    """x less its mean, and one over the standard deviation."""
    centred = ew.subtract(x, red.mean(x, axes, True))
    return centred, ew.reciprocal(ew.sqrt(ew.add_(red.mean(ew.square(centred), axes, True), epsilon)))


def _is_constant_over(gamma: Any, axes: tuple[int, ...], ndim: int) -> bool:
    """Whether gamma is one number for everything that is normalised together, as in batch norm."""
    own = shape(gamma)
    return all(k - ndim + len(own) < 0 or own[k - ndim + len(own)] == 1 for k in axes)


def _layer_normalization_vjp(dy: Any, out: Any, x: Any, gamma: Any, beta: Any, *, axes: tuple[int, ...], epsilon: float) -> Any:
    """With z = (x - mean) / s: dx = (g - mean(g) - z mean(g z)) / s for g = dy gamma; the sums are taken once."""
    centred, scale = _centred(x, axes, epsilon)
    if _is_constant_over(gamma, axes, len(shape(x))):
        mean, slope = red.mean(dy, axes, True), ew.multiply(red.mean(ew.multiply(dy, centred), axes, True), ew.square(scale))
        factor = ew.multiply(gamma, scale)
        dx = ew.subtract(ew.subtract(ew.multiply(dy, factor), ew.multiply(centred, ew.multiply(slope, factor))), ew.multiply(mean, factor))
        total = red.sum(ew.multiply(dy, centred), axes, True)
        return dx, unbroadcast(ew.multiply(total, scale), shape(gamma)), unbroadcast(red.sum(dy, axes, True), shape(beta))
    z, g = ew.multiply(centred, scale), ew.multiply(dy, gamma)
    slope = ew.multiply(red.mean(ew.multiply(g, centred), axes, True), scale)
    dx = ew.multiply(ew.subtract(ew.subtract(g, red.mean(g, axes, True)), ew.multiply(z, slope)), scale)
    return dx, unbroadcast(ew.multiply(dy, z), shape(gamma)), unbroadcast(dy, shape(beta))


@composite(
    vjp=_layer_normalization_vjp,
    samples=tuple(
        Sample((f"{k}[4, 3]", f"{k}[{s}]", f"{k}[{s}]"), {"axes": a, "epsilon": 1e-3})
        for k in ("f32", "f64") for s, a in (("3", (1,)), ("3", (0,)), ("1, 3", (0,)))
    ) + (Sample(("f64[2, 3, 4]", "f64[1, 3, 4]", "f64[1, 3, 4]"), {"axes": (1, 2), "epsilon": 1e-3}),),
)  # fmt: skip
def layer_normalization(x: Any, gamma: Any, beta: Any, *, axes: tuple[int, ...], epsilon: float) -> Any:
    """(x - mean) / sqrt(var + epsilon) * gamma + beta, the statistics over `axes` (Ba et al. 2016).

    Over all axes but the last it is the training form of batch norm (Ioffe and Szegedy 2015).
    """
    centred, scale = _centred(x, axes, epsilon)
    if _is_constant_over(gamma, axes, len(shape(x))):
        return ew.add_(ew.multiply(centred, ew.multiply(scale, gamma)), beta)
    return ew.add_(ew.multiply(ew.multiply(centred, scale), gamma), beta)


@composite(samples=(Sample(("f32[4, 3]", "f32[3]", "f32[3]", "f32[3]", "f32[3]"), {"axis": 1, "epsilon": 1e-3}, low=0.1),))
def batch_normalization(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, *, axis: int, epsilon: float) -> Any:
    """(x - mean) * gamma / sqrt(variance + epsilon) + beta, the statistics along `axis` (Ioffe and Szegedy 2015)."""
    ndim = len(shape(x))
    wide = tuple(d if k == canonical_axis(axis, ndim) else 1 for k, d in enumerate(shape(x)))
    scale = ew.multiply(gamma, ew.reciprocal(ew.sqrt(ew.add_(variance, epsilon))))
    return ew.add_(ew.multiply(ew.subtract(x, reshape(mean, wide)), reshape(scale, wide)), reshape(beta, wide))
