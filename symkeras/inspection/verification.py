"""Whether the rewrites of a compilation keep values: each is evaluated, what it met beside what it put there.

`compile(..., verify=True)` does it while compiling, on random inputs; `executable.inspect.verify(x, y)` afterwards, on real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symkeras.compiler.history import Step
from symkeras.compiler.passes.base import Rewrite
from symkeras.errors import CompileError, SymkerasError
from symkeras.foreign_dtypes import kind
from symkeras.graph import provenance
from symkeras.graph.graph import every_node
from symkeras.graph.naming import named_after
from symkeras.graph.node import Node
from symkeras.inspection.evaluation import Valuation, difference, given_or_drawn, results, telling_values

_STABILISED = (5e-2, 1e-4)
"""What stabilising may change: the pattern loses digits, what replaces it does not."""


class Wrong(NamedTuple):
    """Something a pass did that changed a value.

    Attributes:
        step: the pass.
        rewrite: what it did; None where each of its rewrites keeps what it met, and the results are others all the same.
        largest: the largest difference.
        where: of the result, where there is no one rewrite.
    """

    step: Step
    rewrite: Rewrite | None
    largest: float
    where: str = ""

    def __str__(self) -> str:
        if self.rewrite is None:
            rules = ", ".join(f"{n} {rule}" for rule, n in self.step.fired.most_common(6)) or "none noted"
            return f"pass {self.step.name} changed {self.where} by up to {self.largest:.3g}; its rewrites: {rules}"
        rule, old, new, _ = self.rewrite
        name = name_of(old, self.step)
        return (
            f"rule {rule} of pass {self.step.name} changed %{name} = {old.op.name}: {old.type} by up to {self.largest:.3g}: "
            f"{new.op.name}: {new.type} is put in its place{provenance.where(old.origins)}"
        )


def name_of(node: Node, step: Step) -> str:
    """The name of a node that a pass met, or of the one that it became on its way through it."""
    names = step.before.names
    if node in names:
        return names[node]
    return next((names[n] for n in every_node(step.before) if n.place == node.place and n.op is node.op), named_after(node))


def wrong(step: Step, arrays: Sequence[Any] = ()) -> Wrong | None:
    """The first rewrite of a pass that changes a value, or that the pass changes a result; None where it keeps all.

    Args:
        arrays: one per input; random ones, and telling values of variables, where there are none.
    """
    if not step.rewrites and step.before is step.after:
        return None
    variables = None if len(arrays) else telling_values(step.before) | telling_values(step.after)
    arrays = given_or_drawn(step.before, arrays)
    size = next((a.shape[0] for a in arrays if a.ndim and a.shape[0]), 4)
    values = Valuation(step.before, arrays, size, variables)
    for rewrite in dict.fromkeys(step.rewrites):
        largest = _changed(rewrite, values, step)
        if largest is not None:
            return Wrong(step, rewrite, largest)
    written = [v for v, _ in step.before.updates]
    pairs = zip(results(step.before, values, written), results(step.after, values, written), strict=True)
    for k, ((what, old), (_, new)) in enumerate(pairs):
        off = _difference(new, old, step)
        if off is not None and not values.is_rounding(off, lambda v, k=k: results(step.before, v, written)[k][1]):
            return Wrong(step, None, off, what)
    return None


def _changed(rewrite: Rewrite, values: Valuation, step: Step) -> float | None:
    """By how much a rewrite changes the value; None where it does not, or is not meant to keep it."""
    if not rewrite.keeps_value or rewrite.old.type != rewrite.new.type:
        return None
    try:
        old = values.value(rewrite.old)
    except (SymkerasError, ValueError, IndexError):  # an error in a graph within, on random values
        return None
    new = values.value(rewrite.new)
    if not values.inputs_within(rewrite.new) <= values.inputs_within(rewrite.old):
        return None  # it stands in another graph
    pairs = zip(new, old, strict=True) if isinstance(old, tuple) else [(new, old)]
    off = max((off for n, o in pairs if (off := _difference(n, o, step)) is not None), default=None)
    return None if off is None or values.is_rounding(off, lambda v: v.value(rewrite.old)) else off


def _difference(new: Any, old: Any, step: Step) -> float | None:
    new, old = np.asarray(new), np.asarray(old)
    if step.name != "stabilise":
        off = difference(new, old)
        return None if off is None else off[0]
    if kind(old.dtype) == "f" and new.shape == old.shape:
        new = np.where(np.isfinite(old), new, old)
    off = difference(new, old, _STABILISED)
    return None if off is None else off[0]


def check(step: Step, arrays: Sequence[Any] = ()) -> None:
    """Raise CompileError for a pass that changes a value.

    Raises:
        CompileError: it names the rule, the pass, the value, its layer and the user's line.
    """
    found = wrong(step, arrays)
    if found is not None:
        raise CompileError(str(found))
