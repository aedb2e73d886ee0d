"""The objects below a model that hold state, and the paths that Keras 3 gives them in its files.

A path is made of attribute names, public ones before private ones, and, inside lists and dicts, of class names in
snake case with a counter. Every object comes once, under the first path that leads to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from symkeras.layers.layer import Layer
from symkeras.optimizers.optimizer import Optimizer
from symkeras.random.seed_generator import SeedGenerator
from symkeras.utils.naming import to_snake_case

# Attributes that hold a second view of what has a path already.
_SECOND_VIEWS = frozenset({"_functional", "_stack", "_graph_layers", "_operations", "operations", "_layers", "_tracker"})

# Properties through which Keras sees objects of its layers, so that they have public paths.
_PUBLIC_VIEWS = {"MultiHeadAttention": ("query_dense", "key_dense", "value_dense", "output_dense")}

# Classes that are called otherwise inside of Keras, by which paths go.
_INNER_NAMES = {"GroupQueryAttention": "grouped_query_attention"}


def objects_with_state(root: Any) -> Iterator[tuple[str, Any]]:
    """(path, object) for `root` and every layer, optimizer and seed generator below it."""
    yield from _below(root, "", {})


def _below(obj: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if id(obj) in seen:
        return
    seen[id(obj)] = obj
    yield path, obj
    if isinstance(obj, Layer):
        for name, value in _attributes(obj):
            yield from _inside(value, f"{path}/{name}" if path else name, seen)


def _inside(value: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (Layer, Optimizer, SeedGenerator)):
        yield from _below(value, path, seen)
    elif isinstance(value, (list, tuple, dict)):
        yield from _items(value, path, seen)


def _items(container: Any, path: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    if id(container) in seen:
        return
    seen[id(container)] = container  # holding it keeps its id from being given again
    used: Counter[str] = Counter()
    for item in container.values() if isinstance(container, dict) else container:
        is_container = isinstance(item, (list, tuple, dict))
        if not is_container and not isinstance(item, (Layer, Optimizer, SeedGenerator)):
            continue
        name = "container" if is_container else _INNER_NAMES.get(type(item).__name__) or to_snake_case(type(item).__name__)
        used[name] += 1
        count = used[name] - 1
        yield from _inside(item, f"{path}/{name}_{count}" if count else f"{path}/{name}", seen)


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    from symkeras.models.functional import Functional
    from symkeras.models.model import Model
    from symkeras.models.sequential import Sequential

    if isinstance(layer, (Functional, Sequential)):
        yield "layers", layer.layers
    names = vars(layer).keys() | _properties(type(layer))
    if isinstance(layer, Model):
        names |= {"layers", "optimizer"}
    for name in sorted(names - _base_names(), key=lambda n: (n.startswith("_"), n)):
        try:
            yield name, getattr(layer, name)
        except Exception:
            continue


def _properties(cls: type) -> set[str]:
    """Properties that users' classes define, and those that Keras goes by."""
    foreign = [c for c in cls.__mro__ if not c.__module__.startswith("symkeras.") and c is not object]
    found = {name for c in foreign for name, value in vars(c).items() if isinstance(value, property)}
    return found.union(*(_PUBLIC_VIEWS.get(c.__name__, ()) for c in cls.__mro__))


def _base_names(known: list[frozenset[str]] = []) -> frozenset[str]:  # noqa: B006 - computed once
    """What every layer has, which is no state of its own."""
    if not known:
        known.append(frozenset(dir(Layer(name="any"))) | _SECOND_VIEWS)
    return known[0]


def own_variables(obj: Any) -> Sequence[Any] | None:
    """The variables that `save_own_variables` of a layer or optimizer writes; None where a class has its own way of writing."""
    if isinstance(obj, Optimizer):
        return obj.variables if type(obj).load_own_variables is Optimizer.load_own_variables else None
    if isinstance(obj, Layer) and type(obj).load_own_variables is Layer.load_own_variables:
        return obj._tracker.weights
    return None
