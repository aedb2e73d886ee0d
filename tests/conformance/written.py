"""Values of a case, independent of a side: each prints as the code that makes it.

In that code `np` is NumPy and `keras` the module of a side, so that what was tested can be pasted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Array:
    """An array, as an expression of NumPy."""

    code: str

    @property
    def value(self) -> Any:
        return np.asarray(eval(self.code, {"np": np}))

    def __repr__(self) -> str:
        return self.code


def recast(tree: Any, dtype: str) -> Any:
    """The floating arrays in a nesting as those of another dtype; as integers they are a few times as large."""
    if isinstance(tree, Array):
        if "float" not in str(tree.value.dtype):
            return tree
        if "float" in dtype:
            return Array(f"({tree!r}).astype({BFLOAT16 if dtype == 'bfloat16' else repr(dtype)})")
        return Array(f"np.{'abs' if dtype.startswith('u') else 'round'}(({tree!r}) * 3).astype({dtype!r})")
    if isinstance(tree, (list, tuple)):
        return type(tree)(recast(v, dtype) for v in tree)
    return {name: recast(v, dtype) for name, v in tree.items()} if isinstance(tree, dict) else tree


BFLOAT16 = "__import__('ml_dtypes').bfloat16"
"""The dtype as an expression."""


@dataclass(frozen=True)
class Made:
    """What `keras.PATH(*positional, **arguments)` gives."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    positional: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        inner = [*map(repr, self.positional), *(f"{name}={value!r}" for name, value in self.arguments.items())]
        return f"keras.{self.path}({', '.join(inner)})"


@dataclass(frozen=True)
class Code:
    """Any other expression, of `keras` and `np`: a dtype, a function."""

    code: str

    def __repr__(self) -> str:
        return self.code


def at(keras: Any, path: str) -> Any:
    """The public thing of a side below a path."""
    return reduce(getattr, path.split("."), keras)


def realised(value: Any, keras: Any, array: Callable[[Any], Any] = lambda x: x) -> Any:
    """A written value, in whatever nesting, as that of a side; arrays go through `array`."""
    if isinstance(value, Array):
        return array(value.value)
    if isinstance(value, Made):
        given = {name: realised(v, keras, array) for name, v in value.arguments.items()}
        return at(keras, value.path)(*(realised(v, keras, array) for v in value.positional), **given)
    if isinstance(value, Code):
        return eval(value.code, {"np": np, "keras": keras})
    if isinstance(value, (list, tuple)):
        return type(value)(realised(v, keras, array) for v in value)
    if isinstance(value, dict):
        return {name: realised(v, keras, array) for name, v in value.items()}
    return value
