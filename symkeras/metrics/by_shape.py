"""What "accuracy" and "crossentropy" mean, by the shapes of targets and predictions."""

from __future__ import annotations

from typing import Any

from symkeras import losses, metrics


def kind_of(y_true: Any, y_pred: Any) -> str:
    """"binary" where there is one prediction per position, "sparse" where targets are integers, else "categorical".

    >>> import numpy as np
    >>> kind_of(np.zeros(4), np.zeros((4, 1))), kind_of(np.zeros(4), np.zeros((4, 3))), kind_of(np.zeros((4, 3)), np.zeros((4, 3)))
    ('binary', 'sparse', 'categorical')
    """
    target, prediction = tuple(y_true.shape), tuple(y_pred.shape)
    classes = prediction[-1] if prediction else 1
    if classes == 1:
        return "binary"
    is_column = bool(target) and target[-1] == 1 and (classes is None or classes > 1)
    return "sparse" if len(target) < len(prediction) or is_column else "categorical"


def accuracy_for(y_true: Any, y_pred: Any) -> type:
    """The metric class that "accuracy" and "acc" stand for."""
    kinds = {"binary": "BinaryAccuracy", "sparse": "SparseCategoricalAccuracy", "categorical": "CategoricalAccuracy"}
    return getattr(metrics, kinds[kind_of(y_true, y_pred)])


def crossentropy_for(y_true: Any, y_pred: Any, as_loss: bool = False) -> Any:
    """What "crossentropy" and "ce" stand for: a metric class, or with `as_loss` a loss function."""
    kind = kind_of(y_true, y_pred)
    if as_loss:
        kinds = {"binary": "binary_crossentropy", "sparse": "sparse_categorical_crossentropy", "categorical": "categorical_crossentropy"}
        return getattr(losses, kinds[kind])
    kinds = {"binary": "BinaryCrossentropy", "sparse": "SparseCategoricalCrossentropy", "categorical": "CategoricalCrossentropy"}
    return getattr(metrics, kinds[kind])
