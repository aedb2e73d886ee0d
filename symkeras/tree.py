"""Nested structures of tuples, lists, deques and dicts: flatten, map and pack, with Keras' names."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

_NESTS = (tuple, list, dict, deque)


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a tuple, list, deque or dict.

    >>> is_nested([]), is_nested({"a": 1}), is_nested({1, 2}), is_nested("ab")
    (True, True, False, False)
    """
    return isinstance(structure, _NESTS)


def _keys(structure: dict[Any, Any]) -> list[Any]:
    """The keys in the order in which leaves are taken: an `OrderedDict` has one of its own."""
    return list(structure) if isinstance(structure, OrderedDict) else sorted(structure)


def _rebuilt(like: Any, items: Iterable[Any]) -> Any:
    """The items, for a dict pairs, in a nest of the kind of `like`."""
    if isinstance(like, defaultdict):
        return type(like)(like.default_factory, items)
    if isinstance(like, deque):
        return type(like)(items, like.maxlen)
    return type(like)(*items) if isinstance(like, tuple) and hasattr(like, "_fields") else type(like)(items)


def flatten(structure: Any) -> list[Any]:
    """The leaves in order; dicts by sorted key, an `OrderedDict` in its own order. None is a leaf.

    Args:
        structure: any nesting of tuples, lists, deques and dicts.

    >>> flatten({"b": [1, 2], "a": 3})
    [3, 1, 2]
    """
    leaves: list[Any] = []
    _add_leaves(structure, leaves)
    return leaves


def _add_leaves(structure: Any, leaves: list[Any]) -> None:
    if not isinstance(structure, _NESTS):
        leaves.append(structure)
        return
    for item in [structure[key] for key in _keys(structure)] if isinstance(structure, dict) else structure:
        if isinstance(item, _NESTS):
            _add_leaves(item, leaves)
        else:
            leaves.append(item)


