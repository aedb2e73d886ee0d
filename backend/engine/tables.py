"""Parts of an engine's tables that are the same for many: functions by name, and ops that are nothing while a graph runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symkeras.ops.elementwise import ROWS

NOTHING: dict[str, Callable[..., Any]] = {"stop_gradient": lambda x: x, "boundary": lambda x, **_: x}
"""Ops that say something to the compiler alone."""


def counted(fn: Callable[..., Any], cast: Callable[[Any, str], Any], boolean: Any) -> Callable[..., Any]:
    """A function that adds or multiplies its last operand; booleans, of which engines have no sums, by how many there are."""

    def call(*x: Any, **attrs: Any) -> Any:
        return fn(*x, **attrs) if x[-1].dtype != boolean else fn(*x[:-1], cast(x[-1], "int32"), **attrs) != 0

    return call


def by_name(modules: Sequence[Any], other_names: Mapping[str, str] | None = None) -> dict[str, Callable[..., Any]]:
    """The elementwise operations that an engine has under their names, which are mostly NumPy's, each from the first module that has it.

    Args:
        other_names: what the engine calls some.
    """
    found: dict[str, Callable[..., Any]] = {}
    for op in ROWS:
        name = (other_names or {}).get(op, op)
        module = next((m for m in modules if hasattr(m, name)), None)
        if module is not None:
            found[op] = getattr(module, name)
    return found
