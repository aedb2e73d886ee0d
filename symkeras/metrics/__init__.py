"""Keras' metrics. Each public name is imported, with its module, when it is first used.

No module is called like a public name: importing it would put the module in that name's place.
"""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# module of symkeras.metrics -> public names it defines
_MODULES: dict[str, str] = {
    "metric": "Metric",
    "reduction": "Mean Sum MeanMetricWrapper",
    "accuracies": "Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy SparseTopKCategoricalAccuracy "
    "binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy sparse_top_k_categorical_accuracy",
    "from_losses": "MeanSquaredError RootMeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError "
    "CosineSimilarity LogCoshError BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy KLDivergence Poisson "
    "Hinge SquaredHinge CategoricalHinge",
    "determination": "R2Score",
    "correlation": "PearsonCorrelation ConcordanceCorrelation pearson_correlation concordance_correlation",
    "confusion": "TruePositives TrueNegatives FalsePositives FalseNegatives Precision Recall",
    "operating_point": "SensitivityAtSpecificity SpecificityAtSensitivity PrecisionAtRecall RecallAtPrecision",
    "area_under_curve": "AUC",
    "f_score": "FBetaScore F1Score",
    "iou_scores": "IoU BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU",
    "registry": "get serialize deserialize",
}

NAMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}

# loss functions that are metrics too, by their own names
FUNCTIONS = (
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "huber", "log_cosh",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "sparse_categorical_crossentropy", "kl_divergence", "poisson", "hinge", "squared_hinge", "categorical_hinge",
)  # fmt: skip

# other spellings -> name of the function or class
ALIASES: dict[str, str] = {
    "mse": "mean_squared_error", "MSE": "mean_squared_error", "mae": "mean_absolute_error", "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error", "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "MSLE": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy", "BCE": "binary_crossentropy", "kld": "kl_divergence", "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in FUNCTIONS:
        return getattr(importlib.import_module("symkeras.losses"), known)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.metrics.{NAMES[known]}"), known)
    raise missing("symkeras.metrics", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *FUNCTIONS, *ALIASES})
