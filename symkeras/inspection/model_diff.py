"""`symkeras.diff`: two models beside each other, by what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symkeras.errors import InspectionError
from symkeras.graph.escaping import printable


@dataclass(frozen=True)
class LayerChange:
    """A layer that both models have and that differs.

    Attributes:
        name: its path.
        changes: what differs ("class", an argument, "output shape", "parameters") -> (in the first, in the second).
    """

    name: str
    changes: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class ModelDiff:
    """What `diff` found; true where the models mean the same.

    Attributes:
        names: of the models.
        removed, added: paths of the layers that only the first, only the second has.
        changed: the layers that differ.
        totals: "layers", "parameters" and, where both are compiled functions, "operations", "kernels" and "bytes" -> (first, second).
    """

    names: tuple[str, str]
    removed: list[str]
    added: list[str]
    changed: list[LayerChange]
    totals: dict[str, tuple[int, int]]

    def __bool__(self) -> bool:
        return not (self.removed or self.added or self.changed)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each thing that differs: the layer, what of it, and both values."""
        rows = [{"layer": n, "what": "removed", "first": n, "second": None} for n in self.removed]
        rows += [{"layer": n, "what": "added", "first": None, "second": n} for n in self.added]
        return rows + [{"layer": c.name, "what": k, "first": a, "second": b} for c in self.changed for k, (a, b) in c.changes.items()]

    def __str__(self) -> str:
        rows = [f"{printable(self.names[0])} and {printable(self.names[1])}{': the same layers' if self else ''}"]
        rows += [f"  - {printable(n)}" for n in self.removed] + [f"  + {printable(n)}" for n in self.added]
        for c in self.changed:
            rows += [f"  {printable(c.name)}: {k} {printable(repr(a))} -> {printable(repr(b))}" for k, (a, b) in c.changes.items()]
        width = max(map(len, self.totals))
        return "\n".join([*rows, *(f"  {k:<{width}} {a:>12} {b:>12}" for k, (a, b) in self.totals.items())])


def diff(a: Any, b: Any) -> ModelDiff:
    """How model `b` differs from model `a`: layers added, removed and changed, and what both cost beside each other.

    Layers are matched by path. Kernels and memory are those of the training step of compiled models, else of predictions,
    and are left out for a model whose inputs are not known yet.

    Raises:
        InspectionError: something that is no model.

    >>> from symkeras import Input, Sequential, layers
    >>> def model(units): return Sequential([Input((4,)), layers.Dense(units, name="hidden"), layers.Dense(2, name="head")], name="m")
    >>> [(c.name, sorted(c.changes)) for c in diff(model(3), model(5)).changed]
    [('hidden', ['output shape', 'parameters', 'units']), ('head', ['parameters'])]
    """
    for model in (a, b):
        if not hasattr(model, "layers") or not hasattr(model, "executable"):
            raise InspectionError(f"diff takes two models, received {type(model).__name__}")
    first, second = _layers(a), _layers(b)
    changed = [LayerChange(n, changes) for n in first if n in second and (changes := _changes(first[n], second[n]))]
    totals = {"layers": (len(first), len(second)), "parameters": (_parameters(a), _parameters(b))}
    costs = _costs(a), _costs(b)
    totals.update({k: (costs[0][k], costs[1][k]) for k in costs[0] if k in costs[1]})
    return ModelDiff((a.name, b.name), [n for n in first if n not in second], [n for n in second if n not in first], changed, totals)


def _layers(model: Any, path: str = "") -> dict[str, Any]:
    """All layers by path, those of models within below them."""
    found: dict[str, Any] = {}
    for layer in model.layers:
        name = f"{path}{layer.name}"
        found[name] = layer
        if hasattr(layer, "layers"):
            found.update(_layers(layer, f"{name}/"))
    return found


def _changes(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    if type(a) is not type(b):
        found["class"] = (type(a).__name__, type(b).__name__)
    if not hasattr(a, "layers") and not hasattr(b, "layers"):  # a model's config is that of its layers, which have rows of their own
        one, other = a.get_config(), b.get_config()
        found.update({k: (one.get(k), other.get(k)) for k in dict.fromkeys((*one, *other)) if k != "name" and one.get(k) != other.get(k)})
    shapes = _shape(a), _shape(b)
    if shapes[0] != shapes[1]:
        found["output shape"] = shapes
    counts = _parameters(a), _parameters(b)
    if counts[0] != counts[1]:
        found["parameters"] = counts
    return found


def _shape(layer: Any) -> Any:
    try:
        return layer.output.shape
    except (AttributeError, ValueError):  # never called, or more than once
        return None


def _parameters(layer: Any) -> int:
    return sum(w.size for w in layer.weights)


def _costs(model: Any) -> dict[str, int]:
    if getattr(model, "inputs", None) is None:
        return {}
    executable = model.executable("train" if model.compiled else "predict")
    found = {"operations": executable.graph.count()}
    if executable.inspect.kernels:
        found["kernels"] = len(executable.inspect.kernels)
        plan = executable.plan(dict.fromkeys(executable.program.symbols, 1))
        found["bytes of a row's step"] = plan.planned
    return found
