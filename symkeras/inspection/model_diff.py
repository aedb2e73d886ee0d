"""`symkeras.diff`: two models beside each other, by what they mean."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass
from typing import Any

from symkeras.errors import InspectionError, SymkerasError
from symkeras.graph.escaping import printable
from symkeras.utils.naming import to_snake_case


@dataclass(frozen=True)
class LayerChange:
    """A layer that both models have and that differs.

    Attributes:
        name: its path, in the first.
        changes: what differs ("class", an argument, "reads", "output shape", "parameters") -> (in the first, in the second).
    """

    name: str
    changes: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class ModelDiff:
    """What `diff` found; true where both have the same layers, which read from the same.

    Attributes:
        names: of the models.
        removed, added: paths of the layers that only the first, only the second has.
        changed: the layers that differ.
        totals: "layers", "parameters" and, where both are compiled functions, "operations", "kernels" and "bytes of one row" -> (first, second).
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

    Layers are matched by name, those that nobody named by class and order. What a `call` of your own does with them is not
    looked at; `compare` finds where that differs. Kernels and memory are those of the training step where both are compiled, else of predictions,
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
    pairs = _pairs(first, second)
    reads = _reads(a), _reads(b)
    changed = []
    for n, m in pairs.items():
        changes = _changes(first[n], second[m])
        before, after = reads[0].get(n), reads[1].get(m)
        if before is not None and after is not None and [pairs.get(r) for r in before] != after:
            changes["reads"] = before, after
        if changes:
            changed.append(LayerChange(n, changes))
    totals = {"layers": (len(first), len(second)), "parameters": (_parameters(a), _parameters(b))}
    which = "train" if a.compiled and b.compiled else "predict"
    costs = _costs(a, which), _costs(b, which)
    totals.update({k: (costs[0][k], costs[1][k]) for k in costs[0] if k in costs[1]})
    return ModelDiff((a.name, b.name), [n for n in first if n not in pairs], [m for m in second if m not in pairs.values()], changed, totals)


def _layers(model: Any, path: str = "") -> dict[str, Any]:
    """All layers by path, those of models within below them."""
    found: dict[str, Any] = {}
    for layer in model.layers:
        name = f"{path}{layer.name}"
        found[name] = layer
        if hasattr(layer, "layers"):
            found.update(_layers(layer, f"{name}/"))
    return found


def _pairs(first: dict[str, Any], second: dict[str, Any]) -> dict[str, str]:
    """Path in the first -> that of the same layer in the second."""
    paths, others = list(first), list(second)
    tokens = [[_meant(n, layers) for n in layers] for layers in (first, second)]
    found: dict[str, str] = {}
    for k, m, count in difflib.SequenceMatcher(None, *tokens, autojunk=False).get_matching_blocks():
        found.update(zip(paths[k : k + count], others[m : m + count], strict=True))
    taken = set(found.values())
    moved = [n for n in paths if n in second and n not in found and n not in taken and _is_named(n, first) and _is_named(n, second)]
    found.update((n, n) for n in moved)
    return {n: found[n] for n in paths if n in found}


def _is_named(path: str, layers: dict[str, Any]) -> bool:
    """Whether somebody gave a layer its name."""
    layer = layers[path]
    return re.fullmatch(rf"{re.escape(to_snake_case(type(layer).__name__))}(_\d+)?", layer.name) is None


def _meant(path: str, layers: dict[str, Any]) -> tuple[str, ...]:
    """A path with the class for each name that nobody gave."""
    parts = [path[:k] for k, c in enumerate(path) if c == "/" and path[:k] in layers] + [path]
    return tuple(layers[p].name if _is_named(p, layers) else f"({type(layers[p]).__name__})" for p in parts)


def _reads(model: Any, path: str = "") -> dict[str, list[str]]:
    """What each layer of a functional model, and each but the first of a sequential one, reads from; nothing for other models."""
    try:
        rows = model.get_config().get("layers", [])
    except (SymkerasError, NotImplementedError):  # of a model that cannot be saved
        rows = []
    if all("inbound_nodes" in row for row in rows):
        found = {f"{path}{row['name']}": [f"{path}{name}" for name in _histories(row["inbound_nodes"])] for row in rows}
    else:
        names = [layer.name for layer in model.layers if type(layer).__name__ != "InputLayer"]
        found = {f"{path}{b}": [f"{path}{a}"] for a, b in itertools.pairwise(names)}
    for layer in model.layers:
        if hasattr(layer, "layers"):
            found.update(_reads(layer, f"{path}{layer.name}/"))
    return found


def _histories(config: Any) -> list[str]:
    """The names of the layers whose tensors a config holds, in order."""
    if isinstance(config, dict):
        history = config.get("keras_history")
        return [history[0]] if history else [n for v in config.values() for n in _histories(v)]
    return [n for v in config for n in _histories(v)] if isinstance(config, (list, tuple)) else []


def _unnamed(config: Any, of: str = "") -> Any:
    """A config without the names of layers: which one it is is matched elsewhere."""
    if isinstance(config, dict):
        kind = config.get("class_name", "")
        return {k: _unnamed(v, kind if k == "config" else "") for k, v in config.items() if k != "name" or of == "DTypePolicy"}
    return [_unnamed(v) for v in config] if isinstance(config, (list, tuple)) else config


def _changes(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    if type(a) is not type(b):
        found["class"] = (type(a).__name__, type(b).__name__)
    if not hasattr(a, "layers") and not hasattr(b, "layers"):  # a model's config is that of its layers, which have rows of their own
        one, other = _unnamed(a.get_config()), _unnamed(b.get_config())
        found.update({k: (one.get(k), other.get(k)) for k in dict.fromkeys((*one, *other)) if one.get(k) != other.get(k)})
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


def _costs(model: Any, which: str) -> dict[str, int]:
    if getattr(model, "inputs", None) is None:
        return {}
    executable = model.executable(which)
    found = {"operations": executable.graph.count()}
    if executable.inspect.kernels:
        found["kernels"] = len(executable.inspect.kernels)
        plan = executable.plan(dict.fromkeys(executable.program.symbols, 1))
        found["bytes of one row"] = plan.planned
    return found
