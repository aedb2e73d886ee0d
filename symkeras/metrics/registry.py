"""Metrics by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

import re
from typing import Any

from symkeras import metrics
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.spellings import Spellings

# spelling -> class, where it is not the class name in snake case
_SPELLINGS = {
    "mse": "MeanSquaredError", "MSE": "MeanSquaredError", "mae": "MeanAbsoluteError", "MAE": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError", "MAPE": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError", "MSLE": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy", "kld": "KLDivergence", "KLD": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence", "rmse": "RootMeanSquaredError", "RMSE": "RootMeanSquaredError",
    "log_cosh": "LogCoshError", "logcosh": "LogCoshError", "auc": "AUC", "iou": "IoU",
    "cosine": "CosineSimilarity", "cosine_proximity": "CosineSimilarity",
}  # fmt: skip


def _snake_case(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)).lower()


class _Spellings:
    """The metric classes under all their spellings, in the form that `Spellings` reads."""

    NAMES = metrics.NAMES
    ALIASES = {**{_snake_case(n): n for n in metrics.NAMES if n[0].isupper()}, **_SPELLINGS}

    def __getattr__(self, name: str) -> Any:
        return getattr(metrics, name)


TABLE = Spellings(_Spellings())


def get(identifier: Any) -> Any:
    """The metric that a name, config, class or object means; None for None.

    Names give objects of the metric's class, which average over all batches of an epoch.

    Args:
        identifier: the name, config, class or object; None stays None.

    Raises:
        ConfigError: an unknown name.

    >>> get("mse").name
    'mean_squared_error'
    """
    return resolve(identifier, TABLE, "metric")


def serialize(metric: Any) -> Any:
    """The config of a metric or of a metric function.

    >>> serialize(get("mse"))["class_name"]
    'MeanSquaredError'
    """
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that a config or a name describes; `custom_objects` come first.

    >>> deserialize(serialize(get("mse"))).name
    'mean_squared_error'
    """
    with CustomObjectScope(custom_objects):
        return get(config)
