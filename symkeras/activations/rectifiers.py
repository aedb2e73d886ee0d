"""Activations that let large inputs through."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.ops import activations as composites


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0), with a slope below, a ceiling, and a threshold if wanted.

    Args:
        x: a tensor.
        negative_slope: the slope below `threshold`.
        max_value: the largest result, or None.
        threshold: inputs at or below it give negative_slope * (x - threshold).

    >>> import numpy as np
    >>> relu(np.array([-2.0, 3.0, 9.0]), negative_slope=0.5, max_value=6).tolist()
    [-1.0, 3.0, 6.0]
    """
    if threshold == 0 and max_value is None:
        return ops.leaky_relu(x, negative_slope=negative_slope) if negative_slope else ops.relu(x)
    if threshold == 0 and max_value == 6:
        above = ops.relu6(x)
    else:
        above = ops.where(ops.greater(x, threshold), x, 0) if threshold else ops.relu(x)
        above = above if max_value is None else ops.clip(above, 0, max_value)
    if not negative_slope:
        return above
    return ops.subtract(above, ops.multiply(ops.relu(ops.subtract(threshold, x)), negative_slope))


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6).

    >>> import numpy as np
    >>> relu6(np.array([-1.0, 3.0, 9.0])).round(4).tolist()
    [0.0, 3.0, 6.0]
    """
    return ops.relu6(x)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope * x elsewhere (Maas et al. 2013).

    >>> import numpy as np
    >>> leaky_relu(np.array([-2.0, 3.0]), negative_slope=0.25).round(4).tolist()
    [-0.5, 3.0]
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015, arXiv:1511.07289).

    >>> import numpy as np
    >>> elu(np.array([-1.0, 2.0])).round(4).tolist()
    [-0.6321, 2.0]
    """
    return ops.elu(x, alpha=alpha)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere (Barron 2017, arXiv:1704.07483).

    >>> import numpy as np
    >>> celu(np.array([-1.0, 2.0]), alpha=2.0).round(4).tolist()
    [-0.7869, 2.0]
    """
    return composites.celu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """Scaled elu that keeps mean 0 and variance 1, with `lecun_normal` weights (Klambauer et al. 2017, arXiv:1706.02515).

    >>> import numpy as np
    >>> selu(np.array([-1.0, 1.0])).round(4).tolist()
    [-1.1113, 1.0507]
    """
    return composites.selu(x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """x times the normal distribution function, exact or by tanh (Hendrycks and Gimpel 2016, arXiv:1606.08415).

    Args:
        approximate: whether by tanh instead of the error function.

    >>> import numpy as np
    >>> gelu(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8413]
    """
    return ops.gelu(x, approximate=approximate)


def silu(x: Any) -> Any:
    """x * sigmoid(x), also called swish (Ramachandran et al. 2017, arXiv:1710.05941).

    >>> import numpy as np
    >>> silu(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.7311]
    """
    return ops.silu(x)


def hard_silu(x: Any) -> Any:
    """x * relu6(x + 3) / 6, also called hard swish (Howard et al. 2019, arXiv:1905.02244).

    >>> import numpy as np
    >>> hard_silu(np.array([0.0, 1.0, 4.0])).round(4).tolist()
    [0.0, 0.6667, 4.0]
    """
    return composites.hard_silu(x)


def mish(x: Any) -> Any:
    """x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681).

    >>> import numpy as np
    >>> mish(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.8651]
    """
    return composites.mish(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow.

    >>> import numpy as np
    >>> softplus(np.array([0.0, 1000.0])).round(4).tolist()
    [0.6931, 1000.0]
    """
    return ops.softplus(x)


def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2 (Barron 2021, arXiv:2112.11687).

    >>> import numpy as np
    >>> squareplus(np.array([0.0, 1.5])).round(4).tolist()
    [1.0, 2.0]
    """
    return composites.squareplus(x, b=b)


def sparse_plus(x: Any) -> Any:
    """0 up to -1, x from 1, (x + 1)^2 / 4 between.

    >>> import numpy as np
    >>> sparse_plus(np.array([-2.0, 0.0, 2.0])).round(4).tolist()
    [0.0, 0.25, 2.0]
    """
    return composites.sparse_plus(x)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it is above `threshold`, `default_value` elsewhere.

    >>> import numpy as np
    >>> threshold(np.array([0.5, 2.0]), threshold=1.0, default_value=0.0).round(4).tolist()
    [0.0, 2.0]
    """
    return composites.threshold(x, threshold=threshold, default_value=default_value)


def linear(x: Any) -> Any:
    """x itself.

    >>> import numpy as np
    >>> linear(np.array([-1.0, 2.0])).round(4).tolist()
    [-1.0, 2.0]
    """
    return x


def exponential(x: Any) -> Any:
    """exp(x).

    >>> import numpy as np
    >>> exponential(np.array([0.0, 1.0])).round(4).tolist()
    [1.0, 2.7183]
    """
    return ops.exp(x)
