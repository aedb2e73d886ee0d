"""The attributes of a layer that lead to what has state of its own: Keras' files make paths of them."""

from __future__ import annotations

from typing import Any

# Attributes that hold a second view of what has a path already.
_SECOND_VIEWS = frozenset({"_functional", "_stack", "_graph_layers", "_operations", "operations", "_layers", "_tracker"})

# Properties through which Keras sees objects of its layers, so that they have public paths.
_PUBLIC_VIEWS = {"MultiHeadAttention": ("query_dense", "key_dense", "value_dense", "output_dense")}


def state_names(layer: Any, base: type, further: tuple[str, ...] = ()) -> list[str]:
    """Public names before private ones, without those that every layer has.

    Args:
        layer: its attributes and its class' properties are looked at.
        base: the class whose attributes every layer has.
        further: names beside them.
    """
    names = vars(layer).keys() | _properties(type(layer)) | {*further}
    return sorted(names - _base_names(base), key=lambda n: (n.startswith("_"), n))


def _properties(cls: type) -> set[str]:
    """Properties that users' classes define, and those that Keras goes by."""
    foreign = [c for c in cls.__mro__ if not c.__module__.startswith("symkeras.") and c is not object]
    found = {name for c in foreign for name, value in vars(c).items() if isinstance(value, property)}
    return found.union(*(_PUBLIC_VIEWS.get(c.__name__, ()) for c in cls.__mro__))


def _base_names(base: type, known: list[frozenset[str]] = []) -> frozenset[str]:  # noqa: B006 - computed once
    """What every layer has, which is no state of its own."""
    if not known:
        known.append(frozenset(dir(base(name="any"))) | _SECOND_VIEWS)
    return known[0]
