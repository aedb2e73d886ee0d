"""`tree`: the nestings that Keras knows."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque

import pytest

from symkeras import tree


@pytest.mark.parametrize("nest, leaves", [
    (deque([1, (2, 3)], maxlen=4), [1, 2, 3]),
    (OrderedDict(b=1, a=[2]), [1, 2]), (defaultdict(list, b=2, a=1), [1, 2]), ({"b": deque([2]), "a": 1}, [1, 2]),
])  # fmt: skip
def test_every_nest_is_flattened_packed_mapped_and_walked(nest, leaves) -> None:
    assert tree.is_nested(nest)
    assert tree.flatten(nest) == leaves == [leaf for _, leaf in tree.flatten_with_path(nest)]
    assert tree.pack_sequence_as(nest, leaves) == nest
    doubled = tree.map_structure(lambda x: 2 * x, nest)
    assert type(doubled) is type(nest) and tree.flatten(doubled) == [2 * x for x in leaves]
    for is_first in (True, False):
        assert tree.traverse(lambda x: None if tree.is_nested(x) else 2 * x, nest, top_down=is_first) == doubled
    assert getattr(doubled, "maxlen", None) == getattr(nest, "maxlen", None)
    assert getattr(doubled, "default_factory", None) is getattr(nest, "default_factory", None)
    tree.assert_same_structure(nest, doubled)


def test_shapes_reach_a_function_as_they_are() -> None:
    seen = []
    tree.map_shape_structure(lambda shape: seen.append(shape), {"a": [1, None], "b": (2,)})
    assert seen == [[1, None], (2,)]
