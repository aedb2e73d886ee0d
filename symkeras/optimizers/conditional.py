"""Steps that count on a condition: what they assign keeps its old value where the condition does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from symkeras import ops
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable


def values_of(variables: Iterable[Variable]) -> dict[Variable, Any]:
    """What variables hold before a step."""
    return {v: v.value for v in variables}


def keep_where(condition: Any, before: Mapping[Variable, Any]) -> None:
    """Leave variables their new values where a scalar condition holds, and give them back what they held before where it does not.

    Nothing that is computed for the new values reaches the old ones: a NaN among them stays out.
    """
    for v, old in before.items():
        new = v.value
        if not isinstance(new, Tensor) or new.node is not old.node:
            v.assign(ops.where(condition, new, old))
