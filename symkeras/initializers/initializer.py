"""`Initializer`: the base of all, and `RandomInitializer` for those with a seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symkeras.errors import ConfigError
from symkeras.random.seed_generator import SeedGenerator, is_int, make_default_seed


class Initializer:
    """First values for a weight; subclasses define `__call__` and, if they take arguments, `get_config`.

    >>> class Sevens(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.full(shape, 7, dtype)
    >>> Sevens()((2,), "float32").tolist()
    [7.0, 7.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """An array of `shape`."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(shape, dtype)")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this initializer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An initializer from its config."""
        return cls(**config)

    def clone(self) -> Any:
        """Another initializer with the same config; one without a given seed draws other numbers."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class RandomInitializer(Initializer):
    """An initializer that draws numbers.

    Args:
        seed: an int (the same numbers at every call), a `SeedGenerator` or its config (new numbers at every call), or None for an
            int from Python's `random`, which `set_random_seed` fixes.
    """

    def __init__(self, seed: Any = None):
        if isinstance(seed, Mapping):
            from symkeras.saving.serialization import deserialize_keras_object

            seed = deserialize_keras_object(seed)
        if seed is not None and not is_int(seed) and not isinstance(seed, SeedGenerator):
            raise ConfigError(f"{type(self).__name__} expects an int or a SeedGenerator as seed, received {seed!r}")
        self._given_seed = seed
        self.seed = make_default_seed() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {"seed": serialize_keras_object(self._given_seed)}
