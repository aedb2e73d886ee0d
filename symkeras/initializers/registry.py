"""Initializers by name: `get`, `serialize`, `deserialize`."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import initializers
from symkeras.graph.variable import Variable
from symkeras.saving.lookup import resolve
from symkeras.saving.registration import CustomObjectScope
from symkeras.saving.serialization import serialize_keras_object
from symkeras.saving.spellings import Spellings

TABLE = Spellings(initializers)


def get(identifier: Any) -> Any:
    """The initializer that a name, config, class, object or function means; None for None.

    An array stands for the constant initializer of its values.

    Args:
        identifier: the name, config, class or object; None stays None.

    Raises:
        ConfigError: an unknown name.

    >>> get("he_normal").scale
    2.0
    """
    if isinstance(identifier, (np.ndarray, np.generic)):
        return initializers.Constant(np.asarray(identifier))
    return resolve(identifier, TABLE, "initializer")


def serialize(initializer: Any) -> Any:
    """The config of an initializer.

    >>> serialize(get("zeros"))["class_name"]
    'Zeros'
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that a config or a name describes; `custom_objects` come first.

    >>> type(deserialize(serialize(get("zeros")))).__name__
    'Zeros'
    """
    with CustomObjectScope(custom_objects):
        return get(config)


Variable._by_name = staticmethod(get)  # type: ignore[method-assign]
