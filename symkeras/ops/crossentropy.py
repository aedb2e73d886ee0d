"""Cross-entropies of probabilities or logits, element by element or over classes."""

from __future__ import annotations

from typing import Any

from symkeras import config
from symkeras.errors import ShapeError
from symkeras.graph import dims
from symkeras.ops import elementwise as ew
from symkeras.ops.indexing import one_hot
from symkeras.ops.leaves import cast, shape
from symkeras.ops.nn import clip, log_softmax, softplus
from symkeras.ops.op import dtype_of
from symkeras.ops.reductions import sum
from symkeras.ops.shaping import canonical_axis, squeeze


def _both(target: Any, output: Any, what: str) -> tuple[Any, Any]:
    (output,) = ew.promoted("float", output)
    a, b = shape(target), shape(output)
    if len(a) != len(b) or not all(map(dims.same, a, b)):
        raise ShapeError(f"{what} takes a target and an output of one shape, received {a} and {b}")
    return cast(target, dtype_of(output)), output


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return log_softmax(output, axis=axis)
    return ew.log(clip(ew.divide(output, sum(output, axis, True)), config.epsilon(), 1.0 - config.epsilon()))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(target log p + (1 - target) log(1 - p)), element by element.

    Args:
        target: (*S), labels from 0 to 1.
        output: (*S), probabilities p, kept at a distance of epsilon from 0 and 1, or logits.
        from_logits: whether it holds logits.

    Returns:
        (*S).

    Raises:
        ShapeError: two shapes.

    >>> import numpy as np
    >>> binary_crossentropy(np.array([0.0, 1.0]), np.array([0.5, 0.25])).round(4).tolist()
    [0.6931, 1.3863]
    """
    target, output = _both(target, output, "binary_crossentropy")
    if from_logits:
        return ew.subtract(softplus(output), ew.multiply(output, target))
    p = clip(output, config.epsilon(), 1.0 - config.epsilon())
    return ew.negative(ew.add_(ew.multiply(target, ew.log(p)), ew.multiply(ew.subtract(1.0, target), ew.log(ew.subtract(1.0, p)))))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target log p) over the classes; probabilities are first divided by their sum.

    Args:
        target: (..., V), probabilities of classes.
        output: (..., V), probabilities p, kept at a distance of epsilon from 0 and 1, or logits.
        from_logits: whether it holds logits.
        axis: the axis of the classes.

    Returns:
        (...).

    Raises:
        ShapeError: two shapes, or scalars.

    >>> import numpy as np
    >>> categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.75, 0.25]])).round(4).tolist()
    [1.3863]
    """
    target, output = _both(target, output, "categorical_crossentropy")
    if not shape(output):
        raise ShapeError("categorical_crossentropy goes over an axis of classes, received scalars")
    axis = canonical_axis(axis, len(shape(output)))
    return ew.negative(sum(ew.multiply(target, _log_probabilities(output, from_logits, axis)), axis))


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log p of the class that each integer names; 0 where there is no such class. Probabilities are first divided by their sum.

    Args:
        target: (...) or (..., 1), integers from 0 to V - 1.
        output: (..., V), probabilities p, kept at a distance of epsilon from 0 and 1, or logits.
        from_logits: whether it holds logits.
        axis: the axis of the classes.

    Returns:
        (...).

    Raises:
        ShapeError: labels of another shape, or scalars.

    >>> import numpy as np
    >>> sparse_categorical_crossentropy(np.array([1]), np.array([[0.75, 0.25]])).round(4).tolist()
    [1.3863]
    """
    (output,) = ew.promoted("float", output)
    sizes, labels = shape(output), shape(target)
    if not sizes:
        raise ShapeError("sparse_categorical_crossentropy goes over an axis of classes, received scalars")
    axis = canonical_axis(axis, len(sizes))
    if len(labels) == len(sizes) and isinstance(labels[-1], int) and labels[-1] == 1:
        target = squeeze(target, -1)
    expected = (*sizes[:axis], *sizes[axis + 1 :])
    if len(shape(target)) != len(expected) or not all(map(dims.same, shape(target), expected)):
        raise ShapeError(f"sparse_categorical_crossentropy takes labels of shape {expected} for an output of shape {sizes}, received {labels}")
    hot = one_hot(cast(target, "int32"), sizes[axis], axis=axis, dtype=dtype_of(output))
    return ew.negative(sum(ew.multiply(hot, _log_probabilities(output, from_logits, axis)), axis))
