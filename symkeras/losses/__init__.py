"""Keras' losses. Each public name is imported, with its module, when it is first used.

No module is called like a public name: importing it would put the module in that name's place.
"""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# module of symkeras.losses -> public names it defines
_MODULES: dict[str, str] = {
    "loss": "Loss",
    "wrapper": "LossFunctionWrapper",
    "regression": "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh CosineSimilarity "
    "mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error huber log_cosh cosine_similarity",
    "crossentropy": "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy "
    "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "focal": "BinaryFocalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy "
    "binary_focal_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy",
    "divergence": "KLDivergence Poisson kl_divergence poisson",
    "margins": "Hinge SquaredHinge CategoricalHinge hinge squared_hinge categorical_hinge",
    "overlap": "Dice Tversky dice tversky",
    "metric_learning": "Circle circle",
    "temporal": "CTC ctc",
    "registry": "get serialize deserialize",
}

NAMES: dict[str, str] = {name: module for module, names in _MODULES.items() for name in names.split()}

# other spellings -> name of the function
ALIASES: dict[str, str] = {
    "mse": "mean_squared_error", "MSE": "mean_squared_error", "mae": "mean_absolute_error", "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error", "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "MSLE": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy", "BCE": "binary_crossentropy", "kld": "kl_divergence", "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh", "cosine": "cosine_similarity", "cosine_proximity": "cosine_similarity",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    known = ALIASES.get(name, name)
    if known in NAMES:
        return getattr(importlib.import_module(f"symkeras.losses.{NAMES[known]}"), known)
    raise missing("symkeras.losses", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, *ALIASES})