def pack_sequence_as(structure: Any, flat: Sequence[Any]) -> Any:
    """The leaves `flat` in the nesting of `structure`.

    Raises:
        ValueError: another number of leaves.

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
        packed = {key: _pack(structure[key], leaves) for key in _keys(structure)}
        return _rebuilt(structure, [(key, packed[key]) for key in structure])
    if isinstance(structure, _NESTS):
        return _rebuilt(structure, [_pack(item, leaves) for item in structure])
    value = next(leaves, _END)
    if value is _END:
        raise ValueError("there are fewer leaves than the structure has places")
    return value


def map_structure(fn: Callable[..., Any], *structures: Any) -> Any:
    """`fn` applied to corresponding leaves, in the nesting of the first structure.

    Args:
        fn: takes a leaf of each structure.
        *structures: nested alike.

    Raises:
        ValueError: structures with different numbers of leaves.

    >>> map_structure(lambda a, b: a + b, {"a": 1, "b": [2]}, {"a": 10, "b": [20]})
    {'a': 11, 'b': [22]}
    """
    if len(structures) == 1 and not is_nested(structures[0]):
        return fn(structures[0])
    flats = [flatten(s) for s in structures]
    if any(len(f) != len(flats[0]) for f in flats):
        raise ValueError(f"structures have {', '.join(str(len(f)) for f in flats)} leaves")
    return pack_sequence_as(structures[0], [fn(*leaves) for leaves in zip(*flats, strict=True)])


def _kind(structure: Any) -> str:
    return f"a {type(structure).__name__} of {len(structure)}" if is_nested(structure) else "a leaf"


def assert_same_structure(a: Any, b: Any) -> None:
    """Raise ValueError unless both are nested in the same way.

    Args:
        a, b: any nesting of tuples, lists, deques and dicts.

    >>> assert_same_structure([1, (2, 3)], [4, (5, 6)])
    """
    if is_nested(a) != is_nested(b) or (is_nested(a) and (type(a) is not type(b) or len(a) != len(b))):
        raise ValueError(f"structures differ: expected {_kind(a)}, as in {a!r}, received {b!r}")
    if isinstance(a, dict):
        if sorted(a) != sorted(b):
            raise ValueError(f"keys differ: {sorted(a)} and {sorted(b)}")
        for key in a:
            assert_same_structure(a[key], b[key])
    elif is_nested(a):
        for x, y in zip(a, b, strict=True):
            assert_same_structure(x, y)


class MAP_TO_NONE:
    """What a function for `traverse` returns to have None in the place of a part.

    >>> traverse(lambda x: MAP_TO_NONE if x == 1 else None, [1, 2])
    [None, 2]
    """


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """`structure` with what `func` gives for its parts, itself and its leaves among them.

    Args:
        func: gives None to leave a part as it is, and what is to stand for it otherwise; `MAP_TO_NONE` for None itself.
        structure: any nesting.
        top_down: whether a part comes before what is in it, which is then only looked at where `func` gave None.

    Raises:
        TypeError: `func` is no function.

    >>> traverse(lambda x: x + 1 if isinstance(x, int) else None, [1, (2, 3)])
    [2, (3, 4)]
    """
    if not callable(func):
        raise TypeError(f"traverse: func must be a function, received {func!r}")
    if top_down and (found := func(structure)) is not None:
        return None if found is MAP_TO_NONE else found
    if is_nested(structure):
        structure = _with_children(structure, [traverse(func, child, top_down) for _, child in _children(structure)])
    if not top_down and (found := func(structure)) is not None:
        return None if found is MAP_TO_NONE else found
    return structure


def _children(structure: Any) -> list[tuple[Any, Any]]:
    """(key or place, part) in order."""
    if isinstance(structure, dict):
        return [(key, structure[key]) for key in _keys(structure)]
    return list(enumerate(structure))


def _with_children(structure: Any, children: list[Any]) -> Any:
    if isinstance(structure, dict):
        found = dict(zip(_keys(structure), children, strict=True))
        return _rebuilt(structure, [(key, found[key]) for key in structure])
    return _rebuilt(structure, children)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """(path, leaf) in order; a path is the keys and places that lead to the leaf.

    Args:
        structure: any nesting of tuples, lists and dicts.

    >>> flatten_with_path([1, {"a": 2}])
    [((0,), 1), ((1, 'a'), 2)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, child in _children(structure) for path, leaf in flatten_with_path(child)]


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless the leaves of both lie at the same paths, whatever holds them.

    Args:
        a, b: any nesting of tuples, lists and dicts.

    >>> assert_same_paths([1, (2, 3)], (4, [5, 6]))
    """
    paths = [{path for path, _ in flatten_with_path(structure)} for structure in (a, b)]
    if paths[0] != paths[1]:
        only = [sorted(map(str, own - other)) for own, other in (paths, paths[::-1])]
        raise ValueError(f"structures have other paths: only the first has {only[0]}, only the second {only[1]}")


def lists_to_tuples(structure: Any) -> Any:
    """`structure` with tuples in the place of lists.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`func` applied to every shape, a list or tuple of sizes and Nones, in the nesting of `structure`, and to what is no nesting.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (4, 5, 6)]})
    {'a': 2, 'b': [1, 3]}
    """
    if isinstance(structure, (tuple, list)) and all(d is None or isinstance(d, int) for d in structure):
        return func(structure)
    if not is_nested(structure):
        return func(structure)
    return _with_children(structure, [map_shape_structure(func, child) for _, child in _children(structure)])


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` applied to what lies in `structures` at the leaves of `shallow_structure`, in its nesting.

    Raises:
        ValueError: a structure has not the parts of the shallow one.

    >>> map_structure_up_to([0, 0], lambda a, b: (a, b), [1, [2, 3]], ["x", "y"])
    [(1, 'x'), ([2, 3], 'y')]
    """
    if not structures:
        raise ValueError("map_structure_up_to: at least one structure is needed")
    if not is_nested(shallow_structure):
        return func(*structures)
    parts = _children(shallow_structure)
    for s in structures:
        if not is_nested(s) or isinstance(s, dict) != isinstance(shallow_structure, dict) or [k for k, _ in _children(s)] != [k for k, _ in parts]:
            raise ValueError(f"structures differ: {shallow_structure!r} and {s!r}")
    columns = zip(*([child for _, child in _children(s)] for s in structures), strict=True)
    return _with_children(shallow_structure, [map_structure_up_to(part, func, *given) for (_, part), given in zip(parts, columns, strict=True)])
