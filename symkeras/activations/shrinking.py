"""Activations that pull inputs towards 0."""

from __future__ import annotations

from typing import Any

from symkeras.ops import activations as composites


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, 0 elsewhere.

    >>> import numpy as np
    >>> hard_shrink(np.array([-1.0, 0.2, 1.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return composites.hard_shrink(x, threshold=threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by threshold, 0 where |x| is smaller.

    >>> import numpy as np
    >>> soft_shrink(np.array([-1.0, 0.2, 1.0])).tolist()
    [-0.5, 0.0, 0.5]
    """
    return composites.soft_shrink(x, threshold=threshold)


def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> import numpy as np
    >>> tanh_shrink(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.2384]
    """
    return composites.tanh_shrink(x)
