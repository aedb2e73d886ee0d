"""The initializers, regularizers and constraints that layers take for their weights, looked up and written to configs."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.errors import ConfigError

FAMILIES = {"initializer": "initializers", "regularizer": "regularizers", "constraint": "constraints"}


def set_weight_options(layer: Any, **options: Any) -> None:
    """Set `kernel_initializer=`, `bias_constraint=` and the like as attributes of `layer`, whatever way they were given."""
    for name, value in options.items():
        setattr(layer, name, _family(name).get(value))


def weight_options_config(layer: Any, *names: str) -> dict[str, Any]:
    """The config entries of these options of `layer`."""
    return {name: _family(name).serialize(getattr(layer, name)) for name in names}


def options_of(*weights: str) -> tuple[str, ...]:
    """The names of all options of some weights.

    >>> options_of("kernel")
    ('kernel_initializer', 'kernel_regularizer', 'kernel_constraint')
    """
    return tuple(f"{weight}_{family}" for family in FAMILIES for weight in weights)


def refuse(layer: str, **options: Any) -> None:
    """Raise for options that Keras has, that were given a value, and that are not offered here.

    Raises:
        ConfigError: one of them is neither None nor False.
    """
    for name, value in options.items():
        if value is not None and value is not False:
            raise ConfigError(f"{layer}: {name}={value!r} is not offered by symkeras; leave it out")


def _family(name: str) -> Any:
    return importlib.import_module(f"symkeras.{FAMILIES[name.rpartition('_')[2]]}")
