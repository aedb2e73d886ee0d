"""The objects below a model that hold state, and the paths that Keras 3 gives them in its files.

A path is made of attribute names, public ones before private ones, and, inside lists and dicts, of class names in
snake case with a counter. Every object comes once, under the first path that leads to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from symkeras.saving.interface import HasState, has_state
from symkeras.utils.naming import to_snake_case

# Classes that are called otherwise inside of Keras, by which paths go.
_INNER_NAMES = {"GroupQueryAttention": "grouped_query_attention"}


def objects_with_state(root: Any, skipped: Iterable[Any] = ()) -> Iterator[tuple[str, Any]]:
    """(path, object) for `root` and every layer, optimizer, metric and seed generator below it, but for those to skip and what is below these."""
    yield from _below(root, "", {id(obj): obj for obj in skipped}, {})


def other_paths(root: Any) -> dict[int, list[str]]:
    """id of an object -> the paths that lead to it beside the first one, where files of models whose attributes have other names may have it."""
    again: dict[int, list[str]] = {}
    for _ in _below(root, "", {}, again):
        pass
    return again


def _below(obj: Any, path: str, seen: dict[int, Any], again: dict[int, list[str]]) -> Iterator[tuple[str, Any]]:
    if id(obj) in seen:
        again.setdefault(id(obj), []).append(path)
        return
    seen[id(obj)] = obj
    yield path, obj
    for name, value in _attributes(obj):
        yield from _inside(value, f"{path}/{name}" if path else name, seen, again)


def _inside(value: Any, path: str, seen: dict[int, Any], again: dict[int, list[str]]) -> Iterator[tuple[str, Any]]:
    if has_state(value):
        yield from _below(value, path, seen, again)
    elif isinstance(value, (list, tuple, dict)):
        yield from _items(value, path, seen, again)


def _items(container: Any, path: str, seen: dict[int, Any], again: dict[int, list[str]]) -> Iterator[tuple[str, Any]]:
    if id(container) in seen:
        return
    seen[id(container)] = container  # holding it keeps its id from being given again
    used: Counter[str] = Counter()
    for item in container.values() if isinstance(container, dict) else container:
        is_container = isinstance(item, (list, tuple, dict))
        if not is_container and not has_state(item):
            continue
        name = "container" if is_container else _INNER_NAMES.get(type(item).__name__) or to_snake_case(type(item).__name__)
        used[name] += 1
        count = used[name] - 1
        yield from _inside(item, f"{path}/{name}_{count}" if count else f"{path}/{name}", seen, again)


def _attributes(obj: HasState) -> Iterator[tuple[str, Any]]:
    for name in obj._state_names():
        try:
            yield name, getattr(obj, name)
        except Exception:  # a user's property that does not work yet
            continue
