"""Nested structures of tuples, lists and dicts: flatten, map and pack, with Keras' names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a tuple, list or dict."""
    return isinstance(structure, (tuple, list, dict))


def flatten(structure: Any) -> list[Any]:
    """The leaves in order; dicts by sorted key. None is a leaf.

    >>> flatten({"b": [1, 2], "a": 3})
    [3, 1, 2]
    """
    return list(_leaves(structure))


def _leaves(structure: Any) -> Iterator[Any]:
    if isinstance(structure, dict):
        for key in sorted(structure):
            yield from _leaves(structure[key])
    elif isinstance(structure, (tuple, list)):
        for item in structure:
            yield from _leaves(item)
    else:
        yield structure


def pack_sequence_as(structure: Any, flat: Sequence[Any]) -> Any:
    """The leaves `flat` in the nesting of `structure`.

    >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    leaves = iter(flat)
    packed = _pack(structure, leaves)
    if next(leaves, _END) is not _END:
        raise ValueError(f"expected {len(flatten(structure))} leaves, received {len(flat)}")
    return packed


_END = object()


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, dict):
        packed = {key: _pack(structure[key], leaves) for key in sorted(structure)}
        return type(structure)((key, packed[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_pack(item, leaves) for item in structure))
    if isinstance(structure, (tuple, list)):
        return type(structure)(_pack(item, leaves) for item in structure)
    value = next(leaves, _END)
    if value is _END:
        raise ValueError("there are fewer leaves than the structure has places")
    return value


def map_structure(fn: Callable[..., Any], *structures: Any) -> Any:
    """`fn` applied to corresponding leaves, in the nesting of the first structure."""
    flats = [flatten(s) for s in structures]
    if any(len(f) != len(flats[0]) for f in flats):
        raise ValueError(f"structures have {', '.join(str(len(f)) for f in flats)} leaves")
    return pack_sequence_as(structures[0], [fn(*leaves) for leaves in zip(*flats, strict=True)])


def assert_same_structure(a: Any, b: Any) -> None:
    """Raise ValueError unless both are nested in the same way."""
    if is_nested(a) != is_nested(b) or (is_nested(a) and (type(a) is not type(b) or len(a) != len(b))):
        raise ValueError(f"structures differ: {a!r} and {b!r}")
    if isinstance(a, dict):
        if sorted(a) != sorted(b):
            raise ValueError(f"keys differ: {sorted(a)} and {sorted(b)}")
        for key in a:
            assert_same_structure(a[key], b[key])
    elif is_nested(a):
        for x, y in zip(a, b, strict=True):
            assert_same_structure(x, y)
