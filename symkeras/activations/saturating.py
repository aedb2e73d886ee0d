"""Activations with bounded values."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.ops import activations as composites


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    return ops.sigmoid(x)


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)), without the logarithm of zero.

    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 0.0])).round(4).tolist()
    [-1000.0, -0.6931]
    """
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6.

    >>> import numpy as np
    >>> hard_sigmoid(np.array([-3.0, 0.0, 1.0])).round(4).tolist()
    [0.0, 0.5, 0.6667]
    """
    return composites.hard_sigmoid(x)


def hard_sigmoid_keras_2(x: Any) -> Any:
    """0.2 x + 0.5, kept between 0 and 1: what `hard_sigmoid` meant before Keras 3, for files of that time.

    >>> import numpy as np
    >>> hard_sigmoid_keras_2(np.array([-3.0, 0.0, 1.0])).tolist()
    [0.0, 0.5, 0.7]
    """
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


def sparse_sigmoid(x: Any) -> Any:
    """0 up to -1, 1 from 1, (x + 1) / 2 between.

    >>> import numpy as np
    >>> sparse_sigmoid(np.array([-1.0, 0.0, 0.5])).round(4).tolist()
    [0.0, 0.5, 0.75]
    """
    return composites.sparse_sigmoid(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent.

    >>> import numpy as np
    >>> tanh(np.array([0.0, 1.0])).round(4).tolist()
    [0.0, 0.7616]
    """
    return ops.tanh(x)


def hard_tanh(x: Any) -> Any:
    """x kept between -1 and 1.

    >>> import numpy as np
    >>> hard_tanh(np.array([-3.0, 0.5, 2.0])).round(4).tolist()
    [-1.0, 0.5, 1.0]
    """
    return composites.hard_tanh(x)


def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> import numpy as np
    >>> softsign(np.array([-1.0, 3.0])).round(4).tolist()
    [-0.5, 0.75]
    """
    return composites.softsign(x)
