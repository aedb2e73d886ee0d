"""Activations in which the elements along an axis share one computation."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.ops import activations as composites


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) over its sum along `axis`.

    >>> import numpy as np
    >>> softmax(np.array([0.0, 0.0, 1000.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)), without the logarithm of zero.

    Args:
        axis: of the classes.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 0.0])).round(4).tolist()
    [-0.6931, -0.6931]
    """
    return ops.log_softmax(x, axis=axis)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point of the probability simplex: like softmax, with zeros (Martins and Astudillo 2016, arXiv:1602.02068).

    Args:
        axis: of the classes.

    >>> import numpy as np
    >>> sparsemax(np.array([0.0, 0.5, 1.0])).tolist()
    [0.0, 0.25, 0.75]
    """
    return composites.sparsemax(x, axis=axis)


def glu(x: Any, axis: int = -1) -> Any:
    """The first half along `axis` times the sigmoid of the second (Dauphin et al. 2016, arXiv:1612.08083).

    >>> import numpy as np
    >>> glu(np.array([2.0, 4.0, 0.0, 0.0])).round(4).tolist()
    [1.0, 2.0]
    """
    return composites.glu(x, axis=axis)
