"""Random tensors that are symbolic everywhere: a compiled function draws new numbers at every call."""

from __future__ import annotations

from typing import Any

from symkeras import ops, random
from symkeras.graph import dtypes, tracing
from symkeras.graph.tensor import Tensor
from symkeras.ops.sizes import as_shape
from symkeras.random.seed_generator import SeedGenerator


class _SymbolicSeed(SeedGenerator):
    """A generator whose state is symbolic outside traces too; `K.function` moves it on with every call."""

    def next(self, ordered: bool = True) -> Any:
        if tracing.current() is not None:
            return super().next(ordered)
        return Tensor(self.state.node)


def _seed(seed: int | None) -> SeedGenerator:
    with tracing.suspended():
        return _SymbolicSeed(seed, name="random")


def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None, std: float | None = None) -> Tensor:
    """Normally distributed numbers, new at every call of the function they are in; `seed` fixes the series. Keras 1 called `stddev` `std`."""
    return random.normal(as_shape(shape), mean, stddev if std is None else std, dtype, _seed(seed))


def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """Numbers spread evenly from `minval` to below `maxval` (integers for an integer dtype), new at every call."""
    draw = random.randint if dtypes.is_int(dtypes.standardize(dtype)) else random.uniform
    return draw(as_shape(shape), minval, maxval, dtype, _seed(seed))


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """1 with probability `p`, else 0, new at every call."""
    drawn = random.uniform(as_shape(shape), dtype="float32", seed=_seed(seed))
    return ops.cast(ops.less(drawn, p), dtypes.standardize(dtype))


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """Normally distributed numbers at most two standard deviations from the mean, new at every call."""
    return random.truncated_normal(as_shape(shape), mean, stddev, dtype, _seed(seed))


def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """`x` with a share `level` of its elements set to 0 and the others scaled by 1 / (1 - level); at once for an array.

    Args:
        x: floating numbers.
        level: share to drop, in [0, 1].
        noise_shape: the shape of the choice, 1 for axes along which it is shared.
        seed: fixes the series of choices.
    """
    chosen = _seed(seed) if ops.is_symbolic(x) else SeedGenerator(seed, name="random")
    shared = None if noise_shape is None else tuple(None if d == -1 else d for d in as_shape(noise_shape))
    return random.dropout(x, level, shared, chosen)
