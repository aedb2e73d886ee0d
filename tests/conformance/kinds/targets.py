"""Targets and predictions, as the losses and metrics of a name want them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.written import Array

Pair = tuple[Any, Any]


def numbers(d: Drawing) -> Pair:
    shape = (d.batch, *d.shape(1, 2))
    return d.array(shape), d.array(shape)


def positive(d: Drawing) -> Pair:
    shape = (d.batch, *d.shape(1, 2))
    return d.between(shape, 0.1, 3), d.between(shape, 0.1, 3)


def distributions(d: Drawing) -> Pair:
    shape = (d.batch, *d.shape(0, 1), d.integer(2, 5))
    axis = d.chosen.get("axis", -1)
    axis = axis if isinstance(axis, int) else -1
    true = d.one_hot(shape) if axis in (-1, len(shape) - 1) and d.chance(0.6) else d.probabilities(shape, axis)
    return true, d.array(shape) if d.chosen.get("from_logits") else d.probabilities(shape, axis)


def binary(d: Drawing) -> Pair:
    shape = (d.batch, *d.shape(1, 2))
    return d.integers(shape, 0, 1, d.one(["float32", "int32"])), d.array(shape) if d.chosen.get("from_logits") else d.between(shape, 0, 1)


def columns(d: Drawing) -> Pair:
    shape = (d.batch + 1, d.integer(1, 4))
    return d.integers(shape, 0, 1, "float32"), d.between(shape, 0, 1)


def signs(d: Drawing) -> Pair:
    shape = (d.batch, *d.shape(1, 2))
    low = d.one([-1, 0])
    return Array(f"{d.source()}.choice([{low}.0, 1.0], size={shape}).astype('float32')"), d.array(shape)


def sparse(d: Drawing) -> Pair:
    *outer, classes = shape = (d.batch, *d.shape(0, 1), d.integer(2, 5))
    outer = [*outer, 1] if d.chance(0.2) else outer
    return d.integers(outer, 0, classes - 1, d.one(["int32", "float32"])), d.array(shape) if d.chosen.get("from_logits") else d.probabilities(shape)


def embeddings(d: Drawing) -> Pair:
    rows = d.integer(2, 6)
    return d.integers((rows,), 0, 2), Array(
        f"(lambda v: (v / np.linalg.norm(v, axis=1, keepdims=True)).astype('float32'))({d.source()}.normal(size=({rows}, 4)))"
    )


def texts(d: Drawing) -> Pair:
    """Labels of CTC: 0 is the blank, and fills up."""
    time, classes = d.integer(4, 8), d.integer(3, 6)
    return d.integers((d.batch, d.integer(1, 3)), 1, classes - 1), d.array((d.batch, time, classes)) if d.chance() else d.probabilities(
        (d.batch, time, classes)
    )


def classes(d: Drawing) -> Pair:
    n = d.chosen.get("num_classes", 2)
    shape = (d.batch, *d.shape(0, 2))
    return d.integers(shape, 0, n - 1), d.integers(shape, 0, n - 1)


def class_columns(d: Drawing) -> Pair:
    n = d.chosen.get("num_classes", 2)
    shape = (d.batch, *d.shape(0, 1), n)
    return d.one_hot(shape), d.probabilities(shape)


def rows_of_numbers(d: Drawing) -> Pair:
    shape = (d.batch + 2, d.integer(1, 3))
    return d.array(shape), d.array(shape)


ROWS: dict[str, Callable[[Drawing], Pair]] = {
    **dict.fromkeys(["Poisson", "MeanSquaredLogarithmicError", "MeanAbsolutePercentageError"], positive),
    **dict.fromkeys(
        [
            "KLDivergence",
            "CategoricalCrossentropy",
            "CategoricalFocalCrossentropy",
            "CategoricalGeneralizedCrossEntropy",
            "CategoricalHinge",
            "CategoricalAccuracy",
            "TopKCategoricalAccuracy",
            "Dice",
            "Tversky",
        ],
        distributions,
    ),
    **dict.fromkeys(
        [
            "BinaryCrossentropy",
            "BinaryFocalCrossentropy",
            "BinaryAccuracy",
            "AUC",
            "FalseNegatives",
            "FalsePositives",
            "TrueNegatives",
            "TruePositives",
            "Precision",
            "Recall",
            "PrecisionAtRecall",
            "RecallAtPrecision",
            "SensitivityAtSpecificity",
            "SpecificityAtSensitivity",
            "BinaryIoU",
        ],
        binary,
    ),
    **dict.fromkeys(["Hinge", "SquaredHinge"], signs),
    "Circle": embeddings,
    "CTC": texts,
    **dict.fromkeys(["SparseCategoricalCrossentropy", "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy"], sparse),
    "CategoricalGeneralizedCrossEntropy": sparse,
    **dict.fromkeys(["F1Score", "FBetaScore"], columns),
    **dict.fromkeys(["IoU", "MeanIoU", "Accuracy"], classes),
    **dict.fromkeys(["OneHotIoU", "OneHotMeanIoU"], class_columns),
    **dict.fromkeys(["R2Score", "PearsonCorrelation", "ConcordanceCorrelation"], rows_of_numbers),
}
"""Loss or metric -> its targets and predictions; what is not here takes numbers of any sign. Functions are those of their class."""


def targets(d: Drawing, keywords: dict[str, Any]) -> Pair:
    """Targets and predictions for a class, or for the function of its name."""
    folded = {name.lower(): draw for name, draw in ROWS.items()}
    draw = folded.get(d.name.lower().replace("_", ""), numbers)
    pair = draw(d)
    keywords.update({name: d.chosen[name] for name in keywords if name in d.chosen})
    return pair
