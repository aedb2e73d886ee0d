"""Learning rates that follow the number of steps. Each public name is imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.optimizers.schedules that defines it
NAMES: dict[str, str] = {
    "LearningRateSchedule": "learning_rate_schedule",
    "ExponentialDecay": "decay", "InverseTimeDecay": "decay", "PolynomialDecay": "decay", "PiecewiseConstantDecay": "decay",
    "CosineDecay": "cosine", "CosineDecayRestarts": "cosine",
}  # fmt: skip


def serialize(learning_rate_schedule: Any) -> dict[str, Any]:
    """The config of a schedule, as Keras writes it.

    Args:
        learning_rate_schedule: the schedule.

    >>> from symkeras.optimizers.schedules import ExponentialDecay
    >>> serialize(ExponentialDecay(0.5, 10, 0.9))["class_name"]
    'ExponentialDecay'
    """
    from symkeras.saving.serialization import serialize_keras_object

    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The schedule that a config describes.

    Args:
        config: what `serialize` gave.
        custom_objects: name -> class or function, beside the registered ones.

    >>> from symkeras.optimizers.schedules import ExponentialDecay
    >>> deserialize(serialize(ExponentialDecay(0.5, 10, 0.9))).decay_rate
    0.9
    """
    from symkeras.saving.lookup import resolve
    from symkeras.saving.registration import CustomObjectScope

    with CustomObjectScope(custom_objects):
        if not isinstance(config, Mapping):
            return resolve(config, {}, "learning rate schedule")
        name = config.get("class_name")
        table = {name: __getattr__(name)} if name in NAMES else dict.fromkeys(NAMES)
        return resolve(config, table, "learning rate schedule")


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.optimizers.schedules.{NAMES[name]}"), name)
    raise missing("symkeras.optimizers.schedules", name)


def __dir__() -> list[str]:
    return sorted({*NAMES, "serialize", "deserialize"})
